"""Which codes are revoked. Published lists name up to a million of them, so what is kept of
each is a hash of 8 bytes (Python's own, SipHash), in order: no name, and one search for an
answer. That two ids share a hash is as likely as one part in 2^64 for each that is listed."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

from kiosk.credentials.listing import Revoked

Key = tuple[str, str, bytes]
"""Format, issuer, kid."""


class Revocations:
    """Revoked keys, and revoked codes by their ids."""

    def __init__(self, revoked: Iterable[Revoked] = ()) -> None:
        self._keys: set[Key] = set()
        # SHC: an id with ".<seconds>" behind it is revoked for what was issued before.
        self._before: dict[tuple[Key, str], float] = {}
        marks: dict[Key, set[int]] = defaultdict(set)
        for entry in revoked:
            key = entry.format, entry.issuer, entry.kid
            if entry.ids is None:
                self._keys.add(key)
            for id in entry.ids or ():
                bare, dot, seconds = id.partition(".")
                if entry.format == "shc" and dot and seconds.isdecimal():
                    named = key, bare
                    self._before[named] = max(float(seconds), self._before.get(named, 0.0))
                else:
                    marks[key].add(hash(id))
        self._marks = {key: array("q", sorted(found)) for key, found in marks.items()}

    def has(
        self, format: str, issuer: str, kid: bytes, ids: Iterable[str], issued_at: float | None
    ) -> bool:
        """Whether the key, or the code with one of `ids` under it or under no key in
        particular, is revoked. `ids` are asked for only where there is a list to look
        them up in. `issued_at`: seconds since 1970 UTC."""
        key = format, issuer, kid
        if key in self._keys:
            return True
        lists = [self._marks[k] for k in (key, (format, issuer, b"")) if k in self._marks]
        if not lists and not self._before:
            return False
        for id in ids:
            if any(_is_in(marks, hash(id)) for marks in lists):
                return True
            before = self._before.get((key, id), 0.0)
            if before and (issued_at is None or issued_at < before):
                return True
        return False


def _is_in(marks: array[int], mark: int) -> bool:
    at = bisect_left(marks, mark)
    return at < len(marks) and marks[at] == mark
