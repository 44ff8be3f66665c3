"""The list of people at risk: in quarantine, or under follow-up. Pure.

It holds no subject, only hashes of them under a key that no kiosk stores: HMAC-SHA256,
first 64 bits, of `Credential.subject` in UTF-8. HMAC because a centre finds it in every
language and database; BLAKE2b would be as good. 64 bits because a fleet asks often: in a
million entries they take one in 18 million million strangers for a listed one, which at 30
million look-ups a day happens once in 1,700 years; 40 bits would be within one in a million,
that is 27 wrong hits a day.

The content is a line of JSON, then the hashes, 8 bytes each, ascending, of those in quarantine
and after them of those under follow-up:

    {"risk-list":1,"key":"9b1f0c22d7e84a10","made_at_ms":1795312387123,"quarantine":2,"follow-up":1}

A million entries are 8 MB, and are searched as they lie there.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec
import numpy as np
from msgspec import Meta

from kiosk.credentials.subjects import listed_as
from kiosk.errors import ConfigError
from kiosk.model import RISKY, Millis, Risk

MAX_BYTES = 16 * 1024 * 1024
KEY_BYTES = 32
_KEY_FILE = re.compile(rb"[0-9a-f]{64}\n?")
_ENTRY = 8
_LINE_MAX = 1024

Count = Annotated[int, Meta(ge=0, le=MAX_BYTES // _ENTRY)]
RISKS: tuple[Risk, ...] = get_args(Risk)
Keys = Mapping[str, bytes]
"""Keys of risk lists by `key_id`."""


class _Header(msgspec.Struct, rename={"format": "risk-list", "follow_up": "follow-up"}):
    format: Literal[1]
    key: str
    made_at_ms: Millis
    quarantine: Count
    follow_up: Count


def key_id(key: bytes) -> str:
    """Name of a list's key: first 8 bytes of SHA-256, in hex. Tells nothing of the key, which
    is `KEY_BYTES` random bytes."""
    return hashlib.sha256(b"risk list key|" + key).hexdigest()[:16]


def write_key(key: bytes) -> bytes:
    """A key as its file has it: hex, and a newline."""
    return key.hex().encode() + b"\n"


def read_key(data: bytes) -> bytes:
    """The key in such a file. Raises ConfigError."""
    if not _KEY_FILE.fullmatch(data):
        raise ConfigError(["not the key of a risk list; make one with new-key"])
    return bytes.fromhex(data.decode())


def build(
    quarantine: Iterable[str], follow_up: Iterable[str], key: bytes, made_at_ms: int
) -> bytes:
    """The content of a list. Of each person *all* known subjects belong in it: number of the
    identity card, of the earlier card, of the passport, name with date of birth; a door sees
    whichever one the code has. Who is in both counts as in quarantine.

    Raises ValueError for a key of another size and for an empty subject.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key has {len(key)} bytes, expected {KEY_BYTES}")
    both = [sorted({_hash(key, subject) for subject in who}) for who in (quarantine, follow_up)]
    header = _Header(
        format=1,
        key=key_id(key),
        made_at_ms=made_at_ms,
        quarantine=len(both[0]),
        follow_up=len(both[1]),
    )
    return msgspec.json.encode(header) + b"\n" + b"".join(both[0]) + b"".join(both[1])


class RiskList:
    """A list as `build` made it. `key_id` names the key that it must be asked with."""

    def __init__(self, content: bytes | memoryview) -> None:
        """Keeps a view of `content`, no copy. Raises ConfigError."""
        view = memoryview(content)
        line, end, _ = bytes(view[:_LINE_MAX]).partition(b"\n")
        try:
            header = msgspec.json.decode(line, type=_Header)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigError(
                [f"risk list: {error}; expected what build made, of format 1"]
            ) from error
        hashes = view[len(line) + len(end) :]
        if len(view) > MAX_BYTES or len(hashes) != (header.quarantine + header.follow_up) * _ENTRY:
            raise ConfigError(
                [
                    f"risk list: {len(view)} bytes, of which {len(hashes)} are entries; expected"
                    f" {header.quarantine + header.follow_up} entries of {_ENTRY} bytes and at most"
                    f" {MAX_BYTES} in all"
                ]
            )
        self._quarantine = hashes[: header.quarantine * _ENTRY]
        self._follow_up = hashes[header.quarantine * _ENTRY :]
        if not (_ascends(self._quarantine) and _ascends(self._follow_up)):
            raise ConfigError(["risk list: entries are not in ascending order"])
        self.key_id = header.key
        self.made_at_ms = header.made_at_ms

    def __len__(self) -> int:
        return (len(self._quarantine) + len(self._follow_up)) // _ENTRY

    def check(self, subject: str, keys: Keys) -> Risk:
        """Whether a person is listed. "not-checked" without the list's key, and for a code
        that names nobody."""
        key = keys.get(self.key_id)
        if key is None or not subject:
            return "not-checked"
        wanted = _hash(key, subject)
        if _holds(self._quarantine, wanted):
            return "quarantine"
        return "follow-up" if _holds(self._follow_up, wanted) else "clear"


def gravest(check: Callable[[str], Risk], subject: str, claims: dict[str, Any]) -> Risk:
    """The worst that `check` says of the keys by which the holder of a code may be listed; of
    a code that names nobody, what it says of an empty one."""
    return max(map(check, listed_as(subject, claims) or ("",)), key=RISKS.index)


def is_graver(risk: Risk, before: Risk) -> bool:
    """Whether somebody is at risk, and more so than was known before."""
    return risk in RISKY and RISKS.index(risk) > RISKS.index(before)


def _hash(key: bytes, subject: str) -> bytes:
    if not subject:
        raise ValueError("an empty subject is nobody's")
    return hmac.digest(key, subject.encode(), "sha256")[:_ENTRY]


def _holds(hashes: memoryview, wanted: bytes) -> bool:
    def entry(number: int) -> bytes:
        return bytes(hashes[number * _ENTRY : (number + 1) * _ENTRY])

    count = len(hashes) // _ENTRY
    at = bisect_left(range(count), wanted, key=entry)
    return at < count and entry(at) == wanted


def _ascends(hashes: memoryview) -> bool:
    numbers = np.frombuffer(hashes, ">u8")
    return bool((numbers[:-1] < numbers[1:]).all())
