"""Files that bring sealed segments to the centre by hand, from a kiosk that will not be online.

ASCII lines that end with LF, of six words with a space between:

    <SHA-256> <id> <number> <kind> <signature> <JSON>

The SHA-256, in hex, is that of the rest of the line. `id`: 16 hex digits, the same in all lines
of a file. `number` counts lines from 0. `kind`: the first line is a `head`, which stands once more
before the last line, an `end`; all others are a `segment`, whose JSON is an up/checkin payload as
`kiosk.wire` has it. The signature
is ECDSA (P-256, SHA-256) over `<id> <number> <kind> <JSON>` by the kiosk's private key, DER in
base64, or `-`; it stands for the mutual TLS under which segments travel otherwise. Each line is
good by itself: of a file that was cut off or damaged the others can be taken.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Annotated, BinaryIO, Literal, NamedTuple

import msgspec
from msgspec import Meta

from kiosk.model import Instant

VERSION = 1
SUFFIX = ".kiosk-export"
MAX_LINE_BYTES = 512 * 1024
"""Longer is no line of ours."""

Kind = Literal["head", "segment", "end"]
_LINE = re.compile(
    rb"([0-9a-f]{64}) "
    rb"(([0-9a-f]{16}) ([0-9]{1,9}) (head|segment|end) ([A-Za-z0-9+/=]{8,200}|-) (.*))"
)


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Whose records, and when the file was made. `certificate` is that of the kiosk, in PEM,
    empty when nothing is signed."""

    export: Annotated[int, Meta(ge=1)]
    kid: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")]
    at: Instant
    certificate: str = ""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """How many segments stand before this line, and how many records they hold."""

    segments: Annotated[int, Meta(ge=0)]
    records: Annotated[int, Meta(ge=0)]


class Line(NamedTuple):
    """A line whose checksum is right. `signature` is empty when it carries none; it is for
    `signed`, and not verified yet."""

    id: str
    number: int
    kind: Kind
    json: bytes
    signature: bytes
    signed: bytes


def line(
    id: str, number: int, kind: Kind, json: bytes, sign: Callable[[bytes], bytes] | None
) -> bytes:
    """One line, LF included. `sign` makes the signature, in DER."""
    about = b"%s %d %s " % (id.encode(), number, kind.encode())
    signature = base64.b64encode(sign(about + json)) if sign else b"-"
    rest = b"%s%s %s" % (about, signature, json)
    return b"%s %s\n" % (_digest(rest), rest)


def parse(raw: bytes) -> Line | None:
    """A line without its LF; None when it is damaged, or none of ours."""
    match = _LINE.fullmatch(raw)
    if match is None or _digest(match[2]) != match[1]:
        return None
    _, _, id, number, kind, signature, json = match.groups()
    try:
        made = b"" if signature == b"-" else base64.b64decode(signature, validate=True)
    except binascii.Error:
        return None
    signed = b" ".join((id, number, kind, json))
    return Line(id.decode(), int(number), _KINDS[kind], json, made, signed)


def _digest(rest: bytes) -> bytes:
    return hashlib.sha256(rest).hexdigest().encode()


_KINDS: dict[bytes, Kind] = {b"head": "head", b"segment": "segment", b"end": "end"}


def lines(file: BinaryIO) -> Iterator[Line | None]:
    """The lines of a file; None for each that is damaged, and for a last one that was cut off."""
    while raw := file.readline(MAX_LINE_BYTES):
        yield parse(raw[:-1]) if raw.endswith(b"\n") else None
