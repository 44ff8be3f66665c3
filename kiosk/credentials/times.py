"""Moments, days and spans of them, as payloads write them.

What does not say its place is meant in Vietnam: a day begins there at midnight, and a time
without an offset from UTC is read as the clock on its walls.
"""

from __future__ import annotations

import datetime as dt
import re

from kiosk.credentials.text import Malformed, calendar
from kiosk.model import VIETNAM

Span = tuple[float | None, float | None]
"""First second of a validity and the first one after it, since 1970 UTC; None = no bound."""

_TIME_END = 253_402_300_800  # the year 10000
_DATE = re.compile("([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_DAY = len("YYYY-MM-DD")
_MOMENT = re.compile(
    "([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2})(?::([0-9]{2}))?([.,][0-9]+)?"
    "(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)


def numeric_date(value: object, what: str) -> float | None:
    """NumericDate of JWT and CWT (RFC 7519, RFC 8392): seconds since 1970 UTC, whole or not;
    None when absent. Raises Malformed."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{what} is not a number")
    if not 0 <= value < _TIME_END:  # NaN compares false
        raise Malformed(f"{what} is outside the years 1970 to 9999")
    return float(value)


def parse(text: str) -> dt.datetime:
    """A time after RFC 3339, small letters and leap seconds included, the second :60 being the
    first of the next minute. Also what certificates of several countries have (ISO 8601): no
    seconds, an offset of hours alone, or none, which gives a datetime without one.

    Raises ValueError.
    """
    found = _MOMENT.fullmatch(text.upper())
    if found is None:
        raise ValueError("not as in 2026-03-01T08:00:00+07:00")
    minute, second, fraction, offset = found.groups(default="")
    is_leap = second == "60"
    written = f"{minute}:{'59' if is_leap else second or '00'}{fraction}{offset}"
    at = dt.datetime.fromisoformat(written)
    if not is_leap:
        return at
    try:
        return at.replace(microsecond=0) + dt.timedelta(seconds=1)
    except OverflowError:
        raise ValueError("beyond the year 9999") from None


def date(value: object, what: str) -> str:
    """ISO 8601 date as far as it is known: "YYYY", "YYYY-MM" or "YYYY-MM-DD", of a moment its
    day as written there; "" when it is absent. Raises Malformed."""
    if value is None:
        return ""
    written = value
    if isinstance(value, str) and len(value) > _DAY:
        written = value[:_DAY]
        _parsed(value, what)
    found = _DATE.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise Malformed(f"{what} is not YYYY-MM-DD")
    year, month, on = found.groups(default="")
    return calendar(year, month, on, what)


def day(value: object, what: str) -> str:
    """ISO 8601 day of a day or a moment; "" when it is absent or only a month or year.
    Raises Malformed when it is no date of the calendar."""
    written = date(value, what)
    return written if len(written) == _DAY else ""


def moment(value: object, what: str) -> str:
    """Like `day`, but of a moment to the second, with its offset from UTC."""
    on = day(value, what)
    if not isinstance(value, str) or len(value) <= _DAY:
        return on
    at = _parsed(value, what)
    return (at if at.tzinfo else at.replace(tzinfo=VIETNAM)).isoformat(timespec="seconds")


def _parsed(value: str, what: str) -> dt.datetime:
    try:
        return parse(value)
    except ValueError:
        raise Malformed(f"{what} is not a time after RFC 3339") from None


def midnight(day: dt.date) -> float:
    """When a day begins in Vietnam, in seconds since 1970 UTC."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=VIETNAM).timestamp()


def days(first: str, last: str) -> Span:
    """From the day `first` to the end of the day `last`, both as `date` gives them. A month or
    a year begins with its first day and ends with its last; "" = no bound."""
    return _begins(first) if first else None, _is_over(last) if last else None


def _begins(written: str) -> float:
    return midnight(dt.date.fromisoformat(written + "-01" * ((_DAY - len(written)) // 3)))


def _is_over(written: str) -> float:
    year, month, on = (int(part) for part in (written + "-0-0").split("-")[:3])
    if on:
        return midnight(dt.date(year, month, on) + dt.timedelta(days=1))
    return midnight(dt.date(year + (month in (0, 12)), month % 12 + 1 if month else 1, 1))


def overlap(one: Span, other: Span) -> Span:
    """When both hold."""
    start, end = one
    if start is None or (other[0] is not None and other[0] > start):
        start = other[0]
    if end is None or (other[1] is not None and other[1] < end):
        end = other[1]
    return start, end
