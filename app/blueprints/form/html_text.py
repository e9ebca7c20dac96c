"""The HTML that a requester or their data wrote, with only what formats: no code, no styles, no forms."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

_VOID = frozenset(("br", "hr", "img", "wbr", "col", "source"))
_KEPT = frozenset(
    (
        *("a", "abbr", "article", "audio", "b", "big", "blockquote", "br", "caption", "center", "cite", "code", "col"),
        *("colgroup", "dd", "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "footer", "h1"),
        *("h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins", "kbd", "li", "main", "mark", "ol", "p"),
        *("pre", "q", "rp", "rt", "ruby", "s", "samp", "section", "small", "source", "span", "strike", "strong", "sub"),
        *("summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "var", "video", "wbr"),
    )
)
_DROPPED = frozenset(
    (
        *("applet", "base", "body", "button", "canvas", "dialog", "embed", "fieldset", "font", "form", "frame"),
        *("frameset", "head", "html", "iframe", "input", "label", "legend", "link", "map", "area", "marquee", "math"),
        *("menu", "meta", "meter", "nav", "noscript", "object", "optgroup", "option", "output", "param", "picture"),
        *("portal", "progress", "script", "select", "slot", "style", "svg", "template", "textarea", "title", "track"),
    )
)
_SILENT = frozenset(("script", "style", "title", "template", "iframe", "object", "noscript", "svg", "math", "select"))
_PLAIN = frozenset(
    ("alt", "title", "width", "height", "colspan", "rowspan", "start", "align", "controls", "open", "dir", "lang")
)
_IMAGE_DATA = re.compile(r"data:image/(png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
_ODD = re.compile(r"[\x00-\x20\x7f]")


def clean_html(text: str) -> str:
    """The text with what formats it and nothing that acts. Cleaning it again changes nothing."""
    if not text:
        return ""
    if "<" not in text:
        clean = html.escape(html.unescape(text), quote=False)
    else:
        writer = _Writer()
        writer.feed(text)
        writer.close()
        clean = writer.finish()
    # plain text keeps its lines; markup says itself where they end
    return clean if "<" in clean else clean.replace("\r\n", "\n").replace("\n", "<br>")


def plain_text(text: str) -> str:
    """The text without its markup, on one line."""
    reader = _Reader()
    reader.feed(clean_html(text))
    reader.close()
    return " ".join("".join(reader.parts).split())


def sources(text: str) -> tuple[list[str], list[str]]:
    """The addresses of the pictures in a text, and of its sounds and films."""
    if "<" not in text:
        return [], []
    reader = _Reader()
    reader.feed(clean_html(text))
    reader.close()
    return reader.images, reader.media


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._written: list[str] = []
        self._open: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent.append(tag)
        if self._silent or tag in _DROPPED:
            return
        if tag not in _KEPT:
            # "x<y" and the like: no tag of a page, so it was meant to be read
            self._written.append(html.escape(self.get_starttag_text() or "", quote=False))
            return
        kept = "".join(f' {name}="{html.escape(value)}"' for name, value in _attributes(tag, dict(attrs)).items())
        self._written.append(f"<{tag}{kept}>")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
            return
        if tag in self._open:
            while True:
                last = self._open.pop()
                self._written.append(f"</{last}>")
                if last == tag:
                    break

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._written.append(html.escape(data, quote=False))

    def finish(self) -> str:
        self._written.extend(f"</{tag}>" for tag in reversed(self._open))
        return "".join(self._written)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.images: list[str] = []
        self.media: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.append(" " if tag in ("br", "p", "li", "div", "td", "th", "h1", "h2", "h3", "h4", "tr") else "")
        source = dict(attrs).get("src")
        if source:
            (self.images if tag == "img" else self.media).append(source)

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def _attributes(tag: str, attrs: dict[str, str | None]) -> dict[str, str]:
    kept = {name: value or "" for name, value in attrs.items() if name in _PLAIN}
    for name in ("href",) if tag == "a" else ("src",) if tag in ("img", "audio", "video", "source") else ():
        address = _ODD.sub("", attrs.get(name) or "")
        if _is_safe(address, of_image=tag == "img"):
            kept[name] = address
    if tag == "a" and "href" in kept:
        kept |= {"target": "_blank", "rel": "noopener noreferrer"}
    if tag == "img":
        kept.setdefault("alt", "")
    return kept


def _is_safe(address: str, *, of_image: bool) -> bool:
    if of_image and _IMAGE_DATA.fullmatch(address):
        return True
    try:
        scheme = urlsplit(address).scheme.lower()
    except ValueError:
        return False
    if scheme in ("http", "https"):
        return True
    if scheme == "mailto":
        return not of_image
    # a place on the task's own server; "//" would be another one
    return (
        bool(address)
        and not scheme
        and ":" not in address.split("/")[0]
        and not address.startswith(("//", "\\", "/\\"))
    )
