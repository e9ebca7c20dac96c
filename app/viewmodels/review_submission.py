"""Submissions as the review page shows them: read, described by their blueprint, the next in advance."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

from PySide6.QtGui import QImage, QImageReader

from app.blueprints import registry as blueprints
from app.blueprints.base import Blueprint, LiveUpdate, OffersFiles, SubmissionView
from app.data.files import agent_folder
from app.data.repo import submissions as repo
from app.data.repo.live_updates import INWARD, LiveUpdateRow, list_live_updates
from app.data.repo.submissions import AnswerRow, SubmissionRow, WorkRecord
from app.data.states import AgentStatus, unit_kind
from app.data.store import Session, Store
from app.errors import AppError
from app.operations.agreement import consensus, rater_agreement
from app.operations.configuration import config as configs
from app.settings import Settings
from app.viewmodels import formats
from app.viewmodels.action import Action

log = logging.getLogger(__name__)

KEPT = 40
"""Submissions that are held ready, the latest used."""
AHEAD = 4
"""How many of the following are read before they are asked for."""
FRESH_SECONDS = 20.0
MOST_PIXELS = 40_000_000
"""Larger pictures are not decoded: a file of a few kilobytes can hold them."""
LARGEST_CONFUSION = 5
LONGEST_LABEL = 24
"""Longer ones are sentences rather than labels: they are not compared in a small table."""


@dataclass(frozen=True)
class UploadedFile:
    """A file that the worker sent. `path` is None when it is not where it was put."""

    name: str
    field: str
    size: str
    mimetype: str
    path: Path | None


@dataclass(frozen=True)
class OtherAnswer:
    """What another worker answered to the same item."""

    unit_id: int
    worker_name: str
    labels: tuple[str, ...]
    """None where they are sentences rather than labels."""
    answer: str
    """All of it in one line."""
    mark: str = ""
    """What sets it apart: that it was rejected, that it was an earlier answer to this unit."""


@dataclass(frozen=True)
class Submission:
    """All that the page shows of one submission. `label_order` gives labels their colours (none: all alike)."""

    row: SubmissionRow
    view: SubmissionView
    image: QImage | None
    image_problem: str
    label_order: tuple[str, ...]
    others: tuple[OtherAnswer, ...]
    files: tuple[UploadedFile, ...]
    folder: Path
    made: tuple[tuple[str, bytes], ...] = ()
    """Files that the blueprint makes of the answer: (name, content)."""

    @property
    def unit_id(self) -> int:
        """The unit that was submitted."""
        return self.row.unit_id

    @property
    def where(self) -> str:
        """Project and task: "Chest images / Wave 2"."""
        return " / ".join(part for part in (self.row.project_name, self.row.task_name) if part)

    @property
    def facts(self) -> str:
        """Unit, time on task, pay and when, in one line."""
        row = self.row
        spent = None if row.time_on_task_ms is None else row.time_on_task_ms / 1000
        name = f"U-{row.unit_id}" if row.unit_index >= 0 else f"U-{row.unit_id} ({unit_kind(row.unit_index)})"
        parts = [name, formats.duration(spent), formats.money(row.pay_amount, row.currency)]
        if isinstance(row.submitted_at, datetime):
            parts.append(formats.ago(row.submitted_at))
        return " · ".join(parts)


@dataclass(frozen=True)
class RecordView:
    """A worker's record in words. `confusion` is (labels, counts by own label and consensus)."""

    worker_id: int
    name: str
    rows: tuple[tuple[str, str], ...]
    barred: str
    confusion: tuple[tuple[str, ...], tuple[tuple[int, ...], ...]] | None
    times: tuple[int, ...]
    """Counts of times on task in bins of equal width."""
    times_span: tuple[float, float]


