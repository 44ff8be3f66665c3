"""CBOR from strangers (RFC 8949), and signatures over it: COSE_Sign1 (RFC 9052)."""

from __future__ import annotations

import io
from collections.abc import Container, Mapping
from functools import partial
from typing import Any, NoReturn

import cbor2
import msgspec

from kiosk.credentials import signatures
from kiosk.credentials.text import Malformed

_ALGORITHMS = {-7: "ES256", -37: "PS256"}
_ALGORITHM, _CRITICAL, _KID = 1, 2, 4
_CWT_TAG, _SIGN1_TAG = 61, 18
_DEPTH_MAX = 16
_NOT_SIGN1 = "not a COSE_Sign1 of four parts"

# What cbor2 would turn into numbers, dates, regular expressions, messages and shared references;
# none of that code runs.
_TAGS_OF_CBOR2 = (
    *(0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100),
    *(256, 258, 260, 261, 1004, 43000, 55799),
)
_TEXT_TIME, _NUMBER_TIME = 0, 1


class _TagRefused(Exception):
    """A tag that has no place where it stands."""


def _refuse(tag: int, *_: object) -> NoReturn:
    raise _TagRefused(tag)


def _keep(tag: int, value: object, _immutable: bool) -> cbor2.CBORTag:
    return cbor2.CBORTag(tag, value)


def _only(allowed: Container[int]) -> dict[str, Any]:
    """How cbor2 is told to keep some tags as `CBORTag`, and to refuse all others."""

    def of_no_meaning_to_cbor2(tag: cbor2.CBORTag, _immutable: bool) -> cbor2.CBORTag:
        return tag if tag.tag in allowed else _refuse(tag.tag)

    return {
        "tag_hook": of_no_meaning_to_cbor2,
        "semantic_decoders": {
            tag: partial(_keep, tag) if tag in allowed else partial(_refuse, tag)
            for tag in _TAGS_OF_CBOR2
        },
    }


_NO_TAGS, _OF_TIMES, _OF_SIGN1 = (
    _only(()),
    _only((_TEXT_TIME, _NUMBER_TIME)),
    _only((_SIGN1_TAG, _CWT_TAG)),
)


class Sign1(msgspec.Struct, frozen=True):
    """A signed message. `algorithm` is "ES256" or "PS256"."""

    protected: bytes
    algorithm: str
    kid: bytes
    content: bytes
    signature: bytes


def decode(data: bytes) -> Any:
    """One CBOR item that fills `data`, without any tag. Raises Malformed."""
    return _decode(data, _NO_TAGS)


def decode_cwt(data: bytes) -> Any:
    """The same where times may be tagged as such, for `time` to read (RFC 8949 section 3.4)."""
    return _decode(data, _OF_TIMES)


def time(value: Any) -> Any:
    """What `decode_cwt` found where a time stands, without the tag that says so."""
    if isinstance(value, cbor2.CBORTag):
        wanted = _TEXT_TIME if isinstance(value.value, str) else _NUMBER_TIME
        return value.value if value.tag == wanted else value
    return value


def _decode(data: bytes, tags: dict[str, Any]) -> Any:
    stream = io.BytesIO(data)
    try:
        item = cbor2.CBORDecoder(
            stream, max_depth=_DEPTH_MAX, allow_duplicate_keys=False, **tags
        ).decode()
    except cbor2.CBORDecodeError as error:
        cause = error.__cause__
        if isinstance(cause, _TagRefused):
            raise Malformed(f"CBOR tag {cause} is not expected there") from None
        raise Malformed("not the CBOR of one item, or nested too deep") from None
    if stream.tell() != len(data):
        raise Malformed("bytes after the CBOR item")
    return item


def read_sign1(data: bytes) -> Sign1:
    """A COSE_Sign1: untagged, tagged 18, or as a CWT, 61 and 18 (RFC 8392 section 6). Raises
    Malformed."""
    item = _decode(data, _OF_SIGN1)
    if isinstance(item, cbor2.CBORTag) and item.tag == _CWT_TAG:
        item = item.value
        if not isinstance(item, cbor2.CBORTag):
            raise Malformed("a CWT (tag 61) without the tag of a COSE_Sign1 (18) in it")
    if isinstance(item, cbor2.CBORTag) and item.tag == _SIGN1_TAG:
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
