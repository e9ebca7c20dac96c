"""A worker in the inspector: the record, and what can be done."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.viewmodels.desktop import Desktop
from app.viewmodels.dossier import Dossier, DossierViewModel
from app.viewmodels.formats import ago, clock_time, count_of, digits, duration, money, percent
from app.viewmodels.worker_actions import Subjects
from app.views.widgets.buttons import Button
from app.views.widgets.cards import KeyValueGrid
from app.views.widgets.flow import FlowLayout
from app.views.widgets.labels import ElidedLabel, label
from app.views.widgets.pills import StatusPill, words_of
from app.views.worker_actions import ActionDesk

_NAME_WIDTH = 92


class DossierView(QWidget):
    """What is known of one worker, live. `subjects()` is what its buttons act on; `seen_changed` on show and hide."""

    seen_changed = Signal()

    def __init__(self, desktop: Desktop, desk: ActionDesk) -> None:
        super().__init__()
        self._desk = desk
        self.viewmodel = DossierViewModel(desktop, self)
        self.viewmodel.changed.connect(self._show)
        self.viewmodel.failed.connect(desktop.fail)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 0, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(label("Worker", "heading", "dim"))
        head = QHBoxLayout()
        self.name = ElidedLabel("", "name")
        head.addWidget(self.name, 1)
        self.pill = StatusPill()
        head.addWidget(self.pill)
        layout.addLayout(head)
        self.facts = KeyValueGrid(_NAME_WIDTH)
        layout.addWidget(self.facts)
        layout.addWidget(self._buttons())
        self.sections: dict[str, Section] = {}
        for key, words, none in (
            ("blocks", "Blocks", "Not blocked."),
            ("grants", "Qualifications", "None held."),
            ("work", "Latest work", "Nothing handed in yet."),
            ("payments", "Latest payments", "Nothing paid yet."),
            ("decisions", "Latest decisions", "No decision yet."),
        ):
            self.sections[key] = Section(words, none)
            layout.addWidget(self.sections[key])
        layout.addStretch(1)

    def show_worker(self, worker_id: int) -> None:
        """Show a worker."""
        self.viewmodel.show(worker_id)

    def subjects(self) -> Subjects:
        """The worker that is shown, for an action."""
        dossier = self.viewmodel.dossier
        assert dossier is not None, "the buttons work once a dossier is shown"
        return Subjects("workers", [dossier.worker_id], None, dossier.worker_name)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.viewmodel.set_active(True)
        self.seen_changed.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        self.viewmodel.set_active(False)
        super().hideEvent(event)
        self.seen_changed.emit()

    def _buttons(self) -> QWidget:
        bar = QWidget()
        layout = FlowLayout(bar, 8)  # a button that is not there leaves no hole
        layout.setContentsMargins(0, 6, 0, 0)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        bar.setSizePolicy(policy)
        self.bonus = Button("Bonus …")
        self.bonus.clicked.connect(lambda: self._desk.bonus(self.subjects()))
        self.block = Button("Block …", "danger")
        self.block.clicked.connect(lambda: self._desk.block(self.subjects()))
        self.unblock = Button("Unblock")
        self.unblock.clicked.connect(lambda: self._desk.unblock(self.subjects()))
        self.grant = Button("Grant …")
        self.grant.clicked.connect(lambda: self._desk.grant(self.subjects()))
        for button in (self.bonus, self.grant, self.block, self.unblock):
            button.setEnabled(False)
            layout.addWidget(button)
        return bar

    def _show(self) -> None:
        dossier = self.viewmodel.dossier
        assert dossier is not None
        self.name.setText(dossier.worker_name)
        hard = any(block.hard for block in dossier.blocks)
        self.pill.setStatus("blocked" if hard else "soft blocked" if dossier.blocks else "")
        self.facts.setRows(_facts(dossier))
        for button in (self.bonus, self.block, self.unblock, self.grant):
            button.setEnabled(True)
        self.block.setVisible(not hard)
        self.unblock.setVisible(bool(dossier.blocks))
        self.sections["blocks"].show_rows(
            [
                (
                    block.task_name or "everywhere",
                    f"{block.reason} · {_until(block.until)} · {ago(block.creation_date)}",
                )
                for block in dossier.blocks
            ]
        )
        self.sections["grants"].show_rows(
            [
                (held.qualification_name, f"{held.value}, since {clock_time(held.update_date)}")
                for held in dossier.grants
            ]
        )
        self.sections["work"].show_rows(
            [
                (
                    ago(work.when),
                    f"{work.task_name}, U-{work.unit_id}: {words_of(str(work.agent_status))}"
                    + (f" ({work.note})" if work.note else ""),
                )
                for work in dossier.work
            ]
        )
        self.sections["payments"].show_rows(
            [(ago(row["when"]), f"{money(*row['amount'])} {row['kind']}, {row['state']}") for row in dossier.payments]
        )
        self.sections["decisions"].show_rows(
            [
                (ago(row.creation_date), words_of(row.status) + (f": {row.review_note}" if row.review_note else ""))
                for row in dossier.decisions
            ]
        )


class Section(QWidget):
    """A heading with rows of name and value below, or a sentence when there are none."""

    def __init__(self, words: str, none: str) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 10, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(label(words, "heading", "dim"))
        self.grid = KeyValueGrid(_NAME_WIDTH)
        layout.addWidget(self.grid)
        self._none = label(none, "body", "faint")
        layout.addWidget(self._none)

    def show_rows(self, rows: list[tuple[str, str]]) -> None:
        """Replace the rows; names that come twice are told apart by a space that is not seen."""
        self._none.setVisible(not rows)
        self.grid.setVisible(bool(rows))
        seen: dict[str, int] = {}
        unique: list[tuple[str, str | QWidget]] = []
        for name, words in rows:
            seen[name] = seen.get(name, -1) + 1
            unique.append((name + "\u200b" * seen[name], words))
        self.grid.setRows(unique)


def _facts(dossier: Dossier) -> list[tuple[str, str | QWidget]]:
    tasks = dossier.tasks
    shown = ", ".join(tasks[:3]) + (f" and {len(tasks) - 3} more" if len(tasks) > 3 else "")
    return [
        ("Provider", dossier.provider),
        ("Done", f"{digits(dossier.done)} {'unit' if dossier.done == 1 else 'units'}, {count_of(len(tasks), 'task')}"),
        ("Accepted", percent(dossier.acceptance)),
        ("Agreement", percent(dossier.agreement)),
        ("Median time", duration(dossier.median_seconds)),
        ("Paid", money(*dossier.paid) if dossier.paid is not None else money(None)),
        ("Last seen", ago(dossier.last_seen)),
        ("Tasks", shown or "none"),
    ]


def _until(moment: datetime | None) -> str:
    return "no end" if moment is None else f"until {clock_time(moment)}"
