"""Envelopes that the centre alone can open.

Each segment of the outbox has one random 256-bit key, sealed with HPKE (RFC 9180, base
mode; `keys` has the suites) to every recipient; `info` binds it to schema, device, epoch and
first sequence number. Each record is encrypted with ChaCha20-Poly1305 (RFC 8439; the Pi's cores
have no AES instructions), nonce = its sequence number, associated data = schema, device, epoch,
sequence number.

The key of a record comes from a chain that begins with the segment's key and goes one step
with each sequence number, as the symmetric-key ratchet of Signal's Double Ratchet does (section
2.2 there): HMAC-SHA256 under the chain's key gives the record's key of 0x01, the chain's next
key of 0x02. The kiosk keeps the chain's next key alone, so it cannot open a record that it has
sealed, and nor can who takes its memory.
"""

from kiosk.seal.keys import (
    HYBRID,
    SUITES,
    X25519,
    PrivateKey,
    PublicKey,
    load_private,
    load_public,
    new_key,
)
from kiosk.seal.records import SegmentOpener, SegmentSeal, new_segment, open_segment

__all__ = [
    "HYBRID",
    "SUITES",
    "X25519",
    "PrivateKey",
    "PublicKey",
    "SegmentOpener",
    "SegmentSeal",
    "load_private",
    "load_public",
    "new_key",
    "new_segment",
    "open_segment",
]
