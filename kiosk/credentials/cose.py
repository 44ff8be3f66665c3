"""CBOR from strangers (RFC 8949), and signatures over it: COSE_Sign1 (RFC 9052)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import cbor2
import msgspec

from kiosk.credentials import signatures
from kiosk.credentials.text import Malformed

_ALGORITHMS = {-7: "ES256", -37: "PS256"}
_ALGORITHM, _CRITICAL, _KID = 1, 2, 4
_CWT_TAG, _SIGN1_TAG = 61, 18
_DEPTH_MAX = 16
_NOT_SIGN1 = "not a COSE_Sign1 of four parts"

# What cbor2 would turn into dates, decimals, regular expressions, messages and shared
# references; here a tagged value is the value, and none of that code runs.
_TAGS_OF_CBOR2 = (
    *(0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100),
    *(256, 258, 260, 261, 1004, 43000, 55799),
)
_UNTAGGED = dict.fromkeys(_TAGS_OF_CBOR2, lambda value, _immutable: value)


class Sign1(msgspec.Struct, frozen=True):
    """A signed message. `algorithm` is "ES256" or "PS256"."""

    protected: bytes
    algorithm: str
    kid: bytes
    content: bytes
    signature: bytes


def decode(data: bytes) -> Any:
    """One CBOR item that fills `data`. Raises Malformed.

    Tags are ignored save for those that cbor2 does not know, which stay `CBORTag`.
    """
    stream = io.BytesIO(data)
    try:
        item = cbor2.CBORDecoder(
            stream,
            semantic_decoders=_UNTAGGED,
            max_depth=_DEPTH_MAX,
            allow_duplicate_keys=False,
        ).decode()
    except cbor2.CBORDecodeError:
        raise Malformed("not the CBOR of one item, or nested too deep") from None
    if stream.tell() != len(data):
        raise Malformed("bytes after the CBOR item")
    return item


def read_sign1(data: bytes) -> Sign1:
    """A COSE_Sign1, bare or tagged 18, 61 or both. Raises Malformed."""
    item = decode(data)
    for tag in (_CWT_TAG, _SIGN1_TAG):
        if isinstance(item, cbor2.CBORTag) and item.tag == tag:
            item = item.value
    if not isinstance(item, list | tuple) or len(item) != 4:
        raise Malformed(_NOT_SIGN1)
    protected, unprotected, content, signature = item
    if not (
        isinstance(protected, bytes)
        and isinstance(unprotected, Mapping)
        and isinstance(content, bytes)
        and isinstance(signature, bytes)
    ):
        raise Malformed(_NOT_SIGN1)
    header = _protected_header(protected)
    if unprotected:
        header = dict(unprotected) | header  # what is signed wins
    number, kid = header.get(_ALGORITHM), header.get(_KID)
    if not isinstance(number, int) or number not in _ALGORITHMS:
        raise Malformed("signature algorithm is neither ES256 nor PS256")
    if not isinstance(kid, bytes):
        raise Malformed("no key id in the COSE header")
    return Sign1(protected, _ALGORITHMS[number], kid, content, signature)


def _protected_header(protected: bytes) -> dict[Any, Any]:
    header = decode(protected) if protected else {}
    if not isinstance(header, dict):
        raise Malformed("protected COSE header is not a map")
    if _CRITICAL in header:
        _check_critical(header)
    return header


def _check_critical(header: Mapping[Any, Any]) -> None:
    """What the signer calls critical must be understood or the message refused (RFC 9052
    section 3.1)."""
    labels = header[_CRITICAL]
    if not isinstance(labels, list) or not labels:
        raise Malformed("critical COSE headers are not a list of labels")
    for label in labels:
        if type(label) is not int or label not in (_ALGORITHM, _CRITICAL, _KID):
            raise Malformed("a COSE header that this firmware does not know is critical")
        if label not in header:
            raise Malformed("a critical COSE header is absent")


def is_signed_by(message: Sign1, key: signatures.PublicKey) -> bool:
    """Whether the signature is that of `key` (RFC 9052 section 4.4)."""
    signed = cbor2.dumps(["Signature1", message.protected, b"", message.content])
    return signatures.holds(key, message.algorithm, message.signature, signed)
