"""Chip identity card: CCCD of 2021 (seven members) and Can cuoc of 2024 (eleven), plain
UTF-8 and unsigned:

    id, 12 digits|old CMND|name|birth ddMMyyyy|Nam / Nữ|residence|issued ddMMyyyy[|...]

Dates may be cut to MMyyyy or yyyy. What the last four members of 2024 mean is not
published, and all that were seen are empty.
"""

from __future__ import annotations

import re

from kiosk.credentials.subjects import document_key
from kiosk.credentials.text import (
    Malformed,
    abbreviate,
    born,
    calendar,
    clean,
    clean_name,
    decode,
)
from kiosk.credentials.trust import TrustList
from kiosk.model import Credential

NAMES: tuple[str, ...] = ("cccd", "can_cuoc_2024")

_CARD = re.compile(rb"(?:\xef\xbb\xbf)?\s*[0-9]{12}\|")
_OLD_NUMBER = re.compile("[0-9]{9}|[0-9]{12}|")
_DATE = re.compile("(?:([0-9]{2})?([0-9]{2}))?([0-9]{4})")
_SEX = {"nam": "male", "nữ": "female", "nu": "female", "": ""}
_MEMBERS_MIN, _MEMBERS_MAX, _MEMBERS_2024 = 7, 16, 11
_RESIDENCE_MAX = 400


def recognises(payload: bytes) -> bool:
    """Whether its first member is a twelve-digit number. The personal QR, which may begin
    so too, is asked before."""
    return _CARD.match(payload) is not None


def read(payload: bytes, trust: TrustList) -> Credential:
    """An identity card. Raises Malformed. Subject: the card's number."""
    members = decode(payload).split("|")
    if not _MEMBERS_MIN <= len(members) <= _MEMBERS_MAX:
        raise Malformed(f"{len(members)} members, expected {_MEMBERS_MIN} or {_MEMBERS_2024}")
    number, old_number, name, birth, sex, residence, issued = map(str.strip, members[:7])
    if _OLD_NUMBER.fullmatch(old_number) is None:
        raise Malformed("old number is not 9 digits")
    name = clean_name(name)
    sex = _SEX.get(clean(sex, "sex", 20).casefold(), "?")
    if sex == "?":
        raise Malformed("sex is neither Nam nor Nữ")
    return Credential(
        format=NAMES[len(members) >= _MEMBERS_2024],
        role="identity",
        subject=document_key(number, ""),
        display=abbreviate(name),
        claims={
            "name": name,
            "birth": born(_date(birth, "date of birth")),
            "sex": sex,
            "document": number,
            "old_document": old_number,
            "address": clean(residence, "residence", _RESIDENCE_MAX),
            "issued": _date(issued, "date of issue") if issued else "",
        },
    )


def _date(text: str, what: str) -> str:
    found = _DATE.fullmatch(text)
    if found is None:
        raise Malformed(f"{what} is not ddMMyyyy, MMyyyy or yyyy")
    day, month, year = found.groups(default="")
    return calendar(year, month, day, what)
