"""Decisions from a CSV file: unit_id, decision, note, bonus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path

from app.blueprints.base import RowError
from app.data.repo.decisions import Standing
from app.data.states import AgentStatus, UnitStatus
from app.errors import InvalidEntry
from app.operations.desk import verdicts
from app.operations.desk.bonuses import check_amount
from app.operations.desk.verdicts import Verdict
from app.operations.safe_csv import read_table
from app.providers.base import CrowdProvider

WORDS: dict[str, Verdict] = {
    "approve": AgentStatus.APPROVED,
    "approved": AgentStatus.APPROVED,
    "accept": AgentStatus.APPROVED,
    "accepted": AgentStatus.APPROVED,
    "soft_reject": AgentStatus.SOFT_REJECTED,
    "soft_rejected": AgentStatus.SOFT_REJECTED,
    "reject": AgentStatus.REJECTED,
    "rejected": AgentStatus.REJECTED,
}

Group = tuple[Verdict, str, Decimal | None]


@dataclass(frozen=True)
class CsvOutcome:
    """What came of a CSV file: how many per kind, and the rows that were left out, with their lines."""

    decided: dict[str, int]
    problems: list[RowError]


@dataclass(frozen=True)
class FileDecision:
    """One row of the file."""

    line: int
    unit_id: int
    verdict: Verdict
    note: str
    bonus: Decimal | None


@dataclass(frozen=True)
class DecisionTable:
    """The rows that could be read, and the others."""

    name: str
    rows: list[FileDecision]
    problems: list[RowError]

    def group(
        self, standings: Mapping[int, Standing], run_id: int, providers: Mapping[int, CrowdProvider]
    ) -> tuple[dict[Group, list[int]], list[RowError]]:
        """The rows that can be done, units by equal decision; and all that cannot, by line."""
        groups: dict[Group, list[int]] = {}
        problems = list(self.problems)
        seen: dict[int, int] = {}
        for row in self.rows:
            refusal = _refusal(row, standings.get(row.unit_id), run_id, providers[run_id])
            if not refusal and row.unit_id in seen:
                refusal = f"unit {row.unit_id} has a decision in line {seen[row.unit_id]} already."
            if refusal:
                problems.append(RowError(self.name, row.line, refusal))
                continue
            seen[row.unit_id] = row.line
            groups.setdefault((row.verdict, row.note, row.bonus), []).append(row.unit_id)
        return groups, sorted(problems, key=lambda problem: problem.line)


def read_decisions(path: Path) -> DecisionTable:
    """Read a file of decisions. `ConfigError` when it is no CSV table with the columns unit_id and decision."""
    table = read_table(path, ("unit_id", "decision"), ("note", "bonus"))
    rows, problems = [], list(table.problems)
    for line, cells in table.rows:
        try:
            rows.append(_row(line, cells))
        except (ValueError, InvalidEntry) as error:
            problems.append(RowError(table.name, line, str(error)))
    return DecisionTable(table.name, rows, problems)


def _row(line: int, cells: Mapping[str, str]) -> FileDecision:
    text = cells["unit_id"]
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise ValueError(f'"{text}" is no unit id.')
    word = cells["decision"].lower().replace("-", "_").replace(" ", "_")
    if word not in WORDS:
        near = get_close_matches(word, WORDS, n=1)
        hint = f' Is "{near[0]}" meant?' if near else " There are approve, soft_reject, reject."
        raise ValueError(f'"{cells["decision"]}" is no decision.{hint}')
    verdict, note = WORDS[word], cells.get("note", "")
    if verdict is AgentStatus.REJECTED and not note:
        raise ValueError("a rejection needs a note: the worker reads it.")
    bonus = _amount(cells.get("bonus", ""))
    if bonus is not None and verdict is AgentStatus.REJECTED:
        raise ValueError("work that is rejected gets no bonus.")
    return FileDecision(line, int(text), verdict, note, bonus)


def _amount(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f'"{text}" is no amount.') from None
    if amount == 0:
        return None
    check_amount(amount)
    return amount


def _refusal(row: FileDecision, unit: Standing | None, run_id: int, provider: CrowdProvider) -> str:
    if unit is None or unit.task_run_id != run_id:
        return f"run {run_id} has no unit {row.unit_id}."
    if unit.status is UnitStatus.REJECTED and row.verdict is AgentStatus.APPROVED:
        return "" if provider.REJECTION_CAN_BE_TAKEN_BACK else verdicts.cannot_take_back(provider)
    if unit.status is not UnitStatus.COMPLETED:
        return f"unit {row.unit_id} is {unit.status}: it does not wait for a decision."
    return ""
