"""Which codes are revoked. Published lists name up to a million of them, so what is kept of
each is 8 bytes of a hash, in order: no name, and one search for an answer."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable

from kiosk.credentials.listing import Revoked

_WHOLE_KEY = ""


class Revocations:
    """Revoked keys, and revoked codes by their ids."""

    def __init__(self, revoked: Iterable[Revoked] = ()) -> None:
        marks: set[int] = set()
        # SHC: an id with ".<seconds>" behind it is revoked for what was issued before.
        self._before: dict[int, float] = {}
        for entry in revoked:
            for id in [_WHOLE_KEY] if entry.ids is None else entry.ids:
                bare, dot, seconds = id.partition(".")
                if entry.format == "shc" and dot and seconds.isdecimal():
                    mark = _mark(entry.format, entry.issuer, entry.kid, bare)
                    self._before[mark] = max(float(seconds), self._before.get(mark, 0.0))
                else:
                    marks.add(_mark(entry.format, entry.issuer, entry.kid, id))
        self._marks = array("Q", sorted(marks))

    def has(
        self, format: str, issuer: str, kid: bytes, ids: Iterable[str], issued_at: float | None
    ) -> bool:
        """Whether the key, or the code with one of `ids` under it or under no key in
        particular, is revoked. `issued_at`: seconds since 1970 UTC."""
        if not self._marks and not self._before:
            return False
        marks = [_mark(format, issuer, kid, _WHOLE_KEY)]
        marks += [_mark(format, issuer, key, id) for id in ids if id for key in (kid, b"")]
        return any(self._is_marked(mark, issued_at) for mark in marks)

    def _is_marked(self, mark: int, issued_at: float | None) -> bool:
        at = bisect_left(self._marks, mark)
        if at < len(self._marks) and self._marks[at] == mark:
            return True
        return mark in self._before and (issued_at is None or issued_at < self._before[mark])


def _mark(format: str, issuer: str, kid: bytes, id: str) -> int:
    named = b"\0".join((format.encode(), issuer.encode(), kid, id.encode()))
    return int.from_bytes(hashlib.sha256(named).digest()[:8], "big")
