"""Sealing the records of one segment, and opening them."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping, Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from kiosk.errors import SealError
from kiosk.model import SCHEMA, Envelope, SegmentHeader
from kiosk.seal.keys import PrivateKey, PublicKey

SPAN = 1024
"""Sequence numbers from a segment's first one that can belong to it: more than it has records,
since numbers may be burnt."""


class SegmentSeal:
    """Seals the records of one segment; cannot open them. `header` travels with them."""

    def __init__(self, header: SegmentHeader, key: bytes) -> None:
        self.header = header
        self._chain = key
        self._next_seq = header.first_seq

    def seal(self, seq: int, plain: bytes) -> bytes:
        """Ciphertext of one record. Sequence numbers rise. Raises SealError for one that was
        passed: its key is gone."""
        last = self.header.first_seq + SPAN - 1
        if not self._next_seq <= seq <= last:
            raise SealError(f"record {seq} cannot be sealed; expected {self._next_seq} to {last}")
        while self._next_seq <= seq:
            key, self._chain = _step(self._chain)
            self._next_seq += 1
        return ChaCha20Poly1305(key).encrypt(_nonce(seq), plain, _bound(self.header, seq))


class SegmentOpener:
    """Opens the records of one segment, in any order."""

    def __init__(self, header: SegmentHeader, key: bytes) -> None:
        self.header = header
        self._chain = key
        self._keys: list[bytes] = []  # of the first records, as far as they were asked for

    def open(self, seq: int, sealed: bytes) -> bytes:
        """Plain text of one record. Raises SealError when anything was altered."""
        try:
            aead = ChaCha20Poly1305(self._key(seq - self.header.first_seq))
            return aead.decrypt(_nonce(seq), sealed, _bound(self.header, seq))
        except (InvalidTag, IndexError) as error:
            raise SealError(f"record {seq} was altered or belongs elsewhere") from error

    def _key(self, place: int) -> bytes:
        if not 0 <= place < SPAN:
            raise IndexError(place)
        while len(self._keys) <= place:
            key, self._chain = _step(self._chain)
            self._keys.append(key)
        return self._keys[place]


def new_segment(
    recipients: Sequence[PublicKey], device_id: str, epoch: str, first_seq: int
) -> SegmentSeal:
    """A fresh key, sealed to each recipient. Raises SealError when there is none."""
    if not recipients:
        raise SealError("no recipient: nobody could ever read the records")
    key = os.urandom(32)
    bare = SegmentHeader(
        schema=SCHEMA, device_id=device_id, epoch=epoch, first_seq=first_seq, envelopes=[]
    )
    info = _info(bare)
    envelopes = [Envelope(to.kid, to.suite, to.wrap(key, info)) for to in recipients]
    return SegmentSeal(msgspec.structs.replace(bare, envelopes=envelopes), key)


def open_segment(keys: Mapping[str, PrivateKey], header: SegmentHeader) -> SegmentOpener:
    """What opens the records, by whichever envelope one of `keys` (by key id) can open.

    Raises SealError, saying whether no key fits or the envelopes were altered.
    """
    altered: SealError | None = None
    for envelope in header.envelopes:
        private = keys.get(envelope.kid)
        if private is None or envelope.suite != private.public.suite:
            continue
        try:
            return SegmentOpener(header, private.unwrap(envelope.sealed_key, _info(header)))
        except SealError as error:
            altered = error
    if altered is not None:
        raise altered
    found = ", ".join(f"{e.kid} ({e.suite})" for e in header.envelopes) or "none"
    raise SealError(f"no envelope for our keys {sorted(keys)}; found {found}")


def _step(chain: bytes) -> tuple[bytes, bytes]:
    """Key of the record that is next, and of the chain after it."""
    return hmac.digest(chain, b"\x01", "sha256"), hmac.digest(chain, b"\x02", "sha256")


def _nonce(seq: int) -> bytes:
    return seq.to_bytes(12, "big")


def _bound(header: SegmentHeader, seq: int) -> bytes:
    return f"{header.schema}|{header.device_id}|{header.epoch}|{seq}".encode()


def _info(header: SegmentHeader) -> bytes:
    return f"{header.schema}|{header.device_id}|{header.epoch}|{header.first_seq}".encode()
