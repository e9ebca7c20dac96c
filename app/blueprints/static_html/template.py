"""A requester's HTML page with `${field}` holes, made fit to be served.

* A hole is filled with the row's value, HTML-escaped; in an address (`src`, `href`, ...) only harmless schemes may come
  from data; in a script it is left alone (there `${...}` is JavaScript's own); `$${x}` stands for the text `${x}`.
* Scripts and `onclick=`-like handlers are taken out of the page into files, because the pages' content security policy
  runs no inline code. The client loads them after the page is shown.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from app.errors import ConfigError

_HOLE = re.compile(r"(\$?)\$\{([^${}\n<>]{1,200})\}")
_SCHEME = re.compile(r"([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_URL_ATTRIBUTES = frozenset(
    ("src", "href", "action", "formaction", "poster", "data", "xlink:href", "srcset", "background", "cite")
)
_SCRIPT_TYPES = frozenset(("", "text/javascript", "application/javascript", "module"))
_DROPPED_TAGS = frozenset(("html", "head", "body", "base", "meta"))
_HANDLER = re.compile(r"on[a-z]+")


@dataclass(frozen=True)
class Hole:
    """A `${name}`. `in_url`: it begins an address. `is_image`: that address is of an image."""

    name: str
    line: int
    in_url: bool = False
    is_image: bool = False


@dataclass(frozen=True)
class Script:
    """A script of the page, in its order: `src` of a served file, or else its own `code`."""

    src: str = ""
    code: str = ""
    module: bool = False


@dataclass(frozen=True)
class Handler:
    """An `onclick="code"`: elements refer to it by its place in `Template.handlers`."""

    event: str
    code: str


@dataclass
class Template:
    """A compiled page: `parts` are HTML texts and holes."""

    source: str
    parts: list[str | Hole] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    handlers: list[Handler] = field(default_factory=list)
    image_origins: list[str] = field(default_factory=list)
    """Foreign addresses of images that stand in the page itself."""
    truths: dict[str, str] = field(default_factory=dict)
    """Field -> the right answer, as its `data-truth` says; the attribute itself is taken out."""

    @property
    def holes(self) -> list[Hole]:
        """The first hole of each name, in the order of the page."""
        found: dict[str, Hole] = {}
        for part in self.parts:
            if isinstance(part, Hole):
                found.setdefault(part.name, part)
        return list(found.values())

    @property
    def has_code(self) -> bool:
        """Whether the page can change itself, so that its form is known only in the browser."""
        return bool(self.scripts or self.handlers)

    def image_holes(self) -> set[str]:
        """Names of the holes that are addresses of images."""
        return {part.name for part in self.parts if isinstance(part, Hole) and part.is_image}

    def fill(self, values: Mapping[str, Any]) -> str:
        """The page for one row. `TemplateFault` names the hole that the row cannot fill."""
        return "".join(part if isinstance(part, str) else self._filled(part, values) for part in self.parts)

    def outline(self) -> str:
        """The page with its holes shown as they are written: what is known of it without a row."""
        return "".join(part if isinstance(part, str) else html.escape(f"${{{part.name}}}") for part in self.parts)

    def fault(self, values: Mapping[str, Any]) -> str | None:
        """Why a row cannot fill the page, or None."""
        try:
            for part in self.parts:
                if isinstance(part, Hole):
                    self._filled(part, values)
        except TemplateFault as error:
            return str(error)
        return self._nothing_to_show(values)

    def _nothing_to_show(self, values: Mapping[str, Any]) -> str | None:
        """Some cells may be empty; not an image's address, and not all that the page shows of a row."""
        holes = self.holes
        empty = {hole.name for hole in holes if not as_text(values[hole.name]).strip()}
        for hole in holes:
            if hole.name in empty and (hole.name in self.image_holes() or len(empty) == len(holes)):
                return f'has nothing in field "{hole.name}", which the page needs ({self.source}, line {hole.line}).'
        return None

    def _filled(self, hole: Hole, values: Mapping[str, Any]) -> str:
        if hole.name not in values:
            raise TemplateFault(f"has no value for ${{{hole.name}}} ({self.source}, line {hole.line}).")
        text = as_text(values[hole.name])
        if hole.in_url and not is_harmless_url(text):
            raise TemplateFault(f'"{text[:60]}" in field "{hole.name}" is no address that a page may use.')
        return html.escape(text, quote=True)


class TemplateFault(ValueError):
    """A row does not fit the page; the text says why, to follow the row's number."""


