"""EU Digital COVID Certificate and Vietnam's vaccine passport, which is one (Decision
5772/QD-BYT): `HC1:` + base45(zlib(COSE_Sign1(CWT))).

Source: eHealth Network, "Electronic Health Certificate Specification" and the EU DCC
schema 1.3.0; CWT is RFC 8392. Only those rules of the schema are checked that decide who
the person is and what the certificate claims to be.
"""

from __future__ import annotations

import math
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Literal

from kiosk.credentials import base45, cose, members, times
from kiosk.credentials.packing import ZLIB, inflate
from kiosk.credentials.products import product
from kiosk.credentials.text import (
    Malformed,
    abbreviate,
    born,
    clean,
    clean_name,
    person_key,
    standard_name,
)
from kiosk.credentials.trust import TrustList
from kiosk.model import Credential, Event

NAMES: tuple[str, ...] = ("hc1",)
USAGES: tuple[str, ...] = ("vaccination", "test", "recovery")

_ISSUER, _EXPIRES, _NOT_BEFORE, _ISSUED = 1, 4, 5, 6
_HCERT, _DCC = -260, 1
_KINDS = {"v": "vaccination", "t": "test", "r": "recovery"}
_REQUIRED = ("tg", "co", "is", "ci")
_OPTIONAL = frozenset(
    (
        *("vp", "mp", "ma", "dn", "sd", "dt"),  # vaccination
        *("tt", "nm", "sc", "dr", "tr", "tc"),  # test
        *("fr", "df", "du"),  # recovery
    )
)
_TIMES = frozenset(("dt", "sc", "dr", "fr", "df", "du"))
_LISTED = re.compile("[0-9A-Fa-f]{32}|[0-9A-Fa-f]{64}")
_STANDARD_NAME_MAX = 80

# Value sets of the eHealth Network, release 2.x.
_COVID_19 = "840539006"
_METHODS: dict[str, Literal["pcr", "antigen"]] = {"LP6464-4": "pcr", "LP217198-3": "antigen"}
_DETECTED = {"260373001": True, "260415000": False}


def recognises(payload: bytes) -> bool:
    """Whether it has the context identifier, version 1."""
    return payload.startswith(b"HC1:")


def read(payload: bytes, trust: TrustList) -> Credential:
    """A certificate, its signature checked. Raises Malformed.

    `signed` is "invalid" also when the signer is not entitled to this kind of
    certificate (its extended key usage). Validity is that of the certificate, of a recovery
    cut down to the days that it names (df, du), for a known signer to the signer's own.
    """
    message = cose.read_sign1(_unpack(payload))
    content = cose.decode_cwt(message.content)
    if not isinstance(content, members.MAP):
        raise Malformed("content is not a CWT")
    valid_until = _time(content, _EXPIRES, "expiry")
    issued_at = _time(content, _ISSUED, "issue time")
    not_before = _time(content, _NOT_BEFORE, "start")
    valid_from = max((t for t in (issued_at, not_before) if t is not None), default=None)
    if valid_until is None:
        raise Malformed("no expiry time")
    issuer = members.text(content, _ISSUER, required=False)
    dcc = members.mapping(members.mapping(content, _HCERT), _DCC)
    claims = _claims(dcc)
    signed, revoked, signer = trust.check(
        NAMES[0],
        message.kid,
        lambda by: cose.is_signed_by(message, by.key),
        kinds=(claims["kind"],),
        ids=_ids(message, issuer, claims["certificate_id"]),
    )
    span = times.overlap((valid_from, valid_until), _of_recovery(claims))
    valid_from, valid_until = signer.narrow(*span) if signer is not None else span
    return Credential(
        format=NAMES[0],
        role="certificate",
        subject=person_key("<<".join(_machine_names(dcc)), claims["birth"])
        or f"hc1:{claims['certificate_id']}",
        display=abbreviate(claims["name"]),
        claims=claims | {"kid": b64encode(message.kid).decode()},
        events=_events(claims["kind"], claims["entry"]),
        signed=signed,
        revoked=revoked,
        issuer=issuer,
        valid_from=valid_from,
        valid_until=valid_until,
    )


def _time(content: Mapping[Any, Any], key: int, what: str) -> float | None:
    return times.numeric_date(cose.time(content.get(key)), what)


def _of_recovery(claims: Mapping[str, Any]) -> times.Span:
    if claims["kind"] != "recovery":
        return None, None
    entry = claims["entry"]
    first, last = (times.date(entry.get(key), f"day of validity ({key})") for key in ("df", "du"))
    return times.days(first, last)


