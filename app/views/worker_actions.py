"""The context menus of units, agents and workers, and the sheets that they open: the same on every page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from app.viewmodels.decisions import cost_words
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import count_of
from app.viewmodels.worker_actions import (
    APPROVED,
    REJECTED,
    SOFT_REJECTED,
    BlockTerms,
    Subjects,
    Verdict,
    WorkerActions,
    words_for,
)
from app.views import theme
from app.views.action_sheets import BlockSheet, BonusSheet, DecisionSheet, GrantSheet, MessageSheet, RevokeSheet
from app.views.errands import Errands, Work


class ActionDesk(QObject):
    """Menus and sheets over one page (`host`). `history_asked(int)`: the dossier of a worker is wanted.

    Each action may also be called by itself (`approve`, `reject`, `bonus`, `block`, ...), as a key of a page does.
    """

    history_asked = Signal(int)

    def __init__(self, desktop: Desktop, host: QWidget) -> None:
        super().__init__(host)
        self._actions, self._toasts, self._host = WorkerActions(desktop, self), desktop.toasts, host
        self.errands = Errands(desktop.toasts, host)

    # menus

    def menu(self, subjects: Subjects, copy: Callable[[], object] | None = None) -> QMenu:
        """The context menu for what is selected; the caller pops it up."""
        menu = QMenu(self._host)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if subjects.kind != "workers":
            self._add_decisions(menu, subjects)
        self._add_people(menu, subjects)
        menu.addSeparator()
        if len(subjects.ids) == 1:
            self._add(menu, "History and record", "ph.clock-counter-clockwise", lambda: self.history(subjects))
            if subjects.kind != "workers":
                self._add(menu, "Open data folder", "ph.folder-open", lambda: self.open_folder(subjects))
            self._add_links(menu, subjects)
        if copy is not None:
            self._add(menu, "Copy\tCtrl+C", "ph.copy", copy)
        return menu

    def popup(self, subjects: Subjects, place: QPoint, copy: Callable[[], object] | None = None) -> None:
        """Open the context menu at a global place."""
        self.menu(subjects, copy).popup(place)

    # decisions

    def approve(self, subjects: Subjects) -> None:
        """Approve: one at once (it can be undone), many after a look at what it costs."""
        self._decide(subjects, APPROVED, "Approve")

    def soft_reject(self, subjects: Subjects) -> None:
        """Pay, but mark below the bar: one at once, many after a look at what it costs."""
        self._decide(subjects, SOFT_REJECTED, "Soft-reject")

    def reject(self, subjects: Subjects) -> None:
        """Reject, with the reason that the worker reads."""
        self._decide(subjects, REJECTED, "Reject")

    # people

    def bonus(self, subjects: Subjects) -> None:
        """Ask for amount and reason of a bonus."""

        def ask(terms: Any) -> None:
            sheet = BonusSheet(len(terms.people), words_for(terms.people), terms.currency, terms.fee)
            self.errands.confirm(sheet, lambda: (self._actions.pay_bonus, (terms, sheet.amount(), sheet.reason())))

        self.errands.run(self._actions.bonus_terms, subjects, then=ask)

    def block(self, subjects: Subjects, *, soft: bool = False) -> None:
        """Ask why and for how long a block, everywhere or (soft) from one task."""

        def ask(terms: Any) -> None:
            sheet = BlockSheet(words_for(terms.people), terms.tasks if soft else None, _block_note(terms))

            def confirmed() -> tuple[Work, tuple[Any, ...]]:
                return self._actions.block, (terms.people, sheet.reason(), sheet.days(), sheet.task_id())

            self.errands.confirm(sheet, confirmed)

        self.errands.run(self._actions.block_terms, subjects, then=ask)

    def unblock(self, subjects: Subjects) -> None:
        """Lift all blocks."""
        self.errands.run(self._actions.unblock, subjects)

    def grant(self, subjects: Subjects, name: str = "") -> None:
        """Ask which qualification, with which value."""

        def ask(found: Any) -> None:
            people, names = found
            sheet = GrantSheet(words_for(people), names, name)
            self.errands.confirm(sheet, lambda: (self._actions.grant, (people, sheet.name(), sheet.value())))

        self.errands.run(self._actions.grant_terms, subjects, then=ask)

    def revoke(self, subjects: Subjects) -> None:
        """Ask which of the qualifications that are held to take back."""

        def ask(found: Any) -> None:
            people, held = found
            names = {one.qualification_id: one.name for one in held}
            sheet = RevokeSheet(words_for(people), [(one.qualification_id, _held_words(one, people)) for one in held])

            def confirmed() -> tuple[Work, tuple[Any, ...]]:
                return self._actions.revoke, (people, [names[key] for key in sheet.chosen()])

            self.errands.confirm(sheet, confirmed)

        self.errands.run(self._actions.revoke_terms, subjects, then=ask)

    def revoke_one(self, subjects: Subjects, name: str) -> None:
        """Take one qualification back; it can be undone."""

        def revoke(people: Any) -> None:
            self.errands.run(self._actions.revoke, people, [name])

        self.errands.run(self._actions.people, subjects, then=revoke)

    def message(self, subjects: Subjects) -> None:
        """Ask for a text to show on the pages of those who are at work."""

        def ask(agents: Any) -> None:
            who = subjects.words if subjects.kind in ("workers", "agents") else count_of(len(agents), "worker")
            sheet = MessageSheet(who, "It appears on the worker's page at once. It cannot be taken back.")
            self.errands.confirm(sheet, lambda: (self._actions.message, (agents, sheet.text())))

        self.errands.run(self._actions.message_agents, subjects, then=ask)

    def history(self, subjects: Subjects) -> None:
        """Ask for the dossier of the worker."""
        self.errands.run(
            self._actions.people, subjects, then=lambda people: self.history_asked.emit(people[0].worker_id)
        )

    def find_unit(self, subjects: Subjects, then: Callable[[int], object]) -> None:
        """Call `then` with the unit of an agent."""
        self.errands.run(self._actions.unit_ids, subjects, then=lambda unit_ids: then(unit_ids[0]))

    def open_folder(self, subjects: Subjects) -> None:
        """Show the folder of what was uploaded, in the system's file manager."""

        def show(folder: Any) -> None:
            if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
                self._toasts.say(f"No file manager answered. The folder is {folder}.", "warn")

        self.errands.run(self._actions.folder, subjects, then=show)

    def copy_link(self, subjects: Subjects, run_id: int) -> None:
        """Copy a personal entry link to a run."""

        def copy(link: Any) -> None:
            QGuiApplication.clipboard().setText(str(link))
            self._toasts.say(f"The link is copied: it admits {subjects.words} and nobody else.", "ok")

        self.errands.run(self._actions.personal_link, subjects, run_id, then=copy)

    # how

    def _decide(self, subjects: Subjects, verdict: Verdict, verb: str) -> None:
        rejecting = verdict is REJECTED
        if len(subjects.ids) == 1 and not rejecting:
            self.errands.run(self._actions.decide, subjects, verdict)
            return
        recent = self._actions.recent_reasons() if rejecting else ()
        sheet = DecisionSheet(f"{verb} {subjects.words}", verb, reason_needed=rejecting, recent=recent)
        sheet.setPreview("Working out what it costs …", "dim")
        self.errands.confirm(sheet, lambda: (self._actions.decide, (subjects, verdict, sheet.text())))

        def show(preview: Any) -> None:
            if sheet.is_open():
                possible = bool(preview.count)
                sheet.setPreviewKnown(cost_words(preview, verdict), "" if possible else "bad", possible)

        self.errands.run(self._actions.preview, subjects, verdict, then=show, failed=sheet.fail)

    def _add_decisions(self, menu: QMenu, subjects: Subjects) -> None:
        self._add(menu, "Approve", "ph.check", lambda: self.approve(subjects))
        self._add(menu, "Soft-reject", "ph.minus-circle", lambda: self.soft_reject(subjects))
        self._add(menu, "Reject …", "ph.x", lambda: self.reject(subjects), "bad")
        menu.addSeparator()

    def _add_people(self, menu: QMenu, subjects: Subjects) -> None:
        self._add(menu, "Bonus …", "ph.coin", lambda: self.bonus(subjects))
        self._add(menu, "Message …", "ph.chat-text", lambda: self.message(subjects))
        menu.addSeparator()
        self._add(menu, "Block …", "ph.prohibit", lambda: self.block(subjects), "bad")
        self._add(menu, "Soft-block …", "ph.prohibit-inset", lambda: self.block(subjects, soft=True))
        self._add(menu, "Unblock", "ph.lock-open", lambda: self.unblock(subjects))
        menu.addSeparator()
        self._add(menu, "Grant a qualification …", "ph.star", lambda: self.grant(subjects))
        self._add(menu, "Revoke a qualification …", "ph.star-half", lambda: self.revoke(subjects))

    def _add_links(self, menu: QMenu, subjects: Subjects) -> None:
        runs = self._actions.serving()
        if subjects.run_id is not None:
            runs = [run for run in runs if run[0] == subjects.run_id]
        for run_id, name in runs[:8]:
            words = "Copy personal entry link" + (f" to “{name}”" if len(runs) > 1 else "")
            self._add(menu, words, "ph.link", partial(self.copy_link, subjects, run_id))

    def _add(self, menu: QMenu, words: str, icon: str, slot: Callable[[], object], tint: str = "dim") -> None:
        action = menu.addAction(theme.current().icon(icon, tint), words)
        action.triggered.connect(lambda _checked=False: slot())


def _block_note(terms: BlockTerms) -> str:
    if not terms.at_work:
        return "Entry and every new unit are refused from now on."
    if len(terms.people) == 1:
        return (
            f"{words_for(terms.people)} is at work now and may still hand in the unit held. Every new unit is refused."
        )
    who = "One of them is" if terms.at_work == 1 else f"{terms.at_work} of them are"
    return f"{who} at work now and may still hand in the unit held. Every new unit is refused."


def _held_words(held: Any, people: Any) -> str:
    values = f"{held.lowest}" if held.lowest == held.highest else f"{held.lowest} to {held.highest}"
    return f"{held.name} ({values})" if len(people) == 1 else f"{held.name} ({values}), held by {held.holders}"
