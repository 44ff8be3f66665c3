"""SMART Health Card: `shc:/` and two digits for each character of a JWS (ES256), whose
payload is compressed JSON: a FHIR bundle of one patient and what was done to him.

The JWS as it is, which is what wallets keep in a file and hand over by other ways, is read as
well.

Source: SMART Health Cards Framework 1.4. A card of the older kind may be split over several
codes, `shc:/C/N/...`; each alone says nothing that can be checked. The framework allows a
JWS of 1,195 characters in one code; what a code holds here allows 2,145.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from kiosk.credentials import members, signatures, strict_json, times
from kiosk.credentials.packing import RAW, base64url, digit_pairs, inflate
from kiosk.credentials.products import product
from kiosk.credentials.text import (
    Malformed,
    abbreviate,
    born,
    clean,
    clean_name,
    decode,
    person_key,
)
from kiosk.credentials.trust import TrustList
from kiosk.model import Credential, Event

NAMES: tuple[str, ...] = ("shc",)
USAGES: tuple[str, ...] = ("vaccination", "test")

_CHUNK = re.compile("shc:/(?:([0-9]{1,3})/([0-9]{1,3})/)?([0-9]*)", re.IGNORECASE)
_JWS = "eyJ"  # base64url of `{"`
_BARE = re.compile(rb"eyJ[0-9A-Za-z_-]*\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+")
_CARD_TYPE = "https://smarthealth.cards#health-card"
_GIVEN_NAMES_MAX = 8
_RID = re.compile("[A-Za-z0-9_-]{0,24}")
_LISTED = re.compile("[A-Za-z0-9_-]{1,24}(?:[.][0-9]{1,12})?")

# COVID-19 alone counts: a card may attest any vaccination. CVX is CDC's list of vaccines.
_CVX = "http://hl7.org/fhir/sid/cvx"
_COVID_CVX = frozenset(
    str(code)
    for first, last in (
        *((207, 208), (210, 213), (217, 219), (221, 221), (225, 230)),
        *((300, 302), (308, 313), (500, 521)),
    )
    for code in range(first, last + 1)
)
_LOINC = "http://loinc.org"
_COVID_TESTS: dict[str, Literal["pcr", "antigen"]] = {
    **dict.fromkeys(("94500-6", "94309-2", "94534-5", "94559-2", "94565-9", "94759-8"), "pcr"),
    **dict.fromkeys(("94845-5", "94533-7", "94660-8", "95406-5", "95608-6", "96123-5"), "pcr"),
    **dict.fromkeys(("94558-4", "95209-3", "96119-3", "97097-0"), "antigen"),
}
_RESULTS = {
    **dict.fromkeys(("260373001", "10828004", "LA11882-0", "LA6576-8"), True),
    **dict.fromkeys(("260415000", "260385009", "LA11883-8", "LA6577-6"), False),
}


class _Jws(NamedTuple):
    kid: str
    content: dict[str, Any]
    signed: bytes
    signature: bytes


def recognises(payload: bytes) -> bool:
    """Whether it has the scheme of a card, or of a part of one, or is a JWS whose header says
    that it is compressed as theirs is."""
    text = payload.strip()
    if text[:5].lower() == b"shc:/":
        return True
    return _BARE.fullmatch(text) is not None and b'"DEF"' in _header(text.decode())


def _header(jws: str) -> bytes:
    try:
        return base64url(jws.partition(".")[0], "JWS header")
    except Malformed:
        return b""


def read(payload: bytes, trust: TrustList) -> Credential:
    """A card, its signature checked. Raises Malformed."""
    text = decode(payload)
    jws = _read_jws(text if text.startswith(_JWS) else _jws_text(text))
    issuer = members.text(jws.content, "iss")
    valid_from = times.numeric_date(jws.content.get("nbf"), "start")
    if valid_from is None:
        raise Malformed("no start of validity (nbf)")
    credential = members.mapping(jws.content, "vc")
    if _CARD_TYPE not in _texts(credential.get("type")):
        raise Malformed("its types do not say that it is a health card")
    rid = members.text(credential, "rid", required=False)
    if _RID.fullmatch(rid) is None:
        raise Malformed("revocation id is not base64url of at most 24 characters")
    bundle = members.mapping(members.mapping(credential, "credentialSubject"), "fhirBundle")
    claims, events = _bundle(bundle)
    signed, revoked, signer = trust.check(
        NAMES[0],
        jws.kid.encode(),
        lambda by: signatures.holds(by.key, "ES256", jws.signature, jws.signed),
        issuer=issuer,
        kinds={event.kind for event in events},
        ids=(rid,),
        issued_at=valid_from,
    )
    span = (valid_from, times.numeric_date(jws.content.get("exp"), "expiry"))
    start, end = signer.narrow(*span) if signer is not None else span
    return Credential(
        format=NAMES[0],
        role="certificate",
        subject=person_key(claims["name"], claims["birth"])
        or f"shc:{sha256(jws.signature).hexdigest()[:32]}",
        display=abbreviate(claims["name"]),
        claims=claims | {"certificate_id": rid, "kid": jws.kid},
        events=events,
        signed=signed,
        revoked=revoked,
        issuer=issuer,
        valid_from=start,
        valid_until=end,
    )


def listed(id: str) -> tuple[str, ...]:
    """A `rid`, perhaps with the second before which cards were issued. Raises Malformed."""
    if _LISTED.fullmatch(id) is None:
        raise Malformed("not a rid, perhaps with .<seconds> behind it")
    return (id,)


def _jws_text(text: str) -> str:
    """The JWS of one code, or of all parts with white space between them, in any order."""
    parts: dict[int, str] = {}
    total = 1
    for number, chunk in enumerate(text.split()):
        found = _CHUNK.fullmatch(chunk)
        if found is None:
            raise Malformed("not shc:/ and digits")
        place, of = int(found[1] or 1), int(found[2] or 1)
        if not 1 <= place <= of or (number and of != total):
            raise Malformed("its parts are of different cards, or misnumbered")
        total = of
        parts[place] = found[3]
    if len(parts) != total:
        raise Malformed(
            f"{len(parts)} of the {total} parts of a card; ask for the card as a single code"
        )
    return digit_pairs("".join(parts[place] for place in sorted(parts)))


def _read_jws(text: str) -> _Jws:
    parts = text.split(".")
    if len(parts) != 3:
        raise Malformed("not a JWS of three parts")
    header = strict_json.decode(base64url(parts[0], "JWS header"))
    if not isinstance(header, dict):
        raise Malformed("JWS header is not a map")
    if header.get("alg") != "ES256" or header.get("zip") != "DEF" or "crit" in header:
        raise Malformed("JWS header does not say ES256 and DEF alone")
    content = strict_json.decode(inflate(base64url(parts[1], "JWS payload"), RAW))
    if not isinstance(content, dict):
        raise Malformed("JWS payload is not a map")
    signature = base64url(parts[2], "JWS signature")
    signed = f"{parts[0]}.{parts[1]}".encode()
    return _Jws(members.text(header, "kid"), content, signed, signature)


def _bundle(bundle: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Event, ...]]:
    resources = [members.mapping(entry, "resource") for entry in members.maps(bundle, "entry")]
    patients = [r for r in resources if r.get("resourceType") == "Patient"]
    if len(patients) != 1:
        raise Malformed("not of one patient")
    found = [event for resource in resources for event in _attested(resource)]
    kinds = {event.kind for event in found}
    claims = {
        "name": _name(patients[0]),
        "birth": _birth(patients[0]),
        "sex": "",
        "document": "",
        "kind": kinds.pop() if len(kinds) == 1 else "",
    }
    return claims, tuple(sorted(found, key=lambda event: event.date))


def _name(patient: Mapping[str, Any]) -> str:
    """Family name first, as in Vietnam."""
    for name in members.maps(patient, "name"):
        family = members.text(name, "family", required=False)
        given = [clean(t, "given", members.TEXT_MAX) for t in _texts(name.get("given"))]
        written = " ".join((family, *given[:_GIVEN_NAMES_MAX])).strip()
        return clean_name(written or members.text(name, "text", required=False))
    raise Malformed("the patient has no name")


def _birth(patient: Mapping[str, Any]) -> str:
    return born(times.date(patient.get("birthDate"), "date of birth"))


def _attested(resource: Mapping[str, Any]) -> Iterator[Event]:
    """Doses that were given, tests with a final result."""
    kind, status = resource.get("resourceType"), resource.get("status")
    if kind == "Immunization" and status == "completed":
        on = times.day(resource.get("occurrenceDateTime"), "date of vaccination")
        cvx = next((c for c in _codes(resource, "vaccineCode", _CVX) if c in _COVID_CVX), "")
        if on and cvx:
            yield Event(kind="vaccination", date=on, product=product(cvx))
    elif kind == "Observation" and status in ("final", "amended", "corrected"):
        on = times.moment(resource.get("effectiveDateTime"), "time of sampling")
        method = next((c for c in _codes(resource, "code", _LOINC) if c in _COVID_TESTS), None)
        results = {_RESULTS.get(code) for code in _codes(resource, "valueCodeableConcept")}
        if on and method is not None and results in ({True}, {False}):
            yield Event(
                kind="test", date=on, method=_COVID_TESTS[method], detected=results == {True}
            )


def _codes(resource: Mapping[str, Any], key: str, system: str = "") -> Iterator[str]:
    """Codes of a CodeableConcept, of one system or of any."""
    if key not in resource:
        return
    for coding in members.maps(members.mapping(resource, key), "coding"):
        if not system or coding.get("system") == system:
            yield members.text(coding, "code", required=False)


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
