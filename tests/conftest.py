"""What holds for every test: no unexpected warning in a log, no asyncio task left behind."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci", deadline=None, database=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("ci"), derandomize=False)
settings.load_profile("ci")  # the same examples every time; --hypothesis-profile=explore draws others

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")
os.environ.pop("CROWDESK_DATABASE_URL", None)
os.environ.pop("CROWDESK_DATA_DIR", None)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "logs(pattern): log records of level WARNING that match are expected here")


class _Warnings(logging.Handler):
    """Keeps what was logged at WARNING and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(f"{record.levelname} {record.name}: {self.format(record)}")


@pytest.fixture(autouse=True)
def no_unexpected_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that logs a warning which its `@pytest.mark.logs("pattern")` does not announce."""
    handler = _Warnings()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
    patterns = [str(marker.args[0]) for marker in request.node.iter_markers("logs")]
    unexpected = [m for m in handler.messages if not any(re.search(pattern, m) for pattern in patterns)]
    if unexpected:
        pytest.fail("unexpected log records (announce them with @pytest.mark.logs):\n" + "\n".join(unexpected))


@pytest.fixture(autouse=True)
async def no_task_left_behind(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Fail a test that leaves an asyncio task running on the loop."""
    before = asyncio.all_tasks()
    yield
    if request.node.get_closest_marker("browser"):
        return  # the browser's driver keeps tasks of its own for the whole session
    for _ in range(50):  # tasks that are ending get their turns
        left = [task for task in asyncio.all_tasks() - before if not task.done()]
        if not left or left == [asyncio.current_task()]:
            return
        await asyncio.sleep(0)
    current = asyncio.current_task()
    names = [repr(task) for task in left if task is not current]
    if names:
        pytest.fail("tasks left behind:\n" + "\n".join(names))
