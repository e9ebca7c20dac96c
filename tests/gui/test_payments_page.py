"""The place of payments, driven by mouse and keys over a real database."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.data.repo import ledger, listing, money, people
from app.data.repo.listing import ListingQuery
from app.data.repo.money import NewPayment
from app.data.states import PaymentKind, PaymentState
from app.data.store import Session
from app.viewmodels.payments import By
from app.views.action_sheets import ConfirmSheet
from app.views.payments_page import PaymentsPage
from tests.fakes.run_history import Past
from tests.gui.page_case import PageCase, open_page

PAST = Past(items=20, workers=6, done=30, decided=30, at_work=0, task_name="birds", project="Nature")


@pytest.fixture
async def case(qapp: QApplication, tmp_path: Path) -> AsyncIterator[PageCase]:
    async with open_page(tmp_path, "payments", PaymentsPage, PAST) as (made, _):

        def more(session: Session) -> None:
            worker_id = people.find_worker(session, "mira", "inhouse")
            assert worker_id is not None
            states = (PaymentState.FAILED, PaymentState.FAILED, PaymentState.UNKNOWN, PaymentState.SETTLED)
            rows = [
                NewPayment(
                    f"bonus:{worker_id}:{n}", PaymentKind.BONUS, worker_id, None, None, "inhouse", Decimal("1.50"),
                    "USD", reason="Thank you", state=state,
                )
                for n, state in enumerate(states)
            ]  # fmt: skip
            money.intend_payments(session, rows, made.clock.now())

        await made.desktop.store.write(more)
        made.begin()
        await made.until(lambda: bool(page(made).viewmodel.sums), "the sums")
        await made.until(lambda: page(made).panes["payments"].model.values_at(0) is not None, "the rows")
        yield made


def page(case: PageCase) -> PaymentsPage:
    found = case.window.page()
    assert isinstance(found, PaymentsPage)
    return found


async def states(case: PageCase) -> dict[str, int]:
    sums = await case.desktop.store.read(ledger.sums_by_state)
    found: dict[str, int] = {}
    for one in sums:
        found[one.state] = found.get(one.state, 0) + one.payments
    return found


async def ids_of(case: PageCase, *wanted: str) -> list[int]:
    return list(await case.desktop.store.read(listing.list_ids, ListingQuery("payments", {}, {"state": wanted})))


async def test_the_tiles_sum_exactly_by_state_and_currency(case: PageCase) -> None:
    sums = await case.desktop.store.read(ledger.sums_by_state)
    settled = sum((one.amount for one in sums if one.state == "settled" and one.currency == "EUR"), Decimal(0))
    shown = page(case).tiles.tile("settled").figure().replace("\u00a0", " ")
    assert shown == f"€ {settled:.2f} and $ 1.50"
    assert page(case).tiles.tile("unknown").figure().replace("\u00a0", " ") == "$ 1.50"


async def test_the_tabs_total_by_run_project_worker_and_currency(case: PageCase) -> None:
    wanted: tuple[tuple[By, str], ...] = (("run", "birds, R-1"), ("project", "Nature"), ("currency", "EUR"))
    for key, name in wanted:
        page(case).tabs.setCurrent(key)
        pane = page(case).panes[key]
        totals = await case.desktop.store.read(money.totals, key)
        await case.rows(pane.view, len(totals))
        shown = {pane.model.value(row, "name"): pane.model.value(row, "amount") for row in range(len(pane.model.ids))}
        assert name in shown
        assert {(row.amount, row.currency) for row in totals} == set(shown.values())
    page(case).tabs.setCurrent("worker")
    pane = page(case).panes["worker"]
    await case.until(lambda: len(pane.model.ids) >= 6 and pane.model.values_at(0) is not None, "the workers")
    QTest.keyClicks(pane.search, "mir")
    QTest.keyClick(pane.search, Qt.Key.Key_Return)
    await case.rows(pane.view, 2)
    assert {pane.model.value(row, "currency") for row in range(2)} == {"EUR", "USD"}


async def test_totals_are_those_of_the_last_change_also_when_no_row_comes_or_goes(case: PageCase) -> None:
    payments = page(case)
    payments.show_tab("currency")
    model = payments.panes["currency"].model

    def open_dollars() -> Decimal | None:
        rows = [model.values_at(row) for row in range(len(model.ids))]
        return next((values[4][0] for values in rows if values is not None and values[5] == "USD"), None)

    await case.until(lambda: open_dollars() == Decimal("1.50"), "the sum that is unknown still")
    await case.desktop.store.write(
        ledger.move, await ids_of(case, "unknown"), PaymentState.UNKNOWN, PaymentState.SETTLED
    )
    await case.until(lambda: open_dollars() == 0, "the sum once it is settled")


async def test_a_double_click_on_a_sum_shows_its_payments(case: PageCase) -> None:
    page(case).tabs.setCurrent("worker")
    pane = page(case).panes["worker"]
    await case.rows(pane.view, len(await case.desktop.store.read(money.totals, "worker")))
    name = pane.model.value(0, "name")
    case.click_row(pane.view, 0, double=True)
    assert page(case).tabs.current() == "payments"
    ledger_pane = page(case).panes["payments"]
    assert ledger_pane.search.text() == name

    def only_theirs() -> bool:
        model = ledger_pane.model
        found = {model.value(row, "worker") for row in range(len(model.ids))}
        return bool(found) and all(worker is not None and name in worker for worker in found)

    await case.until(only_theirs, "the payments of that worker only")


async def test_chips_show_the_failed_ones(case: PageCase) -> None:
    pane = page(case).panes["payments"]
    QTest.mouseClick(pane.chips._chips["failed"], Qt.MouseButton.LeftButton)
    await case.rows(pane.view, len(await ids_of(case, "failed")))
    assert {pane.model.value(row, "state") for row in range(len(pane.model.ids))} == {"failed"}


async def test_failed_ones_are_sent_again_after_a_look_at_how_many_and_how_much(case: PageCase) -> None:
    failed = await ids_of(case, "failed")
    button = page(case).retry_button
    assert button.text() == f"Send {len(failed)} failed again …"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    sheet = await case.sheet(ConfirmSheet)
    assert sheet.preview.text().replace("\u00a0", " ").startswith(f"{len(failed)} payments, $ 3.00")
    case.confirm(sheet)
    await case.closed(sheet)
    toast = await case.said("Sent again")
    assert f"{len(failed)} settled" in toast.text
    assert "failed" not in await states(case)
    assert (await states(case))["unknown"] == 1, "what is unknown is not paid again"
    await case.until(lambda: not button.isVisible(), "the button goes")


async def test_one_that_is_settled_is_not_sent_again(case: PageCase) -> None:
    pane = page(case).panes["payments"]
    pane.view.select_ids((await ids_of(case, "settled"))[:1])
    case.choose(await case.menu(pane.view), "Send again …")
    await case.said("None of these failed for certain")


async def test_failed_ones_are_called_off(case: PageCase) -> None:
    failed = await ids_of(case, "failed")
    pane = page(case).panes["payments"]
    pane.view.select_ids(failed, failed[0])
    case.choose(await case.menu(pane.view), "Call off …")
    sheet = await case.sheet(ConfirmSheet)
    case.confirm(sheet)
    await case.closed(sheet)
    assert (await states(case))["cancelled"] == len(failed)


async def test_reconcile_asks_and_tells(case: PageCase) -> None:
    QTest.mouseClick(page(case).reconcile_button, Qt.MouseButton.LeftButton)
    await case.said("Reconciled")
    assert "unknown" not in await states(case)


async def test_the_ledger_is_exported_whole(case: PageCase, tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    page(case).viewmodel.export(path)
    await case.said(str(path))
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum((await states(case)).values())
    assert {row["currency"] for row in rows} == {"EUR", "USD"}


async def test_a_double_click_leads_to_the_worker(case: PageCase) -> None:
    pane = page(case).panes["payments"]
    case.click_row(pane.view, 0, double=True)
    await case.until(lambda: bool(case.places), "the way to the worker")
    assert case.places[-1] == ("workers", {"name": pane.model.value(0, "worker")})


async def test_a_payment_that_comes_meanwhile_is_counted(case: PageCase) -> None:
    before = page(case).viewmodel.count(PaymentState.SETTLED)
    worker_id = await case.desktop.store.read(people.find_worker, "lena", "inhouse")
    assert worker_id is not None
    await case.desktop.ledger.pay_bonus([worker_id], Decimal(2), "fine", currency="EUR")
    await case.until(lambda: page(case).viewmodel.count(PaymentState.SETTLED) == before + 1, "the new one")


async def test_an_empty_ledger_says_what_belongs_there(qapp: QApplication, tmp_path: Path) -> None:
    async with open_page(tmp_path, "payments", PaymentsPage) as (made, _):
        made.begin()
        await made.until(page(made).panes["payments"].showing_empty, "the empty panel")
