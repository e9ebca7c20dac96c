"""Templates: holes are filled by where they stand, code is taken out, hostile values stay text."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.blueprints.static_html.answered_page import answered_page
from app.blueprints.static_html.form import read_form
from app.blueprints.static_html.template import as_text, compile_template, is_harmless_url
from app.errors import ConfigError

ALL_PLACES = """<div title="${x}" data-x=${x} class='a ${x} b'><p>before ${x} after</p>
<textarea name=t>${x}</textarea><a href="/go?q=${x}">l</a><select name=s><option value="${x}">${x}</option></select>
</div>"""


class _Reader(HTMLParser):
    """What a browser would see: elements, attributes, text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def _seen(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader


@settings(max_examples=300, deadline=None)
@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=60))
def test_a_value_never_changes_the_page_around_it(value: str) -> None:
    template = compile_template(ALL_PLACES, "a.html")
    plain, filled = _seen(template.fill({"x": "plain"})), _seen(template.fill({"x": value}))
    assert filled.tags == plain.tags
    assert [name for name, _ in filled.attributes] == [name for name, _ in plain.attributes]
    assert dict(filled.attributes)["title"] == value
    assert f"before {value} after" in "".join(filled.texts)


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from(list("<>/\"'=${}! abcx-\n")) | st.characters(codec="utf-8"), max_size=80))
def test_any_text_is_a_template_or_refused_with_a_line(text: str) -> None:
    try:
        template = compile_template(text, "a.html")
    except ConfigError as refusal:
        if refusal.line < 1:
            raise
        return
    filled = template.fill({hole.name: "v" for hole in template.holes})
    read_form(filled)
    answered_page(filled, {"a": ["1"]}, {})
    assert not any(name.startswith("on") for name, _ in _seen(filled).attributes)


def test_scripts_and_handlers_are_taken_out_in_order() -> None:
    source = (
        '<body onload="go()"><p onclick="a()" onmouseover=b()>x</p><script>one(`${x}`)</script>'
        '<script src="two.js"></script><script type="application/json">{"kept": "${x}"}</script></body>'
    )
    template = compile_template(source, "a.html")
    assert [(script.src, script.code) for script in template.scripts[1:]] == [("", "one(`${x}`)"), ("two.js", "")]
    assert [(handler.event, handler.code) for handler in template.handlers] == [("click", "a()"), ("mouseover", "b()")]
    page = template.fill({"x": "1"})
    assert "onclick" not in page
    assert 'data-crowdesk-handlers="0 1"' in page
    assert "application/json" in page


@pytest.mark.parametrize(
    ("source", "words", "line"),
    [
        ("\n<script src='https://example.org/x.js'></script>", "comes from another site", 2),
        ("<script src='//example.org/x.js'></script>", "comes from another site", 1),
        ("<p>\n\n<style>a { color: ${c} }</style>", "inside <style>", 3),
        ("<p onclick=\"go('${x}')\">", "inside onclick", 1),
        ("<p ${x}>", "cannot stand for an attribute", 1),
        ("<iframe srcdoc='${x}'></iframe>", "inside srcdoc", 1),
        ("<script>never closed", "never closed", 1),
    ],
)
def test_what_cannot_work_is_refused_with_its_line(source: str, words: str, line: int) -> None:
    with pytest.raises(ConfigError, match=words) as refusal:
        compile_template(source, "a.html")
    assert refusal.value.line == line


def test_a_hole_without_data_is_told_with_field_and_line() -> None:
    template = compile_template("<p>${a}</p>\n<p>${b c}</p>", "task.html")
    assert template.fault({"a": 1}) == "has no value for ${b c} (task.html, line 2)."
    assert template.fault({"a": None, "b c": "x"}) is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"text": "", "note": None, "picture": "a.png"}, None),
        ({"text": "x", "note": "", "picture": "  "}, "picture"),
        ({"text": " ", "note": None, "picture": ""}, "text"),
    ],
)
def test_a_row_without_what_the_page_needs_is_no_item(values: dict[str, Any], field: str | None) -> None:
    template = compile_template("<p>${text}</p>\n<p>${note}</p><img src='${picture}' alt=''>", "task.html")
    fault = template.fault(values)
    line = 1 if field == "text" else 2
    expected = f'has nothing in field "{field}", which the page needs (task.html, line {line}).'
    assert fault == (None if field is None else expected)


def test_a_doubled_dollar_stands_for_itself() -> None:
    assert compile_template("<p title='$${a}'>$${a} ${a}</p>", "a").fill({"a": 1}) == '<p title="${a}">${a} 1</p>'


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("cat.png", True),
        ("/img/cat.png?x=1:2", True),
        ("https://example.org/a", True),
        ("mailto:a@example.org", True),
        ("data:image/png;base64,xx", True),
        ("javascript:alert(1)", False),
        (" java\nscript:alert(1)", False),
        ("JAVASCRIPT:alert(1)", False),
        ("data:text/html,<script>", False),
        ("vbscript:x", False),
        ("file:///etc/passwd", False),
    ],
)
def test_an_address_from_data_runs_nothing(url: str, good: bool) -> None:
    assert is_harmless_url(url) is good
    fault = compile_template("<a href=${u}>x</a>", "a.html").fault({"u": url})
    assert (fault is None) is good


@pytest.mark.parametrize(("value", "text"), [(None, ""), (True, "true"), (3, "3"), (["a", 1], "a, 1"), (1.5, "1.5")])
def test_values_are_shown_as_people_write_them(value: Any, text: str) -> None:
    assert as_text(value) == text


def test_questions_come_from_labels_legends_and_names() -> None:
    fields = read_form(
        """<fieldset><legend>Which <b>one</b>?</legend>
        <label><input type=radio name=q value=a required> First</label>
        <label><input type=radio name=q value=b> Second</label></fieldset>
        <label for=w>Why?</label><textarea id=w name=why>given</textarea>
        <input name=by_aria aria-label="Spoken"><span id=far>Far away</span>
        <input name=n aria-labelledby=far type=number>
        <label>Pick <select name=s multiple><option value=1>One<option>Two</select></label>
        <input name=first_name><input type=submit name=go><input type=hidden name=h value=1>"""
    )
    assert [(f.name, f.kind, f.question) for f in fields] == [
        ("q", "radio", "Which one?"),
        ("why", "textarea", "Why?"),
        ("by_aria", "text", "Spoken"),
        ("n", "number", "Far away"),
        ("s", "select", "Pick"),
        ("first_name", "text", "First name"),
        ("h", "hidden", "H"),
    ]
    assert fields[0].options == {"a": "First", "b": "Second"}
    assert fields[0].required
    assert fields[4].options == {"1": "One", "Two": "Two"}
    assert fields[4].multiple


def test_the_answered_page_shows_answers_and_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"")
    page = (
        "<style>p{}</style><script>x()</script><p style='color:red' onclick='x()'>Q <input type=radio name=q value=a> A"
        "<input type=radio name=q value=b> B</p><textarea name=t>given</textarea>"
        "<img src=cat.png alt=cat><iframe>inside</iframe>"
    )
    shown = answered_page(page, {"q": ["b"], "t": ["<b>1</b>\n2"]}, {"/cat.png": tmp_path / "cat.png"})
    assert "○  A" in shown
    assert "<b>●</b>  B" in shown
    assert "&lt;b&gt;1&lt;/b&gt;<br>2" in shown
    assert (tmp_path / "cat.png").as_uri() in shown
    for gone in ("script", "style", "onclick", "iframe", "given"):
        assert gone not in shown
