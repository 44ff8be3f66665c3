"""The signers whose certificates this kiosk believes, looked up by key id (kid).

Two kinds of list are read:

- ours: `{"version": 1, "issuers": [{"kid": "<base64>", "certificate": "<base64 of DER>"}]}`
- the EU's signer list (dgc-gateway): a line that holds a signature, then
  `{"certificates": [{"kid": "<base64>", "rawData": "<base64 of DER>", ...}]}`.
  The line is skipped: whoever installs the list answers for it.

A list has up to some thousand certificates of which a door meets a handful, so each is
parsed when its kid is first asked for, and kept.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from kiosk.errors import ConfigError

MAX_BYTES = 32 * 1024 * 1024
_RSA_BITS_MIN = 2048

PublicKey = EllipticCurvePublicKey | RSAPublicKey

# DER of the extended key usages 1.3.6.1.4.1.1847.2021.1.n, and of the misprinted
# 1.3.6.1.4.1.0.1847.2021.1.n that early signers carry (EU DCC, certificate governance).
_USAGES = {
    bytes.fromhex(prefix) + bytes((n,)): kind
    for prefix in ("060b2b060104018e378f6501", "060c2b06010401008e378f6501")
    for n, kind in ((1, "test"), (2, "vaccination"), (3, "recovery"))
}


class Signer(msgspec.Struct, frozen=True):
    """One believed key. Times in seconds since 1970 UTC; `valid_until` is the first second
    after. `usages` are the kinds of certificate it may sign, empty = any."""

    key: PublicKey
    valid_from: float
    valid_until: float
    usages: frozenset[str]


class TrustList:
    """Signers by kid. Empty unless told otherwise: then no signature is believed."""

    def __init__(self, certificates: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """`certificates` are pairs of kid and DER; a kid may occur more than once."""
        self._certificates: dict[bytes, list[bytes]] = {}
        self._signers: dict[bytes, tuple[Signer, ...]] = {}
        for kid, der in certificates:
            self._certificates.setdefault(kid, []).append(der)

    def __len__(self) -> int:
        return sum(map(len, self._certificates.values()))

    def signers(self, kid: bytes) -> tuple[Signer, ...]:
        """The signers with this kid, the one valid longest first. A certificate that
        cannot be read, or holds no key of a kind in use, is nobody's."""
        if kid not in self._certificates:
            return ()  # and nothing remembered: strangers must not fill the memory
        if kid not in self._signers:
            found = [s for der in self._certificates[kid] if (s := _load(der)) is not None]
            found.sort(key=lambda signer: -signer.valid_until)
            self._signers[kid] = tuple(found)
        return self._signers[kid]


def _load(der: bytes) -> Signer | None:
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        valid_from = certificate.not_valid_before_utc.timestamp()
        valid_until = certificate.not_valid_after_utc.timestamp() + 1
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        return None
    if not _is_usable(key):
        return None
    # Looked for in the raw DER: several signers of the published lists have another
    # extension that a strict parser refuses, and then none can be read.
    usages = frozenset(kind for oid, kind in _USAGES.items() if oid in der)
    return Signer(key, valid_from, valid_until, usages)  # type: ignore[arg-type]


def _is_usable(key: object) -> bool:
    if isinstance(key, EllipticCurvePublicKey):
        return isinstance(key.curve, SECP256R1)
    return isinstance(key, RSAPublicKey) and key.key_size >= _RSA_BITS_MIN


class _Issuer(msgspec.Struct):
    kid: bytes
    certificate: bytes


class _Published(msgspec.Struct, rename="camel"):
    kid: bytes
    raw_data: bytes
    certificate_type: str = "DSC"


class _List(msgspec.Struct):
    version: int | None = None
    issuers: list[_Issuer] | None = None
    certificates: list[_Published] | None = None


def parse_trust(data: bytes) -> TrustList:
    """Trust list from either of the two formats. Raises ConfigError."""
    if len(data) > MAX_BYTES:
        raise ConfigError([f"trust list: {len(data)} bytes, at most {MAX_BYTES}"])
    if not data.lstrip().startswith(b"{"):
        data = data.partition(b"\n")[2]
    try:
        found = msgspec.json.decode(data, type=_List)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError([f"trust list: {error}; {_EXPECTED}"]) from error
    if found.certificates is not None:
        signers = (c for c in found.certificates if c.certificate_type == "DSC")
        return TrustList((c.kid, c.raw_data) for c in signers)
    if found.issuers is None:
        raise ConfigError([f"trust list: neither issuers nor certificates; {_EXPECTED}"])
    if found.version != 1:
        raise ConfigError([f"trust list: version {found.version}, this firmware reads version 1"])
    return TrustList((i.kid, i.certificate) for i in found.issuers)


_EXPECTED = 'expected JSON with "version" and "issuers", or a signer list with "certificates"'
