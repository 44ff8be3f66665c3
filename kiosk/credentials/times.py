"""Moments as payloads write them."""

from __future__ import annotations

import re
from datetime import datetime

from kiosk.credentials.text import Malformed, calendar

_TIME_END = 253_402_300_800  # the year 10000
_DATE = re.compile("([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


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


def date(value: object, what: str) -> str:
    """ISO 8601 date as far as it is known: "YYYY", "YYYY-MM" or "YYYY-MM-DD"; "" when it is
    absent. Raises Malformed."""
    if value is None:
        return ""
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Malformed(f"{what} is not YYYY-MM-DD")
    year, month, on = found.groups(default="")
    return calendar(year, month, on, what)


def day(value: object, what: str) -> str:
    """ISO 8601 day of a day or a moment; "" when it is absent or only a month or year.
    Raises Malformed when it is no date of the calendar."""
    written = date(value.partition("T")[0] if isinstance(value, str) else value, what)
    return written if len(written) == len("YYYY-MM-DD") else ""


def moment(value: object, what: str) -> str:
    """Like `day`, but to the second with the offset from UTC, where both are said."""
    on = day(value, what)
    if not on or not isinstance(value, str) or "T" not in value:
        return on
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise Malformed(f"{what} is not a time of the day") from None
    return on if at.tzinfo is None else at.isoformat(timespec="seconds")
