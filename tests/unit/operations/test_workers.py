"""What is done about workers is written down with author and reason, holds here, and is mirrored at the provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.data.repo import journal, reviews, standings, subjects, tasks
from app.data.repo.standings import Standing
from app.data.store import Session
from app.errors import EntryDoesNotExist, InvalidEntry
from tests.fakes.data_rows import NOW
from tests.fakes.desk_scene import DeskScene, open_scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[DeskScene]:
    async with open_scene(tmp_path, "mock") as made:
        yield made


async def facts(scene: DeskScene, worker_id: int) -> Standing:
    def look(session: Session) -> Standing:
        run = tasks.get_task_run(session, scene.run_id)
        return standings.standings(
            session, task_id=run.task_id, run_id=run.task_run_id, worker_ids=[worker_id],
            qualification_names=["trained"], count_held=False, count_taken=False, now=scene.clock.now(),
        )[worker_id]  # fmt: skip

    return await scene.store.read(look)


async def decisions(scene: DeskScene, worker_id: int) -> list[tuple[str, str | None, str]]:
    rows = await scene.store.read(reviews.list_reviews, worker_id=worker_id)
    return [(row.status, row.review_note, row.author) for row in rows]


async def test_a_block_holds_is_written_down_and_mirrored(scene: DeskScene) -> None:
    one, two = scene.worker_ids
    done = await scene.workers.block([one, one], "spam")
    assert (done.changed, done.warnings) == (1, [])
    assert (await facts(scene, one)).blocked
    assert not (await facts(scene, two)).blocked
    assert await decisions(scene, one) == [("block", "spam", "rita")]
    assert scene.account.blocked == {"worker 0": "spam"}
    events = await scene.store.read(journal.list_events, kinds=["worker.blocked"])
    assert [(event.author, event.details) for event in events] == [("rita", {"workers": [str(one)]})]


async def test_a_block_ends_by_itself_or_is_lifted(scene: DeskScene) -> None:
    one, two = scene.worker_ids
    await scene.workers.block([one], "pause", until=NOW + timedelta(hours=1), author="paul")
    await scene.clock.turn(3601)
    assert not (await facts(scene, one)).blocked
    await scene.workers.block([two], "spam")
    assert (await scene.workers.unblock([one, two], "a mistake")).changed == 2
    assert (await scene.workers.unblock([two])).changed == 0
    assert not (await facts(scene, two)).blocked
    assert scene.account.blocked == {}
    assert (await decisions(scene, two))[0] == ("unblock", "a mistake", "rita")


async def test_a_block_whose_time_is_over_is_lifted_everywhere(scene: DeskScene) -> None:
    """It is shown no more, and the provider, which keeps no dates, is told."""
    one, two = scene.worker_ids
    await scene.workers.block([one], "pause", until=NOW + timedelta(hours=1))
    await scene.workers.block([two], "spam")
    await scene.clock.turn(3599)
    assert await scene.workers.lift_ended() == 0
    await scene.clock.turn(2)
    await scene.desk.apply_due()
    standing = await scene.store.read(subjects.list_standing_blocks, [one, two])
    assert [(block.worker_id, block.reason) for block in standing] == [(two, "spam")]
    assert scene.account.blocked == {"worker 1": "spam"}
    events = await scene.store.read(journal.list_events, kinds=["worker.unblocked"])
    assert [event.message for event in events] == ["worker 0: the time of the block is over."]


async def test_a_soft_block_is_for_one_task_and_stays_here(scene: DeskScene) -> None:
    run = await scene.store.read(tasks.get_task_run, scene.run_id)
    await scene.workers.soft_block(scene.worker_ids, run.task_id, "enough")
    found = await facts(scene, scene.worker_ids[0])
    assert (found.blocked, found.soft_blocked) == (False, True)
    assert scene.account.calls_of("block_worker") == []
    assert (await scene.workers.unblock(scene.worker_ids[:1], task_id=run.task_id)).changed == 1
    assert not (await facts(scene, scene.worker_ids[0])).soft_blocked


async def test_what_cannot_be_is_refused(scene: DeskScene) -> None:
    with pytest.raises(InvalidEntry, match="reason"):
        await scene.workers.block(scene.worker_ids, " ")
    with pytest.raises(InvalidEntry, match="no such worker"):
        await scene.workers.block([999], "spam")
    with pytest.raises(EntryDoesNotExist):
        await scene.workers.revoke(scene.worker_ids, "never made")
    with pytest.raises(EntryDoesNotExist):
        await scene.workers.delete_qualification("never made")
    with pytest.raises(InvalidEntry):
        await scene.workers.grant(scene.worker_ids, " ")


async def test_a_qualification_is_granted_changed_and_taken_away(scene: DeskScene) -> None:
    one, two = scene.worker_ids
    await scene.workers.grant([one, two], "trained")
    await scene.workers.grant([one], "trained", 5)
    assert (await facts(scene, one)).qualifications == {"trained": 5}
    assert scene.account.qualifications["trained"] == {"worker 0": 5, "worker 1": 1}
    assert (await scene.workers.revoke([one, two], "trained")).changed == 2
    assert (await scene.workers.revoke([one, two], "trained")).changed == 0
    assert (await facts(scene, one)).qualifications == {}
    assert [status for status, _, _ in await decisions(scene, one)] == ["revoke", "grant", "grant"]


async def test_a_provider_that_does_not_hear_is_a_warning_and_here_it_holds(scene: DeskScene) -> None:
    scene.account.script("block_worker", "disconnect")
    done = await scene.workers.block(scene.worker_ids, "spam")
    assert done.changed == 2
    assert len(done.warnings) == 1
    assert "worker 0" in done.warnings[0]
    assert (await facts(scene, scene.worker_ids[0])).blocked
    assert len(await scene.store.read(journal.list_events, kinds=["provider.not_told"])) == 1


async def test_grants_come_from_a_csv_file(scene: DeskScene, tmp_path: Path) -> None:
    path = tmp_path / "grants.csv"
    path.write_text("worker_name,value\nworker 0,3\nnobody,1\nworker 1,\nworker 1,many\n", "utf-8")
    outcome = await scene.workers.grant_from_csv(path, "trained", "mock")
    assert outcome.decided == {"granted": 2}
    assert [(problem.line, problem.message) for problem in outcome.problems] == [
        (3, 'there is no mock worker "nobody".'),
        (5, '"many" is no whole number between -2147483647 and 2147483647.'),
    ]
    assert scene.account.qualifications["trained"] == {"worker 0": 3, "worker 1": 1}


async def test_each_row_of_a_file_stands_for_itself(scene: DeskScene, tmp_path: Path) -> None:
    path = tmp_path / "grants.csv"
    path.write_text(
        "worker_name,value,provider\nworker 0,99999999999999999999,\nworker 1,2,\nworker 1,3,mock\n,4,\n"
        "worker 0,5,mock\nworker 0,6,elsewhere\n"
    )
    outcome = await scene.workers.grant_from_csv(path, "trained", "mock")
    assert outcome.decided == {"granted": 2}
    assert [(problem.line, problem.message) for problem in outcome.problems] == [
        (2, '"99999999999999999999" is no whole number between -2147483647 and 2147483647.'),
        (4, '"worker 1" stands in line 3 already, whose value is used.'),
        (5, "there is no name."),
        (7, 'there is no elsewhere worker "worker 0".'),
    ]
    assert scene.account.qualifications["trained"] == {"worker 0": 5, "worker 1": 2}


async def test_deleting_a_qualification_deletes_its_grants_and_mirror(scene: DeskScene) -> None:
    await scene.workers.grant(scene.worker_ids, "trained")
    assert (await scene.workers.delete_qualification("trained")).changed == 2
    assert (await facts(scene, scene.worker_ids[0])).qualifications == {}
    assert "trained" not in scene.account.qualifications
