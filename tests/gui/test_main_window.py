"""The frame: places, keys, palette, toasts, inspector, status bar, and what it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QVBoxLayout
from pytestqt.qtbot import QtBot

from app.viewmodels.background import Progress
from app.viewmodels.ui_state import UiState
from app.viewmodels.window_frame import Found, FrameStatus, RouterLine, WindowFrame
from app.views.action_sheets import ConfirmSheet
from app.views.main_window import MainWindow
from app.views.page import Offer, Page, Place
from app.views.palette import matches
from app.views.toast_stack import ToastPanel
from app.views.widgets.buttons import Button
from app.views.widgets.fields import SearchField


class NotePage(Page):
    """Writes down what it is told."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.told: list[object] = []
        self.pressed: list[str] = []
        self.field = SearchField("Filter notes")
        QVBoxLayout(self).addWidget(self.field)

    def open_at(self, where: Mapping[str, Any]) -> None:
        self.told.append(dict(where))

    def left(self) -> None:
        self.told.append("left")

    def offers(self) -> list[Offer]:
        return [Offer(f"Approve in {self.key}", lambda: self.pressed.append("A"), "A", "ph.check")]


class NoteFrame(WindowFrame):
    """Finds one worker."""

    async def find(self, words: str) -> Sequence[Found]:
        return [Found("mira.k", "worker", "ph.user", "review", {"worker_id": 7})] if words in "mira.k" else []


@pytest.fixture
def made() -> list[str]:
    return []


@pytest.fixture
def window(qtbot: QtBot, made: list[str], tmp_path: Path) -> MainWindow:
    return build(qtbot, made, UiState(tmp_path / "window.json"))


def build(qtbot: QtBot, made: list[str], state: UiState) -> MainWindow:
    def maker(key: str) -> Place:
        def make() -> Page:
            made.append(key)
            return NotePage(key)

        return Place(key, key.capitalize(), "ph.house", make)

    window = MainWindow(NoteFrame(state), [maker("home"), maker("review")])
    window.opening = False
    qtbot.addWidget(window, before_close_func=lambda w: w.let_close())
    window.show()
    window.activateWindow()
    window.setFocus()
    return window


def note(window: MainWindow, key: str) -> NotePage:
    page = window.pages[key]
    assert isinstance(page, NotePage)
    return page


async def test_a_page_is_made_on_its_first_visit_only(window: MainWindow, made: list[str]) -> None:
    assert made == []
    for key in ("home", "review", "home"):
        window.show_place(key)
    assert made == ["home", "review"]
    assert note(window, "home").told == [{}, "left", {}]


async def test_places_are_reached_by_key_sidebar_and_request(window: MainWindow) -> None:
    QTest.keySequence(window, "Ctrl+2")
    assert window.current_key == "review"
    window.sidebar.items["home"].click()
    assert window.current_key == "home"
    window.frame.place_asked.emit("review", {"run_id": 3})
    assert note(window, "review").told[-1] == {"run_id": 3}
    assert window.windowTitle() == "Review – Crowdesk"
    window.show_place("nowhere")
    assert window.current_key == "review"


async def test_the_keys_of_a_page_work_while_it_is_shown(window: MainWindow) -> None:
    window.show_place("home")
    window.show_place("review")
    QTest.keyClick(window, Qt.Key.Key_A)
    assert (note(window, "home").pressed, note(window, "review").pressed) == ([], ["A"])


async def test_a_letter_typed_into_a_field_is_a_letter(window: MainWindow) -> None:
    window.show_place("review")
    QTest.keySequence(window, "Ctrl+F")
    page = note(window, "review")
    assert page.field.hasFocus()
    QTest.keyClick(page.field, Qt.Key.Key_A)
    assert (page.field.text(), page.pressed) == ("a", [])


async def test_the_palette_finds_actions_and_runs_the_marked_one(window: MainWindow) -> None:
    window.show_place("review")
    QTest.keySequence(window, "Ctrl+K")
    panel = window.palette_panel
    assert panel.isVisible()
    assert panel.words()[0] == "Approve in review"
    QTest.keyClicks(panel.line, "go home")
    assert panel.words() == ["Go to Home"]
    QTest.keyClick(panel.line, Qt.Key.Key_Return)
    assert not panel.isVisible()
    assert window.current_key == "home"