class SubmissionShelf:
    """Holds submissions ready: those shown, and the next ones, read before the reviewer comes to them."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._kept: OrderedDict[int, Submission] = OrderedDict()
        self._read_at: dict[int, float] = {}
        self._wanted: list[int] = []
        self._reader = Action(self._read_wanted)
        self._blueprints: OrderedDict[int, tuple[Blueprint | None, tuple[str, ...]]] = OrderedDict()

    def find(self, unit_id: int) -> Submission | None:
        """The submission when it is at hand; at once."""
        found = self._kept.get(unit_id)
        if found is not None:
            self._kept.move_to_end(unit_id)
        return found

    def is_old(self, unit_id: int) -> bool:
        """Whether it was read so long ago that others may have answered since."""
        return time.monotonic() - self._read_at.get(unit_id, 0.0) > FRESH_SECONDS

    async def get(self, unit_id: int) -> Submission:
        """The submission of a unit, read when it is not at hand. `EntryDoesNotExist`."""
        found = self.find(unit_id)
        return found if found is not None else await self._read(unit_id)

    def read_ahead(self, unit_ids: Sequence[int]) -> None:
        """Read these in the background, those that are not at hand; a fault is met again when one is asked for."""
        self._wanted = [unit_id for unit_id in unit_ids if unit_id not in self._kept]
        if self._wanted:
            self._reader.start()

    def forget(self, unit_ids: Iterable[int] | None) -> None:
        """What was committed made these out of date; None: all."""
        for unit_id in list(self._kept) if unit_ids is None else unit_ids:
            self._kept.pop(unit_id, None)
            self._read_at.pop(unit_id, None)

    async def read_others(self, unit_id: int) -> Submission | None:
        """The submission with what others answered by now; None when it is not at hand, or nobody answered since."""
        held = self._kept.get(unit_id)
        if held is None:
            return None
        rows = await self._store.read(repo.list_other_answers, held.row.assignment_id, unit_id)
        others = tuple(_other(row) for row in rows)
        if others == held.others or self._kept.get(unit_id) is not held:
            return None
        self._kept[unit_id] = made = replace(held, others=others)
        return made

    async def settle(self) -> None:
        """Until everything that was wanted ahead is at hand."""
        await self._reader.wait()

    async def _read_wanted(self) -> None:
        while self._wanted:
            unit_id = self._wanted.pop(0)
            if unit_id not in self._kept:
                try:
                    await self._read(unit_id)
                except AppError as error:
                    log.debug("Unit %s was not read in advance: %s", unit_id, error)

    async def _read(self, unit_id: int) -> Submission:
        read = await self._store.read(_read_submission, unit_id)
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(None, self._describe, *read)
        self._kept[unit_id] = made
        self._read_at[unit_id] = time.monotonic()
        while len(self._kept) > KEPT:
            gone, _ = self._kept.popitem(last=False)
            self._read_at.pop(gone, None)
        return made

    def _describe(self, row: SubmissionRow, others: Sequence[AnswerRow], said: Sequence[LiveUpdateRow]) -> Submission:
        """Runs on a thread: the blueprint reads files, and images take their time."""
        blueprint, order = self._blueprint(row)
        if blueprint is None:
            view = SubmissionView(answer=row.answer, labels=row.labels, fields=_plain_fields(row.outputs))
        else:
            view = blueprint.describe_submission(row.inputs, row.outputs, row.files)
            if said:
                history = [LiveUpdate(each.direction == INWARD, each.content, each.creation_date) for each in said]
                view = blueprint.add_history(view, [each for each in history if isinstance(each.content, Mapping)])
        image, problem = _read_image(view)
        folder = self._folder(row)
        return Submission(
            row=row,
            view=view,
            image=image,
            image_problem=problem,
            label_order=order,
            others=tuple(_other(other) for other in others),
            files=tuple(_file(entry, folder) for entry in row.files),
            folder=folder,
            made=tuple(blueprint.answer_files(row.inputs, row.outputs)) if isinstance(blueprint, OffersFiles) else (),
        )

    def _blueprint(self, row: SubmissionRow) -> tuple[Blueprint | None, tuple[str, ...]]:
        known = self._blueprints.get(row.task_run_id)
        if known is None:
            known = _make_blueprint(row.init_params)
            self._blueprints[row.task_run_id] = known
            while len(self._blueprints) > 16:
                self._blueprints.popitem(last=False)
        return known

    def _folder(self, row: SubmissionRow) -> Path:
        runs = self._settings.runs_dir
        return agent_folder(runs, row.project_name, row.task_run_id, row.assignment_id, row.agent_id)


def describe_record(record: WorkRecord) -> RecordView:
    """A worker's record in words and counts."""
    judged = record.accepted + record.soft_rejected + record.rejected
    items = {
        number: dict(enumerate([_value(own), *map(_value, others)]))
        for number, (own, others) in enumerate(record.answers)
    }
    share, compared = rater_agreement(items).get(0, (None, 0))
    agreed = ((values[0], consensus(values.values())) for values in items.values())
    pairs = [(own, common) for own, common in agreed if isinstance(common, str)]
    times = record.seconds_on_task
    typical = median(times) if times else None
    earned = record.paid + record.bonuses
    spent = sum(times) / len(times) * (record.accepted + record.soft_rejected) if times else 0
    per_hour = earned * 3600 / Decimal(round(spent) or 1) if spent and earned else None
    paid = formats.money(record.paid, record.currency)
    if record.bonuses:
        paid += f" + {formats.money(record.bonuses, record.currency)}"
    rows = [
        ("Done", f"{formats.count_of(record.done, 'unit')}, {formats.count_of(record.runs, 'run')}"),
        ("Accepted", formats.percent(record.accepted / judged if judged else None)),
        ("Agreement", formats.NOTHING if share is None else f"{share:.2f} · {formats.count_of(compared, 'item')}"),
        ("Median time", formats.duration(typical)),
        ("Paid", paid),
        ("Per hour", formats.money(None if per_hour is None else round(per_hour, 2), record.currency)),
    ]
    for name, count in (("Rejected", record.rejected), ("Soft-rejected", record.soft_rejected)):
        if count:
            rows.insert(2, (name, formats.count_of(count, "unit")))
    counts, span = _bins(times)
    return RecordView(
        worker_id=record.worker_id,
        name=record.worker_name,
        rows=tuple(rows),
        barred=_barred(record),
        confusion=_confusion(pairs),
        times=counts,
        times_span=span,
    )


