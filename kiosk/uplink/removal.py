"""Takes segments off the card, and tries again where the card does not let them go."""

from __future__ import annotations

from itertools import islice
from typing import Protocol

from kiosk.errors import OutboxError

RETRY_S = 5.0
AT_ONCE = 64


class Droppable(Protocol):
    """What is needed of `kiosk.outbox.SealedSegments`."""

    def drop(self, name: str, keep: bool = False) -> None: ...


class Removal:
    """Segments that are done with. Those in it still lie on the card and are not to be sent
    again. `trouble` says why the first of them stays; empty when none does."""

    def __init__(self, segments: Droppable) -> None:
        self.trouble = ""
        self._segments = segments
        self._left: dict[str, bool] = {}  # name -> to be kept in quarantine
        self._retry_at = 0.0

    def drop(self, name: str, keep: bool) -> bool:
        """Removes a segment, or (`keep`) moves it to quarantine; now, or later."""
        try:
            self._segments.drop(name, keep=keep)
        except OutboxError as error:
            self._left[name] = keep
            self.trouble = self.trouble or str(error)
            return False
        return True

    def saw(self, names: list[str]) -> list[str]:
        """All segments that lie on the card; others may take them away too. Those of them
        that are not done with, in their order."""
        if not self._left:
            return names
        for name in self._left.keys() - set(names):
            del self._left[name]
        return [name for name in names if name not in self._left]

    def holds(self, name: str) -> bool:
        """Whether it is done with, and still there."""
        return name in self._left

    def gone(self, name: str) -> None:
        """Whoever removed it."""
        self._left.pop(name, None)

    def turn(self, at: float) -> None:
        """Tries what is left, a portion in each turn, after a failure not before `RETRY_S`."""
        if at >= self._retry_at:
            for name, keep in list(islice(self._left.items(), AT_ONCE)):
                del self._left[name]
                if not self.drop(name, keep):  # which puts it at the end
                    self._retry_at = at + RETRY_S
        if not self._left:
            self.trouble = ""
