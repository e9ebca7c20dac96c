"""Those who work together: every policy about a partner who leaves, the waiting room, faults and hangs of runners."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blueprints.task_runner import Fate, PartnerPolicy, PartnerRules, decide_fate
from app.data.packets import Packet, PacketType
from app.data.repo import live_updates
from app.data.states import LEFT_AGENT, AgentStatus
from app.operations.engine.live_run import LiveTaskRun
from tests.fakes.run_stage import Stage, open_stage, until

ROWS = [{"topic": f"topic {number}", "secret": f"s{number}"} for number in range(5)]


# the rule, without anybody in it


@given(
    policy=st.sampled_from(PartnerPolicy),
    wait=st.integers(0, 300),
    status=st.sampled_from(sorted(LEFT_AGENT)),
    away=st.floats(-10, 1000),
    others=st.integers(0, 5),
    under_way=st.booleans(),
    model=st.booleans(),
)
def test_the_fate_of_a_conversation_is_always_one_that_its_policy_has(
    policy: PartnerPolicy, wait: int, status: AgentStatus, away: float, others: int, under_way: bool, model: bool
) -> None:
    rules = PartnerRules(policy, wait)
    fate = decide_fate(rules, status=status, away_seconds=away, others=others, is_under_way=under_way, has_model=model)
    assert (fate is Fate.ALONE) == (not under_way)
    if fate is Fate.HOLD:  # only who can come back is waited for, and never for ever
        assert (policy, status) == (PartnerPolicy.WAIT, AgentStatus.DISCONNECT)
        assert away < wait
    if fate is Fate.VACATE:
        assert (policy, others > 0) == (PartnerPolicy.REPLACE, True)
    if fate is Fate.MODEL:
        assert (policy, model, others > 0) == (PartnerPolicy.MODEL, True, True)
    if under_way and policy in (PartnerPolicy.END, PartnerPolicy.PAY):
        assert fate is Fate.END
    if under_way and not others and fate is not Fate.HOLD:
        assert fate is Fate.END  # nobody is kept waiting for nobody


@given(policy=st.sampled_from(PartnerPolicy), percent=st.integers(0, 100))
def test_whoever_stayed_is_paid_but_where_the_policy_is_only_to_end(policy: PartnerPolicy, percent: int) -> None:
    rules = PartnerRules(policy, compensation_percent=percent)
    assert rules.pays_those_who_stayed == (policy is not PartnerPolicy.END and percent > 0)


# on a run


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with open_stage(tmp_path) as opened:
        yield opened


async def launch(stage: Stage, policy: str = "end", **values: Any) -> LiveTaskRun:
    chat = {
        "blueprint___blueprint_type": "chat",
        "blueprint__num_assignments": None,
        "blueprint__static_task_data": ROWS,
        "blueprint__partner_policy": policy,
        "blueprint__roles": ["Ada", "Ben"],
        "blueprint__role_instructions": {"Ben": "{{secret}}"},
        "blueprint__partner_wait_in_seconds": 30,
        "blueprint__compensation_percent": 50,
        "blueprint__waiting_limit_in_seconds": 100,
        "task__reconnect_grace_in_seconds": 5,
        "task__task_reward": "1",
    }
    return await stage.launch(**{**chat, **values})


async def enter(stage: Stage, run: LiveTaskRun, *names: str) -> list[str]:
    """Workers who come, each with a page that is connected."""
    tokens = []
    for name in names:
        token = await stage.token(run, name, "v")
        stage.channel(run).inject(Packet(PacketType.ALIVE, token))
        agent = run.engine.presence.find_token(token)
        assert agent is not None
        await until(lambda agent=agent: agent.connected)  # type: ignore[misc]  # bound at once
        tokens.append(token)
    return tokens


def lose(stage: Stage, run: LiveTaskRun, token: str) -> None:
    stage.channel(run).inject(Packet(PacketType.DISCONNECTED, token))


def say(stage: Stage, run: LiveTaskRun, token: str, text: str, update_id: str, **data: Any) -> None:
    said = {"text": text, "id": token, "update_id": update_id, "task_data": data}
    stage.channel(run).inject(Packet(PacketType.MEPHISTO_BOUND_LIVE_UPDATE, token, said))


def told(stage: Stage, run: LiveTaskRun, token: str, key: str) -> list[Any]:
    """What a page was told by word of mouth."""
    sent = [p for p in stage.channel(run).sent if p.packet_type is PacketType.UPDATE_STATUS and p.subject_id == token]
    return [p.data[key] for p in sent if key in p.data]


def texts(stage: Stage, run: LiveTaskRun, token: str) -> list[str]:
    kind = PacketType.CLIENT_BOUND_LIVE_UPDATE
    sent = [p for p in stage.channel(run).sent if p.packet_type is kind and p.subject_id == token]
    return [str(p.data["text"]) for p in sent if p.data.get("text")]


def agents(stage: Stage) -> list[tuple[Any, ...]]:
    return stage.rows("SELECT unit_id, status FROM agents ORDER BY agent_id")


async def test_a_message_reaches_the_other_under_the_name_of_the_seat(stage: Stage) -> None:
    run = await launch(stage)
    ada, ben = await enter(stage, run, "mira.k", "t.oduya")
    say(stage, run, ada, "  Hello  ", "u1")
    await until(lambda: texts(stage, run, ben) == ["Hello"])
    kept = [json.loads(row[0]) for row in stage.rows("SELECT content FROM live_updates ORDER BY live_update_id")]
    assert all(ada not in json.dumps(content) and "mira.k" not in json.dumps(content) for content in kept)
    say(stage, run, ada, "Hello", "u1")
    say(stage, run, ben, "Good day", "u2")
    await until(lambda: texts(stage, run, ada) == ["Good day"])
    assert texts(stage, run, ben) == ["Hello"]  # a packet may come twice


async def test_nothing_is_handed_in_before_it_is_over(stage: Stage) -> None:
    run = await launch(stage)
    ada, ben = await enter(stage, run, "ada", "ben")
    assert await stage.submit(run, ada) == "This is not over yet, so nothing can be handed in."
    for token, update_id in ((ada, "u1"), (ben, "u2")):
        say(stage, run, token, "", update_id, wants_to_end=True)
    await until(lambda: not run.engine.live.logics.is_under_way(1))
    assert [await stage.submit(run, token) for token in (ada, ben)] == [None, None]


async def test_it_ends_for_both_and_nobody_is_paid(stage: Stage) -> None:
    run = await launch(stage)
    ada, _ = await enter(stage, run, "ada", "ben")
    lose(stage, run, ada)
    await stage.pass_time(run, 6)
    assert agents(stage) == [(1, "disconnect"), (2, "partner disconnect")]
    assert stage.one("SELECT count(*) FROM payments") == 0


async def test_it_ends_for_both_and_who_stayed_is_paid_once(stage: Stage) -> None:
    run = await launch(stage, "pay")
    ada, ben = await enter(stage, run, "ada", "ben")
    await stage.ask(run, PacketType.RETURN_UNIT, ada)
    assert stage.rows("SELECT kind, amount, worker_id, state FROM payments") == [("compensation", "0.50", 2, "settled")]
    assert "You are paid 0.50 EUR for it." in told(stage, run, ben, "reason")[-1]


async def test_who_lost_the_connection_is_waited_for_and_goes_on(stage: Stage) -> None:
    run = await launch(stage, "wait")
    ada, ben = await enter(stage, run, "ada", "ben")
    lose(stage, run, ada)
    await stage.pass_time(run, 10)
    assert told(stage, run, ben, "partner") == [{"name": "Ada", "seat": 0, "is": "away", "seconds": 30.0}]
    stage.channel(run).inject(Packet(PacketType.ALIVE, ada))
    await stage.pass_time(run, 60)
    assert told(stage, run, ben, "partner")[-1]["is"] == "back"
    say(stage, run, ada, "Here I am", "u1")
    await until(lambda: texts(stage, run, ben) == ["Here I am"])
    lose(stage, run, ada)
    await stage.pass_time(run, 40)
    assert agents(stage) == [(1, "disconnect"), (2, "partner disconnect")]
    assert stage.one("SELECT count(*) FROM payments") == 1


async def test_who_waits_longest_takes_an_open_seat_with_its_history(stage: Stage) -> None:
    run = await launch(stage, "replace")
    ada, ben = await enter(stage, run, "ada", "ben")
    say(stage, run, ben, "I know a secret", "u1")
    await until(lambda: texts(stage, run, ada) == ["I know a secret"])
    (cleo,) = await enter(stage, run, "cleo")
    assert told(stage, run, cleo, "waiting_room") == [{"position": 1, "of": 1, "missing": 1, "seconds_left": 100.0}]
    lose(stage, run, ben)
    await stage.pass_time(run, 7)
    assert agents(stage) == [(1, "in task"), (2, "disconnect"), (2, "in task")]
    assert told(stage, run, cleo, "moved") == [True]
    again = await stage.register(run, "cleo", "v")
    assert again["agent_id"] == cleo
    given = again["init_task_data"]
    assert given["task_data"]["role_instructions"] == "s0"
    former = [u for u in given["past_live_updates"] if u.get("text") == "I know a secret"]
    assert [(u["id"], u["task_data"]["former"]) for u in former] == [("Ben", True)]
    say(stage, run, cleo, "I am new", "u2")
    await until(lambda: texts(stage, run, ada)[-1] == "I am new")
    assert stage.one("SELECT status FROM units WHERE unit_id = 3") == "launched"  # where cleo had waited


async def test_somebody_who_just_comes_takes_an_open_seat(stage: Stage) -> None:
    run = await launch(stage, "replace", blueprint__static_task_data=ROWS[:1])
    ada, ben = await enter(stage, run, "ada", "ben")
    say(stage, run, ada, "Are you there?", "u1")
    await until(lambda: texts(stage, run, ben) == ["Are you there?"])
    lose(stage, run, ben)
    await stage.pass_time(run, 7)
    details = await stage.register(run, "cleo", "v")
    assert details["status"] == "in task"
    assert [u["text"] for u in details["init_task_data"]["past_live_updates"] if u.get("text")] == ["Are you there?"]
    say(stage, run, str(details["agent_id"]), "I am", "u2")
    await until(lambda: "I am" in texts(stage, run, ada))


async def test_a_seat_that_nobody_takes_ends_it(stage: Stage) -> None:
    run = await launch(stage, "replace")
    _, ben = await enter(stage, run, "ada", "ben")
    lose(stage, run, ben)
    await stage.pass_time(run, 40)
    assert agents(stage) == [(1, "partner disconnect"), (2, "disconnect")]
    assert stage.one("SELECT amount FROM payments") == "0.50"


async def test_an_open_seat_is_open_again_after_a_restart(stage: Stage) -> None:
    run = await launch(stage, "replace")
    ada, ben = await enter(stage, run, "ada", "ben")
    say(stage, run, ben, "Good bye", "u1")
    await until(lambda: texts(stage, run, ada) == ["Good bye"])
    lose(stage, run, ben)
    await stage.pass_time(run, 7)
    await stage.operator.close()
    resumed = await stage.operator.resume(run.run_id)
    await stage.made(resumed)
    await until(lambda: bool(resumed.engine.departures.partners.seats))
    details = await stage.register(resumed, "cleo", "v")
    stage.channel(resumed).inject(Packet(PacketType.ALIVE, str(details["agent_id"])))
    await stage.pass_time(resumed, 3)
    assert agents(stage)[-1] == (2, "in task")
    again = await stage.register(resumed, "cleo", "v")
    assert "Good bye" in [u.get("text") for u in again["init_task_data"]["past_live_updates"]]


async def test_a_model_takes_the_seat_and_its_unit_is_offered_to_nobody(stage: Stage) -> None:
    run = await launch(stage, "model", blueprint__model="scripted", blueprint__model_lines=["One.", "Two."])
    ada, ben = await enter(stage, run, "ada", "ben")
    say(stage, run, ada, "Well?", "u1")
    await until(lambda: texts(stage, run, ben) == ["Well?"])
    lose(stage, run, ben)
    await stage.pass_time(run, 7)
    await until(lambda: texts(stage, run, ada)[-1] == "One.")
    assert texts(stage, run, ada)[0] == "Ben has left. A program answers in their place from now on."
    assert stage.rows("SELECT status FROM units WHERE unit_id < 3") == [("assigned",), ("expired",)]
    say(stage, run, ada, "Really?", "u2")
    await until(lambda: texts(stage, run, ada)[-1] == "Two.")


async def test_the_waiting_room_has_a_limit_of_its_own(stage: Stage) -> None:
    run = await launch(stage)
    (ada,) = await enter(stage, run, "ada")
    await stage.pass_time(run, 98)
    assert agents(stage) == [(1, "waiting")]
    await stage.pass_time(run, 4)
    assert agents(stage) == [(1, "timeout")]
    assert "Nobody came" in told(stage, run, ada, "reason")[-1]


async def test_places_in_the_waiting_room_are_true(stage: Stage) -> None:
    run = await launch(stage, blueprint__roles=["A", "B", "C"], blueprint__role_instructions={})
    one, two = await enter(stage, run, "one", "two")
    await stage.pass_time(run, 2)
    places = [told(stage, run, token, "waiting_room")[-1] for token in (one, two)]
    assert [(p["position"], p["of"], p["missing"]) for p in places] == [(1, 2, 1), (2, 2, 1)]
    await stage.ask(run, PacketType.RETURN_UNIT, one)
    await stage.pass_time(run, 2)
    assert told(stage, run, two, "waiting_room")[-1]["position"] == 1


async def test_after_a_restart_a_conversation_goes_on_and_nothing_kept_is_lost(stage: Stage) -> None:
    run = await launch(stage, blueprint__turn_taking="turns")
    ada, ben = await enter(stage, run, "ada", "ben")
    say(stage, run, ada, "First", "u1")
    await until(lambda: texts(stage, run, ben) == ["First"])
    await stage.operator.close()
    # kept before the program ended, but not passed on
    content = {"text": "Second", "id": "Ben", "update_id": "u2", "task_data": {}}
    now = stage.clock.now()
    await stage.store.write(live_updates.append_live_updates, [live_updates.NewUpdate(2, "in", "u2", content)], now)
    resumed = await stage.operator.resume(run.run_id)
    await stage.register(resumed, "ada", "v")
    await until(lambda: texts(stage, resumed, ada) == ["Second"])
    say(stage, resumed, ben, "Out of turn", "u3")
    say(stage, resumed, ada, "Third", "u4")
    await until(lambda: "Third" in texts(stage, resumed, ben))
    assert "Out of turn" not in texts(stage, resumed, ada)


# runners of the requester


def runner(folder: Path, body: str) -> str:
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    file = folder / "runner.py"
    file.write_text(f"import time\n\nclass Runner:\n    async def run_assignment(self, agents):\n{lines}\n", "utf-8")
    return str(file)


async def test_a_failing_runner_ends_its_own_assignment_with_file_and_line(stage: Stage) -> None:
    code = runner(stage.folder, "said = await agents[0].get_live_update()\nraise KeyError(said['text'])")
    run = await launch(stage, "pay", blueprint__task_code=code)
    ada, _, *others = await enter(stage, run, "ada", "ben", "cleo", "dan")
    say(stage, run, ada, "oops", "u1")
    await until(lambda: not run.engine.live.logics.is_under_way(1) and len(run.engine.presence) == 2)
    assert [row[1] for row in agents(stage)] == ["expired", "expired", "in task", "in task"]
    await stage.pass_time(run, 1)
    (message,) = stage.events("assignment.failed")
    assert "runner.py, line 6, in run_assignment: KeyError: 'oops'" in message
    assert stage.one("SELECT count(*) FROM payments") == 2
    say(stage, run, others[0], "fine", "u1")
    assert run.engine.live.logics.is_under_way(2)


async def test_a_runner_that_holds_its_loop_is_broken_off_and_the_others_go_on(stage: Stage) -> None:
    body = (
        "said = await agents[0].get_live_update()\n"
        "while said['text'] == 'hang':\n    pass\n"
        "await agents[1].observe({'text': said['text']})\n"
    )
    run = await launch(stage, blueprint__task_code=runner(stage.folder, body))
    run.engine.live.logics._loop._hang = 0.2
    ada, _, cleo, dan = await enter(stage, run, "ada", "ben", "cleo", "dan")
    say(stage, run, ada, "hang", "u1")
    async with asyncio.timeout(20):
        await until(lambda: not run.engine.live.logics.is_under_way(1))
    say(stage, run, cleo, "still here", "u1")
    await until(lambda: texts(stage, run, dan) == ["still here"])
    await stage.pass_time(run, 1)
    (message,) = stage.events("assignment.failed")
    assert "runner.py, line " in message
    assert "broken off" in message


async def test_a_runner_that_sleeps_costs_the_others_a_new_beginning_only(stage: Stage) -> None:
    body = (
        "before = [u['text'] for u in agents[0].past_updates if u.get('text')]\n"
        "said = await agents[0].get_live_update()\n"
        "if said['text'] == 'hang':\n    time.sleep(3)\n"
        "await agents[1].observe({'text': said['text'] + ' after ' + ','.join(before)})\n"
        "await agents[0].get_live_update()\n"
    )
    run = await launch(stage, blueprint__task_code=runner(stage.folder, body))
    run.engine.live.logics._loop._hang = run.engine.live.logics._loop._break = 0.2
    ada, _, cleo, dan = await enter(stage, run, "ada", "ben", "cleo", "dan")
    say(stage, run, cleo, "one", "u1")
    await until(lambda: texts(stage, run, dan) == ["one after "])
    say(stage, run, ada, "hang", "u1")
    async with asyncio.timeout(20):
        await until(lambda: not run.engine.live.logics.is_under_way(1))
    say(stage, run, cleo, "two", "u2")
    await until(lambda: texts(stage, run, dan)[-1] == "two after one")
    await stage.pass_time(run, 1)
    (message,) = stage.events("assignment.failed")
    assert "runner.py, line 8, in run_assignment: it hangs, and was given up." in message


async def test_a_logic_that_never_ends_is_ended(stage: Stage) -> None:
    code = runner(stage.folder, "import asyncio\nawait asyncio.Event().wait()")
    run = await launch(
        stage, blueprint__task_code=code, task__assignment_duration_in_seconds=30, task__submission_timeout=10
    )
    await enter(stage, run, "ada", "ben")
    await stage.pass_time(run, 31)
    assert [row[1] for row in agents(stage)] == ["timeout", "timeout"]
    await stage.pass_time(run, 12)
    assert not run.engine.live.logics.is_under_way(1)
    assert "did not end" in stage.events("assignment.failed")[0]


async def test_a_silent_worker_is_let_go_and_the_other_is_paid(stage: Stage) -> None:
    quick = {"blueprint__turn_taking": "turns", "blueprint__silence_seconds": 20}
    run = await launch(stage, "pay", **quick)
    await enter(stage, run, "ada", "ben")
    await stage.clock.wait_asleep(3)  # the watch, the reconciler, and who listens for silence
    await stage.pass_time(run, 22)
    await until(lambda: len(run.engine.presence) == 0)
    assert [row[1] for row in agents(stage)] == ["timeout", "partner disconnect"]
    assert stage.rows("SELECT worker_id FROM payments") == [(2,)]