def as_text(value: Any) -> str:
    """A row's value as the page shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(as_text(item) for item in value)
    return str(value)


def is_harmless_url(text: str) -> bool:
    """Whether an address that comes from data runs nothing: relative, http(s), mail, telephone, or image bytes."""
    plain = "".join(character for character in text if character > " " and character != "\x7f")
    scheme = _SCHEME.match(plain)
    if scheme is None:
        return True
    name = scheme.group(1).lower()
    if name == "data":
        return re.match(r"data:image/(png|jpeg|gif|webp)[;,]", plain, re.IGNORECASE) is not None
    return name in ("http", "https", "mailto", "tel")


def compile_template(text: str, source: str) -> Template:
    """Take a page apart. `ConfigError` (with the line) for what cannot work on a served page."""
    compiler = _Compiler(source)
    compiler.feed(text)
    compiler.close()
    compiler.finish()
    return compiler.template


class _Compiler(HTMLParser):
    """One pass over the source; everything that is not changed is kept as it is written."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=False)
        self.template = Template(source)
        self._script: Script | None = None
        self._script_text: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._start(tag, attrs, closed=False)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._start(tag, attrs, closed=True)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._script is not None:
            self._end_script()
        elif tag in ("style", "title"):
            if self._inside == tag and tag == "style":
                self._put("</style>")
            self._inside = ""
        elif tag not in _DROPPED_TAGS and tag != "script":
            self._put(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self._script_text.append(data)
        elif self._inside == "style":
            if _HOLE.search(data):
                raise self._wrong("A ${field} inside <style> is not filled in. Use it in a style attribute instead.")
            self._put(data)
        elif self._inside != "title":
            self._put_text(data)

    def handle_entityref(self, name: str) -> None:
        self._raw(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._raw(f"&#{name};")

    def finish(self) -> None:
        """After the end of the text. An unclosed script would swallow what follows it."""
        if self._script is not None:
            raise self._wrong("A <script> is never closed.")

    def _raw(self, text: str) -> None:
        if self._script is not None:
            self._script_text.append(text)
        elif self._inside != "title":
            self._put(text)

    def _put(self, text: str) -> None:
        parts = self.template.parts
        if parts and isinstance(parts[-1], str):
            parts[-1] += text
        else:
            parts.append(text)

    def _put_text(self, data: str) -> None:
        for piece in _pieces(data, self.getpos()[0]):
            if isinstance(piece, Hole):
                self.template.parts.append(piece)
            else:
                self._put(piece)

    def _start(self, tag: str, attrs: list[tuple[str, str | None]], *, closed: bool) -> None:
        if tag in _DROPPED_TAGS:
            if tag == "body":
                self._body_handlers(attrs)
            return
        if tag == "script" and self._start_script(dict(attrs), closed):
            return
        if tag in ("style", "title"):
            self._inside = tag
        if tag == "title":
            return
        raw = self.get_starttag_text() or ""
        has_handler = any(_HANDLER.fullmatch(name) for name, _ in attrs)
        for name, value in attrs:
            if tag == "img" and name == "src" and value and value.lower().startswith(("http://", "https://")):
                self.template.image_origins.append(value)
        truth = dict(attrs).get("data-truth")
        if truth is not None:
            self.template.truths[dict(attrs).get("name") or ""] = truth
            attrs = [(name, value) for name, value in attrs if name != "data-truth"]
        if has_handler or truth is not None or "${" in raw:
            self._rebuild(tag, attrs, closed)
        else:
            self._put(raw)

    def _rebuild(self, tag: str, attrs: list[tuple[str, str | None]], closed: bool) -> None:
        """Write a start tag anew, every value quoted, its holes filled by kind, its handlers taken out."""
        self._put(f"<{tag}")
        handlers = []
        for name, value in attrs:
            if _HANDLER.fullmatch(name):
                handlers.append(str(self._add_handler(name, value or "")))
                continue
            if _HOLE.search(name):
                raise self._wrong("A ${field} cannot stand for an attribute; use it inside a value.")
            self._put(f" {name}")
            if value is not None:
                self._put('="')
                self._put_value(tag, name, value)
                self._put('"')
        if handlers:
            self._put(f' data-crowdesk-handlers="{" ".join(handlers)}"')
        self._put(" />" if closed else ">")

    def _put_value(self, tag: str, name: str, value: str) -> None:
        if name == "srcdoc" and _HOLE.search(value):
            raise self._wrong("A ${field} inside srcdoc is not filled in.")
        in_url = name in _URL_ATTRIBUTES
        is_image = tag in ("img", "source", "image", "input") and in_url
        for place, piece in enumerate(_pieces(value, self.getpos()[0])):
            if isinstance(piece, Hole):
                begins = place == 0
                hole = Hole(piece.name, piece.line, in_url and begins, is_image and begins)
                self.template.parts.append(hole)
            else:
                self._put(html.escape(piece, quote=True))

    def _add_handler(self, name: str, code: str) -> int:
        if _HOLE.search(code):
            raise self._wrong(
                f"A ${{field}} inside {name} is not filled in. Put the value into a data- attribute and read it there."
            )
        self.template.handlers.append(Handler(name[2:], code))
        return len(self.template.handlers) - 1

    def _body_handlers(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "onload" and value:
                self.template.scripts.append(Script(code=f"window.addEventListener('load', () => {{ {value} }});\n"))

    def _start_script(self, attrs: Mapping[str, str | None], closed: bool) -> bool:
        """Whether it is code, which is taken out; data in a script element stays where it is."""
        kind = (attrs.get("type") or "").strip().lower()
        if kind not in _SCRIPT_TYPES:
            return False
        src = (attrs.get("src") or "").strip()
        if re.match(r"([a-z][a-z0-9+.\-]*:)?//|[a-z][a-z0-9+.\-]*:", src, re.IGNORECASE):
            raise self._wrong(
                f"The script {src} comes from another site, which the pages do not allow. "
                "Save it in extra_source_dir and name it from there."
            )
        if _HOLE.search(src):
            raise self._wrong("A ${field} cannot name a script.")
        self._script = Script(src=src, module=kind == "module")
        self._script_text = []
        if closed:
            self._end_script()
        return True

    def _end_script(self) -> None:
        script = self._script
        self._script = None
        if script is None:
            return
        code = "" if script.src else "".join(self._script_text)
        if script.src or code.strip():
            self.template.scripts.append(Script(script.src, code, script.module))

    def _wrong(self, message: str) -> ConfigError:
        return ConfigError(message, file=self.template.source, line=self.getpos()[0])


def _pieces(text: str, line: int) -> Iterator[str | Hole]:
    """`text` cut at its holes; `$${x}` gives the text `${x}`."""
    place = 0
    for match in _HOLE.finditer(text):
        if match.start() > place:
            yield text[place : match.start()]
        if match.group(1):
            yield match.group(0)[1:]
        else:
            yield Hole(match.group(2).strip(), line + text.count("\n", 0, match.start()))
        place = match.end()
    if place < len(text):
        yield text[place:]
