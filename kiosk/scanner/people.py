"""Something remembered of each of many people, found by any of the keys that they are known as.

No key is kept, but its HMAC-SHA256 under a random key that lives in memory; what is kept dies
with the process.
"""

from __future__ import annotations

import hmac
import os
from typing import Generic, NamedTuple, TypeVar

REMEMBERED = 40_000
"""Keys: 10,000 people a day with up to four each."""
KEYS_OF_ONE = 8
"""So many of one person, the newest; more is somebody's experiment."""

T = TypeVar("T")


class Known(NamedTuple, Generic[T]):
    """`what` is remembered of a person since `at`, in seconds. `digests`: all keys under which
    it is found."""

    what: T
    at: float
    digests: tuple[bytes, ...]


class People(Generic[T]):
    """In the order in which they were remembered, oldest first. `len` is the number of keys."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._known: dict[bytes, Known[T]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def found(self, keys: tuple[str, ...]) -> list[Known[T]]:
        """What is remembered under these keys, once each: of one person, unless a key of
        theirs was not known to be one."""
        digests = map(self._digest, keys)
        found = {id(known): known for d in digests if (known := self._known.get(d)) is not None}
        return list(found.values())

    def remember(self, keys: tuple[str, ...], what: T, at: float) -> None:
        """From now on this, in place of all that was found under these keys, and under all
        keys of that."""
        found = self.found(keys)
        before = [digest for known in found for digest in known.digests]
        digests = tuple(dict.fromkeys([*map(self._digest, keys), *before]))[:KEYS_OF_ONE]
        for known in found:
            self.forget(known)
        self._known |= dict.fromkeys(digests, Known(what, at, digests))

    def oldest(self) -> Known[T] | None:
        """What was remembered longest ago, if anything is."""
        return next(iter(self._known.values()), None)

    def forget_oldest_key(self) -> None:
        """Somebody may still be found by another one of theirs."""
        del self._known[next(iter(self._known))]

    def forget(self, known: Known[T]) -> None:
        """Under all keys that are left of it."""
        for digest in known.digests:
            self._known.pop(digest, None)

    def clear(self) -> None:
        """Forgets everybody."""
        self._known.clear()

    def _digest(self, key: str) -> bytes:
        return hmac.digest(self._key, key.encode(), "sha256")[:16]
