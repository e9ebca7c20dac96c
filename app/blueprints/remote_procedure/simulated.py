"""The calls of a page in a rehearsal, where nobody presses anything."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from app.errors import ConfigError

KEY = "blueprint.rehearsal_calls"


def check_calls(calls: Sequence[Any]) -> None:
    """Each is `{target: name, args: anything}`. `ConfigError` otherwise."""
    for call in calls:
        if not isinstance(call, Mapping) or not isinstance(call.get("target"), str) or set(call) - {"target", "args"}:
            raise ConfigError(f"{call!r} is no call: write {{target: name, args: what it is given}}.", key=KEY)


class SimulatedCaller:
    """Makes the calls one after the other, each once the one before is answered."""

    def __init__(self, calls: Sequence[Mapping[str, Any]]) -> None:
        self._left = list(calls)
        self._asked = ""
        self.is_over = not calls

    def hear(self, update: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The next call, when the page hears the answer to the last one."""
        if update.get("handles", "") != self._asked:
            return []
        if not self._left:
            self.is_over = True
            return []
        call = self._left.pop(0)
        self._asked = secrets.token_hex(8)
        args = json.dumps(call.get("args"), ensure_ascii=False)
        return [{"request_id": self._asked, "target": call["target"], "args": args}]
