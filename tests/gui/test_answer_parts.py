"""What a page called is shown beside the answer, failures marked, nothing where there is nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.blueprints.base import RemoteCall, SubmissionView
from app.views.answer_parts import MOST_CALLS, AnswerParts

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def words(parts: AnswerParts) -> list[str]:
    return [each.text() for each in parts.calls.findChildren(QLabel) if each.isVisibleTo(parts.calls)]


def test_calls_are_shown_with_their_answers(qtbot: QtBot) -> None:
    parts = AnswerParts()
    qtbot.addWidget(parts)
    calls = (
        RemoteCall("classify", '{"text": "good"}', '{"label": "positive"}', at=NOON),
        RemoteCall("classify", "null", '{"error": "no text"}', failed=True, at=NOON),
        RemoteCall("classify", "1", "", failed=True, at=NOON),
    )
    parts.setView(SubmissionView("positive", calls=calls))
    shown = words(parts)
    assert shown[0] == "3 calls, 2 failed"
    assert 'classify({"text": "good"})' in shown
    assert "classify()" in shown
    assert "no answer" in shown
    marked = [each.text() for each in parts.calls.findChildren(QLabel) if each.property("tone") == "bad"]
    assert marked == ['{"error": "no text"}', "no answer"]


def test_markup_in_a_call_stays_text(qtbot: QtBot) -> None:
    parts = AnswerParts()
    qtbot.addWidget(parts)
    parts.setView(SubmissionView("x", calls=(RemoteCall("f", '"<b>bold</b>"', '"<img src=x>"', at=NOON),)))
    assert '"<img src=x>"' in words(parts)


def test_a_page_that_called_without_end_is_counted_and_not_drawn(qtbot: QtBot) -> None:
    parts = AnswerParts()
    qtbot.addWidget(parts)
    parts.setView(
        SubmissionView("x", calls=tuple(RemoteCall("f", str(n), "1", at=NOON) for n in range(MOST_CALLS + 2)))
    )
    shown = words(parts)
    assert len(shown) == 3 * MOST_CALLS + 2
    assert shown[-1] == "and 2 more calls: the export has them all"


def test_a_submission_without_parts_takes_no_room(qtbot: QtBot) -> None:
    parts = AnswerParts()
    qtbot.addWidget(parts)
    parts.setView(SubmissionView("x", calls=(RemoteCall("f", "1", "2", at=NOON),)))
    assert not parts.isHidden()
    parts.setView(SubmissionView("x"))
    assert parts.isHidden()
