"""Logging set-up: one rotating file in the data folder, warnings on the terminal. Secrets never go to a log."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


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
        file = logging.handlers.RotatingFileHandler(
            log_dir / "crowdesk.log", maxBytes=2_000_000, backupCount=5, encoding="utf-8"
        )
        file.setFormatter(logging.Formatter(FORMAT))
        root.addHandler(file)
    for noisy in ("uvicorn", "websockets", "asyncio", "httpx", "httpcore", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
