"""The steps of editing a form, back and forth: whole forms, as they are small."""

from __future__ import annotations

import copy
from typing import Any

from app.viewmodels.form_document import Path

MAX_STEPS = 200
Step = tuple[dict[str, Any], Path]
"""A form as it was, and the part that was changed."""


class FormHistory:
    """What can be undone and done again."""

    def __init__(self) -> None:
        self.back: list[Step] = []
        self.forth: list[Step] = []
        self._last: tuple[Path, str] | None = None

    def forget(self) -> None:
        """Another form is edited."""
        self.back.clear()
        self.forth.clear()
        self._last = None

    def remember(self, before: dict[str, Any], path: Path, line: str = "") -> None:
        """A change was made; typing in one `line` of one part is one step."""
        if not line or self._last != (path, line):
            self.back.append((before, path))
            del self.back[:-MAX_STEPS]
        self.forth.clear()
        self._last = (path, line) if line else None

    def go(self, now: dict[str, Any], *, back: bool) -> Step | None:
        """The form one step back or forth; None where there is none."""
        source, target = (self.back, self.forth) if back else (self.forth, self.back)
        if not source:
            return None
        value, path = source.pop()
        target.append((copy.deepcopy(now), path))
        self._last = None
        return value, path
