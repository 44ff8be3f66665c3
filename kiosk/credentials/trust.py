"""The signers that this kiosk believes, looked up by the key id (kid) that a code names.

A list (`kiosk.credentials.lists` reads it) has up to some thousand keys of which a door meets a
handful, so each is parsed when it is first asked for, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from kiosk.credentials import certificates, times
from kiosk.credentials.listing import Issuer, Listing, Name
from kiosk.credentials.revocation import Revocations
from kiosk.credentials.signatures import PublicKey
from kiosk.model import Signature

_RSA_BITS_MIN = 2048

# DER of the extended key usages 1.3.6.1.4.1.1847.2021.1.n, and of the misprinted
# 1.3.6.1.4.1.0.1847.2021.1.n that early signers carry (EU DCC, certificate governance).
_USAGES = {
    bytes.fromhex(prefix) + bytes((n,)): kind
    for prefix in ("060b2b060104018e378f6501", "060c2b06010401008e378f6501")
    for n, kind in ((1, "test"), (2, "vaccination"), (3, "recovery"))
}


class Signer(msgspec.Struct, frozen=True):
    """One believed key. Times in seconds since 1970 UTC, None = no limit; `valid_until` is
    the first second after. `usages` are the kinds of certificate it may sign, empty = any.
    `name` is what the list calls it; `certificate` is there where the key came as one."""

    key: PublicKey
    valid_from: float | None
    valid_until: float | None
    usages: frozenset[str]
    name: str = ""
    certificate: x509.Certificate | None = None

    def narrow(self, start: float | None, end: float | None) -> times.Span:
        """The validity of a code cut down to the signer's own."""
        return times.overlap((start, end), (self.valid_from, self.valid_until))


class Checked(NamedTuple):
    """What a signature is worth. `signer` is there when it holds; `revoked` when the key, or the
    code under it, was taken back, which says nothing of a forged one."""

    signed: Signature
    revoked: bool = False
    signer: Signer | None = None


class TrustList:
    """Signers by format and kid. Empty unless told otherwise: then no signature is
    believed."""

    def __init__(
        self, hc1: Iterable[tuple[bytes, bytes]] = (), listing: Listing | None = None
    ) -> None:
        """`hc1`: signers of that format as kid and DER of the certificate. A kid may occur
        more than once."""
        listing = listing or Listing()
        plain = (Issuer(kid=kid, certificate=der) for kid, der in hc1)
        self._issuers: dict[Name, list[Issuer]] = {}
        self._signers: dict[Name, tuple[Signer, ...]] = {}
        for issuer in (*plain, *listing.issuers):
            name = Name.of(issuer.format, issuer.issuer, issuer.kid)
            self._issuers.setdefault(name, []).append(issuer)
        self._revoked = Revocations(listing.revoked)

    def __len__(self) -> int:
        return sum(map(len, self._issuers.values()))

    def signers(self, kid: bytes, format: str = "hc1", issuer: str = "") -> tuple[Signer, ...]:
        """The signers with this kid, the one valid longest first. What cannot be read, or
        holds no key of a kind that the format uses, is nobody's."""
        return self._named(Name.of(format, issuer, kid))

    def _named(self, name: Name) -> tuple[Signer, ...]:
        known = self._signers.get(name)
        if known is not None:
            return known
        if name not in self._issuers:
            return ()  # and nothing remembered: strangers must not fill the memory
        found = [s for entry in self._issuers[name] if (s := _load(entry)) is not None]
        found.sort(key=lambda s: -s.valid_until if s.valid_until is not None else -1e300)
        return self._signers.setdefault(name, tuple(found))

    def check(
        self,
        format: str,
        kid: bytes,
        is_signed_by: Callable[[Signer], bool],
        *,
        issuer: str = "",
        kinds: Collection[str] = (),
        ids: Iterable[str] = (),
        issued_at: float | None = None,
    ) -> Checked:
        """What a signature is worth, and whose it is if it holds.

        "invalid" also when the signer may sign for some kinds alone, and not for all `kinds` of
        certificate that this one is, or it is of none. `ids`: by what the code may be revoked.
        """
        name = Name.of(format, issuer, kid)
        signers = self._named(name)
        signed: Signature = "invalid" if signers else "unknown-key"
        by = None
        for signer in signers:
            if _may_sign(signer, kinds) and is_signed_by(signer):
                signed, by = "valid", signer
                break
        revoked = signed != "invalid" and self._revoked.has(name, ids, issued_at)
        return Checked(signed, revoked, by)


def _may_sign(signer: Signer, kinds: Collection[str]) -> bool:
    return not signer.usages or (bool(kinds) and signer.usages.issuperset(kinds))


def _load(issuer: Issuer) -> Signer | None:
    usages = frozenset(issuer.usages)
    certificate = None
    key: object
    start: float | None = None
    end: float | None = None
    if issuer.certificate:
        loaded = certificates.load(issuer.certificate)
        if loaded is None:
            return None
        certificate, key, start, end = loaded
        # Looked for in the raw DER: several signers of the published lists have another
        # extension that a strict parser refuses, and then none can be read.
        usages = usages or frozenset(k for oid, k in _USAGES.items() if oid in issuer.certificate)
    else:
        try:
            key = load_der_public_key(issuer.key)
        except (ValueError, UnsupportedAlgorithm):
            return None
    if issuer.format != "vds_nc" and not _is_usable(key, issuer.format):
        return None
    signer = Signer(key, start, end, usages, issuer.issuer, certificate)  # type: ignore[arg-type]
    valid_from, valid_until = signer.narrow(issuer.valid_from, issuer.valid_until)
    return msgspec.structs.replace(signer, valid_from=valid_from, valid_until=valid_until)


def _is_usable(key: object, format: str) -> bool:
    if isinstance(key, Ed25519PublicKey) or format == "door_pass":
        return isinstance(key, Ed25519PublicKey) and format not in ("hc1", "shc", "nzcp")
    if isinstance(key, EllipticCurvePublicKey):
        return isinstance(key.curve, SECP256R1)
    return format == "hc1" and isinstance(key, RSAPublicKey) and key.key_size >= _RSA_BITS_MIN


def unusable(listing: Listing) -> list[Issuer]:
    """Issuers whose certificate or key cannot be read, or is of no kind that the format uses."""
    return [issuer for issuer in listing.issuers if _load(issuer) is None]
