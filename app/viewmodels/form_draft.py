"""A form that is being edited, kept on this computer until it is saved: a window that closes loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.viewmodels.ui_state import UiState

_KEY = "form.draft"


class FormDraft:
    """One draft: that of the form that was edited last."""

    def __init__(self, state: UiState) -> None:
        self._state = state

    def keep(self, file: Path | None, version: int, value: Any) -> None:
        """Keep a form as it stands."""
        self._state.put(_KEY, {"file": str(file or ""), "version": version, "value": value})

    def forget(self) -> None:
        """It was saved, or thrown away."""
        self._state.put(_KEY, None)

    def find(self, file: Path | None) -> tuple[int, Any] | None:
        """Which of the file's forms was changed, and how it stood; None when nothing is kept of this file."""
        kept = self._state.get(_KEY)
        if not isinstance(kept, Mapping) or kept.get("file") != str(file or ""):
            return None
        version = kept.get("version")
        return (version if isinstance(version, int) else 0), kept.get("value")
