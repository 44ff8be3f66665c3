"""Our own door pass, for people without a phone: printed 5 x 5 cm, so every byte counts.

    DP1: + base45(signature + body)

`body` is CBOR: [key id, pass id, name, birth, group, first day, last day]. The signature
(Ed25519, 64 bytes) is over the prefix and the body. The key id is the first four bytes of
SHA-256 of the public key; birth is YYYYMMDD or YYYY as a number, 0 unknown; days count from
1970-01-01, begin at midnight in Vietnam, and the last one is still valid.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from hashlib import sha256

import cbor2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kiosk.credentials import base45, cose, signatures, times
from kiosk.credentials.listing import Issuer
from kiosk.credentials.subjects import pass_key
from kiosk.credentials.text import (
    Malformed,
    abbreviate,
    born,
    calendar,
    clean,
    clean_name,
)
from kiosk.credentials.trust import TrustList
from kiosk.errors import CredentialError
from kiosk.model import Credential

NAMES: tuple[str, ...] = ("door_pass",)
USAGES: tuple[str, ...] = ()

_PREFIX = b"DP1:"
_SIGNATURE_BYTES = 64
_KID_BYTES = 4
_ID_END = 2**64
_NUMBER = re.compile("[0-9]{1,40}")
_GROUP_MAX = 40
_EPOCH = date(1970, 1, 1)
_DAY_END = (date(2200, 1, 1) - _EPOCH).days


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass says. `id` is unique per issuer; `birth` is "YYYY-MM-DD", "YYYY" or "";
    `group` a class, a commune; valid from the day `first` to the day `last`."""

    id: int
    name: str
    birth: str
    group: str
    first: date
    last: date


def key_id(key: Ed25519PublicKey) -> bytes:
    """By what a pass names the key that signed it."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).digest()[:_KID_BYTES]


def believe(key: Ed25519PublicKey, name: str) -> Issuer:
    """The line of a trust list for an issuer of passes."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Issuer(format=NAMES[0], kid=key_id(key), issuer=name, key=der)


def encode(door_pass: Pass, key: Ed25519PrivateKey) -> bytes:
    """The payload of a pass. Raises CredentialError when no door would read it so."""
    birth = door_pass.birth.replace("-", "")
    body = cbor2.dumps(
        [
            key_id(key.public_key()),
            door_pass.id,
            door_pass.name,
            int(birth) if birth.isdecimal() else 0,
            door_pass.group,
            (door_pass.first - _EPOCH).days,
            (door_pass.last - _EPOCH).days,
        ]
    )
    try:
        if _read_body(body)[1] != door_pass:
            raise Malformed("a door would read something else; check birth and white space")
    except Malformed as problem:
        raise CredentialError(NAMES[0], str(problem)) from None
    return _PREFIX + base45.encode(key.sign(_PREFIX + body) + body)


def recognises(payload: bytes) -> bool:
    """Whether it has the prefix, version 1."""
    return payload.startswith(_PREFIX)


def read(payload: bytes, trust: TrustList) -> Credential:
    """A pass, its signature checked. Raises Malformed. Subject: issuer and number."""
    try:
        data = base45.decode(payload[len(_PREFIX) :].rstrip(b"\0\r\n"))
    except ValueError as error:
        raise Malformed(str(error)) from None
    signature, body = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
    kid, found = _read_body(body)
    signed, revoked, signer = trust.check(
        NAMES[0],
        kid,
        lambda by: signatures.holds(by.key, "EdDSA", signature, _PREFIX + body),
        ids=(str(found.id),),
    )
    span = (times.midnight(found.first), times.midnight(found.last + timedelta(days=1)))
    start, end = signer.narrow(*span) if signer is not None else span
    return Credential(
        format=NAMES[0],
        role="identity",
        subject=pass_key(kid.hex(), str(found.id)),
        display=abbreviate(found.name),
        claims={
            "name": found.name,
            "birth": found.birth,
            "sex": "",
            "document": "",
            "group": found.group,
            "certificate_id": str(found.id),
            "kid": kid.hex(),
        },
        signed=signed,
        revoked=revoked,
        issuer=signer.name if signer is not None else "",
        valid_from=start,
        valid_until=end,
    )


def listed(id: str) -> tuple[str, ...]:
    """The number of a pass, from one with zeros before it. Raises Malformed."""
    if _NUMBER.fullmatch(id) is None or int(id) >= _ID_END:
        raise Malformed("not the number of a pass")
    return (str(int(id)),)


def _read_body(body: bytes) -> tuple[bytes, Pass]:
    match cose.decode(body):
        case [bytes(kid), int(id), str(name), int(birth), str(group), int(first), int(last)] if (
            bool not in map(type, (id, birth, first, last))
        ):
            pass
        case _:
            raise Malformed("not the seven parts of a pass")
    if len(kid) != _KID_BYTES or not 0 <= id < _ID_END:
        raise Malformed("key id or pass id is out of range")
    if not 0 <= first <= last < _DAY_END:
        raise Malformed("first and last day are no span of days before 2200")
    return kid, Pass(
        id=id,
        name=clean_name(name),
        birth=_birth(birth),
        group=clean(group, "group", _GROUP_MAX),
        first=_EPOCH + timedelta(days=first),
        last=_EPOCH + timedelta(days=last),
    )


def _birth(number: int) -> str:
    if number == 0:
        return ""
    digits = str(number) if 0 < number < 10**8 else ""
    if len(digits) not in (len("YYYY"), len("YYYYMMDD")):
        raise Malformed("birth is not YYYYMMDD or YYYY")
    return born(calendar(digits[:4], digits[4:6], digits[6:], "date of birth"))
