"""The load: simulated workers in a process of their own, each with a kept connection and a WebSocket.

    python load_workers.py PLAN.json

`PLAN.json` holds `{"host", "port", "paths": [entry paths], "think": s, "rest": s, "warm_up": s, "seconds": s}`; prints
one JSON line with the milliseconds of every registration and of every submission until its receipt, and how busy and
how late this process was itself: what it measures includes that.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fakes.page_client import PageClient, PageSocket


class Load:
    """What all workers did."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.registered: list[float] = []
        self.submitted: list[float] = []
        self.refused = 0
        self.late: list[float] = []
        self.measuring = False
        self.over = False

    async def work(self, number: int) -> None:
        """One worker, until the end."""
        client = PageClient(self.plan["host"], self.plan["port"])
        socket = PageSocket()
        name = f"worker {number}"
        await client.enter(self.plan["paths"][number])
        visit = 0
        think = float(self.plan["think"])
        await asyncio.sleep(random.random() * think)
        while not self.over:
            visit += 1
            data = {"worker_name": name, "agent_registration_id": f"v{visit}-{name}", "assignment_id": f"v{visit}"}
            began = time.perf_counter()
            _, details = await client.post("/request_agent", {"provider_data": data})
            ended = time.perf_counter()
            token = details.get("data", {}).get("agent_id")
            if token is None:
                self.refused += 1
                await asyncio.sleep(0.2)
                continue
            if self.measuring:
                self.registered.append((ended - began) * 1000)
            if visit == 1:
                await socket.open(client.host, client.port, "/socket", token, client.cookie)
            else:
                socket.say({"packet_type": "alive", "subject_id": token, "data": {"update_id": "first"}})
            if think:
                await asyncio.sleep(think * (0.5 + random.random()))
            began = time.perf_counter()
            body = {"USED_AGENT_ID": token, "final_data": {"answer": f"{name}/{visit}"}}
            status, _ = await client.post("/submit_task", body)
            if status == 200 and self.measuring:
                self.submitted.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(float(self.plan["rest"]))
        await socket.close()
        client.close()

    async def watch(self) -> None:
        """How late this process is at its own appointments, until the end."""
        while not self.over:
            due = time.perf_counter() + 0.01
            await asyncio.sleep(0.01)
            if self.measuring:
                self.late.append((time.perf_counter() - due) * 1000)

    async def run(self) -> dict[str, Any]:
        """All workers come in, settle, and are measured."""
        watching = asyncio.create_task(self.watch())
        working = [asyncio.create_task(self.work(number)) for number in range(len(self.plan["paths"]))]
        await asyncio.sleep(float(self.plan["warm_up"]))
        self.measuring = True
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(float(self.plan["seconds"]))
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        self.measuring, self.over = False, True
        done = len(self.submitted)
        failures = [str(each) for each in await asyncio.gather(*working, return_exceptions=True) if each is not None]
        await watching
        return {
            "seconds": took,
            "units": done,
            "registered": self.registered,
            "submitted": self.submitted,
            "refused": self.refused,
            "busy": cpu / took,
            "late": self.late,
            "failures": failures[:3],
        }


if __name__ == "__main__":
    gc.disable()  # a sweep over thousands of connections would be measured as if they had waited for it
    print(json.dumps(asyncio.run(Load(json.loads(Path(sys.argv[1]).read_text())).run())), flush=True)
