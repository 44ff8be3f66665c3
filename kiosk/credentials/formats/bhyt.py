"""Health-insurance card (BHYT), unsigned; texts in hex of UTF-8, "-" for what is not said:

    code|name|birth|sex|address|facility|from|to|issued|manager|parent|area|five years|check|$

The card of 2021 has benefit level and place of issue before the `$`; short ones end with the
eighth or ninth member. How the check string is made is not published, so it is not checked.

Source: fields as the hospitals' software reads them; the code after Decisions 1351/QD-BHXH
and 1666/QD-BHXH.
"""

from __future__ import annotations

import re

from kiosk.credentials import times
from kiosk.credentials.subjects import insurance_key
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

NAMES: tuple[str, ...] = ("bhyt",)

_CARD = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:[A-Z]{2}[0-9]{13}|[0-9]{10})\|[0-9A-Fa-f]+\|")
_HEX = re.compile("(?:[0-9A-Fa-f]{2})*")
_DATE = re.compile("(?:([0-9]{1,2})/([0-9]{1,2})/)?([0-9]{4})")
_SEX = {"1": "male", "2": "female", "0": "", "-": "", "": ""}
_MEMBERS = (8, 9, 14, 16)
"""Counts without the `$`: two short forms, that of 2015 and that of 2021."""
_ADDRESS_MAX = 400
_FACILITY_MAX = 40


def recognises(payload: bytes) -> bool:
    """Whether it begins with the code of a card and a name in hex."""
    return _CARD.match(payload) is not None


def read(payload: bytes, trust: TrustList) -> Credential:
    """A health-insurance card. Raises Malformed. Subject: the insurance number. Valid as long as
    its holder is insured."""
    members = [member.strip() for member in decode(payload).split("|")]
    if members[-1] in ("$", ""):
        members.pop()
    if len(members) not in _MEMBERS:
        raise Malformed(f"{len(members)} members, expected {', '.join(map(str, _MEMBERS))}")
    code, name, birth, sex, address, facility, start, end = members[:8]
    name = clean_name(_text(name, "name"))
    if sex not in _SEX:
        raise Malformed("sex is neither 1 nor 2")
    claims = {
        "name": name,
        "birth": born(_date(birth, "date of birth")),
        "sex": _SEX[sex],
        "document": "",
        "health_insurance": code,
        "address": clean(_text(address, "address"), "address", _ADDRESS_MAX),
        "facility": "" if facility == "-" else clean(facility, "facility", _FACILITY_MAX),
        "insured_from": _date(start, "start of insurance"),
        "insured_until": _date(end, "end of insurance"),
    }
    start_at, end_at = times.days(claims["insured_from"], claims["insured_until"])
    if len(members) > 8:
        claims["issued"] = _date(members[8], "date of issue")
    if len(members) > 10:
        parent = _text(members[10], "parent's name")
        claims["guardian"] = clean_name(parent) if parent else ""
    return Credential(
        format=NAMES[0],
        role="identity",
        subject=insurance_key(code),
        display=abbreviate(name),
        claims=claims,
        valid_from=start_at,
        valid_until=end_at,
    )


def _text(member: str, what: str) -> str:
    if member == "-":
        return ""
    if _HEX.fullmatch(member) is None:
        raise Malformed(f"{what} is not hex of bytes")
    try:
        return bytes.fromhex(member).decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed(f"{what} is not UTF-8") from None


def _date(member: str, what: str) -> str:
    if member in ("-", ""):
        return ""
    found = _DATE.fullmatch(member)
    if found is None:
        raise Malformed(f"{what} is not dd/MM/yyyy or yyyy")
    day, month, year = found.groups(default="")
    return calendar(year, month.zfill(2) if month else "", day.zfill(2) if day else "", what)
