"""The keys under which one person is known; docs/subjects.md has the table.

A number is written down in several codes, so one code may say that two keys are one person:
an identity card names the earlier card, a declaration the platform's id and the insurance.
"""

from __future__ import annotations

from typing import Any

from kiosk.credentials.text import person_key

_CMND_DIGITS, _ID_DIGITS = 9, 12
_INSURANCE_DIGITS = 10
_PASS = "door-pass:"

FORMS = {
    "vn-id": "[0-9]{12}",
    "vn-cmnd": "[0-9]{9}",
    "vn-bhyt": "[0-9]{10}",
    "passport": "(?=.*[0-9])[0-9A-Z]{1,24}",
    "vn-qid": "[0-9A-Za-z-]{1,40}",
    "vn-hcmc": "[0-9a-z-]{1,64}",
    "door-pass": "[0-9a-f]{8}:[0-9]{1,20}",
    "name": "[A-Z]+(?:<[A-Z]+)*:[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "shc": "[0-9a-f]{32}",
    "nzcp": r"\S+",
    "vds-nc": r"\S+",
    "hc1": r"\S+",
}
"""What stands behind the kind of a key and its colon: a regular expression for all of it."""


def document_key(number: str) -> str:
    """Key of a whole document number: identity card, earlier card, else a passport."""
    kinds = {_ID_DIGITS: "vn-id", _CMND_DIGITS: "vn-cmnd"}
    return f"{kinds.get(len(number), 'passport') if number.isdecimal() else 'passport'}:{number}"


def insurance_key(card: str) -> str:
    """Key of a health-insurance card. The number is the whole code since 2021; before, its
    last ten digits, with who pays, benefit level and province before them."""
    return f"vn-bhyt:{card[-_INSURANCE_DIGITS:]}"


def pass_key(kid: str, number: str) -> str:
    """Key of whoever holds a door pass: key id of the issuer, in hex, and number of the pass.
    Of twins, and of namesakes in one class, each has their own."""
    return f"{_PASS}{kid}:{number}"


def known_as(subject: str, claims: dict[str, Any]) -> tuple[str, ...]:
    """All keys that a code proves to be one person, `subject` first; empty when it names
    nobody. Names are no proof: two people may share name and date of birth."""
    keys = [subject] if subject else []
    if claims.get("old_document"):
        keys.append(document_key(claims["old_document"]))
    if claims.get("qid"):
        keys.append(f"vn-qid:{claims['qid']}")
    if claims.get("health_insurance"):
        keys.append(insurance_key(claims["health_insurance"]))
    return tuple(dict.fromkeys(keys))


def listed_as(subject: str, claims: dict[str, Any]) -> tuple[str, ...]:
    """All keys by which the risk list may name the holder of a code: `known_as`, and of a door
    pass the name too, since a health officer knows no numbers of passes."""
    keys = known_as(subject, claims)
    name = person_key(claims["name"], claims["birth"]) if subject.startswith(_PASS) else ""
    return (*keys, name) if name else keys


def is_dependant(claims: dict[str, Any]) -> bool:
    """Whether a code says of itself that somebody else answers for its holder: declared on
    behalf, or a child's insurance card with the name of a parent."""
    return bool(claims.get("on_behalf") or claims.get("guardian"))
