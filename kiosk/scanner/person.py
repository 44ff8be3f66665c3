"""What is sealed of a person."""

from __future__ import annotations

import msgspec

from kiosk.errors import CredentialError
from kiosk.model import Credential, Declared, Person, Risk

PERSON_BYTES = 8 * 1024
"""A vaccination certificate has 1 kB of claims; ten times that is somebody's experiment."""


def sealed_part(
    credential: Credential,
    risk: Risk,
    party: str,
    colour: str = "",
    declared: Declared | None = None,
) -> bytes:
    """A `Person`, encoded. Raises CredentialError when it is larger than any person's data."""
    claims = credential.claims
    if declared is not None:
        claims = claims | {"declared": {**msgspec.to_builtins(declared), "by": "button"}}
    person = msgspec.json.encode(
        Person(
            format=credential.format,
            role=credential.role,
            subject=credential.subject,
            signed="revoked" if credential.revoked else credential.signed,
            issuer=credential.issuer,
            claims=claims,
            risk=risk,
            party=party,
            colour=colour,
        )
    )
    if len(person) > PERSON_BYTES:
        raise CredentialError(
            credential.format, f"{len(person)} bytes of claims, at most {PERSON_BYTES}"
        )
    return person
