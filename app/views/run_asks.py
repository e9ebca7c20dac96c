"""What one asks of a run: links, units, stop, expire, budget, export, task file. Each by its own sheet or at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from app.viewmodels.desktop import Desktop
from app.viewmodels.run import RunViewModel
from app.viewmodels.run_commands import LINK_DAYS, RunCommands
from app.views.errands import Errands
from app.views.run_sheets import AddUnitsSheet, BudgetSheet, ExpireSheet, ExportSheet, PersonLinkSheet, StopSheet
from app.views.widgets.file_dialog import FileDialog


class RunAsks:
    """The actions of one run, over its page (`host`)."""

    def __init__(self, desktop: Desktop, run: RunViewModel, host: QWidget) -> None:
        self._desktop, self._run, self._host = desktop, run, host
        self.commands = RunCommands(desktop, run.run_id)
        self.errands = Errands(desktop.toasts, host)
        self.errands.ended.connect(run.read_again)

    def toggle(self) -> None:
        """Pause, or go on."""
        going = self._run.state == "in flight" and self._run.live is not None
        self.errands.run(self.commands.pause if going else self.commands.go_on)

    def review(self) -> None:
        """Go to what waits for review."""
        self._desktop.go("review", run_id=self._run.run_id)

    def copy_link(self) -> None:
        """Copy the open entry link."""
        self._copy(None, LINK_DAYS, "The entry link is copied: whoever has it can come in under a name.")

    def ask_person(self) -> None:
        """Ask for whom and how long a personal link is, and copy it."""
        sheet = PersonLinkSheet()

        def confirmed() -> None:
            self._copy(sheet.name(), sheet.days(), f"The link is copied: it admits {sheet.name()} only.", sheet)

        sheet.confirmed.connect(confirmed)
        self.errands.open(sheet)

    def open_entry(self) -> None:
        """Come in as a worker, in the browser."""
        self.errands.run(self.commands.entry_link, then=lambda link: QDesktopServices.openUrl(QUrl(str(link))))

    def ask_units(self) -> None:
        """Ask for a file with more rows."""
        sheet = AddUnitsSheet("Each row becomes a unit (or several, as the task says). Workers can take them at once.")
        sheet.file_named.connect(lambda path: self._look_at_rows(sheet, path))
        self.errands.confirm(sheet, lambda: (self.commands.add_units, (sheet.path(),)))

    def _look_at_rows(self, sheet: AddUnitsSheet, path: Path) -> None:
        def told(then: Callable[..., None]) -> Callable[[Any], None]:
            """The answer may come when another file is named, or when the sheet is gone."""
            return lambda answer: then(answer) if isValid(sheet) and sheet.path() == path else None

        found, refused = told(lambda words: sheet.show_found(*words)), told(sheet.refuse)
        self.errands.run(self.commands.look_at_rows, path, then=found, failed=refused)

    def ask_stop(self) -> None:
        """Say what stopping means, and ask."""
        facts = self._run.facts
        if facts is not None:
            sheet = StopSheet(facts.run.task_name, self._run.at_work, self._run.open_units, self._run.waiting)
            self.errands.confirm(sheet, lambda: (self.commands.stop, ()))

    def ask_expire(self) -> None:
        """Say what expiring means, and ask."""
        self.errands.confirm(ExpireSheet(self._run.untaken, self._run.at_work), lambda: (self.commands.expire_open, ()))

    def ask_budget(self) -> None:
        """Ask for another cap."""
        facts = self._run.facts
        if facts is not None:
            sheet = BudgetSheet(facts.run.budget, facts.spend.total, facts.run.currency)
            self.errands.confirm(sheet, lambda: (self.commands.set_budget, (sheet.budget(),)))

    def ask_export(self) -> None:
        """Ask where and how to export, then do it behind the window."""
        facts = self._run.facts
        if facts is None:
            return
        stem = f"{facts.run.task_name.replace(' ', '-').replace('/', '-').lower()}-run-{self._run.run_id}"
        sheet = ExportSheet(Path.home(), stem, self._run.done)

        def confirmed() -> None:
            self.commands.export(facts.run.task_name, sheet.path(), sheet.kind())
            sheet.finish()

        sheet.confirmed.connect(confirmed)
        self.errands.open(sheet)

    def ask_yaml(self) -> None:
        """Ask where to save the task file."""
        dialog = FileDialog(self._host, "Save the task file")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(FileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("yaml")
        dialog.selectFile("task.yaml")
        dialog.fileSelected.connect(lambda path: self.errands.run(self.commands.save_yaml, Path(path)))
        dialog.open()

    def relaunch(self, unit_ids: list[int]) -> None:
        """Offer expired or rejected units again."""
        self.errands.run(self.commands.relaunch, unit_ids)

    def expire(self, unit_ids: list[int]) -> None:
        """Offer these units no longer."""
        self.errands.run(self.commands.expire, unit_ids)

    def go_on(self) -> None:
        """Resume."""
        self.errands.run(self.commands.go_on)

    def _copy(self, name: str | None, days: int, words: str, sheet: PersonLinkSheet | None = None) -> None:
        def copy(link: object) -> None:
            QGuiApplication.clipboard().setText(str(link))
            self._desktop.toasts.say(words, "ok")
            if sheet is not None:
                sheet.finish()

        failed = sheet.fail if sheet is not None else None
        self.errands.run(self.commands.entry_link, name, days, then=copy, failed=failed)
