"""What a trust list says, before anything in it is used: whom to believe, what is revoked.

Our own format, version 2, as JSON; bytes are base64:

    {"version": 2,
     "issuers": [{"format": "hc1", "kid": "...", "certificate": "<DER>"},
                 {"format": "shc", "issuer": "https://...", "kid": "...", "key": "<DER>"}],
     "revoked": [{"format": "hc1", "kid": "...", "ids": ["..."]}]}

Version 1 had issuers alone, all of format "hc1" and with certificates. Members and formats
that this firmware does not know are mistakes: a revocation that is passed over revokes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

VERSION = 2

KIDS_OF_ISSUER = ("shc", "nzcp")
"""Formats whose kids are unique per issuer only."""


class Name(NamedTuple):
    """By what a code names the key that signed it, and a list whom it believes or revokes."""

    format: str
    issuer: str
    kid: bytes

    @classmethod
    def of(cls, format: str, issuer: str, kid: bytes) -> Name:
        """`issuer` counts where it is part of the name."""
        return cls(format, issuer if format in KIDS_OF_ISSUER else "", kid)


class Issuer(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """One believed key, as a certificate (X.509) or bare (SubjectPublicKeyInfo), for the
    codes of one format alone.

    `kid` is what the code names it by: the bytes in a COSE header; of a JWS the UTF-8 of the
    text; of a country signer (vds_nc) the id of its key. `issuer` is part of the name where
    kids are unique per issuer only (shc, nzcp), else what people call it. `usages`: kinds of
    certificate it may sign, none = those of its certificate, or any. Times in seconds since
    1970 UTC narrow those of the certificate; `valid_until` is the first second after.
    """

    format: str = "hc1"
    kid: bytes
    issuer: str = ""
    certificate: bytes = b""
    key: bytes = b""
    usages: list[str] = []
    valid_from: float | None = None
    valid_until: float | None = None


class Revoked(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Codes that are no longer believed: those with one of `ids` under a key (without a kid:
    under any), or, without `ids`, all under it.

    Ids: hc1, SHA-256 of signature, certificate id, or country and id, in hex, of which the first
    128 bits count; shc, the card's `rid`, with ".<seconds>" behind it for cards issued before;
    nzcp, the UUID; vds_nc, the certificate id or the signer's serial number in hex; door_pass, the
    pass number. `listed` of each format says what else is understood.
    """

    format: str
    kid: bytes = b""
    issuer: str = ""
    ids: list[str] | None = None


class Listing(msgspec.Struct, frozen=True):
    """Everything that one list, or several together, say. `left_out`: what stands in a list of
    others and is of no use here, a sentence each."""

    issuers: list[Issuer] = []
    revoked: list[Revoked] = []
    left_out: list[str] = []

    def __add__(self, other: Listing) -> Listing:
        return Listing(
            self.issuers + other.issuers,
            self.revoked + other.revoked,
            self.left_out + other.left_out,
        )


def encode(listing: Listing) -> bytes:
    """The listing in our format, each entry once."""
    once: dict[bytes, Issuer | Revoked] = {}
    entries: list[Issuer | Revoked] = [*listing.issuers, *listing.revoked]
    for entry in entries:
        once.setdefault(msgspec.json.encode([type(entry).__name__, entry]), entry)
    document = {
        "version": VERSION,
        "issuers": [entry for entry in once.values() if isinstance(entry, Issuer)],
        "revoked": [entry for entry in once.values() if isinstance(entry, Revoked)],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"
