"""The form designer's model: a form that is edited, checked while it is typed, undone and saved."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path as FilePath
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.blueprints.form.faults import FormFault
from app.blueprints.form.form_files import load_json, scripts_of
from app.blueprints.form.parse import look_over
from app.blueprints.form.tokens import misplaced, tokens_of
from app.errors import ConfigError, StoreError
from app.viewmodels.action import Action
from app.viewmodels.desktop import Desktop
from app.viewmodels.form_document import FormDocument, Path
from app.viewmodels.form_draft import FormDraft
from app.viewmodels.form_history import FormHistory
from app.viewmodels.form_preview import FormPreview
from app.viewmodels.form_properties import Property
from app.viewmodels.form_tree import FormTree

PAUSE_MS = 200
"""How long typing rests before the form is looked over."""


class FormDesigner(QObject):
    """One form at a time.

    `opened()`: another form is here; `changed(path)`: its shape or a value is another, `path` is to be shown;
    `checked(list)`: FormFaults; `failed(str)`; `saved(str)`: the file; `marked()`: undo, redo or the unsaved mark
    have changed; `found_again()`: what was not saved when the window closed is here again, as a step to undo.
    """

    opened = Signal()
    changed = Signal(tuple)
    checked = Signal(list)
    failed = Signal(str)
    saved = Signal(str)
    marked = Signal()
    found_again = Signal()

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.file: FilePath | None = None
        self.document = FormDocument()
        self.history = FormHistory()
        self.faults: list[FormFault] = []
        self.tree = FormTree(lambda: self.document, self)
        self.tree.dropped.connect(self._move)
        self.preview = FormPreview(desktop, self)
        self.preview.failed.connect(self.failed)
        self.draft = FormDraft(desktop.ui_state)
        self.versions: list[Any] = []
        """The forms of a file that holds several."""
        self.version = 0
        self._clean: Any = copy.deepcopy(self.document.value)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self.check)
        self.opener, self.saver = Action(self._open, self), Action(self._save, self)
        for action in (self.opener, self.saver):
            action.failed.connect(self.failed)

    @property
    def is_unsaved(self) -> bool:
        """Whether something would be lost."""
        return bool(self.document.value != self._clean)

    @property
    def title(self) -> str:
        """What the head says."""
        return self.file.name if self.file is not None else "New form"

    def open(self, file: FilePath | None) -> None:
        """Edit the form of a file, or a new one."""
        if file is None:
            self._take([], 0, FormDocument(), None, self.draft.find(None))
        else:
            self.opener.start(file)

    def choose_version(self, place: int) -> None:
        """Edit another form of a file that holds several; what was changed in this one stays."""
        if place == self.version or not 0 <= place < len(self.versions):
            return
        try:
            document = FormDocument(self.versions[place])
        except ConfigError as error:
            self.failed.emit(str(error))
            return
        unsaved = self.is_unsaved
        self.versions[self.version] = self.document.value
        self._take(self.versions, place, document, self.file)
        if unsaved:
            self._clean = None
            self.marked.emit()

    def put(self, path: Path, line: Property, value: Any) -> None:
        """Another value of a node. Typing in one line is one step to undo."""
        before = copy.deepcopy(self.document.value)
        line.write(self.document.node(path), value)
        if self.document.value != before:
            self.history.remember(before, path, line.key)
            self.tree.touched(path)
            self._touched()

    def edit(self, path: Path, change: Callable[[FormDocument], Path]) -> None:
        """Another shape: `change` does it and says what is to be shown then. One step to undo."""
        before = copy.deepcopy(self.document.value)
        after = change(self.document)
        if self.document.value != before:
            self.history.remember(before, path)
            self._show(after)

    def undo(self) -> None:
        """Take the last step back."""
        self._go(back=True)

    def redo(self) -> None:
        """Do the step again that was taken back."""
        self._go(back=False)

    def check(self) -> None:
        """Look the form over and say what is wrong with it."""
        self._pause.stop()
        value = self.document.value
        scripts = bool(self.file and scripts_of(self.file))
        found = look_over(value, custom_rules=scripts, template=bool(tokens_of(value)))[1]
        self.faults = [*misplaced(value), *found]
        by_node: dict[Path, str] = {}
        for fault in self.faults:
            by_node.setdefault(self.document.path_of(fault.path), fault.message)
        self.tree.setFaults(by_node)
        self.checked.emit(self.faults)
        if self.is_unsaved:
            self.draft.keep(self.file, self.version, copy.deepcopy(value))
        else:
            self.draft.forget()

    def save(self, file: FilePath | None = None) -> None:
        """Write the form, to its own file or another."""
        target = file or self.file
        if target is not None:
            self.saver.start(target)

    def open_preview(self) -> None:
        """Show the form as it stands in the browser."""
        self.preview.open(self.document.value, self.file)

    def _move(self, path: Path, parent: Path, place: int) -> None:
        self.edit(path, lambda document: document.move(path, parent, place))

    def _go(self, *, back: bool) -> None:
        step = self.history.go(self.document.value, back=back)
        if step is None:
            return
        self.document.value, path = step
        known = set(self.document.walk())
        while path and path not in known:
            path = path[:-1]
        self._show(path)

    def _show(self, path: Path) -> None:
        self.tree.renew()
        self.changed.emit(path)
        self._touched()

    def _touched(self) -> None:
        self.marked.emit()
        self._pause.start()

    def _take(
        self,
        versions: list[Any],
        place: int,
        document: FormDocument,
        file: FilePath | None,
        draft: tuple[int, Any] | None = None,
    ) -> None:
        self.versions, self.version, self.document, self.file = versions, place, document, file
        self._clean = copy.deepcopy(document.value)
        self.history.forget()
        self.tree.renew()
        self.opened.emit()
        self.marked.emit()
        if draft is None or draft[1] == document.value:
            self.check()
            return
        with suppress(ConfigError):
            kept = FormDocument(draft[1]).value
            self.history.remember(self._clean, ())
            document.value = kept
            self._show(())
            self.check()
            self.found_again.emit()

    async def _open(self, file: FilePath) -> None:
        loop = asyncio.get_running_loop()
        value = await loop.run_in_executor(None, load_json, file, "blueprint.form_file")
        if value == []:
            raise ConfigError("The file holds an empty list; there is no form to edit.", file=str(file))
        forms = value if isinstance(value, list) else []
        draft = self.draft.find(file)
        place = draft[0] if draft is not None and 0 < draft[0] < len(forms) else 0
        self._take(forms, place, FormDocument(forms[place] if forms else value), file, draft)

    async def _save(self, file: FilePath) -> None:
        kept = copy.deepcopy(self.document.value)
        value: Any = kept
        if self.versions:
            self.versions[self.version] = kept
            value = self.versions
        text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
        temporary = file.with_name(f".{file.name}.tmp")

        def write() -> None:
            temporary.write_text(text, "utf-8")
            temporary.replace(file)

        try:
            await asyncio.get_running_loop().run_in_executor(None, write)
        except OSError as error:
            raise StoreError(f"{file} cannot be written: {error.strerror}.", "Choose another place.") from None
        self.file, self._clean = file, kept
        self.draft.forget()
        self.marked.emit()
        self.saved.emit(str(file))
