"""New Zealand COVID Pass: `NZCP:/1/` + base32(COSE_Sign1(CWT of a verifiable credential)).

Source: New Zealand COVID Pass, technical specification 1.0. It attests nothing but that its
holder met the rules of New Zealand when it was issued.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from kiosk.credentials import cose, members, times
from kiosk.credentials.packing import base32
from kiosk.credentials.text import Malformed, abbreviate, born, clean_name, person_key
from kiosk.credentials.trust import TrustList
from kiosk.model import Credential

NAMES: tuple[str, ...] = ("nzcp",)
USAGES: tuple[str, ...] = ()

_PREFIX = b"NZCP:/1/"
_ISSUER, _EXPIRES, _NOT_BEFORE, _ID = 1, 4, 5, 7
_PASS = "PublicCovidPass"


def recognises(payload: bytes) -> bool:
    """Whether it has the prefix, version 1."""
    return payload.startswith(_PREFIX)


def read(payload: bytes, trust: TrustList) -> Credential:
    """A pass, its signature checked. Raises Malformed."""
    message = cose.read_sign1(base32(payload[len(_PREFIX) :].rstrip(b"\0\r\n")))
    content = cose.decode(message.content)
    if not isinstance(content, members.MAP):
        raise Malformed("content is not a CWT")
    issuer = members.text(content, _ISSUER)
    span = (
        times.numeric_date(content.get(_NOT_BEFORE), "start"),
        times.numeric_date(content.get(_EXPIRES), "expiry"),
    )
    if None in span:
        raise Malformed("no start or no expiry time")
    id = content.get(_ID)
    if not isinstance(id, bytes) or len(id) != 16:
        raise Malformed("id is not a UUID of 16 bytes")
    claims = _claims(members.mapping(content, "vc"))
    urn = UUID(bytes=id).urn
    signed, revoked, signer = trust.check(
        NAMES[0],
        message.kid,
        lambda by: cose.is_signed_by(message, by.key),
        issuer=issuer,
        ids=(urn,),
    )
    start, end = signer.narrow(*span) if signer is not None else span
    return Credential(
        format=NAMES[0],
        role="certificate",
        subject=person_key(claims["name"], claims["birth"]) or f"nzcp:{urn}",
        display=abbreviate(claims["name"]),
        claims=claims
        | {"certificate_id": urn, "kid": message.kid.decode("ascii", "backslashreplace")},
        signed=signed,
        revoked=revoked,
        issuer=issuer,
        valid_from=start,
        valid_until=end,
    )


def listed(id: str) -> tuple[str, ...]:
    """The URN of a UUID, from any way to write one. Raises Malformed."""
    try:
        return (UUID(id.lower()).urn,)
    except ValueError:
        raise Malformed("not a UUID, as in urn:uuid:00000000-0000-4000-8000-000000000001") from None


def _claims(credential: Mapping[str, object]) -> dict[str, str]:
    types = credential.get("type")
    if not isinstance(types, list) or _PASS not in types:
        raise Malformed("its types do not say that it is a COVID pass")
    subject = members.mapping(credential, "credentialSubject")
    family = members.text(subject, "familyName", required=False)
    birth = born(times.day(subject.get("dob"), "date of birth"))
    if not birth:
        raise Malformed("no full date of birth")
    return {
        "name": clean_name(f"{family} {members.text(subject, 'givenName')}"),
        "birth": birth,
        "sex": "",
        "document": "",
    }
