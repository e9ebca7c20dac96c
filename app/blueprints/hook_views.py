"""What the hooks of a task's own code are given: plain values that nothing happens to when they are changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TaskWorker:
    """A worker, and the qualifications that they hold by name."""

    worker_id: int
    worker_name: str
    provider_type: str
    qualifications: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskUnit:
    """A unit; once it is handed in, who did it and what they sent.

    `data` is the row that it was made of; `kind` is "task", "screening" or "gold"; `truth` is what the row of a
    screening or gold unit says is right.
    """

    unit_id: int
    assignment_id: int
    unit_index: int
    task_run_id: int
    task_name: str
    data: Mapping[str, Any]
    kind: str = "task"
    truth: Any = None
    worker: TaskWorker | None = None
    inputs: Any = None
    outputs: Any = None
    files: Sequence[Mapping[str, Any]] = ()