def _read_submission(session: Session, unit_id: int) -> tuple[SubmissionRow, list[AnswerRow], list[LiveUpdateRow]]:
    row = repo.get_submission(session, unit_id)
    others = repo.list_other_answers(session, row.assignment_id, unit_id)
    return row, others, list_live_updates(session, row.agent_id)


def _make_blueprint(init_params: str) -> tuple[Blueprint | None, tuple[str, ...]]:
    """The blueprint of a run and its labels; (None, ()) when its configuration cannot be read any more."""
    try:
        config = configs.from_yaml(init_params)
        blueprint = blueprints.get(config.blueprint_type)(config.blueprint, config.base_dir)
    except (AppError, KeyError) as error:
        log.info("A run's submissions are shown without their blueprint: %s", error)
        return None, ()
    labels = getattr(config.blueprint, "labels", None)
    return blueprint, tuple(str(word) for word in labels) if isinstance(labels, list | tuple) else ()


def _read_image(view: SubmissionView) -> tuple[QImage | None, str]:
    """The picture a submission is about, or why there is none to show."""
    if view.image is None:
        return None, f"The image is at {view.image_url}" if view.image_url else ""
    reader = QImageReader(str(view.image))
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid() and size.width() * size.height() > MOST_PIXELS:
        return None, f"{view.image.name} is too large to show here ({size.width()} × {size.height()} pixels)."
    image = reader.read()
    if image.isNull():
        missing = not view.image.exists()
        return None, f"{view.image} is not there any more." if missing else f"{view.image.name} cannot be read."
    return image, ""


def _other(row: AnswerRow) -> OtherAnswer:
    short = row.labels and max(len(word) for word in row.labels) <= LONGEST_LABEL
    marks = ["earlier"] if row.earlier else []
    if row.status is AgentStatus.REJECTED:
        marks.append("rejected")
    labels = row.labels if short else ()
    return OtherAnswer(row.unit_id, row.worker_name, labels, row.answer or formats.NOTHING, ", ".join(marks))


def _file(entry: Mapping[str, Any], folder: Path) -> UploadedFile:
    """An entry of the list of files; the name on disk is ours, but it is not believed to be."""
    stored = Path(str(entry.get("filename", ""))).name
    path = folder / stored
    size = entry.get("size")
    return UploadedFile(
        name=str(entry.get("original_name") or stored),
        field=str(entry.get("field", "")),
        size=formats.byte_size(size) if isinstance(size, int) else "",
        mimetype=str(entry.get("mimetype", "")),
        path=path if stored and path.is_file() else None,
    )


def _plain_fields(outputs: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(outputs, Mapping):
        return tuple((str(name), str(value)) for name, value in outputs.items())
    return () if outputs is None else (("Answer", str(outputs)),)


def _value(labels: Sequence[str]) -> str:
    """An answer as one value, so that it can be counted."""
    return ", ".join(labels)


def _confusion(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]] | None:
    """Counts by own answer (rows) and consensus (columns), of the commonest answers; None when there are none."""
    if not pairs or any(len(word) > LONGEST_LABEL for pair in pairs for word in pair):
        return None
    seen = Counter(word for pair in pairs for word in pair)
    words = tuple(sorted(word for word, _ in seen.most_common(LARGEST_CONFUSION)))
    cells = Counter(pairs)
    return words, tuple(tuple(cells[row, column] for column in words) for row in words)


def _bins(times: Sequence[float], count: int = 24) -> tuple[tuple[int, ...], tuple[float, float]]:
    """A histogram without the slowest hundredth, which would squeeze the rest into one bin."""
    if len(times) < 2:
        return (), (0.0, 0.0)
    ordered = sorted(times)
    last = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] or 1.0
    counts = [0] * count
    for spent in ordered:
        counts[min(count - 1, int(spent / last * count))] += 1
    return tuple(counts), (0.0, last)


def _barred(record: WorkRecord) -> str:
    if record.blocked is not None:
        return f"Blocked: {record.blocked}"
    return f"Soft-blocked: {record.soft_blocked}" if record.soft_blocked is not None else ""
