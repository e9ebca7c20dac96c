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
    """A live table model of a listing: `widths` in pixels by column, `hidden` columns that the header's menu can show;
    figures in `words` columns stand at the left."""
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
    model = RecordTableModel(source, parent=parent)
    desktop.binding(source.tables, model).changed.connect(model.apply_changes)
    return model
