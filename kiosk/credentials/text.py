"""What the formats share: strict text, calendar dates, names as the panel shows them."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

NAME_MAX = 160
_INITIALS_MAX = 5
_LAST_NAME_MAX = 24
_YEARS = range(1850, 2200)
_NOT_LETTERS = re.compile("[^A-Z]+")
# What Unicode does not take apart. Eth looks like the Vietnamese letter and is typed for it.
_WHOLE_LETTERS = str.maketrans(
    {"Đ": "D", "Ð": "D", "Ł": "L", "Ø": "OE", "Æ": "AE", "Œ": "OE", "Þ": "TH"}
)


class Malformed(Exception):
    """A payload breaks the rules of its format. The message says which rule and never
    quotes the payload; `kiosk.credentials.parse` turns it into a CredentialError."""


def decode(payload: bytes) -> str:
    """Text of a payload: strict UTF-8, without byte order mark and the white space or NUL
    that printers of cards put around it. Raises Malformed."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"byte {error.start} is not UTF-8") from None
    return text.strip("\0\ufeff\t\r\n ")


def clean(text: str, what: str, longest: int) -> str:
    """`text` in NFC and on one line, safe to show: control characters, direction marks
    and other invisible ones are dropped. Raises Malformed when it is too long."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    text = " ".join(text.split())
    if len(text) > longest:
        raise Malformed(f"{what} has {len(text)} characters, at most {longest}")
    return text


def clean_name(text: str) -> str:
    """A person's name, cleaned. Raises Malformed when nothing is left of it."""
    name = clean(text, "name", NAME_MAX)
    if not name:
        raise Malformed("name is empty")
    return name


def abbreviate(name: str) -> str:
    """What the panel shows of a cleaned name: "N. T. N. Ánh" of "Nguyễn Thị Ngọc Ánh".
    In Vietnamese order the given name stands last."""
    *before, last = name.split()
    return "".join([f"{word[0]}. " for word in before[:_INITIALS_MAX]]) + last[:_LAST_NAME_MAX]


def standard_name(name: str) -> str:
    """Machine-readable form, `NGUYEN<VAN<A`, after ICAO Doc 9303 part 3: letters A to Z,
    diacritics dropped. Empty when the name has no Latin letter."""
    letters = name.upper()
    if not letters.isascii():
        plain = unicodedata.normalize("NFKD", letters.translate(_WHOLE_LETTERS))
        letters = "".join([c for c in plain if not unicodedata.combining(c)])
    return _NOT_LETTERS.sub("<", letters).strip("<")


def person_key(name: str, birth: str) -> str:
    """Subject of somebody known by name and full date of birth alone; else empty, since
    name and year fit too many."""
    standard = standard_name(name)
    return f"name:{standard}:{birth}" if standard and len(birth) == len("YYYY-MM-DD") else ""


def calendar(year: str, month: str, day: str, what: str) -> str:
    """ISO 8601 date as far as it is known: "YYYY", "YYYY-MM" or "YYYY-MM-DD".

    Arguments are ASCII digits; an unknown month or day is "", "00" or holds `*`. Raises
    Malformed for a date that no calendar has.
    """
    if int(year) not in _YEARS:
        raise Malformed(f"{what} is outside the years {_YEARS.start} to {_YEARS.stop - 1}")
    if not _known(month):
        return year
    known = _known(day)
    try:
        date(int(year), int(month), int(day) if known else 1)
    except ValueError:
        raise Malformed(f"{what} is not a date of the calendar") from None
    return f"{year}-{month}-{day}" if known else f"{year}-{month}"


def _known(part: str) -> bool:
    return part not in ("", "00") and "*" not in part
