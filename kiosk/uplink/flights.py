"""Messages that are on their way: sent to the centre, and not answered yet."""

from __future__ import annotations

from collections.abc import ItemsView

import msgspec

SILENT_AFTER = 2
LONGEST_S = 300.0  # between two attempts with the same segment


class Flight(msgspec.Struct, frozen=True):
    """One message, without its content. `under_way`: bytes when it was sent, with its own."""

    seqs: set[int]
    live: bool
    size: int
    under_way: int
    sent_at: float
    due: float


class Flights:
    """At most one message of each segment, by the segment's name.

    `silent`: `SILENT_AFTER` times in a row an answer was due and none came."""

    def __init__(self, ack_timeout_s: float) -> None:
        self._ack_timeout_s = ack_timeout_s
        self._flying: dict[str, Flight] = {}
        self._overdue = 0
        self._overdue_at = 0.0

    @property
    def silent(self) -> bool:
        return self._overdue >= SILENT_AFTER

    def __contains__(self, name: object) -> bool:
        return name in self._flying

    def __len__(self) -> int:
        return len(self._flying)

    def items(self) -> ItemsView[str, Flight]:
        """Each with the segment's name."""
        return self._flying.items()

    def sizes(self, live: bool) -> list[int]:
        """Bytes of each message of one lane."""
        return [flight.size for flight in self._flying.values() if flight.live == live]

    def add(
        self, name: str, seqs: set[int], *, live: bool, size: int, at: float, overdue: int
    ) -> None:
        """Sent. The patience doubles each time that it was `overdue`: on a line slower than we
        know, the answer may be on its way."""
        under_way = size + sum(flight.size for flight in self._flying.values())
        longest_s = max(LONGEST_S, self._ack_timeout_s)
        patience_s = min(longest_s, self._ack_timeout_s * 2.0 ** min(overdue, 30))
        self._flying[name] = Flight(seqs, live, size, under_way, at, at + patience_s)

    def heard(self) -> None:
        """Whatever it is about: somebody answers."""
        self._overdue = 0

    def landed(self, name: str, left: set[int]) -> Flight | None:
        """Takes out the message of a segment, when none of its records is `left` to be
        answered."""
        flight = self._flying.get(name)
        if flight is None or flight.seqs & left:
            return None
        return self._flying.pop(name)

    def overdue(self, at: float) -> list[tuple[str, Flight]]:
        """Takes out what was not answered in time."""
        late = [(name, flight) for name, flight in self._flying.items() if flight.due <= at]
        # Of what was sent one after the other, the first tells all.
        if any(flight.sent_at >= self._overdue_at for _, flight in late):
            self._overdue += 1
            self._overdue_at = at
        for name, _ in late:
            del self._flying[name]
        return late

    def only(self, names: dict[str, None]) -> None:
        """Forgets the others."""
        for name in self._flying.keys() - names.keys():
            del self._flying[name]

    def forget(self, name: str) -> None:
        """It may not be there."""
        self._flying.pop(name, None)

    def clear(self) -> None:
        """The connection is gone, and all of them with it."""
        self._flying.clear()
