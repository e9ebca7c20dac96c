"""Signed entry links and the cookie that follows them: who a worker is, on the word of the requester alone.

A link's token says for which run, for whom and until when. Opening it sets a signed cookie with the same facts; from
then on the cookie is believed, and never a name in a request's body. Both are signed with a key derived from the run's
secret (HMAC-SHA256 by `itsdangerous`), under different salts, so that neither passes for the other.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

MAX_NAME_LENGTH = 80
LONGEST_SIGNED = 2000


@dataclass(frozen=True, slots=True)
class Entry:
    """Who came in. `worker_name` is None for an open link before a name was given; `visitor` is None for a personal
    link, else the random id of the browser that came by the open link. `expires_at` is seconds since the epoch.
    """

    run_id: str
    worker_name: str | None
    visitor: str | None
    expires_at: float


class EntryRefused(Exception):
    """A link or a name that lets nobody in. `code` is for programs, the text for the person."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def make_entry_token(secret: str, run_id: str, worker_name: str | None, expires_at: float) -> str:
    """The URL-safe token of an entry link (`/enter/<token>`); `worker_name` None makes the open link of the run.

    `secret` is the run's channel secret, `expires_at` seconds since the epoch.
    """
    payload = {"run": run_id, "worker": worker_name, "exp": round(expires_at)}
    return _signer(secret, "link").dumps(payload)


def read_entry_token(secret: str, run_id: str, token: str, now: float) -> Entry:
    """Whom a link's token lets in; `EntryRefused` for a forged, foreign or expired one."""
    entry = _read(secret, "link", run_id, token)
    if entry is None:
        raise EntryRefused("entry_forged", "This link is not one of this task. Copy the whole link you were given.")
    if entry.expires_at < now:
        raise EntryRefused("entry_expired", "This link has expired. Ask for a new one.")
    return entry


def admit(entry: Entry, earlier: Entry | None) -> Entry:
    """The entry that a cookie should keep when `entry`'s link is opened by a browser that has the cookie `earlier`.

    A browser that came by the open link before stays the same visitor, with the name it gave.
    """
    if entry.worker_name is not None:
        return entry
    if earlier is not None and earlier.visitor is not None:
        return Entry(entry.run_id, earlier.worker_name, earlier.visitor, entry.expires_at)
    return Entry(entry.run_id, None, secrets.token_hex(16), entry.expires_at)


def name_visitor(entry: Entry, name: str) -> Entry:
    """The entry of an open-link visitor who gave a name; `EntryRefused` for a name that cannot be one."""
    if entry.visitor is None:
        raise EntryRefused("entry_personal", "This link is personal: its name cannot be changed.")
    cleaned = " ".join(unicodedata.normalize("NFC", name).split())
    if not cleaned or len(cleaned) > MAX_NAME_LENGTH:
        raise EntryRefused("bad_name", f"A name has 1 to {MAX_NAME_LENGTH} characters.")
    if any(unicodedata.category(character)[0] == "C" for character in cleaned):
        raise EntryRefused("bad_name", "A name is made of letters, digits, signs and spaces.")
    return Entry(entry.run_id, cleaned, entry.visitor, entry.expires_at)


def cookie_name(run_id: str) -> str:
    """The name of a run's cookie. Browsers share cookies between the ports of a host: each run needs its own name."""
    return "crowdesk_" + hashlib.sha256(run_id.encode()).hexdigest()[:12]


def make_cookie(secret: str, entry: Entry) -> str:
    """The cookie's value."""
    payload = {"run": entry.run_id, "worker": entry.worker_name, "exp": round(entry.expires_at)}
    return _signer(secret, "cookie").dumps({**payload, "visitor": entry.visitor})


def read_cookie(secret: str, run_id: str, value: str, now: float) -> Entry | None:
    """Who a cookie says this is; None when it is forged, of another run, or expired."""
    entry = _read(secret, "cookie", run_id, value)
    return entry if entry is not None and entry.expires_at >= now else None


def find_cookie(header: str, name: str) -> str | None:
    """The value of one cookie in a `Cookie` header, or None."""
    for part in header.split(";"):
        key, separator, value = part.strip().partition("=")
        if separator and key == name:
            return value
    return None


@lru_cache(maxsize=64)
def _signer(secret: str, kind: str) -> URLSafeSerializer:
    key = hmac.new(secret.encode(), b"entry", hashlib.sha256).digest()
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(key, salt=f"crowdesk.{kind}", signer_kwargs=options)


def _read(secret: str, kind: str, run_id: str, text: str) -> Entry | None:
    return _verified(secret, kind, run_id, text) if len(text) <= LONGEST_SIGNED else None


@lru_cache(maxsize=4096)  # a page sends its cookie with every request; when it expires is for whoever asks to look at
def _verified(secret: str, kind: str, run_id: str, text: str) -> Entry | None:
    try:
        payload: Any = _signer(secret, kind).loads(text)
    except BadData:
        return None
    if not isinstance(payload, dict) or payload.get("run") != run_id:
        return None
    worker, visitor, expires_at = payload.get("worker"), payload.get("visitor"), payload.get("exp")
    if not isinstance(expires_at, int | float):
        return None
    return Entry(
        run_id,
        worker if isinstance(worker, str) else None,
        visitor if isinstance(visitor, str) else None,
        float(expires_at),
    )
