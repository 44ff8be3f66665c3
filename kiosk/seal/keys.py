"""The centre's key pairs: which suite each belongs to, and how they lie in files.

A key of the suite `X25519` is one PEM block (RFC 8410). One of the suite `HYBRID` is two: an
X25519 and an ML-KEM-768 key (RFC 9935), sealed to together as draft-ietf-hpke-pq has it
(KEM 0x647a, X-Wing), so that whoever keeps records until there are quantum computers must break
both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from typing import Any

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from kiosk.errors import SealError

X25519 = "X25519-HKDF-SHA256-CHACHA20POLY1305"
HYBRID = "MLKEM768-X25519-HKDF-SHA256-CHACHA20POLY1305"
SUITES = {
    X25519: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305),
    HYBRID: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305),
}
"""HPKE's, by the name that an envelope carries."""

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


class PublicKey:
    """A recipient. `kid` names it: the first 8 bytes of SHA-256 of the raw key, in hex; a
    hybrid one's raw key is that of ML-KEM-768, then that of X25519."""

    def __init__(self, curve: X25519PublicKey, lattice: MLKEM768PublicKey | None = None) -> None:
        self._parts: list[X25519PublicKey | MLKEM768PublicKey]
        self._key: X25519PublicKey | MLKEM768X25519PublicKey
        if lattice is None:
            self._parts, self._key, self.suite = [curve], curve, X25519
        else:
            self._parts = [curve, lattice]
            self._key, self.suite = MLKEM768X25519PublicKey(lattice, curve), HYBRID
        raw = b"".join(part.public_bytes_raw() for part in reversed(self._parts))
        self.kid = hashlib.sha256(raw).hexdigest()[:16]

    def wrap(self, key: bytes, info: bytes) -> bytes:
        """`key`, sealed: the KEM's encapsulation, then the ciphertext."""
        return SUITES[self.suite].encrypt(key, self._key, info)

    def pem(self) -> bytes:
        """What `load_public` reads."""
        encoding = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return b"".join(part.public_bytes(*encoding) for part in self._parts)


class PrivateKey:
    """The centre's half of `public`."""

    def __init__(self, curve: X25519PrivateKey, lattice: MLKEM768PrivateKey | None = None) -> None:
        self._parts: list[X25519PrivateKey | MLKEM768PrivateKey]
        self._key: X25519PrivateKey | MLKEM768X25519PrivateKey
        if lattice is None:
            self._parts, self._key = [curve], curve
            self.public = PublicKey(curve.public_key())
        else:
            self._parts, self._key = [curve, lattice], MLKEM768X25519PrivateKey(lattice, curve)
            self.public = PublicKey(curve.public_key(), lattice.public_key())

    def unwrap(self, sealed: bytes, info: bytes) -> bytes:
        """What `wrap` sealed. Raises SealError when it was altered, or for another `info`."""
        try:
            return SUITES[self.public.suite].decrypt(sealed, self._key, info)
        except (InvalidTag, ValueError) as error:
            raise SealError(f"envelope for key {self.public.kid} was altered") from error

    def raw(self) -> bytes:
        """X25519: 32 bytes; hybrid: the 64 bytes of ML-KEM-768's seed, then those."""
        return b"".join(part.private_bytes_raw() for part in reversed(self._parts))

    def pem(self) -> bytes:
        """What `load_private` reads, unencrypted (PKCS #8)."""
        encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        none = serialization.NoEncryption()
        return b"".join(part.private_bytes(*encoding, none) for part in self._parts)


def new_key(suite: str) -> PrivateKey:
    """A new key pair. Raises SealError where the library cannot make one of `suite`."""
    if suite == X25519:
        return PrivateKey(X25519PrivateKey.generate())
    try:
        return PrivateKey(X25519PrivateKey.generate(), MLKEM768PrivateKey.generate())
    except UnsupportedAlgorithm as error:
        raise SealError(_UNSUPPORTED) from error


def load_public(pem: bytes) -> PublicKey:
    """Recipient's key from PEM (SubjectPublicKeyInfo). Raises SealError."""
    return PublicKey(
        *_parts(
            pem,
            "a public key",
            serialization.load_pem_public_key,
            (X25519PublicKey, MLKEM768PublicKey),
        )
    )


def load_private(pem: bytes) -> PrivateKey:
    """The centre's key from unencrypted PEM (PKCS #8). Raises SealError."""
    return PrivateKey(
        *_parts(
            pem,
            "an unencrypted private key",
            lambda block: serialization.load_pem_private_key(block, password=None),
            (X25519PrivateKey, MLKEM768PrivateKey),
        )
    )


_UNSUPPORTED = (
    "this machine's cryptography library knows no ML-KEM-768; install the wheel that setup.py"
    " asks for instead of the system's package"
)


def _parts(
    pem: bytes, what: str, load: Callable[[bytes], Any], kinds: tuple[type[Any], type[Any]]
) -> Iterable[Any]:
    """The X25519 key of a file, then its ML-KEM-768 key if there is one."""
    blocks = [match[0] for match in _BLOCK.finditer(pem)]
    if not blocks:
        raise SealError(f"not {what} in PEM")
    found = []
    for block in blocks:
        try:
            found.append(load(block))
        except UnsupportedAlgorithm as error:
            raise SealError(f"{_UNSUPPORTED} ({error})") from error
        except (ValueError, TypeError) as error:
            raise SealError(f"not {what} in PEM: {error}") from error
    curve = [key for key in found if isinstance(key, kinds[0])]
    lattice = [key for key in found if isinstance(key, kinds[1])]
    if len(curve) != 1 or len(lattice) > 1 or len(curve) + len(lattice) < len(found):
        names = ", ".join(type(key).__name__.removeprefix("_") for key in found)
        raise SealError(
            f"expected an X25519 key, alone or with one ML-KEM-768 key beside it, found {names}"
        )
    return curve + lattice
