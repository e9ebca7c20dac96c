"""A conversation in the window: read while it is held, spoken into, and reviewed; what was said stays text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.architects.mock import MockArchitect
from app.blueprints.base import SpokenLine, SubmissionView
from app.clock import SystemClock
from app.data.packets import Packet, PacketType
from app.operations.configuration.config import load_task_file
from app.operations.engine.live_run import LiveTaskRun
from app.viewmodels.desktop import Desktop
from app.views.answer_parts import AnswerParts
from app.views.conversation import ConversationLog, ConversationPanel
from tests.fakes.run_stage import Stage, until
from tests.gui.desk_case import ROOT, open_desktop

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LINES = (
    SpokenLine("Ada", "Are you <b>free</b>?", at=NOON),
    SpokenLine("Ben", "Yes & no.", "model", NOON),
    SpokenLine("Ada", "", form=(("Which hour?", "14:00"),)),
)


def test_markup_in_what_was_said_stays_text(qtbot: QtBot) -> None:
    log = ConversationLog()
    qtbot.addWidget(log)
    log.setLines(LINES)
    shown = log.toPlainText()
    assert "Are you <b>free</b>?" in shown
    assert "Ben (a program)" in shown
    assert "Which hour? 14:00" in shown


def test_new_lines_are_put_below_and_another_conversation_replaces_all(qtbot: QtBot) -> None:
    log = ConversationLog()
    qtbot.addWidget(log)
    log.setLines(LINES[:1])
    log.setLines(LINES)
    assert [log.toPlainText().index(words) for words in ("<b>free", "Yes & no", "14:00")] == sorted(
        log.toPlainText().index(words) for words in ("<b>free", "Yes & no", "14:00")
    )
    log.setLines(LINES[1:2])
    assert "free" not in log.toPlainText()


def test_review_shows_the_conversation_of_a_submission(qtbot: QtBot) -> None:
    parts = AnswerParts()
    qtbot.addWidget(parts)
    parts.setView(SubmissionView("Ada", conversation=LINES))
    assert "Yes & no." in parts.said.toPlainText()
    assert not parts.isHidden()
    parts.setView(SubmissionView("Ada"))
    assert parts.isHidden()


@pytest.fixture
async def desktop(qapp: QApplication, tmp_path: Path) -> AsyncIterator[Desktop]:
    async with open_desktop(tmp_path, SystemClock()) as opened:
        yield opened


async def talk(desktop: Desktop) -> tuple[LiveTaskRun, Stage, list[str]]:
    """Two people in a conversation, without pages."""
    quiet = ["mephisto/architect=mock", "mephisto.architect.should_run_server=false"]
    config = load_task_file(ROOT / "examples" / "chat" / "task.yaml", quiet)
    run = await desktop.operator.launch(config)
    assert isinstance(run.engine.architect, MockArchitect)
    stage = Stage(Path(), desktop.store, desktop.settings, desktop.vault, None, desktop.operator)  # type: ignore[arg-type]  # no clock is turned here
    await stage.made(run)
    tokens = [await stage.token(run, name, "v") for name in ("ada", "ben")]
    await until(lambda: run.engine.live.logics.is_under_way(1))
    return run, stage, tokens


async def test_a_conversation_is_watched_and_spoken_into_while_it_is_held(desktop: Desktop, qtbot: QtBot) -> None:
    run, stage, tokens = await talk(desktop)
    panel = ConversationPanel(desktop)
    panel.resize(400, 500)
    assert panel.isHidden()
    panel.show_unit(1)
    await until(lambda: not panel.isHidden())
    assert panel.heading.text() == "Conversation · 0 lines · 2 people now"
    said = {"text": "Good morning.", "update_id": "u1", "id": tokens[0]}
    stage.channel(run).inject(Packet(PacketType.MEPHISTO_BOUND_LIVE_UPDATE, tokens[0], said))
    await until(lambda: "Good morning." in panel.log.toPlainText())
    (line,) = panel.log.lines()
    assert (line.speaker, line.who) == ("Ada · ada", "worker")  # once, though two pages know it
    panel.words.setText("Please come to an end.")
    QTest.keyClick(panel.words, Qt.Key.Key_Return)
    await until(lambda: len(panel.log.lines()) == 2)
    assert panel.log.lines()[1].who == "requester"
    await until(lambda: panel.words.text() == "")
    sent = [p for p in stage.channel(run).sent if p.data.get("text") == "Please come to an end."]
    assert sorted(p.subject_id for p in sent) == sorted(tokens)
    panel.show_unit(None)
    assert panel.isHidden() or panel.viewmodel.lines == ()
    await run.stop()
    panel.deleteLater()
