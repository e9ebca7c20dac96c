"""How fast the router takes workers in and their work: registrations and submissions, the load from other processes.

Run: `python tests/performance/bench_router.py [--qasync] [--isolated] [--workers N] [--seconds S]`. The handler answers
at once, so this is the router's own cost; each unit is one `POST /request_agent` and one `POST /submit_task`. Prints
one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

TARGET = 2000


async def serve(options: argparse.Namespace) -> dict[str, Any]:
    """Serve a run, let the load processes work on it for some seconds, and count."""
    from app.architects.base import ServedTask
    from app.architects.local import LocalArchitect, LocalArchitectArgs
    from app.clock import SystemClock
    from app.data.packets import Packet, PacketType

    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "task.html")
        page.write_text("<!doctype html><title>bench</title>")
        task = ServedTask("bench", "Bench", "mock", "secret", {"/": page}, entry_required=False)
        limits = {"worker_requests_per_second": 1e6, "worker_request_burst": 1e6, "loopback_requests_per_second": 1e6}
        args = LocalArchitectArgs(isolated=options.isolated, limits=limits)
        architect = LocalArchitect(args, task, Path(folder, "build"), Path(folder, "up"), SystemClock())
        url = await architect.deploy()
        [channel] = await architect.get_channels()
        done = {PacketType.REGISTER_AGENT: 0, PacketType.SUBMIT_UNIT: 0}

        async def answer(packet: Packet) -> None:
            data: dict[str, Any] = {"request_id": packet.data.get("request_id"), "failure_reason": None}
            if packet.packet_type is PacketType.REGISTER_AGENT:
                token = f"{data['request_id']:_>43}"
                data |= {"worker_id": "1", "agent_id": token, "init_task_data": {"text": "x" * 200}}
                await channel.send(Packet(PacketType.AGENT_DETAILS, "bench", data))
            elif packet.packet_type is PacketType.SUBMIT_UNIT:
                await channel.send(Packet(PacketType.SUBMIT_ACKNOWLEDGED, packet.subject_id, data))
            else:
                return
            done[packet.packet_type] += 1

        await channel.open(answer, lambda alive: None)
        port = int(url.rsplit(":", 1)[1])
        results: multiprocessing.SimpleQueue[list[float]] = multiprocessing.SimpleQueue()
        loaders = [
            multiprocessing.Process(
                target=load, args=(port, options.workers // options.loaders, options.seconds, results)
            )
            for _ in range(options.loaders)
        ]
        for loader in loaders:
            loader.start()
        await asyncio.sleep(0.7)
        before, started, cpu = dict(done), time.perf_counter(), time.process_time()
        await asyncio.sleep(options.seconds - 1.5)
        elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
        counted = {kind: done[kind] - before[kind] for kind in done}
        gathered = [await asyncio.to_thread(results.get) for _ in loaders]
        for loader in loaders:
            await asyncio.to_thread(loader.join)
        await channel.close()
        await architect.shutdown()
        times = sorted(value for values in gathered for value in values)
        units = counted[PacketType.SUBMIT_UNIT] / elapsed
        return {
            "bench": "router",
            "loop": type(asyncio.get_running_loop()).__name__,
            "isolated": options.isolated,
            "workers": options.workers,
            "requests_per_second": round(sum(counted.values()) / elapsed),
            "units_per_second": round(units),
            "desktop_cpu_ms_per_unit": round(cpu / max(1, counted[PacketType.SUBMIT_UNIT]) * 1000, 3),
            "request_p50_ms": round(times[len(times) // 2] * 1000, 2),
            "request_p99_ms": round(times[len(times) * 99 // 100] * 1000, 2),
            "target_requests_per_second": TARGET,
        }


def load(port: int, workers: int, seconds: float, results: Any) -> None:
    """One process of workers, each on its own connection, one request after the other."""
    asyncio.run(_load(port, workers, seconds, results))


async def _load(port: int, workers: int, seconds: float, results: Any) -> None:
    end = time.perf_counter() + seconds
    times: list[float] = []

    async def worker(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        name, unit = f"w{os.getpid()}-{number}", 0
        while time.perf_counter() < end:
            unit += 1
            registration = {"worker_name": name, "agent_registration_id": f"{unit}-{name}", "assignment_id": str(unit)}
            answer = await _post(reader, writer, times, "/request_agent", {"provider_data": registration})
            token = answer["data"]["agent_id"]
            body = {"USED_AGENT_ID": token, "final_data": {"label": "cat", "boxes": [[1, 2, 3, 4]]}}
            assert await _post(reader, writer, times, "/submit_task", body) == {"status": "Submitted!"}
        writer.close()

    await asyncio.gather(*(worker(number) for number in range(workers)))
    results.put(times)


async def _post(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, times: list[float], path: str, body: Any
) -> Any:
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    started = time.perf_counter()
    writer.write(head.encode() + content)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    text = await reader.readexactly(length)
    times.append(time.perf_counter() - started)
    assert b" 200 " in answer[:20], text
    return json.loads(text)


def main() -> int:
    """Run once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--loaders", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--isolated", action="store_true")
    parser.add_argument("--qasync", action="store_true", help="on the loop of a Qt application, as in the window")
    options = parser.parse_args()
    if options.qasync:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        os.environ["QT_API"] = "pyside6"
        from PySide6.QtWidgets import QApplication

        from app.qt_loop import QtLoop

        loop = QtLoop(QApplication([]))
        with loop:
            print(json.dumps(loop.run_until_complete(serve(options))))
    else:
        print(json.dumps(asyncio.run(serve(options))))
    return 0


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    sys.exit(main())
