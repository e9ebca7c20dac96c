"""A listing as one page wants it: other widths, columns that are folded away at first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from PySide6.QtCore import QObject

from app.viewmodels.desktop import Desktop
from app.viewmodels.record_table import RecordTableModel
from app.viewmodels.store_source import StoreSource


def shape_records(
    desktop: Desktop,
    kind: str,
    *,
    parent: QObject,
    widths: Mapping[str, int],
    hidden: Collection[str] = (),
    words: Collection[str] = (),
    scope: Mapping[str, int] | None = None,
) -> RecordTableModel:
    """A table model of a listing, not bound to the feed yet.

    `widths` in pixels by column; `hidden` columns can be shown by the header's menu; figures in `words` columns stand
    at the left.
    """
    source = StoreSource(desktop.store, kind, scope)
    source.columns = tuple(
        replace(
            column,
            width=widths.get(column.name, column.width),
            hidden=column.name in hidden,
            kind="text" if column.name in words else column.kind,
        )
        for column in source.columns
    )
    return RecordTableModel(source, parent=parent)
