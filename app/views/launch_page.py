"""Launch: a task in four short steps on one page, what it will cost beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.viewmodels.desktop import Desktop
from app.viewmodels.launch import LaunchViewModel
from app.viewmodels.launch_check import LaunchCheck
from app.views.form_designer import FormDesignerView
from app.views.launch_side import LaunchSide
from app.views.launch_steps_view import LaunchStepsView
from app.views.page import Offer, Page
from app.views.widgets.buttons import Button
from app.views.widgets.file_dialog import FileDialog
from app.views.widgets.headers import PageHeader
from app.views.widgets.labels import hairline, label
from app.views.widgets.panels import Banner, IconMark

_YAML = "Task files (*.yaml *.yml);;All files (*)"


class SampleCard(QFrame):
    """What a newcomer is offered: the sample task, with one click."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 10, 12, 10)
        layout.setSpacing(12)
        layout.addWidget(IconMark("ph.image-square", "accent", 32, "accent-bg"))
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(label("First time here?", "strong"))
        words.addWidget(label("A small set of drawings to label comes with the program.", tone="dim"))
        layout.addLayout(words)
        layout.addStretch(1)
        self.button = Button("Fill in the sample task", "plain")
        layout.addWidget(self.button)


class LaunchPage(Page):
    """The place where runs are made."""

    def __init__(self, desktop: Desktop, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desktop = desktop
        self.model = LaunchViewModel(desktop, self)
        self._check = LaunchCheck()
        self._jump_to_problem = False
        self.header = PageHeader("New task", "New run")
        self._fill_header()
        self.banner = Banner()
        self.sample = SampleCard()
        self.steps = LaunchStepsView(self.model.form)
        self.side = LaunchSide(self.model.rehearsal)
        self.designer: FormDesignerView | None = None
        self._lay_out()
        self._connect()
        self._show_title()

    def open_at(self, where: Mapping[str, Any]) -> None:
        """`sample=True` fills in the sample task, `run_id=...` that of a run; `order=FILE` launches a task file, with
        the values of `overrides` laid over it. Without any of them the form is as it was left.
        """
        if where:
            self.stack.setCurrentIndex(0)
            self.offers_changed.emit()
        if where.get("sample"):
            self.model.fill_sample()
        elif where.get("order"):
            self.model.launch_file(Path(where["order"]), where.get("overrides", ()))
        elif where.get("run_id") is not None:
            self.model.open_like(int(where["run_id"]))
        self.model.refresh()
        if self.model.form.is_untouched():
            self.steps.focus_first()

    def offers(self) -> list[Offer]:
        """What can be done with the form, or in the designer while that is open."""
        if self.designer is not None and self.stack.currentWidget() is self.designer:
            return self.designer.offers()
        return [
            *self._form_offers(),
            Offer(self.launch_button.text(), self.launch, "Ctrl+Return", "ph.rocket-launch"),
            Offer("Open a task file…", self.ask_open, "Ctrl+O", "ph.folder-open"),
            Offer("Save as a task file…", self.ask_save, "Ctrl+S", "ph.floppy-disk"),
            Offer("Rehearse with simulated workers", self.show_rehearsal, "", "ph.users-three"),
            Offer("Preview the worker’s page in the browser", self.model.open_preview, "", "ph.arrow-square-out"),
            Offer("Fill in the sample task", self.model.fill_sample, "", "ph.image-square"),
            Offer("Start over with an empty form", self.model.form.start_over, "", "ph.eraser"),
        ]

    def _form_offers(self) -> list[Offer]:
        if self.model.form.values.blueprint_type != "form":
            return []
        return [Offer("Edit the form of the task", self.edit_form, "Ctrl+Shift+E", "ph.pencil-simple")]

    def edit_form(self) -> None:
        """Open the form designer with the form of the task, or a new one where none is named."""
        form = self.model.form
        if self.designer is None:
            self.designer = FormDesignerView(self.desktop)
            self.designer.model.preview.follow(lambda: (form.mapping()["blueprint"], form.values.base_dir))
            self.designer.left.connect(self._back_to_task)
            self.designer.kept.connect(self._take_form)
            self.stack.addWidget(self.designer)
        named = str(form.values.entered.get("blueprint.form_file") or "")
        folder = form.values.base_dir
        self.designer.open((folder / Path(named).expanduser()) if named else None, folder)
        self.stack.setCurrentWidget(self.designer)
        self.offers_changed.emit()

    def launch(self) -> None:
        """Launch, or show the first field that is not in order."""
        self._jump()
        self.model.launch()

    def ask_open(self) -> FileDialog:
        """Ask for a task file and open it."""
        dialog = FileDialog(self, "Open a task file", str(self.model.form.values.base_dir), _YAML)
        dialog.setFileMode(FileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.model.open_yaml(Path(path)))
        dialog.open()
        return dialog

    def ask_save(self) -> FileDialog:
        """Ask where, and save the form as a task file."""
        dialog = FileDialog(self, "Save as a task file", str(self.model.form.values.base_dir), _YAML)
        dialog.setAcceptMode(FileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("yaml")
        dialog.selectFile(f"{self.model.form.values.entered.get('task.task_name') or 'task'}.yaml")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.model.save_yaml(Path(path)))
        dialog.open()
        return dialog

    def show_rehearsal(self) -> None:
        """Show the rehearsal's panel at the side."""
        self.side.rehearsal.show()
        self.side.rehearsal.workers.setFocus(Qt.FocusReason.OtherFocusReason)
        QTimer.singleShot(0, self.side, self.side.scroll_to_rehearsal)

    def _fill_header(self) -> None:
        self.open_button = Button("Open YAML…")
        self.save_button = Button("Save as YAML")
        self.rehearse_button = Button("Rehearse…")
        self.launch_button = Button("Launch", "primary", "Ctrl ⏎")
        for button in (self.open_button, self.save_button, self.rehearse_button, self.launch_button):
            self.header.buttons.addWidget(button)

    def _lay_out(self) -> None:
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self.stack = QStackedWidget()
        whole.addWidget(self.stack)
        front = QWidget()
        self.stack.addWidget(front)
        layout = QVBoxLayout(front)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.banner)
        layout.addWidget(hairline())
        row = QHBoxLayout()
        row.setSpacing(0)
        layout.addLayout(row, 1)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        inner.setObjectName("backdrop")
        inner.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(inner)
        column.setContentsMargins(20, 14, 20, 20)
        column.setSpacing(12)
        column.addWidget(self.sample)
        column.addWidget(self.steps)
        column.addStretch(1)
        self.area.setWidget(inner)
        row.addWidget(self.area, 1)
        row.addWidget(self.side)
        self.steps.order_tabs(self.sample.button)

    def _connect(self) -> None:
        model = self.model
        model.form.replaced.connect(self._rebuild)
        model.form.edited.connect(self._show_title)
        model.checked.connect(self._show_check)
        model.failed.connect(self._failed)
        model.said.connect(self._said)
        model.launched.connect(self._launched)
        model.refused.connect(self._jump)
        model.page_ready.connect(lambda url: QDesktopServices.openUrl(QUrl(url)))
        model.known_qualifications_changed.connect(self.steps.setKnownQualifications)
        model.launcher.busy_changed.connect(self._launching)
        if isinstance(app := QApplication.instance(), QApplication):
            app.focusChanged.connect(self._follow_focus)
        self.steps.preview_asked.connect(model.open_preview)
        self.steps.form_asked.connect(self.edit_form)
        self.steps.estimated.connect(model.set_estimate)
        self.side.rehearsal.asked.connect(model.rehearse)
        self.sample.button.clicked.connect(model.fill_sample)
        self.open_button.clicked.connect(self.ask_open)
        self.save_button.clicked.connect(self.ask_save)
        self.rehearse_button.clicked.connect(self.show_rehearsal)
        self.launch_button.clicked.connect(self.launch)

    def _rebuild(self) -> None:
        place = self.area.verticalScrollBar().value()
        self.steps.rebuild()
        self.steps.order_tabs(self.sample.button)
        QTimer.singleShot(0, self.area, lambda: self.area.verticalScrollBar().setValue(place))
        self.steps.setKnownQualifications(self.model.known_qualifications)
        self._show_title()
        self.offers_changed.emit()

    def _back_to_task(self) -> None:
        self.stack.setCurrentIndex(0)
        self.offers_changed.emit()
        self.model.refresh()

    def _take_form(self, file: str) -> None:
        """The designer has saved: the task is about that file, and is looked at again."""
        path, base_dir = Path(file), self.model.form.values.base_dir
        shown = path.relative_to(base_dir) if path.is_relative_to(base_dir) else path
        self.model.form.enter("blueprint.form_file", str(shown))
        editor = self.steps.editors.get("blueprint.form_file")
        if editor is not None:
            editor.setValue(str(shown))

    def _show_title(self) -> None:
        form = self.model.form
        self.header.setWords(form.title, "New run")
        self.sample.setVisible(form.is_untouched())

    def _show_check(self, check: LaunchCheck) -> None:
        self._check = check
        untouched = self.model.form.is_untouched() and not self._jump_to_problem
        self.steps.show_check(LaunchCheck() if untouched else check)
        self.side.show_check(LaunchCheck() if untouched else check)
        changed = self.launch_button.text() != check.button
        self.launch_button.setText(check.button)
        self.launch_button.updateGeometry()
        self.launch_button.setToolTip(check.cost)
        if self._jump_to_problem and check.problems:
            self._jump_to_problem = False
            self.steps.focus_first_problem(check)
        if changed:
            self.offers_changed.emit()

    def _jump(self) -> None:
        """The next look at the form shows the first field that is not in order."""
        self._jump_to_problem = True

    def _follow_focus(self, _before: QWidget | None, now: QWidget | None) -> None:
        """Bring what has the focus into sight, and what is said below it: Tab may come from outside."""
        if now is not None and self.area.isAncestorOf(now):
            self.area.ensureWidgetVisible(now, 0, 44)

    def _launching(self, busy: bool) -> None:
        self.launch_button.setEnabled(not busy)
        if busy:
            self.banner.hide()

    def _failed(self, sentence: str) -> None:
        self.banner.say(sentence, "bad")

    def _said(self, sentence: str) -> None:
        if sentence:
            self.banner.say(sentence, "info")
        else:
            self.banner.hide()

    def _launched(self, run_id: int) -> None:
        self._jump_to_problem = False
        self.banner.hide()
        self.desktop.go("runs", run_id=run_id)