async def test_the_palette_finds_objects_and_opens_them(window: MainWindow) -> None:
    window.show_place("home")
    panel = window.palette_panel
    panel.open()
    QTest.keyClicks(panel.line, "mira")
    panel._pause.stop()
    panel._look_up()
    await panel._finder.wait()
    await asyncio.sleep(0)
    assert panel.words() == ["mira.k"]
    panel.run()
    assert note(window, "review").told[-1] == {"worker_id": 7}


async def test_the_palette_says_when_nothing_fits_and_escape_closes_it(window: MainWindow) -> None:
    panel = window.palette_panel
    panel.open()
    QTest.keyClicks(panel.line, "qqq")
    assert panel.nothing.isVisible()
    QTest.keyClick(panel.line, Qt.Key.Key_Escape)
    assert not panel.isVisible()


async def test_arrows_move_the_mark_and_stay_in_the_list(window: MainWindow) -> None:
    panel = window.palette_panel
    panel.open()
    QTest.keyClick(panel.line, Qt.Key.Key_Up)
    assert panel.list.currentIndex().row() == 0
    QTest.keyClick(panel.line, Qt.Key.Key_Down)
    assert panel.list.currentIndex().row() == 1
    panel.shut()


def test_all_words_must_be_there_and_beginnings_count_more() -> None:
    offer = Offer("Pause the run", print, detail="Chest images")
    assert matches("run chest", offer)
    assert not matches("run bones", offer)
    assert matches("pau", offer) > matches("run", offer)


async def test_a_toast_with_undo_counts_down_and_goes(window: MainWindow) -> None:
    undone = asyncio.Event()

    async def undo() -> None:
        undone.set()

    number = window.frame.toasts.offer_undo("12 units approved.", 8, undo)
    panel = window.toasts.panels[number]
    assert window.toasts.isVisible()
    assert panel.geometry().isValid()
    panel._left_ms = 1
    panel._since.start()
    await asyncio.sleep(0.003)
    panel.pass_time()
    assert window.toasts.panels == {}
    assert not window.toasts.isVisible()
    assert not undone.is_set()


async def test_undo_on_a_toast_is_run_by_its_button(window: MainWindow) -> None:
    undone = asyncio.Event()

    async def undo() -> None:
        undone.set()

    number = window.frame.toasts.offer_undo("12 units approved.", 8, undo)
    panel = window.toasts.panels[number]
    panel.findChildren(Button)[0].click()
    await asyncio.wait_for(undone.wait(), 2)
    await asyncio.sleep(0)


async def test_old_plain_toasts_make_room_but_one_with_undo_stays(window: MainWindow) -> None:
    async def undo() -> None: ...

    kept = window.frame.toasts.offer_undo("12 units approved.", 8, undo)
    for number in range(6):
        window.frame.toasts.say(f"Message {number}")
    assert kept in window.toasts.panels
    assert len(window.toasts.panels) <= 5
    assert all(isinstance(panel, ToastPanel) for panel in window.toasts.panels.values())


async def test_the_inspector_shows_what_the_page_gives_and_hides_with_the_page(window: MainWindow) -> None:
    window.show_place("home")
    page = note(window, "home")
    shown = QLabel("mira.k", page)
    page.inspector_changed.emit(shown)
    assert window.inspector.isVisible()
    QTest.keySequence(window, "Ctrl+I")
    assert not window.inspector.isVisible()
    QTest.keySequence(window, "Ctrl+I")
    assert window.inspector.isVisible()
    window.show_place("review")
    assert not window.inspector.isVisible()
    page.inspector_changed.emit(shown)
    assert not window.inspector.isVisible(), "a hidden page shows nothing"


async def test_the_status_bar_tells_routers_workers_and_the_worst_tone(window: MainWindow) -> None:
    status = FrameStatus(
        (RouterLine("Local router", "127.0.0.1:41873"), RouterLine("Local router", "127.0.0.1:41900", "bad")),
        47,
        2,
        "studies.db",
        "In-house · no balance needed",
        {"review": "312"},
    )
    window.frame.set_status(status)
    texts = [label.text() for label in window.status_bar.findChildren(QLabel)]
    assert "127.0.0.1:41873  and 1 more" in texts
    assert "47 workers at work" in texts
    assert window.status_bar._dot._tone == "bad"
    assert window.sidebar.items["review"].badge() == "312"
    assert window.sidebar.items["review"].accessibleName() == "Review, 312"


