"""National personal QR (Decision 1405/QD-BTTTT, version 1.1) of PC-Covid, Bluezone, NCOVI
and the other declaration apps; unsigned:

    SoGiayTo|HoTen|NgaySinh|LoaiDinhDanh|QID|EXT
    document|name|birth YYYY-MM-DD|0 self, 1 on behalf|platform id|a<b<c...

Apps may mask the start of the document and month and day of the birth with `*`. EXT holds
optional values (id of the declarer, sex, health insurance, phone, signature); real ones
leave out empty places, so a value is told by its shape.
"""

from __future__ import annotations

import re
from typing import Any

from kiosk.credentials.subjects import document_key, insurance_key, number_key
from kiosk.credentials.text import (
    Malformed,
    abbreviate,
    born,
    calendar,
    clean_name,
    decode,
    person_key,
)
from kiosk.credentials.trust import TrustList
from kiosk.model import Credential

NAMES: tuple[str, ...] = ("vn_personal",)

_DATE_LIKE = re.compile(rb"[0-9*]{4}-[0-9*]{2}-[0-9*]{2}")
_BIRTH = re.compile(r"([0-9]{4}|\*{4})-([0-9]{2}|\*{2})-([0-9]{2}|\*{2})")
_DOCUMENT = re.compile(r"[0-9A-Z*]{0,20}")
_QID = re.compile(r"[0-9A-Za-z-]{0,40}")
_SEX = {"0": "", "1": "male", "2": "female"}
_EXT_QID = re.compile(r"[0-9]{15,20}")
_PHONE = re.compile(r"0[0-9]{9,10}|\+?84[0-9]{9}")
_HEALTH_CARD = re.compile(r"[A-Z]{2}[0-9]{13}")
_SHORT_CARD = re.compile(r"(?!0[35789])[0-9]{10}")  # since April 2021; not a mobile phone


def recognises(payload: bytes) -> bool:
    """Whether it has six members, the third or the fourth as the decision wants them."""
    members = payload.split(b"|", 6)
    return len(members) == 6 and (
        _DATE_LIKE.fullmatch(members[2]) is not None or members[3] in (b"0", b"1")
    )


def read(payload: bytes, trust: TrustList) -> Credential:
    """A declaration. Raises Malformed.

    Subject: the document when it is whole, else the platform id, else the insurance number,
    else name and birth.
    """
    document, name, birth, self_or_behalf, qid, ext = decode(payload).split("|")
    document = document.strip().upper()
    if _DOCUMENT.fullmatch(document) is None:
        raise Malformed("document number is not letters, digits and mask, at most 20")
    if self_or_behalf not in ("0", "1"):
        raise Malformed("kind of declaration is neither 0 (self) nor 1 (on behalf)")
    if _QID.fullmatch(qid) is None:
        raise Malformed("platform id is not letters and digits, at most 40")
    name = clean_name(name)
    claims: dict[str, Any] = {
        "name": name,
        "birth": _birth(birth),
        "sex": "",
        "document": document,
        "document_masked": "*" in document,
        "birth_masked": "*" in birth,
        "on_behalf": self_or_behalf == "1",
        "qid": qid,
    } | _extension(ext)
    return Credential(
        format=NAMES[0],
        role="declaration",
        subject=_subject(claims),
        display=abbreviate(name),
        claims=claims,
    )


def _birth(text: str) -> str:
    found = _BIRTH.fullmatch(text)
    if found is None:
        raise Malformed("date of birth is not YYYY-MM-DD")
    year, month, day = found.groups()
    return "" if year == "****" else born(calendar(year, month, day, "date of birth"))


def _subject(claims: dict[str, Any]) -> str:
    name, birth = claims["name"], claims["birth"]
    return (
        document_key(claims["document"], birth)
        or number_key("vn-qid", claims["qid"])
        or insurance_key(claims.get("health_insurance", ""))
        or person_key(name, birth)
    )


def _extension(ext: str) -> dict[str, str]:
    """Values of EXT by their shape; what has no known shape is left out.

    Ten digits are a phone or a short health card; a card stands right after the sex and
    does not begin like a mobile phone.
    """
    found: dict[str, str] = {}
    values = ext.split("<")
    for place, value in enumerate(map(str.strip, values)):
        after_sex = place > 0 and values[place - 1].strip() in _SEX
        if value in _SEX:
            found.setdefault("sex", _SEX[value])
        elif _HEALTH_CARD.fullmatch(value) or (after_sex and _SHORT_CARD.fullmatch(value)):
            found.setdefault("health_insurance", value)
        elif _PHONE.fullmatch(value):
            found.setdefault("phone", value)
        elif _EXT_QID.fullmatch(value):
            found.setdefault("guardian_qid", value)
    return found
