"""Which codes are revoked. Published lists name up to a million of them, so what is kept of
each is a hash of 8 bytes (Python's own, SipHash), in order: no name, and one search for an
answer. That two ids share a hash is as likely as one part in 2^64 for each that is listed."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

from kiosk.credentials.listing import Name, Revoked


class Revocations:
    """Revoked keys, and revoked codes by their ids."""

    def __init__(self, revoked: Iterable[Revoked] = ()) -> None:
        self._keys: set[Name] = set()
        # SHC: an id with ".<seconds>" behind it is revoked for what was issued before.
        self._before: dict[Name, dict[str, float]] = defaultdict(dict)
        marks: dict[Name, set[int]] = defaultdict(set)
        for entry in revoked:
            name = Name.of(entry.format, entry.issuer, entry.kid)
            if entry.ids is None:
                self._keys.add(name)
            for id in entry.ids or ():
                bare, dot, seconds = id.partition(".")
                if entry.format == "shc" and dot:
                    before = self._before[name]
                    before[bare] = max(float(seconds), before.get(bare, 0.0))
                else:
                    marks[name].add(hash(id))
        self._marks = {name: array("q", sorted(found)) for name, found in marks.items()}

    def has(self, name: Name, ids: Iterable[str], issued_at: float | None) -> bool:
        """Whether the key, or the code with one of `ids` under it or under no key in
        particular, is revoked. `ids` are asked for only where there is a list to look
        them up in. `issued_at`: seconds since 1970 UTC."""
        if name in self._keys:
            return True
        names = (name, name._replace(kid=b""))
        lists = [self._marks[n] for n in names if n in self._marks]
        befores = [self._before[n] for n in names if n in self._before]
        if not lists and not befores:
            return False
        for id in ids:
            if any(_is_in(marks, hash(id)) for marks in lists):
                return True
            before = max((found.get(id, 0.0) for found in befores), default=0.0)
            if before and (issued_at is None or issued_at < before):
                return True
        return False


def _is_in(marks: array[int], mark: int) -> bool:
    at = bisect_left(marks, mark)
    return at < len(marks) and marks[at] == mark