async def test_background_work_is_shown_with_its_progress_and_can_be_cancelled(window: MainWindow) -> None:
    begun = asyncio.Event()

    async def work(report: Progress) -> None:
        report(62, 100)
        begun.set()
        await asyncio.Event().wait()

    job = window.frame.background.run("Export “Wave 2”", work)
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    job.ended.connect(ended.set_result)
    await begun.wait()
    assert window.status_bar._percent.text() == "62%"
    window.status_bar._cancel.click()
    assert await asyncio.wait_for(ended, 2) == "Cancelled."
    assert not window.status_bar._cancel.isVisible()


async def test_closing_asks_first(window: MainWindow) -> None:
    asked: list[int] = []
    window.close_asked.connect(lambda: asked.append(1))
    window.close()
    assert (asked, window.isVisible()) == ([1], True)


async def test_geometry_sidebar_and_place_survive(qtbot: QtBot, made: list[str], tmp_path: Path) -> None:
    state = UiState(tmp_path / "window.json")
    first = build(qtbot, made, state)
    first.show_place("review")
    first.resize(1111, 701)
    first.sidebar._fold.click()
    assert first.sidebar.isNarrow()
    first.let_close()
    again = build(qtbot, made, UiState(tmp_path / "window.json"))
    assert again.sidebar.isNarrow()
    assert again.height() == 701, "the width is cut to the screen of the test"
    assert again.frame.ui_state.get("window.place") == "review"


async def test_arrow_keys_walk_the_places(window: MainWindow) -> None:
    window.sidebar.items["home"].setFocus()
    QTest.keyClick(window.sidebar.items["home"], Qt.Key.Key_Down)
    assert window.sidebar.items["review"].hasFocus()


async def test_the_palette_offers_what_some_places_offer_everywhere(qtbot: QtBot, tmp_path: Path) -> None:
    places = [
        Place("home", "Home", "ph.house", lambda: NotePage("home")),
        Place("settings", "Settings", "ph.gear", lambda: NotePage("settings"), offers_everywhere=True),
    ]
    window = MainWindow(NoteFrame(UiState(tmp_path / "window.json")), places)
    qtbot.addWidget(window, before_close_func=lambda w: w.let_close())
    window.begin("home")
    offered = {offer.words: offer.keys for offer in window.offers()}
    assert offered["Approve in settings"] == ""  # its key works on its own page only
    assert offered["Approve in home"] == "A"
    assert window.current_key == "home"
    assert note(window, "settings").told == []


async def test_a_page_has_the_keyboard_as_soon_as_it_is_shown(window: MainWindow) -> None:
    """Not its filter, into which the letters that are keys of the page would go."""
    window.show_place("home")
    page = window.page()
    assert isinstance(page, NotePage)
    page.field.setFocus()
    window.show_place("review")
    shown = window.page()
    assert isinstance(shown, NotePage)
    assert window.focusWidget() is shown
    QTest.keyClick(shown, Qt.Key.Key_A)
    assert shown.pressed == ["A"]


async def test_ctrl_z_undoes_what_was_done_last_and_the_palette_offers_it(window: MainWindow) -> None:
    window.show_place("home")
    undone: list[str] = []

    def work(name: str) -> Any:
        async def undo() -> None:
            undone.append(name)

        return undo

    window.frame.toasts.offer_undo("One unit approved.", 8, work("first"))
    window.frame.toasts.offer_undo("mira.k blocked.", 8, work("second"))
    window.frame.toasts.say("Something else.")
    offered = [(offer.detail, offer.keys) for offer in window.offers() if offer.words == "Undo"]
    assert offered == [("mira.k blocked.", "Ctrl+Z"), ("One unit approved.", "")]
    page = window.page()
    assert page is not None
    for _ in range(3):
        QTest.keyClick(page, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        await asyncio.sleep(0.01)
    assert undone == ["second", "first"]


async def test_the_page_behind_a_sheet_hears_no_key(window: MainWindow) -> None:
    window.show_place("review")
    page = window.page()
    assert isinstance(page, NotePage)
    sheet = ConfirmSheet("Delete it?", "Delete", "It cannot be brought back.")
    sheet.open_over(page, sheet.cancel_button)
    QTest.keyClick(sheet.cancel_button, Qt.Key.Key_A)
    QTest.keyClick(sheet.cancel_button, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(sheet.cancel_button, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert page.pressed == []
    assert window.current_key == "review"
    assert not window.palette_panel.isVisible()
    QTest.keyClick(sheet.cancel_button, Qt.Key.Key_Escape)
    assert not sheet.is_open()
    QTest.keyClick(page, Qt.Key.Key_A)
    assert page.pressed == ["A"]