def _unpack(payload: bytes) -> bytes:
    try:
        packed = base45.decode(payload[4:].rstrip(b"\0\r\n"))
    except ValueError as error:
        raise Malformed(str(error)) from None
    return inflate(packed, ZLIB)


def _ids(message: cose.Sign1, country: str, certificate_id: str) -> Iterator[str]:
    """What the EU's revocation lists may name it by. Of an ECDSA signature only r is
    hashed, since anybody can make a second s that holds."""
    signature = message.signature
    if message.algorithm == "ES256":
        signature = signature[: len(signature) // 2]
    written = certificate_id.encode("utf-8", "replace")
    for named in (signature, written, country.encode("utf-8", "replace") + written):
        yield listed_hash(sha256(named).digest())


def listed_hash(digest: bytes) -> str:
    """How a revoked certificate is named, by a SHA-256: its first 128 bits, in hex."""
    return digest[:16].hex()


def listed(id: str) -> tuple[str, ...]:
    """Such a name from 128 or all 256 bits of the hash, in letters of any case. Raises
    Malformed."""
    if _LISTED.fullmatch(id) is None:
        raise Malformed("not the first 128 bits of a SHA-256, or all of it, in hex")
    return (id[:32].lower(),)


def _claims(dcc: Mapping[Any, Any]) -> dict[str, Any]:
    members.text(dcc, "ver")
    names = members.mapping(dcc, "nam")
    surname, given = map(standard_name, _machine_names(dcc))
    name = " ".join(members.text(names, key, required=False) for key in ("fn", "gn")).strip()
    kind, entry = _entry(dcc)
    return {
        "name": clean_name(name or f"{surname} {given}".replace("<", " ")),
        "birth": _birth(cose.time(dcc.get("dob"))),
        "sex": "",
        "document": "",
        "standard_name": f"{surname}<<{given}",
        "kind": kind,
        "certificate_id": entry["ci"],
        "entry": entry,
    }


def _machine_names(dcc: Mapping[Any, Any]) -> tuple[str, str]:
    """Surname and given name as written for machines, which not every issuer does right."""
    names = members.mapping(dcc, "nam")
    surname = members.text(names, "fnt", _STANDARD_NAME_MAX)
    return surname, members.text(names, "gnt", _STANDARD_NAME_MAX, required=False)


def _birth(value: object) -> str:
    if value == "":
        return ""  # the schema allows a person whose birth is unknown
    found = times.date(value, "date of birth (dob)")
    if not found:
        raise Malformed("date of birth (dob) is absent")
    return born(found)


def _entry(dcc: Mapping[Any, Any]) -> tuple[str, dict[str, Any]]:
    """Kind and the one entry; members that are null or empty count as absent."""
    present = [key for key in _KINDS if dcc.get(key)]
    entries = dcc[present[0]] if len(present) == 1 else None
    match entries:
        case [dict() | Mapping() as written]:
            entry: dict[str, Any] = {key: members.text(written, key) for key in _REQUIRED}
        case _:
            raise Malformed("expected one entry: a vaccination, a test or a recovery")
    for key in _OPTIONAL.intersection(written):
        value = cose.time(written[key]) if key in _TIMES else written[key]
        if isinstance(value, str):
            entry[key] = clean(value, key, members.TEXT_MAX)
        elif type(value) in (int, float) and math.isfinite(value):
            entry[key] = value
        elif value is not None:
            raise Malformed(f"{key} is neither text nor a number")
    return _KINDS[present[0]], entry


def _events(kind: str, entry: dict[str, Any]) -> tuple[Event, ...]:
    """What the entry attests; nothing when it is of another disease, says no full date, or
    a test without a result."""
    if entry["tg"] != _COVID_19:
        return ()
    if kind == "vaccination":
        on = times.day(entry.get("dt"), "date of vaccination (dt)")
        event = Event(
            kind="vaccination",
            date=on,
            product=product(members.text(entry, "mp", required=False)),
            dose=members.count(entry, "dn"),
        )
    elif kind == "test":
        on = times.moment(entry.get("sc"), "time of sampling (sc)")
        method, detected = entry.get("tt"), _DETECTED.get(str(entry.get("tr")))
        if detected is None:
            return ()
        event = Event(kind="test", date=on, method=_METHODS.get(str(method), ""), detected=detected)
    else:
        on = times.day(entry.get("fr"), "date of first positive result (fr)")
        event = Event(kind="recovery", date=on)
    return (event,) if on else ()
