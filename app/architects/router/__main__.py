"""Runs one router alone: `python -m app.architects.router [--config FILE]`, else its configuration as JSON on stdin.

It prints one JSON line when it listens, `{"event": "ready", "port": N}`, or `{"event": "failed", "error": TEXT}` with
exit code 2. When what was refused has changed, it prints `{"event": "refusals", "counts": {...}}`. SIGINT and SIGTERM
stop it cleanly; with `exit_with_stdin` so does the end of its input.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import sys
from pathlib import Path
from threading import Thread

from app.architects.router.config import RouterConfig, RouterConfigError
from app.architects.router.garbage import seldom_swept
from app.architects.router.router import Router
from app.architects.router.server import RouterServer

EXIT_FAILED = 2
REPORT_SECONDS = 1.0


def main() -> int:
    """Run until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m app.architects.router", description="Serve one Crowdesk run.")
    parser.add_argument("--config", type=Path, help="a JSON file; default: one line of JSON on standard input")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    for noisy in ("uvicorn", "websockets", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        text = options.config.read_text("utf-8") if options.config else sys.stdin.readline()
        config = RouterConfig.from_json(text)
        with seldom_swept():
            return asyncio.run(_serve(config))
    except RouterConfigError as error:
        _say("failed", error=str(error))
        return EXIT_FAILED
    except OSError as error:
        _say("failed", error=error.strerror or str(error))
        return EXIT_FAILED


async def _serve(config: RouterConfig) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: the default handlers end the process
            loop.add_signal_handler(signum, stop.set)
    server = RouterServer(Router(config, local=False))
    port = await server.start()
    _say("ready", port=port)
    if config.exit_with_stdin:
        Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()
    reporting = loop.create_task(_report(server.router))
    await stop.wait()
    reporting.cancel()
    await server.stop()
    return 0


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while sys.stdin.readline():
        continue
    with contextlib.suppress(RuntimeError):  # the loop has ended by itself
        loop.call_soon_threadsafe(stop.set)


async def _report(router: Router) -> None:
    said: dict[str, int] = {}
    while True:
        await asyncio.sleep(REPORT_SECONDS)
        counts = dict(router.refusals)
        if counts != said:
            said = counts
            _say("refusals", counts=counts)


def _say(event: str, **facts: object) -> None:
    sys.stdout.write(json.dumps({"event": event} | facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
