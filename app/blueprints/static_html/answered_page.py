"""The page as a worker answered it, as plain HTML for a reviewer: no scripts or styles, answers instead of fields."""

from __future__ import annotations

import html
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

_SILENT = frozenset(("script", "style", "title", "template", "iframe", "object", "noscript"))
_VOID = frozenset(("br", "hr", "img", "wbr", "col"))
_KEPT = frozenset(
    (
        *("a", "abbr", "b", "blockquote", "br", "caption", "center", "cite", "code", "col", "dd", "del", "div", "dl"),
        *("dt", "em", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img"),
        *("ins", "kbd", "li", "main", "mark", "nav", "ol", "p", "pre", "q", "s", "samp", "section", "small", "span"),
        *("strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "var", "article"),
    )
)
_KEPT_ATTRIBUTES = frozenset(("alt", "colspan", "rowspan", "width", "height", "title", "align", "start"))
_CHOSEN = {"radio": ("●", "○"), "checkbox": ("■", "□")}
# These signs are in the letters that the program ships.


def answered_page(page: str, answers: Mapping[str, list[str]], local_files: Mapping[str, Path]) -> str:
    """`page` with each field replaced by its answer. `local_files` maps served paths ("/cat.png") to files on disk."""
    writer = _Writer(answers, local_files)
    writer.feed(page)
    writer.close()
    return "".join(writer.written)


class _Writer(HTMLParser):
    def __init__(self, answers: Mapping[str, list[str]], local_files: Mapping[str, Path]) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self._answers = {name: list(values) for name, values in answers.items()}
        self._local_files = local_files
        self._silent: list[str] = []
        self._in_field = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found: dict[str, Any] = {name: value or "" for name, value in attrs}
        if tag in _SILENT:
            self._silent.append(tag)
        if self._silent or self._in_field:
            return
        if tag in ("input", "textarea", "select"):
            self._field(tag, found)
        elif tag in ("fieldset", "form", "label", "legend"):
            self.written.append("<div>" if tag in ("fieldset", "form") else "<span>")
        elif tag in _KEPT:
            kept = "".join(
                f' {name}="{html.escape(value)}"' for name, value in found.items() if name in _KEPT_ATTRIBUTES
            )
            if tag == "img":
                kept += f' src="{html.escape(self._source(found.get("src", "")))}"'
            self.written.append(f"<{tag}{kept}>")

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
            return
        if self._in_field:
            if tag == self._in_field:
                self._in_field = ""
            return
        if tag in ("fieldset", "form"):
            self.written.append("</div>")
        elif tag in ("label", "legend"):
            self.written.append("</span>")
        elif tag in _KEPT and tag not in _VOID:
            self.written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._silent and not self._in_field:
            self.written.append(html.escape(data, quote=False))

    def _field(self, tag: str, attrs: dict[str, Any]) -> None:
        kind = attrs.get("type", "text").strip().lower() if tag == "input" else tag
        values = self._answers.get(attrs.get("name", ""), [])
        if tag in ("textarea", "select"):
            self._in_field = tag
        if kind in ("submit", "button", "reset", "image", "hidden"):
            return
        if kind in _CHOSEN:
            chosen = attrs.get("value", "on") in values
            self.written.append(f"<b>{_CHOSEN[kind][0]}</b> " if chosen else f"{_CHOSEN[kind][1]} ")
            return
        # A repeated name is one value after the other, in the order of the page.
        shown = values if tag == "select" or kind == "file" else values[:1]
        if shown is not values:
            del values[:1]
        text = html.escape(", ".join(shown)).replace("\n", "<br>")
        self.written.append(f"<b>[&nbsp;{text or '—'}&nbsp;]</b> ")

    def _source(self, src: str) -> str:
        local = self._local_files.get("/" + src.removeprefix("./").removeprefix("/"))
        return local.as_uri() if local is not None else src
