"""The form designer: the outline at the left, what is said of a part at the right, what is wrong below."""

from __future__ import annotations

from pathlib import Path as FilePath

from PySide6.QtCore import QEvent, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from app.viewmodels.desktop import Desktop
from app.viewmodels.form_designer import FormDesigner
from app.viewmodels.form_document import KINDS, FormDocument, Path, title_of
from app.viewmodels.form_properties import type_choices
from app.viewmodels.formats import count_of
from app.views.action_sheets import ConfirmSheet
from app.views.form_outline import FormOutline
from app.views.form_properties import FormProperties
from app.views.launch_editors import ChoiceEditor
from app.views.page import Offer
from app.views.widgets.buttons import Button, IconButton
from app.views.widgets.file_dialog import FileDialog
from app.views.widgets.headers import PageHeader
from app.views.widgets.labels import hairline, label
from app.views.widgets.panels import Banner

_JSON = "Forms (*.json);;All files (*)"
_OUTLINE = 360
_MOST_FAULTS = 4
_AGAIN = "Changes that were not saved before are here again. Undo takes them back."
_UNDO = QKeySequence("Ctrl+Z")
_REDO = (QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y"))


class FormDesignerView(QWidget):
    """`left()`: back to the task. `kept(str)`: the form was saved as this file."""

    left = Signal()
    kept = Signal(str)

    def __init__(self, desktop: Desktop, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.model = FormDesigner(desktop, self)
        self._desktop = desktop
        self._folder = FilePath.home()
        self.header = PageHeader("New form", "Form of the task")
        self.banner = Banner()
        self.outline = FormOutline(self.model.tree)
        self.properties = FormProperties(self.model)
        self.versions = ChoiceEditor(())
        self.versions.setAccessibleName("Which form of the file")
        self._fill_header()
        self._lay_out()
        self._connect()

    def open(self, file: FilePath | None, folder: FilePath) -> None:
        """Edit a form, or a new one that will be saved in `folder`. One that is open and unsaved stays open."""
        self._folder = folder
        if self.model.is_unsaved:
            more = "" if self.model.file == file else " Save it or leave it first; then the form of the task opens."
            self.banner.say(f"{self.model.title} has changes that are not saved yet.{more}", "info")
        else:
            self.banner.hide()
            self.model.open(file)
        self.outline.setFocus(Qt.FocusReason.OtherFocusReason)

    def offers(self) -> list[Offer]:
        """What can be done here."""
        return [
            Offer("Save the form", self.save, "Ctrl+S", "ph.floppy-disk"),
            Offer("Save the form as…", self.ask_save, "Ctrl+Shift+S", "ph.floppy-disk"),
            Offer("Preview the form in the browser", self.model.open_preview, "Ctrl+P", "ph.arrow-square-out"),
            Offer("Add a question", lambda: self._add("input"), "Ctrl+Return", "ph.plus"),
            Offer("Back to the task", self.ask_leave, "Alt+Left", "ph.arrow-left"),
        ]

    def save(self) -> None:
        """Save to the form's own file; a new form is asked where."""
        if self.model.file is None:
            self.ask_save()
        else:
            self.model.save()

    def ask_save(self) -> FileDialog:
        """Ask where, and save."""
        there = self.model.file or self._folder / "form.json"
        dialog = FileDialog(self, "Save the form", str(there.parent), _JSON)
        dialog.setAcceptMode(FileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.selectFile(there.name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.model.save(FilePath(path)))
        dialog.open()
        return dialog

    def ask_leave(self) -> None:
        """Back to the task; unsaved changes are asked about first."""
        if not self.model.is_unsaved:
            self._leave()
            return
        sheet = ConfirmSheet(
            "Leave without saving?",
            "Throw changes away",
            f"{self.model.title} has changes that are not saved.",
            "danger",
        )
        sheet.confirmed.connect(sheet.finish)
        sheet.confirmed.connect(self._throw_away)
        sheet.open_over(self, sheet.cancel_button)

    def event(self, event: QEvent) -> bool:
        # the keys of undoing belong to the form while it is edited, and not to what was done elsewhere
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _undo_key(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = _undo_key(event)
        if key == "undo":
            self.model.undo()
        elif key == "redo":
            self.model.redo()
        else:
            super().keyPressEvent(event)

    # Laying out

    def _fill_header(self) -> None:
        self.back_button = Button("Back to the task", icon="ph.arrow-left")
        self.undo_button = IconButton("ph.arrow-counter-clockwise", "Undo (Ctrl+Z)")
        self.redo_button = IconButton("ph.arrow-clockwise", "Do again (Ctrl+Shift+Z)")
        self.preview_button = Button("Preview in browser", icon="ph.arrow-square-out")
        self.save_button = Button("Save", "primary", "Ctrl S")
        for button in (self.back_button, self.undo_button, self.redo_button, self.preview_button, self.save_button):
            self.header.buttons.addWidget(button)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget in (self.header, self.banner, hairline()):
            layout.addWidget(widget)
        row = QHBoxLayout()
        row.setSpacing(0)
        layout.addLayout(row, 1)
        side = QWidget()
        side.setFixedWidth(_OUTLINE)
        column = QVBoxLayout(side)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addLayout(self._tools())
        column.addWidget(self.versions)
        column.addWidget(self.outline, 1)
        self.verdict = label("", "small-medium", "ok", wrap=True)
        column.addWidget(self.verdict)
        self._faults = QVBoxLayout()
        self._faults.setSpacing(2)
        column.addLayout(self._faults)
        row.addWidget(side)
        row.addWidget(hairline(vertical=True))
        row.addWidget(self.properties, 1)

    def _tools(self) -> QHBoxLayout:
        tools = QHBoxLayout()
        tools.setSpacing(4)
        self.add_button = Button("Add", icon="ph.plus")
        menu = QMenu(self.add_button)
        for kind, words in (("section", "Section"), ("fieldset", "Fieldset"), ("row", "Row")):
            menu.addAction(words).triggered.connect(lambda _on=False, kind=kind: self._add(kind))
        menu.addSeparator()
        for kind, words in type_choices():
            menu.addAction(words).triggered.connect(lambda _on=False, kind=kind: self._add(kind))
        self.add_button.setMenu(menu)
        self.form_button = Button("Whole form", "quiet")
        tools.addWidget(self.add_button)
        tools.addWidget(self.form_button)
        tools.addStretch(1)
        self.up_button = IconButton("ph.arrow-up", "Move up (Alt+Up)")
        self.down_button = IconButton("ph.arrow-down", "Move down (Alt+Down)")
        self.copy_button = IconButton("ph.copy", "Once more (Ctrl+D)")
        self.remove_button = IconButton("ph.trash", "Take out (Delete)")
        for button in (self.up_button, self.down_button, self.copy_button, self.remove_button):
            tools.addWidget(button)
        return tools

    def _connect(self) -> None:
        model = self.model
        model.opened.connect(self._opened)
        model.changed.connect(self._show)
        model.checked.connect(self._show_check)
        model.marked.connect(self._show_marks)
        model.failed.connect(lambda sentence: self.banner.say(sentence, "bad"))
        model.saved.connect(self._saved)
        model.found_again.connect(lambda: self.banner.say(_AGAIN, "info"))
        model.preview.page_ready.connect(lambda url: QDesktopServices.openUrl(QUrl(url)))
        self.outline.chosen.connect(self._choose)
        self.outline.removed.connect(self._remove)
        self.outline.doubled.connect(self._double)
        self.outline.stepped.connect(self._step)
        self.versions.edited.connect(lambda: model.choose_version(int(self.versions.value())))
        self.back_button.clicked.connect(self.ask_leave)
        self.undo_button.clicked.connect(model.undo)
        self.redo_button.clicked.connect(model.redo)
        self.preview_button.clicked.connect(model.open_preview)
        self.save_button.clicked.connect(self.save)
        self.form_button.clicked.connect(lambda: self.outline.show_path(()))
        self.up_button.clicked.connect(lambda: self._step(False))
        self.down_button.clicked.connect(lambda: self._step(True))
        self.copy_button.clicked.connect(self._double)
        self.remove_button.clicked.connect(self._remove)

    # What is done

    def _add(self, kind: str) -> None:
        near = self.outline.path()
        self.model.edit(near, lambda document: document.add(kind, near))
        self.properties.focus_first()

    def _remove(self) -> None:
        self._edit(FormDocument.remove)

    def _double(self) -> None:
        self._edit(FormDocument.duplicate)

    def _step(self, down: bool) -> None:
        path = self.outline.path()
        self.model.edit(path, lambda document: document.step(path, down=down))

    def _edit(self, change: object) -> None:
        path = self.outline.path()
        if path and callable(change):
            self.model.edit(path, lambda document: change(document, path))

    def _throw_away(self) -> None:
        self.model.draft.forget()
        self.model.open(self.model.file)
        self._leave()

    def _leave(self) -> None:
        self.model.preview.close()
        self.left.emit()

    # What is shown

    def _opened(self) -> None:
        count = len(self.model.versions)
        self.versions.clear()
        for number in range(count):
            self.versions.addItem(f"Form {number + 1} of {count}", str(number))
        self.versions.setCurrentIndex(self.model.version)
        self.versions.setVisible(count > 1)
        first = next((path for path in self.model.document.walk() if len(path) == 1), ())
        self._show(first)

    def _show(self, path: Path) -> None:
        self.outline.show_path(path)
        self.properties.show_path(path)

    def _choose(self, path: Path) -> None:
        if path != self.properties.path:
            self.properties.show_path(path)
        for button in (self.up_button, self.down_button, self.copy_button, self.remove_button):
            button.setEnabled(bool(path))

    def _show_marks(self) -> None:
        model = self.model
        self.undo_button.setEnabled(bool(model.history.back))
        self.redo_button.setEnabled(bool(model.history.forth))
        self.header.setWords(model.title, "Form of the task", "changed" if model.is_unsaved else "", "warn")

    def _show_check(self, faults: list[object]) -> None:
        while (item := self._faults.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.verdict.setText(f"{count_of(len(faults), 'thing')} to mend" if faults else "The form is in order.")
        self.verdict.setProperty("tone", "bad" if faults else "ok")
        self.verdict.style().polish(self.verdict)
        for fault in self.model.faults[:_MOST_FAULTS]:
            path = self.model.document.path_of(fault.path)
            words = title_of(self.model.document.node(path), KINDS[len(path)])
            button = Button(_short(f"{words}: {fault.message}"), "quiet")
            button.setToolTip(str(fault))
            button.setAccessibleName(str(fault))
            button.clicked.connect(lambda _on=False, path=path: self._point(path))
            self._faults.addWidget(button)

    def _point(self, path: Path) -> None:
        self._show(path)
        wrong = [field for field in self.properties.fields.values() if field.error()]
        if wrong:
            wrong[0].editor.setFocus()
        else:
            self.properties.focus_first()

    def _saved(self, file: str) -> None:
        self.banner.hide()
        self._desktop.toasts.say(f"Saved as {file}.", "ok")
        self.kept.emit(file)


def _undo_key(event: QKeyEvent) -> str:
    pressed = QKeySequence(event.keyCombination())
    return "undo" if pressed == _UNDO else "redo" if pressed in _REDO else ""


def _short(text: str) -> str:
    return text if len(text) <= 46 else text[:45] + "…"
