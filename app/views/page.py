"""A place of the window: what a page may tell the frame around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from app.views.widgets.fields import SearchField


@dataclass(frozen=True)
class Offer:
    """Something that can be done now: a line of the palette, and a shortcut while its page is shown.

    `keys` as in "Ctrl+R" or "A"; `detail` stands behind the words in dim ("Chest images, wave 2").
    """

    words: str
    call: Callable[[], object]
    keys: str = ""
    icon: str = "ph.arrow-right"
    detail: str = ""


class Page(QWidget):
    """One page. Made on its first visit; overrides what it needs.

    `inspector_changed(object)`: a QWidget to show at the right, or None to hide the inspector.
    `offers_changed()`: what `offers` gives has changed, the frame binds the shortcuts anew.
    """

    inspector_changed = Signal(object)
    offers_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def open_at(self, where: Mapping[str, Any]) -> None:
        """The page is shown, opened at what `where` names (empty: as it was)."""

    def left(self) -> None:
        """The page is hidden."""

    def offers(self) -> list[Offer]:
        """What can be done here now."""
        return []

    def lasting_offers(self) -> list[Offer]:
        """What of it can be done while another page is shown, where the place has `offers_everywhere`."""
        return self.offers()

    def toast_place(self) -> QWidget | None:
        """The part of the page in whose lower right corner toasts stand; None: the corner of the window."""
        return None

    def search_field(self) -> SearchField | None:
        """Where Ctrl+F goes."""
        fields = [field for field in self.findChildren(SearchField) if field.isVisible()]
        return fields[0] if fields else None


@dataclass(frozen=True)
class Place:
    """A line of the sidebar and the page behind it."""

    key: str
    word: str
    icon: str
    make: Callable[[], Page]
    offers_everywhere: bool = False
    """Its offers stand in the palette while other pages are shown, too."""
