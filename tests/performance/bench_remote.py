"""Remote calls of live pages: how much longer an answer takes than the function itself, the pages in another process.

Run: `python tests/performance/bench_remote.py [--no-window] [--workers N] [--seconds S]`. Each worker calls a plain
function ten times a second and waits for its answer; call and answer are on the disk before the page has the answer.
The function says how long it took; what is beyond that is the program's. The window is open unless told otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.performance.bench_live import open_operator, open_window
from tests.performance.figures import Figures, percentile

CODE = """
import time

def reckon(numbers):
    began = time.perf_counter()
    total = sum(n * n for n in range(numbers))
    return {"total": total, "seconds": time.perf_counter() - began}

functions = {"reckon": reckon}
"""
PAGE = "<p>Item ${item}</p><input name=answer aria-label=Answer>"
PAUSE = 0.1


async def load(plan: dict[str, Any]) -> None:
    """The pages: prints the milliseconds of every call beyond those of its function."""
    import websockets

    from tests.fakes.page_client import PageClient

    beyond: list[float] = []
    over = time.perf_counter() + plan["seconds"]
    measured_from = time.perf_counter() + 1.0

    async def work(number: int) -> None:
        client = PageClient(plan["host"], plan["port"])
        await client.enter(plan["paths"][number])
        data = {"worker_name": f"worker {number}", "agent_registration_id": f"v-worker {number}", "assignment_id": "v"}
        _, details = await client.post("/request_agent", {"provider_data": data})
        token = details["data"]["agent_id"]
        headers = {"Cookie": client.cookie}
        url = f"ws://{plan['host']}:{plan['port']}/"
        async with websockets.connect(url, additional_headers=headers, proxy=None) as socket:
            await socket.send(packet("alive", token, {"update_id": "first"}))
            calls = 0
            while time.perf_counter() < over:
                calls += 1
                call = {"update_id": f"u{calls}", "request_id": f"r{calls}", "target": "reckon", "args": "2000"}
                began = time.perf_counter()
                await socket.send(packet("mephisto_bound_live_update", token, call))
                while True:
                    said = json.loads(await socket.recv())["data"]
                    if said.get("handles") == f"r{calls}":
                        break
                took = time.perf_counter() - began
                if began > measured_from:
                    beyond.append((took - json.loads(said["response"])["seconds"]) * 1000)
                await asyncio.sleep(PAUSE)
        client.close()

    await asyncio.gather(*(work(number) for number in range(len(plan["paths"]))))
    print(json.dumps(beyond), flush=True)


def packet(kind: str, token: str, data: dict[str, Any]) -> str:
    """A frame of a page."""
    return json.dumps({"packet_type": kind, "subject_id": token, "data": data, "client_timestamp": time.time()})


async def measure(options: argparse.Namespace) -> None:
    """Serve a run to the pages, and print."""
    from app.operations.configuration.config import from_values

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "code.py").write_text(CODE, "utf-8")
        (folder / "page.html").write_text(PAGE, "utf-8")
        stage = await (open_window(folder) if options.window else open_operator(folder))
        limits = {"worker_requests_per_second": 1e6, "worker_request_burst": 1e6, "loopback_requests_per_second": 1e6}
        config, problems = from_values(
            {
                "task": {"task_name": "bench", "task_title": "Bench", "task_description": "-", "task_reward": "0.1"},
                "blueprint": {
                    "_blueprint_type": "remote_procedure",
                    "task_source": "page.html",
                    "task_code": "code.py",
                    "static_task_data": [{"item": number} for number in range(options.workers)],
                    "calls_per_minute": 6000,
                },
                "provider": {"_provider_type": "inhouse"},
                "architect": {"_architect_type": "local", "limits": limits},
            },
            folder,
        )
        assert config is not None, problems
        run = await stage.operator.launch(config)
        while True:
            await asyncio.sleep(0.01)
            if run.progress.finished:
                break
        stage.show(run.run_id)
        place = urlsplit(run.url)
        paths = [urlsplit(run.entry_link(f"worker {number}")).path for number in range(options.workers)]
        plan = {"host": place.hostname, "port": place.port, "paths": paths, "seconds": options.seconds}
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--load", json.dumps(plan), stdout=asyncio.subprocess.PIPE, limit=2**26
        )
        assert process.stdout is not None
        beyond: list[float] = json.loads(await process.stdout.read())
        await process.wait()
        await stage.close()
    where = "with the window" if options.window else "without a window"
    figures = Figures()
    figures.title(f"Remote calls, {options.workers} workers, {len(beyond)} calls, {where}")
    figures.add("answered beyond the function's own time, p50", percentile(beyond, 0.5), "ms", most=5)
    figures.add("answered beyond the function's own time, p99", percentile(beyond, 0.99), "ms")


def main() -> None:
    """Read the arguments, choose the loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-window", dest="window", action="store_false")
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--load", default="", help="for the process of the pages")
    options = parser.parse_args()
    if options.load:
        asyncio.run(load(json.loads(options.load)))
    elif options.window:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from app.bootstrap import make_application
        from app.qt_loop import QtLoop
        from app.settings import Settings

        loop = QtLoop(make_application(Settings(Path(), "")))
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(measure(options))
        finally:
            loop.close()
    else:
        asyncio.run(measure(options))


if __name__ == "__main__":
    main()
