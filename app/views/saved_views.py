"""Saved views of a table: its filter, order and columns under a name; shown, renamed, replaced, forgotten."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QMenu, QWidget

from app.viewmodels.toasts import Toasts
from app.viewmodels.ui_state import UiState
from app.views.sheet import Sheet
from app.views.widgets.fields import FormField
from app.views.widgets.pills import Chip

View = dict[str, Any]
LONGEST_NAME = 60
UNDO_SECONDS = 8.0


class SavedViews(Chip):
    """A chip with a menu. `take` gives the table as it stands, `show` brings it back to how it stood."""

    def __init__(
        self, state: UiState, key: str, toasts: Toasts, take: Callable[[], View], show: Callable[[View], None]
    ) -> None:
        super().__init__("Saved views", checkable=False, menu_mark=True)
        self._state, self._key, self._toasts = state, f"{key}.views", toasts
        self._take, self._bring_back = take, show
        self.clicked.connect(self._open_menu)

    def names(self) -> list[str]:
        """What is kept, in the order of the names."""
        return sorted(self._views(), key=str.casefold)

    def menu(self) -> QMenu:
        """Show a view; keep the present one; replace, rename or forget one."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        now, views = self._take(), self._views()
        for name in self.names():
            action = menu.addAction(_plain(name))
            action.setCheckable(True)
            action.setChecked(_looks(views[name]) == _looks(now))
            action.triggered.connect(partial(self._on, self.show_view, name))
        if views:
            menu.addSeparator()
        menu.addAction("Keep this view as…").triggered.connect(partial(self._on, self.ask_name, ""))
        for words, done in (("Replace", self.keep), ("Rename", self.ask_name), ("Forget", self.forget)):
            if views:
                more = menu.addMenu(words)
                for name in self.names():
                    ending = "…" if done == self.ask_name else ""
                    more.addAction(_plain(name) + ending).triggered.connect(partial(self._on, done, name))
        return menu

    def show_view(self, name: str) -> None:
        """Bring the table back to how it stood under this name."""
        view = self._views().get(name)
        if view is not None:
            self._bring_back(view)

    def keep(self, name: str) -> None:
        """Keep the table as it stands under a name; what was kept there can be had back."""
        before = self._views()
        self._put({**before, name: self._take()})
        words = f"“{name}” is the view as it stands now." if name in before else f"View “{name}” kept."
        self._tell(words, before)

    def rename(self, name: str, other: str) -> None:
        """Give a view another name."""
        before = self._views()
        if name in before and name != other:
            self._put({(other if kept == name else kept): view for kept, view in before.items()})
            self._tell(f"“{name}” is now “{other}”.", before)

    def forget(self, name: str) -> None:
        """Take a view out of the menu."""
        before = self._views()
        self._put({kept: view for kept, view in before.items() if kept != name})
        self._tell(f"View “{name}” forgotten.", before)

    def ask_name(self, old: str = "") -> None:
        """Ask for the name of the present view, or for another name of `old`."""
        sheet = NameSheet(self.names(), old)

        def name_it() -> None:
            name = sheet.name()
            sheet.finish()
            if old:
                self.rename(old, name)
            else:
                self.keep(name)

        sheet.confirmed.connect(name_it)
        sheet.open_over(self)

    def _open_menu(self) -> None:
        self.menu().popup(self.mapToGlobal(self.rect().bottomLeft()))

    @staticmethod
    def _on(done: Callable[[str], None], name: str, _checked: bool = False) -> None:
        done(name)

    def _views(self) -> dict[str, View]:
        return dict(self._state.get(self._key, {}))

    def _put(self, views: dict[str, View]) -> None:
        self._state.put(self._key, views)

    def _tell(self, words: str, before: dict[str, View]) -> None:
        async def undo() -> None:
            self._put(before)

        self._toasts.offer_undo(words, UNDO_SECONDS, undo)


class NameSheet(Sheet):
    """Asks for a name that no other view has."""

    def __init__(self, taken: list[str], old: str = "", parent: QWidget | None = None) -> None:
        title = f"Rename “{old}”" if old else "Keep this view"
        note = "" if old else "The filter, the order of the rows and the columns are kept."
        super().__init__(title, "Rename" if old else "Keep", note=note)
        self._taken = {name.casefold() for name in taken} - {old.casefold()}
        self.edit = QLineEdit(old)
        self.edit.setMaxLength(LONGEST_NAME)
        self.edit.setPlaceholderText("Fast and disputed")
        self.edit.selectAll()
        self.field = FormField("Name", self.edit)
        self.body.addWidget(self.field)
        self.edit.textChanged.connect(self._check)
        self._check()

    def name(self) -> str:
        """The name as typed, without blanks around it."""
        return " ".join(self.edit.text().split())

    def _check(self) -> None:
        taken = self.name().casefold() in self._taken
        self.field.setError("There is a view of this name. Replace or forget it in the menu." if taken else "")
        self.setReady(bool(self.name()) and not taken)


def _looks(view: View) -> View:
    """What of a view a person would call the same: a width that the window's size changes is not in it."""
    columns = [(column[0], column[-1]) for column in view.get("columns") or ()]
    return {**view, "columns": columns}


def _plain(name: str) -> str:
    """A name as a menu shows it: "&" marks a key there."""
    return name.replace("&", "&&")
