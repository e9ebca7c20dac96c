"""The load of conversations: simulated people in a process of their own, each with a WebSocket, in pairs.

    python load_talkers.py PLAN.json

`PLAN.json` holds `{"host", "port", "paths": [entry paths], "rate": messages a second of all together, "warm_up": s,
"seconds": s}`; a rate of 0 is people who say nothing. Prints one JSON line: how long each message took from page to
page, how many were sent and heard, and how busy this process was itself.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import struct
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fakes.page_client import PageClient, PageSocket

BEAT = 6.0


class TalkSocket(PageSocket):
    """A page's socket that reads what it hears. `on_text` gets each text frame."""

    def __init__(self, load: Load) -> None:
        super().__init__()
        self._load = load

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                _, length = await reader.readexactly(2)
                length &= 0x7F
                if length == 126:
                    (length,) = struct.unpack(">H", await reader.readexactly(2))
                elif length == 127:
                    (length,) = struct.unpack(">Q", await reader.readexactly(8))
                self._load.hear(await reader.readexactly(length))
                self.frames += 1
        except (OSError, asyncio.IncompleteReadError):
            return


class Load:
    """What everybody said and heard."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.sent = self.heard = 0
        self.took: list[float] = []
        self.registered: list[float] = []
        self.measuring = False
        self.over = asyncio.Event()
        self._talkers: list[tuple[TalkSocket, str]] = []

    def hear(self, frame: bytes) -> None:
        """A frame came: a message of the other one tells when it was sent."""
        place = frame.find(b'"text":"at ')
        if place < 0:
            return
        self.heard += 1
        if self.measuring:
            self.took.append((time.perf_counter() - float(frame[place + 11 : frame.find(b" ", place + 11)])) * 1000)

    async def come(self, number: int) -> None:
        """One person enters and keeps a socket."""
        plan = self.plan
        client = PageClient(plan["host"], plan["port"])
        name = f"worker {number}"
        await client.enter(plan["paths"][number])
        data = {"worker_name": name, "agent_registration_id": f"v-{name}", "assignment_id": "v"}
        began = time.perf_counter()
        _, details = await client.post("/request_agent", {"provider_data": data})
        self.registered.append((time.perf_counter() - began) * 1000)
        token = details["data"]["agent_id"]
        assert token is not None, details
        socket = TalkSocket(self)
        await socket.open(client.host, client.port, "/socket", token, client.cookie)
        client.close()
        self._talkers.append((socket, token))

    async def beat(self) -> None:
        """Every page says that it is there, as pages do."""
        while True:
            for socket, token in list(self._talkers):
                socket.say({"packet_type": "heartbeat", "subject_id": token})
                await asyncio.sleep(BEAT / max(1, len(self._talkers)))

    async def talk(self) -> None:
        """Messages at an even rate, of anybody."""
        rate = float(self.plan["rate"])
        if not rate:
            return
        begun, number = time.perf_counter(), 0
        while not self.over.is_set():
            due = int((time.perf_counter() - begun) * rate)
            while number < due:
                number += 1
                socket, token = random.choice(self._talkers)
                said: dict[str, Any] = {"text": f"at {time.perf_counter():.6f} and some more words", "id": token}
                said |= {"update_id": f"u{number}", "task_data": {}, "receipt": self.plan["receipts"]}
                socket.say({"packet_type": "mephisto_bound_live_update", "subject_id": token, "data": said})
                self.sent += 1
            await asyncio.sleep(0.002)

    async def run(self) -> dict[str, Any]:
        """Everybody comes, talks, and is counted."""
        paths = range(len(self.plan["paths"]))
        for start in range(0, len(paths), 20):
            await asyncio.gather(*(self.come(number) for number in paths[start : start + 20]))
        beating = asyncio.create_task(self.beat())
        await asyncio.sleep(1.0)
        talking = asyncio.create_task(self.talk())
        await asyncio.sleep(float(self.plan["warm_up"]))
        self.measuring = True
        busy = time.process_time()
        began = time.perf_counter()
        await asyncio.sleep(float(self.plan["seconds"]))
        seconds = time.perf_counter() - began
        busy = (time.process_time() - busy) / seconds
        self.measuring = False
        self.over.set()
        await talking
        print(json.dumps({"said": True}), flush=True)
        for _ in range(100):  # what is on its way arrives
            if self.heard >= self.sent:
                break
            await asyncio.sleep(0.1)
        beating.cancel()
        for socket, _ in self._talkers:
            await socket.close()
        return {
            "took": self.took, "sent": self.sent, "heard": self.heard, "busy": busy, "seconds": seconds,
            "registered": self.registered,
        }  # fmt: skip


async def main() -> None:
    """Run the plan."""
    gc.disable()
    plan = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps(await Load(plan).run()))


if __name__ == "__main__":
    asyncio.run(main())
