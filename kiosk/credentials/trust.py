"""The signers that this kiosk believes, looked up by the key id (kid) that a code names.

`parse_trust` reads our own list (`kiosk.credentials.listing`) and those that others publish
(`kiosk.credentials.published`). A list has up to some thousand keys of which a door meets a
handful, so each is parsed when it is first asked for, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from kiosk.credentials import certificates, published
from kiosk.credentials.listing import Issuer, Listing
from kiosk.credentials.revocation import Revocations
from kiosk.credentials.signatures import PublicKey
from kiosk.errors import ConfigError
from kiosk.model import Signature

MAX_BYTES = 32 * 1024 * 1024
_RSA_BITS_MIN = 2048
_KIDS_OF_ISSUER = ("shc", "nzcp")
"""Formats whose kids are unique per issuer only."""

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

    def narrow(self, start: float | None, end: float | None) -> tuple[float | None, float | None]:
        """The validity of a code cut down to the signer's own."""
        if start is None or (self.valid_from is not None and self.valid_from > start):
            start = self.valid_from
        if end is None or (self.valid_until is not None and self.valid_until < end):
            end = self.valid_until
        return start, end


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
        self._issuers: dict[tuple[str, str, bytes], list[Issuer]] = {}
        self._signers: dict[tuple[str, str, bytes], tuple[Signer, ...]] = {}
        for issuer in (*plain, *listing.issuers):
            name = _name(issuer.format, issuer.issuer, issuer.kid)
            self._issuers.setdefault(name, []).append(issuer)
        self._revoked = Revocations(listing.revoked)

    def __len__(self) -> int:
        return sum(map(len, self._issuers.values()))

    def signers(self, kid: bytes, format: str = "hc1", issuer: str = "") -> tuple[Signer, ...]:
        """The signers with this kid, the one valid longest first. What cannot be read, or
        holds no key of a kind that the format uses, is nobody's."""
        name = _name(format, issuer, kid)
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
        usage: str = "",
        ids: Iterable[str] = (),
        issued_at: float | None = None,
    ) -> tuple[Signature, Signer | None]:
        """What a signature is worth, and whose it is if it holds.

        "invalid" also when the signer may not sign for that `usage`. "revoked" when the key
        is, or the code by one of its `ids`; but a forgery stays "invalid".
        """
        signers = self.signers(kid, format, issuer)
        signed: Signature = "invalid" if signers else "unknown-key"
        by = None
        for signer in signers:
            if (not signer.usages or usage in signer.usages) and is_signed_by(signer):
                signed, by = "valid", signer
                break
        named = issuer if format in _KIDS_OF_ISSUER else ""
        if signed != "invalid" and self._revoked.has(format, named, kid, ids, issued_at):
            signed = "revoked"
        return signed, by


def _name(format: str, issuer: str, kid: bytes) -> tuple[str, str, bytes]:
    return format, issuer if format in _KIDS_OF_ISSUER else "", kid


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


def parse_trust(data: bytes) -> TrustList:
    """Trust list from any format that is known. Raises ConfigError."""
    return TrustList(listing=parse_listing(data))


def trust_in(der: bytes) -> TrustList:
    """Trust in one certificate and nobody else, whatever it may sign."""
    signer = Issuer(kid=certificates.kid(der), certificate=der)
    others = (e for e in published.believe_certificate(der) if e.format != signer.format)
    return TrustList(listing=Listing([signer, *others]))


def parse_listing(data: bytes) -> Listing:
    """The same, before anything in it is looked at. Raises ConfigError."""
    if len(data) > MAX_BYTES:
        raise ConfigError([f"trust list: {len(data)} bytes, at most {MAX_BYTES}"])
    return published.read(data)
