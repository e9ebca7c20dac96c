"""How values read: digits in groups, money, durations, moments. One place, so that every table and tile agrees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

SPACE = "\u00a0"
NOTHING = "–"
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "CHF": "CHF", "CNY": "¥", "INR": "₹"}


def digits(number: int) -> str:
    """1488 as "1 488", with a space that does not break."""
    return f"{number:,}".replace(",", SPACE)


def sign_of(currency: str) -> str:
    """The sign of a currency: "€" for EUR; its code where it has no sign of its own."""
    return _SIGNS.get(currency, currency)


def money(amount: Decimal | None, currency: str = "EUR") -> str:
    """An exact amount as "€ 0.12": two decimals at least, more only where the amount has them."""
    if amount is None:
        return NOTHING
    places = max(2, min(4, -int(amount.normalize().as_tuple().exponent))) if amount else 2
    text = f"{amount:,.{places}f}".replace(",", SPACE)
    return f"{sign_of(currency)}{SPACE}{text}"


def duration(span: timedelta | float | None) -> str:
    """A span (or seconds) as "0:35", "12:07", "3:04:09"; under a second "0.4 s", from a day on "2 d 3 h"."""
    if span is None:
        return NOTHING
    exact = span.total_seconds() if isinstance(span, timedelta) else span
    if exact < 0:
        return NOTHING
    if 0 < exact < 1:
        return f"{max(0.1, min(0.9, exact)):.1f} s"
    seconds = int(exact)
    hours, rest = divmod(seconds, 3600)
    if hours >= 24:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def about(span: timedelta | float) -> str:
    """A span in one round unit: "12 s", "24 min", "3 h", "5 days"."""
    seconds = max(0.0, span.total_seconds() if isinstance(span, timedelta) else span)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} days"


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long since a moment: "now", "7 s ago", "3 h ago"; "in 5 min" when it is to come."""
    if moment is None:
        return NOTHING
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{about(seconds)} ago" if seconds > 0 else f"in {about(-seconds)}"


def clock_time(moment: datetime | None) -> str:
    """A moment in local time: "14:52" today, else "12 Mar 14:52", with the year when it is another."""
    if moment is None:
        return NOTHING
    local, today = moment.astimezone(), datetime.now().astimezone()
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b %H:%M}" if local.year == today.year else f"{local.day} {local:%b %Y %H:%M}"


def percent(fraction: float | None) -> str:
    """0.976 as "97.6 %"; whole numbers without the decimal."""
    if fraction is None:
        return NOTHING
    value = round(fraction * 100, 1)
    return f"{value:.0f} %" if value == int(value) else f"{value} %"


def count_of(number: int, one: str, many: str = "") -> str:
    """ "1 unit", "2 400 units"."""
    return f"{digits(number)} {one if number == 1 else many or one + 's'}"


def byte_size(size: int) -> str:
    """A size in bytes as "840 B", "12 KiB", "3.4 MiB"."""
    if size < 1024:
        return f"{size} B"
    value, units = float(size), ("KiB", "MiB", "GiB", "TiB")
    for unit in units:
        value /= 1024
        if value < 1024 or unit == units[-1]:
            break
    return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
