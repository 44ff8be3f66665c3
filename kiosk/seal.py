"""Envelopes that the centre alone can open.

Each segment of the outbox has one random 256-bit key, sealed with HPKE (RFC 9180, base
mode, X25519 / HKDF-SHA256 / ChaCha20-Poly1305) to every recipient; `info` binds it to
schema, device, epoch and first sequence number. Each record is encrypted under that key
with ChaCha20-Poly1305 (RFC 8439; the Pi's cores have no AES instructions), nonce = its
sequence number, associated data = schema, device, epoch, sequence number. The key lives
in memory for as long as its segment is open and is never used for another.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from kiosk.errors import SealError
from kiosk.model import SCHEMA, Envelope, SegmentHeader

SUITE = "X25519-HKDF-SHA256-CHACHA20POLY1305"
_suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def key_id(public: X25519PublicKey) -> str:
    """Name of a recipient's key: first 8 bytes of SHA-256 of the raw key, in hex."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def load_public(pem: bytes) -> X25519PublicKey:
    """Recipient's key from PEM (SubjectPublicKeyInfo). Raises SealError."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise SealError(f"not a public key in PEM: {error}") from error
    if not isinstance(key, X25519PublicKey):
        raise SealError(f"expected an X25519 public key, found {type(key).__name__}")
    return key


def load_private(pem: bytes) -> X25519PrivateKey:
    """The centre's key from unencrypted PEM (PKCS #8). Raises SealError."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise SealError(f"not an unencrypted private key in PEM: {error}") from error
    if not isinstance(key, X25519PrivateKey):
        raise SealError(f"expected an X25519 private key, found {type(key).__name__}")
    return key


class SegmentSeal:
    """Seals or opens the records of one segment. `header` travels with them."""

    def __init__(self, header: SegmentHeader, key: bytes) -> None:
        self.header = header
        self._aead = ChaCha20Poly1305(key)

    def seal(self, seq: int, plain: bytes) -> bytes:
        """Ciphertext of one record; each `seq` at most once."""
        return self._aead.encrypt(_nonce(seq), plain, self._bound(seq))

    def open(self, seq: int, sealed: bytes) -> bytes:
        """Plain text of one record. Raises SealError when anything was altered."""
        try:
            return self._aead.decrypt(_nonce(seq), sealed, self._bound(seq))
        except InvalidTag as error:
            raise SealError(f"record {seq} was altered or belongs elsewhere") from error

    def _bound(self, seq: int) -> bytes:
        h = self.header
        return f"{h.schema}|{h.device_id}|{h.epoch}|{seq}".encode()


def new_segment(
    recipients: Sequence[X25519PublicKey], device_id: str, epoch: str, first_seq: int
) -> SegmentSeal:
    """A fresh key, sealed to each recipient. Raises SealError when there is none."""
    if not recipients:
        raise SealError("no recipient: nobody could ever read the records")
    key = os.urandom(32)
    bare = SegmentHeader(
        schema=SCHEMA, device_id=device_id, epoch=epoch, first_seq=first_seq, envelopes=[]
    )
    header = SegmentHeader(
        schema=SCHEMA,
        device_id=device_id,
        epoch=epoch,
        first_seq=first_seq,
        envelopes=[
            Envelope(key_id(public), SUITE, _suite.encrypt(key, public, _info(bare)))
            for public in recipients
        ],
    )
    return SegmentSeal(header, key)


def open_segment(keys: Mapping[str, X25519PrivateKey], header: SegmentHeader) -> SegmentSeal:
    """The segment's key, from whichever envelope one of `keys` (by key id) can open.

    Raises SealError, saying whether no key fits or the envelope was altered.
    """
    for envelope in header.envelopes:
        private = keys.get(envelope.kid)
        if private is None or envelope.suite != SUITE:
            continue
        try:
            return SegmentSeal(header, _suite.decrypt(envelope.sealed_key, private, _info(header)))
        except (InvalidTag, ValueError) as error:
            raise SealError(f"envelope for key {envelope.kid} was altered") from error
    found = ", ".join(f"{e.kid} ({e.suite})" for e in header.envelopes) or "none"
    raise SealError(f"no envelope for our keys {sorted(keys)}; found {found}")


def _nonce(seq: int) -> bytes:
    return seq.to_bytes(12, "big")


def _info(header: SegmentHeader) -> bytes:
    return f"{header.schema}|{header.device_id}|{header.epoch}|{header.first_seq}".encode()
