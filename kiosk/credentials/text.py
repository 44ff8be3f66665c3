"""What the formats share: strict text, calendar dates, names as the panel shows them."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

NAME_MAX = 80 + 1 + 80
"""Characters: surname and given names as long as the EU's schema allows, and a space."""
_INITIALS_MAX = 5
_LAST_NAME_MAX = 24
_YEARS = range(1850, 2200)
_BIRTH_YEARS = range(1880, 2060)
_MONTHS, _DAYS = range(1, 13), range(1, 32)
_NOT_LETTERS = re.compile("[^A-Z]+")
# What a name cannot lose without becoming another's: masks, digits, letters of other scripts.
_LOST = re.compile("[^A-Z\\s<.,()/\u2010-\u2015-]")
_CODE_POINTS_MAX = 4
"""Of one letter, with what NFC puts together and what is dropped."""
_MARKS_MAX = 4
"""In a row, on one letter: Vietnamese has two, and no script of living people needs more."""
_WHITE_CONTROLS = "\t\n\r"
# U+061C, LRM and RLM, embeddings and overrides, isolates: what follows is shown elsewhere.
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# What Unicode does not take apart. Eth looks like the Vietnamese letter and is typed for it.
_WHOLE_LETTERS = str.maketrans(
    {"Đ": "D", "Ð": "D", "Ł": "L", "Ø": "OE", "Æ": "AE", "Œ": "OE", "Þ": "TH"}
    | dict.fromkeys("'’‘`´ʼʻ", "")
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
    """`text` in NFC and on one line, safe to show; invisible characters are dropped.

    Raises Malformed when it is too long, and for what is there to deceive whoever reads it:
    control characters, marks of direction, and heaps of combining marks.
    """
    # Before anything else: NFC takes a time that grows with the square of what it puts in order.
    if len(text) > _CODE_POINTS_MAX * longest:
        raise Malformed(f"{what} has {len(text)} characters, at most {longest}")
    if not text.isprintable():
        text = _printable(text, what)
    if not text.isascii():
        if not text.replace(" ", "").isalpha():  # no letter is a mark
            _check_marks(text, what)
        text = unicodedata.normalize("NFC", text)
    text = " ".join(text.split())
    if len(text) > longest:
        raise Malformed(f"{what} has {len(text)} characters, at most {longest}")
    return text


def _printable(text: str, what: str) -> str:
    kept = []
    for c in text:
        if c.isprintable():
            kept.append(c)
        elif c in _WHITE_CONTROLS or unicodedata.category(c)[0] == "Z":
            kept.append(" ")
        elif unicodedata.category(c) == "Cc" or _DIRECTION.match(c):
            raise Malformed(
                f"{what} holds U+{ord(c):04X}, a control character or mark of direction"
            )
    return "".join(kept)


def _check_marks(text: str, what: str) -> None:
    marks = 0
    for c in text:
        marks = marks + 1 if unicodedata.category(c)[0] == "M" else 0
        if marks > _MARKS_MAX:
            raise Malformed(f"{what} has more than {_MARKS_MAX} combining marks on a letter")


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
    diacritics dropped, apostrophes without a gap. Empty when the name has no Latin letter."""
    return _NOT_LETTERS.sub("<", _capitals(name)).strip("<")


def _capitals(name: str) -> str:
    letters = name.upper().translate(_WHOLE_LETTERS)
    if letters.isascii():
        return letters
    return "".join(
        [c for c in unicodedata.normalize("NFKD", letters) if not unicodedata.combining(c)]
    )


def person_key(name: str, birth: str) -> str:
    """Subject of somebody known by name and full date of birth alone; else empty, since name
    and year fit too many, and so does a name that is masked or not Latin in full."""
    letters = _capitals(name)
    if len(birth) != len("YYYY-MM-DD") or _LOST.search(letters):
        return ""
    standard = _NOT_LETTERS.sub("<", letters).strip("<")
    return f"name:{standard}:{birth}" if standard else ""


def calendar(year: str, month: str, day: str, what: str) -> str:
    """ISO 8601 date as far as it is known: "YYYY", "YYYY-MM" or "YYYY-MM-DD".

    Arguments are ASCII digits; an unknown month or day is "" or holds `*`, or both are "00".
    Raises Malformed for a date that no calendar has.
    """
    if int(year) not in _YEARS:
        raise Malformed(f"{what} is outside the years {_YEARS.start} to {_YEARS.stop - 1}")
    is_day_known = bool(day) and "*" not in day
    if month in ("", "00"):
        if day in ("", "00"):
            return year
    elif "*" in month:
        if not is_day_known or int(day) in _DAYS:
            return year
    elif not is_day_known:
        if int(month) in _MONTHS:
            return f"{year}-{month}"
    elif _is_date(year, month, day):
        return f"{year}-{month}-{day}"
    raise Malformed(f"{what} is not a date of the calendar")


def born(birth: str) -> str:
    """`birth` as `calendar` gives it, "" = unknown. Raises Malformed for a year that is not that
    of a visitor. There is no clock here, so nearer ones to come are not noticed."""
    if birth and int(birth[:4]) not in _BIRTH_YEARS:
        first, last = _BIRTH_YEARS.start, _BIRTH_YEARS.stop - 1
        raise Malformed(f"date of birth is outside the years {first} to {last}")
    return birth


def _is_date(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True
