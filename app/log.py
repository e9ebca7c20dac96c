"""Logging set-up: one rotating file in the data folder, warnings on the terminal. Secrets never go to a log."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class LogFile(logging.handlers.RotatingFileHandler):
    """The log file. That it cannot be written is said once, as a sentence; the program goes on without it."""

    _said = False

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._said and sys.stderr is not None:
            self._said = True
            sys.stderr.write(f"The log {self.baseFilename} cannot be written: {error.strerror}.\n")


def configure(log_dir: Path | None, *, verbose: bool = False) -> None:
    """Log to `log_dir`/crowdesk.log (5 files of 2 MB; None: no file) and warnings (verbose: all) to stderr."""
    root = logging.getLogger()
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.DEBUG if verbose else logging.WARNING)
    terminal.setFormatter(logging.Formatter(FORMAT))
    root.addHandler(terminal)
    if log_dir is not None:
        log_dir.mkdir(parents=True, exist_ok=True)
        file = LogFile(log_dir / "crowdesk.log", maxBytes=2_000_000, backupCount=5, encoding="utf-8")
        file.setFormatter(logging.Formatter(FORMAT))
        root.addHandler(file)
    for noisy in ("uvicorn", "websockets", "asyncio", "httpx", "httpcore", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
