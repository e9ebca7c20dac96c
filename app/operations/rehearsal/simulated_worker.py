"""One simulated worker: enters by a link, takes units and answers them over the same wire as a person's browser."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from app.blueprints.base import Blueprint, SimulatesFiles, SimulatesOnboarding
from app.blueprints.known_rows import with_truth
from app.data.packets import ONBOARDING_PREFIX, Packet, PacketType

HEARTBEAT_SECONDS = 6.0
RETRY_SECONDS = 0.25
LONGEST_RETRY_SECONDS = 5.0
TRY_AGAIN = frozenset({"run_full", "paused", "not_ready", "all_taken", "concurrent_limit", "failed", "looking"})
"""Refusals that a person would try again after; any other one sends them home."""
ENDED = frozenset({"disconnect", "timeout", "returned", "expired", "partner disconnect"})
TALK_SECONDS = 120.0
"""So long a simulated worker waits for somebody to come, or to say something."""
BUSY = frozenset({429, 502, 503, 504})


@dataclass
class Tally:
    """What the workers of a rehearsal did and met, together."""

    entered: int = 0
    registered: int = 0
    submitted: int = 0
    dropped: int = 0
    double_submits: int = 0
    malformed_frames: int = 0
    forged_submits: int = 0
    sudden_closes: int = 0
    retries: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    """Code or reason -> how often."""
    faults: list[str] = field(default_factory=list)
    """What the other side did that it must not do; the first hundred."""
    register_seconds: list[float] = field(default_factory=list)
    submit_seconds: list[float] = field(default_factory=list)

    def fault(self, text: str) -> None:
        """Note a broken promise of the router or the desktop."""
        if len(self.faults) < 100:
            self.faults.append(text)


@dataclass(frozen=True)
class Habits:
    """How a simulated worker works. Shares are 0 to 1."""

    accuracy: float = 0.9
    units_per_minute: float = 0.0
    """0: as fast as it goes."""
    drop_out: float = 0.0
    rudeness: float = 0.0
    units: int = 0
    """How many they do before they go home; 0: as many as there are."""


class Left(Exception):
    """The worker leaves: refused, dropped out, or the pages are not served any more."""


class SimulatedWorker:
    """A person with a browser, as far as the wire can tell."""

    def __init__(
        self, name: str, entry_link: str, habits: Habits, blueprint: Blueprint, tally: Tally, seed: str,
        transport: httpx.AsyncBaseTransport, on_counts: Callable[[], None],
    ) -> None:  # fmt: skip
        self.name = name
        self._link = entry_link
        self._habits = habits
        self._blueprint = blueprint
        self._tally = tally
        self._chance = random.Random(seed)  # noqa: S311 - a rehearsal repeats by its seed
        parts = urlsplit(entry_link)
        self._base = f"{parts.scheme}://{parts.netloc}"
        self._socket_url = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}/"
        self._client = httpx.AsyncClient(transport=transport, base_url=self._base, timeout=30, trust_env=False)
        self._on_counts = on_counts
        self._visit = 0

    async def work(self) -> bool:
        """Unit after unit until refused; True when the worker dropped out (another one may take the place)."""
        try:
            await self._enter()
            done = 0
            while not self._habits.units or done < self._habits.units:
                try:
                    await self._one_unit()
                except _PartnerLeft:
                    continue
                done += 1
                self._on_counts()
        except _DroppedOut:
            self._tally.dropped += 1
            return True
        except (Left, httpx.TransportError):
            pass
        return False

    async def _enter(self) -> None:
        if urlsplit(self._link).path.startswith("/enter/"):
            answer = await self._send(lambda: self._client.get(urlsplit(self._link).path))
            if answer.status_code not in (200, 303):
                self._refused(_reason(answer))
            state = await self._send(lambda: self._client.get("/worker_state"))
            if state.status_code == 403:  # an open link: the welcome page asks for a name
                answer = await self._send(lambda: self._client.post("/enter", json={"name": self.name}))
                if answer.status_code != 200:
                    self._refused(_reason(answer))
                state = await self._send(lambda: self._client.get("/worker_state"))
            if state.status_code == 200:
                self.name = str(state.json().get("worker_name") or self.name)
        self._tally.entered += 1

    async def _one_unit(self) -> None:
        self._visit += 1
        visit = f"rehearsal-{self._chance.getrandbits(64):016x}"
        details = await self._register(visit)
        if str(details["agent_id"]).startswith(ONBOARDING_PREFIX):
            details = await self._pass_onboarding(details)
        token = str(details["agent_id"])
        inputs = details.get("init_task_data") or {}
        socket = await self._open_socket(token)
        beat = asyncio.create_task(self._keep_alive(socket, token))
        try:
            if self._chance.random() < self._habits.drop_out:
                raise _DroppedOut
            await self._think()
            if self._blueprint.live.simulate is not None:
                await self._talk(socket, visit, token, inputs)
            if self._chance.random() < self._habits.rudeness:
                socket = await self._be_rude(socket, visit, token)
            await self._submit(token, inputs)
        finally:
            await call_off([beat])
            with suppress(WebSocketException, OSError):
                await socket.close()

    async def _register(self, visit: str) -> dict[str, Any]:
        body = {
            "provider_data": {
                "worker_name": self.name,
                "assignment_id": visit,
                "agent_registration_id": f"{visit}-{self.name}",
                "provider_type": self._blueprint.BLUEPRINT_TYPE,
            },
            "client_timestamp": time.time(),
        }
        pause = RETRY_SECONDS
        while True:
            started = time.perf_counter()
            answer = await self._send(lambda: self._client.post("/request_agent", json=body))
            if answer.status_code != 200:
                self._refused(_reason(answer))
            details: dict[str, Any] = answer.json()["data"]
            if details.get("agent_id"):
                self._tally.register_seconds.append(time.perf_counter() - started)
                self._tally.registered += 1
                return details
            code = str(details.get("failure_code") or details.get("failure_reason"))
            if code not in TRY_AGAIN:
                self._refused(code)
            self._tally.retries += 1
            await asyncio.sleep(pause * (0.5 + self._chance.random()))
            pause = min(pause * 2, LONGEST_RETRY_SECONDS)

    async def _pass_onboarding(self, details: dict[str, Any]) -> dict[str, Any]:
        passing: Any = {"success": True}
        if isinstance(self._blueprint, SimulatesOnboarding):
            passing = self._blueprint.simulate_onboarding(details.get("init_task_data") or {})
        data = {"USED_AGENT_ID": details["agent_id"], "onboarding_data": passing}
        body = {"provider_data": data, "client_timestamp": time.time()}
        answer = await self._send(lambda: self._client.post("/submit_onboarding", json=body))
        real: dict[str, Any] = answer.json().get("data", {}) if answer.status_code == 200 else {}
        if not real.get("agent_id"):
            self._refused(str(real.get("failure_code") or real.get("failure_reason") or _reason(answer)))
        return real

    async def _open_socket(self, token: str) -> ClientConnection:
        connecting = connect(self._socket_url, open_timeout=30, close_timeout=2, proxy=None)
        async with AsyncExitStack() as opened:
            try:
                socket = await opened.enter_async_context(connecting)
                await socket.send(Packet(PacketType.ALIVE, token, {"update_id": self._id()}, time.time()).to_json())
                async with asyncio.timeout(30):  # `wait_for` loses a cancellation that comes with an answer
                    await socket.recv()  # the router answers with the status
            except (WebSocketException, OSError, TimeoutError) as error:
                self._tally.fault(f"the socket of a registered agent was not served: {type(error).__name__} {error}")
                raise Left from None
            opened.pop_all()  # it stays open: whoever asked for it closes it
        return socket

    async def _keep_alive(self, socket: ClientConnection, token: str) -> None:
        pause = 0.5
        with suppress(WebSocketException, OSError):
            while True:
                await asyncio.sleep(pause)
                await socket.send(Packet(PacketType.HEARTBEAT, token, {}, time.time()).to_json())
                pause = HEARTBEAT_SECONDS

    async def _think(self) -> None:
        if self._habits.units_per_minute > 0:
            await asyncio.sleep(60 / self._habits.units_per_minute * (0.5 + self._chance.random()))

    async def _talk(self, socket: ClientConnection, visit: str, token: str, inputs: dict[str, Any]) -> None:
        """A conversation, until the page is told that it is over."""
        simulate = self._blueprint.live.simulate
        assert simulate is not None, "asked for by who calls"
        partner = simulate(inputs, self._chance.random())
        for past in inputs.get("past_live_updates", []):
            partner.hear(past)
        await self._say(socket, token, partner.hear({}))
        while not partner.is_over:
            try:
                async with asyncio.timeout(TALK_SECONDS):
                    packet = json.loads(await socket.recv())
            except (WebSocketException, OSError, TimeoutError) as error:
                self._tally.refusals[f"conversation broken off ({type(error).__name__})"] += 1
                raise _PartnerLeft from None
            data = packet.get("data") or {}
            if data.get("status") in ENDED:
                self._tally.refusals[str(data["status"])] += 1
                raise _PartnerLeft
            if data.get("moved"):  # the seat of somebody who left: with other data, and what was said before
                inputs = (await self._register(visit)).get("init_task_data") or {}
                self._tally.registered -= 1
                partner = simulate(inputs, self._chance.random())
                said = [words for past in inputs.get("past_live_updates", []) for words in partner.hear(past)][-1:]
            elif packet.get("packet_type") == PacketType.CLIENT_BOUND_LIVE_UPDATE:
                said = partner.hear(data)
            else:
                continue
            await self._say(socket, token, said)

    async def _say(self, socket: ClientConnection, token: str, said: Sequence[Mapping[str, Any]]) -> None:
        for words in said:
            update = Packet(PacketType.MEPHISTO_BOUND_LIVE_UPDATE, token, {**words, "id": token}, time.time())
            with suppress(WebSocketException, OSError):
                await socket.send(update.to_json())

    async def _submit(self, token: str, inputs: dict[str, Any]) -> None:
        known = with_truth(self._blueprint, inputs)
        final_data = self._blueprint.simulate_answer(known, self._habits.accuracy, self._chance.random())
        form = self._with_files(token, inputs, final_data)
        twice = self._chance.random() < self._habits.rudeness / 2
        started = time.perf_counter()
        sends = [
            asyncio.ensure_future(self._send(lambda: self._client.post("/submit_task", **form)))
            for _ in range(2 if twice else 1)
        ]
        try:
            await asyncio.wait(sends)
            answers = [send.result() for send in sends]
        finally:
            await call_off(sends)
        self._tally.submit_seconds.append(time.perf_counter() - started)
        for answer in answers:
            if answer.status_code != 200 or answer.json().get("status") != "Submitted!":
                self._tally.fault(f"a submission was answered {answer.status_code}: {_reason(answer)}")
                raise Left
        self._tally.double_submits += int(twice)
        self._tally.submitted += 1

    def _with_files(self, token: str, inputs: dict[str, Any], final_data: Any) -> dict[str, Any]:
        """The request that hands in, as a page makes it: JSON, or a form when there are files."""
        stamp = time.time()
        files = (
            self._blueprint.simulate_files(inputs, final_data) if isinstance(self._blueprint, SimulatesFiles) else ()
        )
        if not files:
            return {"json": {"USED_AGENT_ID": token, "final_data": final_data, "client_timestamp": stamp}}
        data = {
            "USED_AGENT_ID": token,
            "client_timestamp": str(stamp),
            "final_string_data": json.dumps(final_data),
        }
        return {"data": data, "files": [(field, (name, content)) for field, name, content in files]}

    async def _be_rude(self, socket: ClientConnection, visit: str, token: str) -> ClientConnection:
        """Do one thing that no page does, and look whether the work in progress survives it."""
        deed = self._chance.choice((self._send_rubbish, self._forge, self._vanish))
        await deed(token)
        if deed is not self._forge:
            with suppress(WebSocketException, OSError):
                if deed is self._vanish:
                    socket.transport.abort()
                else:
                    await socket.close()
            again = await self._register(visit)
            if str(again["agent_id"]) != token:
                self._tally.fault("the same registration got another agent id")
            self._tally.registered -= 1
            return await self._open_socket(token)
        return socket

    async def _send_rubbish(self, token: str) -> None:
        rubbish = ("{", "[]", json.dumps({"packet_type": "submit_unit", "subject_id": token}), "\x00" * 64)
        with suppress(WebSocketException, OSError):
            async with connect(self._socket_url, open_timeout=30, close_timeout=2, proxy=None) as socket:
                await socket.send(self._chance.choice(rubbish))
        self._tally.malformed_frames += 1

    async def _forge(self, token: str) -> None:
        body = {"USED_AGENT_ID": f"{self._chance.getrandbits(128):032x}", "final_data": {"forged": True}}
        answer = await self._send(lambda: self._client.post("/submit_task", json=body))
        if answer.status_code == 200:
            self._tally.fault("a submission under a forged token was taken")
        self._tally.forged_submits += 1

    async def _vanish(self, token: str) -> None:
        self._tally.sudden_closes += 1

    async def _send(self, request: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """Send until the other side is not busy; as a page does, it tries again by itself."""
        pause = RETRY_SECONDS
        while True:
            answer = await request()
            if answer.status_code not in BUSY:
                return answer
            self._tally.retries += 1
            await asyncio.sleep(pause * (0.5 + self._chance.random()))
            pause = min(pause * 2, LONGEST_RETRY_SECONDS)

    def _refused(self, reason: str) -> NoReturn:
        self._tally.refusals[reason] += 1
        raise Left

    def _id(self) -> str:
        return f"{self._chance.getrandbits(64):016x}"


async def call_off(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel tasks and wait until each has ended, its cleaning up included; what they raised is let go."""
    for task in tasks:
        task.cancel()  # once: a second time would break off the cleaning up
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()


class _PartnerLeft(Exception):
    """The conversation ended without them: on to the next unit."""


class _DroppedOut(Exception):
    """The worker closes the page and never comes back."""


def _reason(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code}"
    if not isinstance(body, dict):
        return f"HTTP {answer.status_code}"
    return str(body.get("error") or body.get("detail") or f"HTTP {answer.status_code}")
