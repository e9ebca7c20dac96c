"""The composition root: settings, store, operations, viewmodels, window; start, signals, and the one way to end."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QApplication

from app.errors import AppError
from app.headless.opening import LaunchOrder
from app.qt_loop import QtLoop
from app.settings import Settings
from app.viewmodels.action import end_all_actions
from app.viewmodels.ui_state import FILE_NAME, UiState
from app.viewmodels.window_frame import WindowFrame
from app.views import theme
from app.views.close_sheet import KEEP, PAUSE, STOP, CloseSheet
from app.views.fault_window import FaultWindow
from app.views.main_window import MainWindow
from app.views.page import Page, Place
from app.views.tray import Tray

if TYPE_CHECKING:  # the window is shown before these are loaded: SQL and the operations take half of the start
    from app.viewmodels.desktop import Desktop, Engine

log = logging.getLogger(__name__)

EXIT_DONE, EXIT_STORE = 0, 6
"""As documented for all commands."""
SERVED_ON_SECONDS = 7 * 24 * 3600.0
"""How long a window serves the pages of a complete run on: workers look up what became of their work."""
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""As <malloc.h> names them."""
STOP_PATIENCE_SECONDS = 15.0
"""How long closing waits for a run that it stops."""


def run_window(settings: Settings, order: LaunchOrder | None = None) -> int:
    """Open the window and serve until it is closed; the exit code. What is ordered is launched at once."""
    spare_memory()
    app = make_application(settings)
    return _run_on(app, lambda loop: _live(app, loop, settings, order))


def show_fault(fault: AppError, settings: Settings) -> int:
    """Say in a small window why there can be no other, until it is closed; the exit code."""
    app = make_application(settings)
    return _run_on(app, lambda loop: _show_until(_stop_event(loop), fault, settings.data_dir))


def _run_on(app: QApplication, work: Callable[[QtLoop], Coroutine[Any, Any, int]]) -> int:
    """Run `work` on a loop of the application's, which ends with it."""
    loop = QtLoop(app)
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(_log_loop_fault)
    sys.excepthook = _log_fault
    try:
        code: int = loop.run_until_complete(work(loop))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    return code


