"""EU Digital COVID Certificate and Vietnam's vaccine passport, which is one (Decision
5772/QD-BYT): `HC1:` + base45(zlib(COSE_Sign1(CWT))).

Source: eHealth Network, "Electronic Health Certificate Specification" and the EU DCC
schema 1.3.0; CWT is RFC 8392. Only those rules of the schema are checked that decide who
the person is and what the certificate claims to be.
"""

from __future__ import annotations

import math
import re
import zlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from kiosk.credentials import base45, cose
from kiosk.credentials.text import (
    Malformed,
    abbreviate,
    calendar,
    clean,
    clean_name,
    person_key,
    standard_name,
)
from kiosk.credentials.trust import Signer, TrustList
from kiosk.model import Credential, Signature

NAMES: tuple[str, ...] = ("hc1",)

INFLATED_MAX = 16 * 1024
_ISSUER, _EXPIRES, _NOT_BEFORE, _ISSUED = 1, 4, 5, 6
_HCERT, _DCC = -260, 1
_TIME_END = 253_402_300_800  # the year 10000
_KINDS = {"v": "vaccination", "t": "test", "r": "recovery"}
_REQUIRED = ("tg", "co", "is", "ci")
_OPTIONAL = (
    *("vp", "mp", "ma", "dn", "sd", "dt"),  # vaccination
    *("tt", "nm", "sc", "dr", "tr", "tc"),  # test
    *("fr", "df", "du"),  # recovery
)
_STANDARD_NAME_MAX = 80
_TEXT_MAX = 200
_BIRTH = re.compile("([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T.*)?)?)?")


def recognises(payload: bytes) -> bool:
    """Whether it has the context identifier, version 1."""
    return payload.startswith(b"HC1:")


def read(payload: bytes, trust: TrustList) -> Credential:
    """A certificate, its signature checked. Raises Malformed.

    `signed` is "invalid" also when the signer is not entitled to this kind of
    certificate (its extended key usage). Validity is that of the certificate, for a
    known signer cut down to the signer's own.
    """
    message = cose.read_sign1(_inflate(payload))
    content = cose.decode(message.content)
    if not isinstance(content, Mapping):
        raise Malformed("content is not a CWT")
    valid_until = _time(content, _EXPIRES, "expiry")
    issued_at = _time(content, _ISSUED, "issue time")
    valid_from = max(
        (t for t in (issued_at, _time(content, _NOT_BEFORE, "start")) if t is not None),
        default=None,
    )
    if valid_until is None:
        raise Malformed("no expiry time")
    claims = _claims(_member(_member(content, _HCERT), _DCC))
    signed, signer = _signature(message, trust, claims["kind"])
    if signer is not None:
        valid_until = min(valid_until, signer.valid_until)
        valid_from = max(valid_from or 0.0, signer.valid_from)
    issuer = content.get(_ISSUER, "")
    if not isinstance(issuer, str):
        raise Malformed("issuer is not text")
    return Credential(
        format=NAMES[0],
        role="certificate",
        subject=person_key(claims["standard_name"], claims["birth"])
        or f"hc1:{claims['certificate_id']}",
        display=abbreviate(claims["name"]),
        claims=claims | {"kid": b64encode(message.kid).decode()},
        signed=signed,
        issuer=clean(issuer, "issuer", _TEXT_MAX),
        valid_from=valid_from,
        valid_until=valid_until,
    )


def _inflate(payload: bytes) -> bytes:
    try:
        packed = base45.decode(payload[4:].rstrip(b"\0\r\n"))
    except ValueError as error:
        raise Malformed(str(error)) from None
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(packed, INFLATED_MAX)
    except zlib.error:
        raise Malformed("not compressed with zlib") from None
    if not inflater.eof or inflater.unused_data:
        raise Malformed(f"compressed data is cut, has a tail, or exceeds {INFLATED_MAX} bytes")
    return data


def _time(content: Mapping[Any, Any], key: int, what: str) -> float | None:
    """NumericDate of RFC 8392: seconds since 1970 UTC, whole or not."""
    value = content.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{what} is not a number")
    if not 0 <= value < _TIME_END:  # NaN compares false
        raise Malformed(f"{what} is outside the years 1970 to 9999")
    return float(value)


def _signature(message: cose.Sign1, trust: TrustList, kind: str) -> tuple[Signature, Signer | None]:
    signers = trust.signers(message.kid)
    if not signers:
        return "unknown-key", None
    for signer in signers:
        entitled = not signer.usages or kind in signer.usages
        if entitled and cose.is_signed_by(message, signer.key):
            return "valid", signer
    return "invalid", None


def _member(container: Mapping[Any, Any], key: int | str) -> Mapping[Any, Any]:
    value = container.get(key)
    if not isinstance(value, Mapping):
        raise Malformed(f"member {key} is absent or not a map")
    return value


def _claims(dcc: Mapping[Any, Any]) -> dict[str, Any]:
    _text(dcc, "ver")
    names = _member(dcc, "nam")
    surname = standard_name(_text(names, "fnt", _STANDARD_NAME_MAX))
    given = standard_name(_text(names, "gnt", _STANDARD_NAME_MAX, required=False))
    name = " ".join(_text(names, key, required=False) for key in ("fn", "gn")).strip()
    kind, entry = _entry(dcc)
    return {
        "name": clean_name(name or f"{surname} {given}".replace("<", " ")),
        "birth": _birth(dcc.get("dob")),
        "sex": "",
        "document": "",
        "standard_name": f"{surname}<<{given}",
        "kind": kind,
        "certificate_id": entry["ci"],
        "entry": entry,
    }


def _birth(value: object) -> str:
    if value == "":
        return ""  # the schema allows a person whose birth is unknown
    found = _BIRTH.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Malformed("date of birth (dob) is not YYYY-MM-DD, YYYY-MM, YYYY or empty")
    year, month, day = found.groups(default="")
    return calendar(year, month, day, "date of birth")


def _entry(dcc: Mapping[Any, Any]) -> tuple[str, dict[str, Any]]:
    """Kind and the one entry; members that are null or empty count as absent."""
    present = [key for key in _KINDS if dcc.get(key)]
    entries = dcc[present[0]] if len(present) == 1 else None
    match entries:
        case [Mapping() as written]:
            entry: dict[str, Any] = {key: _text(written, key) for key in _REQUIRED}
        case _:
            raise Malformed("expected one entry: a vaccination, a test or a recovery")
    for key in _OPTIONAL:
        match written.get(key):
            case None:
                pass
            case str(text):
                entry[key] = clean(text, key, _TEXT_MAX)
            case bool():
                raise Malformed(f"{key} is neither text nor a number")
            case int(number) | float(number) if math.isfinite(number):
                entry[key] = number
            case _:
                raise Malformed(f"{key} is neither text nor a number")
    return _KINDS[present[0]], entry


def _text(
    container: Mapping[Any, Any], key: str, longest: int = _TEXT_MAX, *, required: bool = True
) -> str:
    value = container.get(key)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{key} is absent or not text")
    text = clean(value, key, longest)
    if required and not text:
        raise Malformed(f"{key} is empty")
    return text
