"""The life of the window: it opens on nothing, is shown before the data, ends by one path, tells a store's fault."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QRadioButton
from pytestqt.qtbot import QtBot

from app.bootstrap import WindowLife, places
from app.data.repo import assignments, tasks
from app.data.states import RunState, UnitStatus
from app.headless.opening import LaunchOrder
from app.operations.configuration.config import load_task_file
from app.settings import Settings, load
from app.viewmodels.watched_runs import InFlight, database_words
from app.views.close_sheet import KEEP, PAUSE, STOP, CloseSheet
from app.views.fault_window import FaultWindow

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "resources" / "samples" / "label_shapes.yaml"


@pytest.fixture
async def life(qapp: QApplication, tmp_path: Path) -> AsyncIterator[WindowLife]:
    made = WindowLife(qapp, Settings(tmp_path, f"sqlite:///{tmp_path / 'crowdesk.db'}"), asyncio.Event())
    made.show()
    await made.open()
    yield made
    if made.window.isVisible() or not made.closed:
        await made.end()


async def test_a_first_start_asks_nothing_and_offers_the_sample(life: WindowLife) -> None:
    assert life.window.current_key == "home"
    home = life.window.page()
    assert home is not None
    shown: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    model = home.model  # type: ignore[attr-defined] # the page behind "home" is a HomePage
    if model.state is None:
        model.changed.connect(shown.set_result)
        await asyncio.wait_for(shown, 5)
    assert model.state.first_start
    assert any(text.text() == "Your first run takes two minutes" for text in home.findChildren(QLabel))


async def test_the_window_is_there_before_the_data(qapp: QApplication, tmp_path: Path) -> None:
    made = WindowLife(qapp, Settings(tmp_path, f"sqlite:///{tmp_path / 'crowdesk.db'}"), asyncio.Event())
    window = made.show()
    assert window.isVisible()
    window.show_place("settings")
    assert window.page() is None, "no page can be made yet"
    await made.open()
    window.show_place("settings")
    assert window.page() is not None
    await made.end()
    assert not window.isVisible()


async def test_closing_with_nothing_in_flight_ends_at_once(life: WindowLife) -> None:
    life.window.close()
    assert life.stop.is_set()


async def test_closing_with_work_in_flight_asks_and_says_who_is_at_work(
    life: WindowLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life.watched, "in_flight", lambda: InFlight(2, 47))
    life.window.close()
    assert not life.stop.is_set()
    sheet = life.sheet
    assert sheet is not None
    assert sheet.note.text() == "2 runs in flight. 47 workers at work now."
    sheet.choose(PAUSE)
    assert sheet.confirm_button.text() == "Pause and close"
    sheet.confirmed.emit()
    assert life.stop.is_set()


async def test_the_arrow_keys_choose_how_to_close(life: WindowLife, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life.watched, "in_flight", lambda: InFlight(1, 0))
    life.window.close()
    sheet = life.sheet
    assert sheet is not None
    assert sheet.choice() == KEEP
    marked = sheet.focusWidget()
    assert isinstance(marked, QRadioButton)
    QTest.keyClick(marked, Qt.Key.Key_Down)
    assert sheet.choice() == PAUSE
    QTest.keyClick(sheet, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert life.stop.is_set()


async def test_keeping_to_serve_hides_the_window_and_ends_nothing(
    life: WindowLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life.watched, "in_flight", lambda: InFlight(1, 0))
    life.window.close()
    life.decide(KEEP)
    assert not life.stop.is_set()
    assert life.window.isMinimized() or not life.window.isVisible()
    life.bring_back()
    assert life.window.isVisible()


async def test_every_place_of_the_sidebar_can_be_visited(life: WindowLife, windows_shown: list[str]) -> None:
    for place in places(lambda: life.desktop):
        life.window.show_place(place.key)
        assert life.window.current_key == place.key
        life.window.grab()
    assert list(life.window.pages) == [place.key for place in places(lambda: life.desktop)]
    CloseSheet(1, 2, tray=True).open_over(life.window)
    assert windows_shown == [], "no part of a page flashes up as a window before it has its place"


async def test_the_theme_of_the_settings_is_taken_at_once(life: WindowLife, qapp: QApplication) -> None:
    from app.views import theme

    life.desktop.theme_chosen.emit("dark")
    assert theme.current().scheme == "dark"
    life.desktop.theme_chosen.emit("light")
    assert theme.current().scheme == "light"


async def test_the_kept_place_is_shown_again_at_the_next_start(qapp: QApplication, tmp_path: Path) -> None:
    for expected in ("home", "settings"):
        made = WindowLife(qapp, Settings(tmp_path, f"sqlite:///{tmp_path / 'crowdesk.db'}"), asyncio.Event())
        made.show()
        await made.open()
        assert made.window.current_key == expected
        made.window.show_place("settings")
        await made.end()


async def test_a_fault_of_the_store_is_words_and_a_way_out(qtbot: QtBot, tmp_path: Path) -> None:
    fault = FaultWindow("The database is from a newer Crowdesk.", "Install the newer one.", tmp_path)
    qtbot.addWidget(fault)
    closed: list[int] = []
    fault.closed.connect(lambda: closed.append(1))
    fault.show()
    texts = [text.text() for text in fault.findChildren(QLabel)]
    assert "The database is from a newer Crowdesk." in texts
    assert f"Data folder: {tmp_path}" in texts
    fault.close()
    assert closed == [1]


@pytest.mark.parametrize(
    ("choice", "words"), [(KEEP, "Keep serving"), (PAUSE, "Pause and close"), (STOP, "Stop and close")]
)
def test_the_button_says_what_it_will_do(qtbot: QtBot, choice: str, words: str) -> None:
    sheet = CloseSheet(1, 0, tray=True)
    qtbot.addWidget(sheet)
    sheet.choose(choice)
    assert (sheet.choice(), sheet.confirm_button.text()) == (choice, words)
    assert "Nobody is at work" in sheet.note.text()


def test_a_database_is_named_by_its_file_or_its_host() -> None:
    assert database_words("sqlite:////home/me/studies.db") == "studies.db"
    assert database_words("postgresql+psycopg://mira:x@db.lab:5432/studies") == "db.lab/studies"


async def launch_sample(life: WindowLife) -> int:
    config = load_task_file(SAMPLE, [])
    made = asyncio.Event()
    subscription = life.engine.store.feed.subscribe(lambda _changes: made.set(), {"units"})
    live = await life.engine.operator.launch(config)
    await asyncio.wait_for(made.wait(), 10)
    subscription.close()
    life.watched.look()
    return live.run_id


async def state_of(life: WindowLife, run_id: int) -> RunState:
    return (await life.engine.store.read(tasks.get_task_run, run_id)).state


async def reopened(qapp: QApplication, tmp_path: Path) -> WindowLife:
    made = WindowLife(qapp, Settings(tmp_path, f"sqlite:///{tmp_path / 'crowdesk.db'}"), asyncio.Event())
    made.show()
    await made.open()
    return made


async def test_a_run_paused_by_closing_is_offered_at_the_next_start_and_resumed(
    qapp: QApplication, tmp_path: Path
) -> None:
    first = await reopened(qapp, tmp_path)
    run_id = await launch_sample(first)
    assert len(first.frame.status.routers) == 1
    first.window.show_place("settings")
    first.window.close()
    assert first.sheet is not None
    first.sheet.choose(PAUSE)
    first.sheet.confirmed.emit()
    await first.end()
    second = await reopened(qapp, tmp_path)
    assert second.window.current_key == "home", "what stands still comes before where one was"
    assert await state_of(second, run_id) == RunState.PAUSED
    await second.engine.operator.resume(run_id)
    assert await state_of(second, run_id) == RunState.IN_FLIGHT
    second.decide(PAUSE)
    await second.end()


async def test_a_run_stopped_by_closing_is_over(qapp: QApplication, tmp_path: Path) -> None:
    first = await reopened(qapp, tmp_path)
    run_id = await launch_sample(first)
    first.decide(STOP)
    await first.end()
    second = await reopened(qapp, tmp_path)
    assert await state_of(second, run_id) == RunState.COMPLETED
    counts = await second.engine.store.read(assignments.unit_counts, run_id)
    assert counts[UnitStatus.LAUNCHED] == counts[UnitStatus.CREATED] == 0
    assert counts[UnitStatus.EXPIRED] > 0
    await second.end()


async def test_pages_of_a_complete_run_are_served_on_and_hinder_nobody_from_closing(
    qapp: QApplication, tmp_path: Path
) -> None:
    made = await reopened(qapp, tmp_path)
    run_id = await launch_sample(made)
    live = made.engine.operator.live_runs[run_id]
    await made.engine.operator.stop(run_id)
    for _ in range(400):
        if live.state is RunState.COMPLETED:
            break
        await asyncio.sleep(0.05)
    async with httpx.AsyncClient() as client:
        page = await client.get(live.entry_link("mira.k", 1), follow_redirects=True)
    assert (page.status_code, live.state) == (200, RunState.COMPLETED)
    made.window.close()
    assert made.stop.is_set(), "nothing is in flight, so nothing is asked"
    await made.end()


@pytest.mark.kill
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_whole_program_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    code = (
        "import sys; from pathlib import Path; from app import settings\n"
        "from app.bootstrap import WindowLife, run_window\n"
        "opened = WindowLife.open\n"
        "async def open(self, order=None):\n"
        "    await opened(self, order); print('open', flush=True)\n"
        "WindowLife.open = open\n"
        "sys.exit(run_window(settings.load(Path(sys.argv[1]))))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert load(tmp_path).data_dir == tmp_path
    assert (tmp_path / "window.json").is_file()


@pytest.mark.kill
def test_a_folder_that_cannot_hold_the_database_is_a_window_and_an_exit_code(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from app import settings\n"
        "from app.views.fault_window import FaultWindow\n"
        "from app.bootstrap import run_window\n"
        "shown = FaultWindow.showEvent\n"
        "def show(self, event):\n"
        "    shown(self, event); self.close()\n"
        "FaultWindow.showEvent = show\n"
        "sys.exit(run_window(settings.load(Path(sys.argv[1]))))\n"
    )
    (tmp_path / "crowdesk.db").write_bytes(b"this is no database at all, but it is long enough to be read as one")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.kill
def test_a_folder_that_cannot_be_written_is_a_window_and_an_exit_code(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from PySide6.QtWidgets import QLabel\n"
        "from app.views.fault_window import FaultWindow\n"
        "from main import main\n"
        "shown = FaultWindow.showEvent\n"
        "def show(self, event):\n"
        "    shown(self, event)\n"
        "    print(*[text.text() for text in self.findChildren(QLabel)], sep='\\n', flush=True)\n"
        "    self.close()\n"
        "FaultWindow.showEvent = show\n"
        "sys.exit(main(['--data-dir', sys.argv[1]]))\n"
    )
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 6, done.stderr
    assert "The data folder cannot be used" in done.stdout
    assert f"Data folder: {folder}" in done.stdout
    assert "The data folder cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


async def test_what_the_command_line_orders_is_launched_and_its_run_is_shown(
    qapp: QApplication, tmp_path: Path
) -> None:
    made = WindowLife(qapp, Settings(tmp_path, f"sqlite:///{tmp_path / 'crowdesk.db'}"), asyncio.Event())
    made.show()
    await made.open(LaunchOrder(SAMPLE, ("task.task_reward=0.11",)))
    for _ in range(1000):
        if made.window.current_key == "runs":
            break
        await asyncio.sleep(0.01)
    assert made.window.current_key == "runs"
    (row,) = await made.engine.store.read(tasks.list_task_runs)
    assert "0.11" in row.init_params
    assert row.task_run_id in made.engine.operator.live_runs
    made.decide(STOP)
    await made.end()
