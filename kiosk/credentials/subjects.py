"""The keys under which one person is known; docs/subjects.md has the table.

A number is written down in several codes, so one code may say that two keys are one person:
an identity card names the earlier card, a declaration the platform's id and the insurance.
"""

from __future__ import annotations

import re
from typing import Any

from kiosk.credentials.text import person_key

_CMND_DIGITS, _ID_DIGITS = 9, 12
_INSURANCE_DIGITS = 10
_PASS = "door-pass:"
# Not one character alone, nor hyphens: what is typed where there is no number (0, 000000000).
_NUMBER = r"(?!-*(.?)(?:\1|-)*(?::|\Z))"
_FULL_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"

FORMS = {
    "vn-id": f"{_NUMBER}[0-9]{{12}}",
    "vn-cmnd": f"{_NUMBER}[0-9]{{9}}",
    "vn-bhyt": f"{_NUMBER}[0-9]{{10}}",
    "passport": f"{_NUMBER}(?=[A-Z]*[0-9])[0-9A-Z]{{6,24}}(?::{_FULL_DATE})?",
    "vn-qid": f"{_NUMBER}[0-9A-Za-z-]{{10,40}}",
    "vn-hcmc": f"{_NUMBER}[0-9a-z-]{{1,64}}",
    "door-pass": "[0-9a-f]{8}:[0-9]{1,20}",
    "name": f"[A-Z]+(?:<[A-Z]+)*:{_FULL_DATE}",
    "shc": "[0-9a-f]{32}",
    "nzcp": r"\S+",
    "vds-nc": r"\S+",
    "hc1": r"\S+",
}
"""What stands behind the kind of a key and its colon: a regular expression for all of it."""


def number_key(kind: str, number: str) -> str:
    """Key of a number of this kind. Empty when that is nobody's: of another form, shorter than
    a real one, or a stand-in for none, which would make one person of all who have it."""
    return f"{kind}:{number}" if re.fullmatch(FORMS[kind], number) else ""


def document_key(number: str, birth: str) -> str:
    """Key of a whole document number: identity card, earlier card, else a passport."""
    kinds = {_ID_DIGITS: "vn-id", _CMND_DIGITS: "vn-cmnd"}
    if number.isdecimal() and len(number) in kinds:
        return number_key(kinds[len(number)], number)
    return passport_key(number, birth)


def passport_key(number: str, birth: str) -> str:
    """Key of a travel document. States give the same numbers, and neither a declaration nor a
    seal says whose this is: the full date of birth tells two people apart. Empty without it."""
    return number_key("passport", f"{number}:{birth}")


def insurance_key(card: str) -> str:
    """Key of a health-insurance card. The number is the whole code since 2021; before, its
    last ten digits, with who pays, benefit level and province before them."""
    return number_key("vn-bhyt", card[-_INSURANCE_DIGITS:])


def pass_key(kid: str, number: str) -> str:
    """Key of whoever holds a door pass: key id of the issuer, in hex, and number of the pass.
    Of twins, and of namesakes in one class, each has their own."""
    return f"{_PASS}{kid}:{number}"


def known_as(subject: str, claims: dict[str, Any]) -> tuple[str, ...]:
    """All keys that a code proves to be one person, `subject` first; empty when it names
    nobody. Names are no proof: two people may share name and date of birth."""
    keys = [subject]
    if claims.get("old_document"):
        keys.append(document_key(claims["old_document"], ""))
    if claims.get("qid"):
        keys.append(number_key("vn-qid", claims["qid"]))
    if claims.get("health_insurance"):
        keys.append(insurance_key(claims["health_insurance"]))
    return tuple(dict.fromkeys(filter(None, keys)))


def listed_as(subject: str, claims: dict[str, Any]) -> tuple[str, ...]:
    """All keys by which the risk list may name the holder of a code: `known_as`, and what a
    health officer knows: of a passport the number alone, of a door pass the name."""
    keys = [*known_as(subject, claims)]
    if not subject.startswith("vn-id:"):
        keys.append(number_key("passport", claims.get("document", "")))
    if subject.startswith(_PASS):
        keys.append(person_key(claims["name"], claims["birth"]))
    return tuple(filter(None, keys))


def is_dependant(claims: dict[str, Any]) -> bool:
    """Whether a code says of itself that somebody else answers for its holder: declared on
    behalf, or a child's insurance card with the name of a parent."""
    return bool(claims.get("on_behalf") or claims.get("guardian"))
