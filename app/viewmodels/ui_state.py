"""What the window remembers between starts: geometry, columns, sort, filters, saved views. One JSON file."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer

log = logging.getLogger(__name__)

FILE_NAME = "window.json"
_PAUSE_MS = 800


class UiState(QObject):
    """Plain values by dotted key, written a moment after they change. A file that cannot be read counts as empty."""

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._values = _read(path) if path else {}
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.save)

    def get(self, key: str, default: Any = None) -> Any:
        """The value kept under a key, or `default`."""
        return self._values.get(key, default)

    def put(self, key: str, value: Any) -> None:
        """Keep a plain (JSON) value under a key; None forgets it."""
        if self._values.get(key) == value:
            return
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = value
        if self._path is not None:
            self._pause.start()

    def save(self) -> None:
        """Write now, atomically. A disk that refuses is logged: the look of the window is not worth a dialog."""
        self._pause.stop()
        if self._path is None:
            return
        temporary = self._path.with_suffix(".tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(self._values, indent=1) + "\n", "utf-8")
            os.replace(temporary, self._path)
        except OSError as error:
            log.info("The state of the window was not kept: %s", error)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.info("The state of the window cannot be read and starts anew: %s", error)
        return {}
    return values if isinstance(values, dict) else {}
