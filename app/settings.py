"""What the requester has set: folders, database, servers and limits, look. One JSON file in the data folder."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import platformdirs

from app.args import arg, check
from app.errors import ConfigError

FILE_NAME = "settings.json"


@dataclass
class Preferences:
    """What is kept in `settings.json`. Each field is a row of the Settings page."""

    theme: str = arg("system", help="Light, dark, or what the system uses.", choices=("system", "light", "dark"))
    currency: str = arg("EUR", help="The currency of pay and budgets, a code of three letters.")
    pay_per_hour_floor: Decimal = arg(
        Decimal(9), help="Warn before a launch that pays less per hour.", label="Least pay per hour", minimum=0
    )
    lan: bool = arg(
        False, help="Let workers on this network reach the pages, not only this computer.", label="This network"
    )
    json_body_limit_mib: int = arg(
        10, help="Largest JSON request from a worker page.", label="Largest request", minimum=1, maximum=100, unit="MiB"
    )
    upload_limit_mib: int = arg(
        200, help="Largest file a worker may upload.", label="Largest upload", minimum=1, maximum=10_000, unit="MiB"
    )
    undo_seconds: int = arg(
        8, help="How long a decision can be taken back.", label="Time to undo", minimum=0, maximum=60, unit="s"
    )
    author: str = arg("", help="Your name as it stands in the journal of decisions; empty: the system's user name.")


@dataclass
class Settings:
    """Where things are, and the preferences."""

    data_dir: Path
    database_url: str
    preferences: Preferences = field(default_factory=Preferences)

    @property
    def runs_dir(self) -> Path:
        """Folder of uploaded files, by run."""
        return self.data_dir / "runs"

    @property
    def blobs_dir(self) -> Path:
        """Folder of content-addressed blobs."""
        return self.data_dir / "blobs"

    @property
    def build_dir(self) -> Path:
        """Scratch folder of architects."""
        return self.data_dir / "build"

    @property
    def log_dir(self) -> Path:
        """Folder of log files."""
        return self.data_dir / "logs"

    @property
    def locks_dir(self) -> Path:
        """Folder of lock files: which process runs which task run."""
        return self.data_dir / "locks"

    def save(self) -> None:
        """Write the preferences, atomically."""
        values = {name: _plain(value) for name, value in dataclasses.asdict(self.preferences).items()}
        self.data_dir.mkdir(parents=True, exist_ok=True)
        temporary = self.data_dir / (FILE_NAME + ".tmp")
        temporary.write_text(json.dumps(values, indent=2) + "\n", "utf-8")
        os.replace(temporary, self.data_dir / FILE_NAME)


def data_folder(data_dir: Path | None = None) -> Path:
    """The data folder: the given one, else CROWDESK_DATA_DIR, else the user's."""
    chosen = data_dir or os.environ.get("CROWDESK_DATA_DIR") or platformdirs.user_data_dir("crowdesk", appauthor=False)
    return Path(chosen).expanduser().resolve()


def load(data_dir: Path | None = None) -> Settings:
    """The settings of a data folder (default: CROWDESK_DATA_DIR, else the user's). `ConfigError` for a wrong file.

    The database is CROWDESK_DATABASE_URL when it is set, else `crowdesk.db` in the folder.
    """
    folder = data_folder(data_dir)
    url = os.environ.get("CROWDESK_DATABASE_URL") or f"sqlite:///{folder / 'crowdesk.db'}"
    path = folder / FILE_NAME
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Settings(folder, url)
    except (ValueError, OSError) as error:
        raise ConfigError(
            f"The settings cannot be read: {error}.", file=str(path), advice="Mend or remove it."
        ) from None
    preferences, problems = check(Preferences, values if isinstance(values, dict) else {})
    if preferences is None:
        first = problems[0]
        raise ConfigError(f"{first.name}: {first.message}", key=first.name, file=str(path), advice="Mend or remove it.")
    return Settings(folder, url, preferences)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