def spare_memory() -> None:
    """Let all threads allocate from one place: with one each, what a thread frees is of no use to the others.

    Measured over a million units: 50 MiB less. Only where the C library is glibc.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL("libc.so.6")
            library.mallopt(_M_ARENA_MAX, 1)
            library.mallopt(_M_MMAP_THRESHOLD, 256 * 1024)  # what is larger goes back as soon as it is freed


def make_application(settings: Settings) -> QApplication:
    """The QApplication, in the theme that the settings wish."""
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(["crowdesk"])
    app.setApplicationName("Crowdesk")
    app.setDesktopFileName("crowdesk")
    app.setQuitOnLastWindowClosed(False)
    theme.apply(app, settings.preferences.theme)
    return app


async def make_engine(settings: Settings) -> Engine:
    """The store and the operations on it, started. `StoreError` when the database or the folder cannot be used."""
    await asyncio.to_thread(_load_operations)
    from app.clock import SystemClock
    from app.data.store import Store
    from app.operations.desk.crowd import Crowd
    from app.operations.desk.payments import Ledger
    from app.operations.desk.review import ReviewDesk
    from app.operations.desk.workers import WorkerDesk
    from app.operations.operator import Operator
    from app.vault import open_vault
    from app.viewmodels.desktop import Engine

    clock = SystemClock()
    store = await Store.open(settings.database_url, locks_dir=settings.locks_dir)
    try:
        vault = await asyncio.to_thread(open_vault, settings.data_dir)
        crowd = Crowd(store, clock)
        ledger = Ledger(store, crowd, settings, clock)
        reviews = ReviewDesk(store, ledger, crowd, settings, clock)
        workers = WorkerDesk(store, crowd, settings, clock)
        operator = Operator(store, settings, vault, clock, payments=ledger, linger_seconds=SERVED_ON_SECONDS)
        await operator.start()
        await reviews.start()
    except BaseException:
        await store.close()
        raise
    return Engine(store, settings, vault, clock, operator, reviews, ledger, workers)


def _load_operations() -> None:
    """Import what is heavy on a thread, so that the window paints meanwhile."""
    import app.viewmodels.home
    import app.viewmodels.watched_runs  # noqa: F401 - loaded here, named where it is used


def _load_pages() -> None:
    """Import what the pages need before they are visited, on a thread: pyqtgraph alone would hold a visit up for 0.1 s.

    No part of it makes an object of Qt's while it is imported, so that none belongs to the thread.
    """
    import app.views.launch_page
    import app.views.payments_page
    import app.views.qualifications_page
    import app.views.review_page
    import app.views.runs_page
    import app.views.settings_page
    import app.views.workers_page  # noqa: F401 - loaded here, named where it is used
    from app.blueprints import registry as blueprints

    for name in blueprints.names():
        with suppress(AppError):  # one that cannot be loaded is told where it is chosen
            blueprints.get(name)


async def close_engine(engine: Engine, *, pause: bool) -> None:
    """End in order: decisions that wait, runs, the store. `pause`: runs are left paused rather than interrupted."""
    try:
        await engine.reviews.close()
        await engine.operator.close(pause=pause)
    finally:
        await engine.store.close()


class WindowLife:
    """One life of the window. `stop` is the only way to end it: whoever sets it ends the program."""

    def __init__(self, app: QApplication, settings: Settings, stop: asyncio.Event) -> None:
        self._app, self._settings, self.stop = app, settings, stop
        self.closed = False
        self._pause = False
        self._ending_runs: tuple[int, ...] = ()
        self.sheet: CloseSheet | None = None

    def show(self) -> MainWindow:
        """Build the window and show it, before the data is open."""
        self.frame = WindowFrame(UiState(self._settings.data_dir / FILE_NAME))
        self.window = MainWindow(self.frame, places(lambda: self.desktop))
        self.tray = Tray(self.window)
        self.window.close_asked.connect(self.ask_to_close)
        self.tray.opened.connect(self.bring_back)
        self.tray.quit_asked.connect(self.ask_to_close)
        self.frame.notice.connect(self.tray.notify)
        self._app.styleHints().colorSchemeChanged.connect(self._follow_system)
        self.window.show()
        return self.window

    async def open(self, order: LaunchOrder | None = None) -> None:
        """Open the data, and show the first page or launch what was ordered. `StoreError` when it cannot be."""
        self.engine = await make_engine(self._settings)
        from app.viewmodels.desktop import Desktop
        from app.viewmodels.watched_runs import WatchedRuns

        self.desktop = Desktop(self.engine, self.frame)
        self.desktop.theme_chosen.connect(self._use_theme)
        self.watched = WatchedRuns(self.desktop, self.frame)
        self.watched.start()
        if order is not None:
            self.window.begin("launch", {"order": order.task_file, "overrides": order.overrides})
        else:
            self.window.begin(await self._first_place())
        gc.freeze()  # what is there now stays: sweeping over it would only cost frames
        self._loading = asyncio.create_task(asyncio.to_thread(_load_pages), name="load pages")

    def ask_to_close(self) -> None:
        """Close at once when nothing is in flight; else ask what becomes of it."""
        if self.window.opening:
            self.stop.set()
            return
        flight = self.watched.in_flight()
        if not flight.runs:
            self.stop.set()
            return
        if self.sheet is not None and self.sheet.is_open():
            return
        self.bring_back()
        self.sheet = CloseSheet(flight.runs, flight.at_work, tray=self.tray.available)
        self.sheet.decided.connect(self.decide)
        self.sheet.open_over(self.window)

    def decide(self, choice: str) -> None:
        """Do what the requester chose when closing: `keep`, `pause` or `stop`."""
        if self.sheet is not None:
            self.sheet.finish()
        if choice == KEEP:
            self.window.keep_state()
            if self.tray.available:
                self.window.hide()
            else:
                self.window.showMinimized()
            return
        self._pause = choice == PAUSE
        self._ending_runs = self.watched.open_runs() if choice == STOP else ()
        self.stop.set()

    def bring_back(self) -> None:
        """Show the window again, in front."""
        self.window.showNormal() if self.window.isMinimized() else self.window.show()
        self.window.raise_()
        self.window.activateWindow()

    async def end(self) -> None:
        """The one way to end: the window goes at once, then work behind it, runs, decisions, the store."""
        self.watched.stop()
        self.close_window()
        await asyncio.gather(end_all_actions(), self._loading)
        await asyncio.gather(*(self._stop_run(run_id) for run_id in self._ending_runs))
        await close_engine(self.engine, pause=self._pause)
        self.window.deleteLater()
        self.closed = True

    def close_window(self) -> None:
        """Take the window and its icon from the screen, its state kept."""
        self.window.let_close()
        self.tray.remove()

    async def _stop_run(self, run_id: int) -> None:
        operator = self.engine.operator
        live = operator.live_runs.get(run_id)
        try:
            if live is not None:
                live.serve_on(0)
            await operator.stop(run_id)
            if live is not None:
                await asyncio.wait_for(live.wait_completed(), STOP_PATIENCE_SECONDS)
        except (AppError, TimeoutError) as error:
            log.warning("Run %s is not over yet, it can be resumed: %s", run_id, error)

    async def _first_place(self) -> str:
        """Home where something waits to be resumed, else where the requester was."""
        from app.data.repo import tasks
        from app.data.states import RunState

        resumable = await self.engine.store.read(tasks.list_task_runs, (RunState.INTERRUPTED, RunState.PAUSED))
        kept = str(self.desktop.ui_state.get("window.place", "home"))
        return "home" if resumable or kept not in self.window.places else kept

    def _use_theme(self, name: str) -> None:
        theme.apply(self._app, name)

    def _follow_system(self, _scheme: object) -> None:
        if self._settings.preferences.theme == "system":
            theme.apply(self._app, "system")


def places(desktop: Callable[[], Desktop]) -> list[Place]:
    """The places of the sidebar. A page and what it imports are loaded on its first visit."""

    def home() -> Page:
        from app.views.home_page import HomePage

        return HomePage(desktop())

    def launch() -> Page:
        from app.views.launch_page import LaunchPage

        return LaunchPage(desktop())

    def runs() -> Page:
        from app.views.runs_page import RunsPage

        return RunsPage(desktop())

    def review() -> Page:
        from app.views.review_page import ReviewPage

        return ReviewPage(desktop())

    def workers() -> Page:
        from app.views.workers_page import WorkersPage

        return WorkersPage(desktop())

    def qualifications() -> Page:
        from app.views.qualifications_page import QualificationsPage

        return QualificationsPage(desktop())

    def payments() -> Page:
        from app.views.payments_page import PaymentsPage

        return PaymentsPage(desktop())

    def settings() -> Page:
        from app.views.settings_page import SettingsPage

        return SettingsPage(desktop())

    return [
        Place("home", "Home", "ph.house", home, offers_everywhere=True),
        Place("launch", "Launch", "ph.rocket-launch", launch),
        Place("runs", "Runs", "ph.chart-line", runs),
        Place("review", "Review", "ph.checks", review),
        Place("workers", "Workers", "ph.users", workers),
        Place("qualifications", "Qualifications", "ph.star", qualifications, offers_everywhere=True),
        Place("payments", "Payments", "ph.credit-card", payments, offers_everywhere=True),
        Place("settings", "Settings", "ph.gear", settings, offers_everywhere=True),
    ]


async def _live(app: QApplication, loop: QtLoop, settings: Settings, order: LaunchOrder | None) -> int:
    stop = _stop_event(loop)
    life = WindowLife(app, settings, stop)
    life.show()
    try:
        await life.open(order)
    except AppError as error:
        log.error("The data cannot be opened: %s", error)
        life.close_window()
        return await _show_until(stop, error, settings.data_dir)
    await stop.wait()
    await life.end()
    return EXIT_DONE


async def _show_until(stop: asyncio.Event, fault: AppError, data_dir: Path) -> int:
    """Show a fault until it is closed or the program is told to stop."""
    window = FaultWindow(fault.message, fault.advice, data_dir)
    window.closed.connect(stop.set)
    window.show()
    await stop.wait()
    window.deleteLater()
    return EXIT_STORE


def _stop_event(loop: QtLoop) -> asyncio.Event:
    """What SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    if sys.platform != "win32":
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    return stop


def _log_loop_fault(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    details = error if isinstance(error, BaseException) else None
    log.error("%s", context.get("message", "A fault on the loop"), exc_info=details)


def _log_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.error("A fault nobody caught", exc_info=(kind, error, trace))
