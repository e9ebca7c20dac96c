"""Who makes a decision, as it stands in the journal."""

from __future__ import annotations

import getpass

from app.settings import Settings


def author_of(settings: Settings, said: str = "") -> str:
    """The name that was said; else the one of the preferences; else the system's user name."""
    name = said or settings.preferences.author
    if name:
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a process whose user has no name, as in some containers
        return "requester"
