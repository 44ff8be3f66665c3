"""Documents that the fleet's signing key answers for: policy, trust list, risk list, the
configuration that a kiosk is to have, command.

A file is a line of JSON, a line with the signature in hexadecimal, and the content as it is:

    {"kiosk-document":1,"kind":"policy","version":3,"key":"9b1f0c22d7e84a10","bytes":2043,...}
    5d0c9a...
    # What the door answers ...

Signed (Ed25519, RFC 8032) is the first line, byte for byte, with its line feed. It holds the
SHA-512 of the content, so that 16 MB are read once and in pieces of any size, and anybody can
check a file with head, tail, sha512sum and openssl. No key signs other lines that begin
alike: `"kiosk-document"` comes first in all of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta

from kiosk.errors import DocumentError

Kind = Literal["policy", "trust", "risk", "config", "command"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Keys = Mapping[str, Ed25519PublicKey]
"""Public keys by `key_id`; each of them alone may sign."""

FORMAT = 1
_BEGINNING = b'{"kiosk-document":'
_LINE_MAX = 1024
_SIGNATURE = re.compile(rb"[0-9a-f]{128}")
_SIGN_IT = "sign it: python -m provisioning.authority sign"
_ALTERED = "the document was altered after it was signed, or is cut short; fetch it anew"


class Signed(NamedTuple):
    """A document that was signed by a known key. A later one has a higher `version`."""

    version: int
    content: memoryview


class _Format(msgspec.Struct, rename={"format": "kiosk-document"}):
    format: int


class Header(msgspec.Struct, frozen=True, rename={"format": "kiosk-document"}):
    """The signed line: `bytes` and `sha512` (hex) are of the content, `key` names the signer."""

    format: int
    kind: str
    version: Annotated[int, Meta(ge=1, le=2**53)]
    key: str
    bytes: Annotated[int, Meta(ge=0, le=2**53)]
    sha512: str


def key_id(public: Ed25519PublicKey) -> str:
    """Name of a signing key: first 8 bytes of SHA-256 of the raw key, in hex."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def load_public(pem: bytes) -> Ed25519PublicKey:
    """Public signing key from PEM (SubjectPublicKeyInfo). Raises DocumentError."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise DocumentError(f"not a public key in PEM: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise DocumentError(f"expected an Ed25519 public key, found {type(key).__name__}")
    return key


def keys_by_id(keys: Iterable[Ed25519PublicKey]) -> Keys:
    """The keys as `open_signed` looks them up."""
    return {key_id(key): key for key in keys}


def read_keys(files: Iterable[Path], read: Callable[[Path], bytes] = Path.read_bytes) -> Keys:
    """Keys from PEM files. Raises DocumentError that names the file, and what `read` raises."""
    keys = []
    for file in files:
        try:
            keys.append(load_public(read(file)))
        except DocumentError as error:
            raise DocumentError(f"judge.fleet_keys: {file}: {error}") from error
    return keys_by_id(keys)


def load_private(pem: bytes) -> Ed25519PrivateKey:
    """Private signing key from PEM (PKCS #8, no password). Raises DocumentError."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise DocumentError(f"not an unencrypted private key in PEM: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise DocumentError(f"expected an Ed25519 private key, found {type(key).__name__}")
    return key


def sign(private: Ed25519PrivateKey, kind: Kind, version: int, content: bytes) -> bytes:
    """The whole file. `version` counts from 1 and must grow with each change."""
    header = Header(
        format=FORMAT,
        kind=kind,
        version=version,
        key=key_id(private.public_key()),
        bytes=len(content),
        sha512=hashlib.sha512(content).hexdigest(),
    )
    line = msgspec.json.encode(header) + b"\n"
    return line + private.sign(line).hex().encode() + b"\n" + content


def is_signed(data: bytes) -> bool:
    """Whether it claims to be a signed document, rightly or not."""
    return data.startswith(_BEGINNING)


def open_signed(data: bytes, kind: Kind, keys: Keys, at_least: int = 0) -> Signed:
    """What `data` holds, once a key of `keys` is known to have signed all of it. The content
    is a view of `data`, no copy.

    Raises DocumentError: not signed, another format, key or kind, altered, or of a version
    below `at_least`. The message says what to do and quotes no content.
    """
    header, line, signature, content = _parts(data)
    _verify(header, line, signature, keys)
    if len(content) != header.bytes or hashlib.sha512(content).hexdigest() != header.sha512:
        raise DocumentError(_ALTERED)
    _expect(header, kind)
    if header.version < at_least:
        raise DocumentError(
            f"it is version {header.version}, older than version {at_least} that was in force;"
            " fetch the newest"
        )
    return Signed(header.version, content)


def open_header(data: bytes, kind: Kind, keys: Keys) -> Header:
    """What a signed document says of its content, once a key of `keys` is known to have signed
    that: its first two lines are enough, which is how one is announced.

    Raises DocumentError like `open_signed`, but for the content, which nobody looks at."""
    header, line, signature, _ = _parts(data)
    _verify(header, line, signature, keys)
    _expect(header, kind)
    return header


def _verify(header: Header, line: bytes, signature: bytes, keys: Keys) -> None:
    if header.key not in keys:
        known = ", ".join(keys) or "none"
        raise DocumentError(
            f"it is signed with key {header.key}, known are {known}; is it another fleet's, or"
            " is judge.fleet_keys out of date?"
        )
    if not _SIGNATURE.fullmatch(signature):
        raise DocumentError(_ALTERED)
    try:
        keys[header.key].verify(bytes.fromhex(signature.decode()), line)
    except InvalidSignature:
        raise DocumentError(_ALTERED) from None


def beginning(data: bytes) -> bytes:
    """The two lines before the content, with their line feeds. Raises DocumentError."""
    _, line, signature, _ = _parts(data)
    return line + signature + b"\n"


def unchecked_header(data: bytes) -> Header:
    """What a signed document says of itself; its first two lines are enough. Nothing may act on it,
    see `unchecked`. Raises DocumentError: not signed, or another format."""
    return _parts(data)[0]


def signer(data: bytes) -> str:
    """Id of the key that a document says it is signed with; `open_signed` tells whether that is
    so. Raises DocumentError."""
    return _parts(data)[0].key


def unchecked(data: bytes, kind: Kind) -> Signed:
    """What a signed document says it holds. Its signature is not looked at, so this is for a
    person who reads it, and nothing may act on it. Raises DocumentError: not signed, another
    format or kind."""
    header, _, _, content = _parts(data)
    _expect(header, kind)
    return Signed(header.version, content)


def _parts(data: bytes) -> tuple[Header, bytes, bytes, memoryview]:
    """Header, the line that is signed, signature, content."""
    if not is_signed(data):
        raise DocumentError(f"it is not signed; {_SIGN_IT}")
    line, end, rest = data[:_LINE_MAX].partition(b"\n")
    header = _header(line + end)
    signature, second_end, _ = rest.partition(b"\n")
    if not second_end:
        raise DocumentError(_ALTERED)
    content = memoryview(data)[len(line) + len(end) + len(signature) + 1 :]
    return header, line + end, signature, content


def _expect(header: Header, kind: Kind) -> None:
    if header.kind != kind:
        raise DocumentError(
            f"it is a signed document of kind {header.kind}, expected {kind}; are two files"
            " mixed up?"
        )


def _header(line: bytes) -> Header:
    try:
        found = msgspec.json.decode(line, type=_Format).format
        if found == FORMAT:
            return msgspec.json.decode(line, type=Header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise DocumentError(_ALTERED) from None
    raise DocumentError(
        f"it is a signed document of format {found}, this firmware reads format {FORMAT};"
        " update the firmware"
    )


def take(data: bytes, kind: Kind, keys: Keys, at_least: int = 0) -> Signed:
    """A document that must be signed when there are `keys`, and must not be when there are
    none (then its version is 0): what nobody can check is not taken for checked.

    Raises DocumentError like `open_signed`.
    """
    if keys:
        return open_signed(data, kind, keys, at_least)
    if is_signed(data):
        raise DocumentError(
            "it is signed, and there is no key to check it with; name the fleet's public key in"
            " judge.fleet_keys"
        )
    return Signed(0, memoryview(data))
