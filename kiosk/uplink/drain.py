"""Which segment goes to the centre next, and when it may be forgotten.

A segment is dropped when the centre has answered each of its records, and for no other
reason: a PUBACK of the broker is not a receipt. What was sealed since the drain began goes
first, so that the person at the door is in the database at once; the backlog fills the
rest of the window, oldest first.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from kiosk import wire
from kiosk.errors import OutboxError
from kiosk.model import Instant
from kiosk.outbox import Segment
from kiosk.uplink.words import plain

log = logging.getLogger("kiosk.uplink")


class Segments(Protocol):
    """What the drain needs of `kiosk.outbox.SealedSegments`."""

    def read(self, name: str) -> Segment | None: ...
    def drop(self, name: str, keep: bool = False) -> None: ...


class _Flight(NamedTuple):
    """What is kept of a segment in flight: not its content."""

    seqs: set[int]
    damaged: bool
    due: float


class Drain:
    """`publish(name, payload)` says whether the connection took it. Times `at` are seconds
    of one steady clock. Counts: segments `sent` (again and again too) and `acked`, records
    `refused`."""

    def __init__(
        self,
        segments: Segments,
        publish: Callable[[str, bytes], bool],
        now: Callable[[], Instant],
        window: int,
        ack_timeout_s: float,
    ) -> None:
        self.live = False
        self.sent = self.acked = self.refused = 0
        self._segments = segments
        self._publish = publish
        self._now = now
        self._window = window
        self._ack_timeout_s = ack_timeout_s
        self._known: dict[str, None] = {}  # in the order of the directory
        self._fresh: deque[str] = deque()
        self._backlog: deque[str] = deque()
        self._flying: dict[str, _Flight] = {}
        self._later: dict[str, float] = {}

    @property
    def pending(self) -> int:
        """Segments that the centre has not answered."""
        return len(self._known)

    def saw(self, names: list[str]) -> None:
        """All sealed segments there are, oldest first."""
        new = [name for name in names if name not in self._known]
        self._known = dict.fromkeys(names)
        for name in self._flying.keys() - self._known.keys():  # taken away by somebody else
            del self._flying[name]
        if self.live:
            self._fresh.extend(new)

    def start(self) -> None:
        """Connected, and the centre is there: all that waits is the backlog."""
        self.live = True
        self._backlog.extend(self._known)

    def stop(self) -> None:
        """What was sent and not answered will be sent again."""
        self.live = False
        for queue in (self._fresh, self._backlog, self._flying, self._later):
            queue.clear()

    def turn(self, at: float) -> None:
        """Sends what is due, reading at most a window's worth of segments."""
        if not self.live:
            return
        self._again(at)
        for _ in range(self._window):
            name = self._next() if len(self._flying) < self._window else None
            if name is None:
                return
            try:
                self._send(name, at)
            except OutboxError as error:  # of this one segment; the others go on
                log.error("%s; trying again in %g s", error, self._ack_timeout_s)
                self._later[name] = at + self._ack_timeout_s

    def acknowledged(self, ack: wire.Ack) -> None:
        """The centre's answer, also one that comes late. Raises OutboxError."""
        name = ack.segment
        if name not in self._known:
            log.debug("acknowledgement of a segment that is not here")
            return
        # An answer that comes after a reconnect or a restart counts as any other.
        flight = self._flying.get(name)
        if flight is None:
            segment = self._read(name)
            if segment is None:
                return
            flight = _flight(segment, due=0.0)
        if not ack.covers(flight.seqs):
            log.warning("segment answered in part, it will be sent again name=%s", name)
            return
        refused = [r for r in ack.refused if r.seq in flight.seqs]
        for refusal in refused:
            log.warning("record refused seq=%d reason=%s", refusal.seq, plain(refusal.reason))
        self._segments.drop(name, keep=flight.damaged)
        self._forget(name)
        self.acked += 1
        self.refused += len(refused)
        log.info(
            "segment acknowledged name=%s accepted=%d refused=%d",
            name,
            len(flight.seqs) - len(refused),
            len(refused),
        )

    def _again(self, at: float) -> None:
        for name in [name for name, flight in self._flying.items() if flight.due <= at]:
            log.warning("segment not acknowledged in time, sending it again name=%s", name)
            # To the end: one that nobody ever answers must not hold up the others.
            del self._flying[name]
            self._backlog.append(name)
        for name in [name for name, due in self._later.items() if due <= at]:
            del self._later[name]
            self._backlog.append(name)

    def _next(self) -> str | None:
        for queue in (self._fresh, self._backlog):
            while queue:
                name = queue.popleft()
                if name in self._known:
                    return name
        return None

    def _send(self, name: str, at: float) -> None:
        segment = self._read(name)
        if segment is None:
            return
        batch = wire.Batch(
            segment=name, header=segment.header, anchor=self._now(), records=segment.records
        )
        payload = wire.encode(batch)
        if len(payload) > wire.MAX_BATCH_BYTES:
            self._segments.drop(name, keep=True)
            self._forget(name)
            log.error(
                "segment set aside, too large: %d bytes, at most %d name=%s",
                len(payload),
                wire.MAX_BATCH_BYTES,
                name,
            )
        elif self._publish(name, payload):
            self.sent += 1
            self._flying[name] = _flight(segment, at + self._ack_timeout_s)
        else:  # the connection is gone, which is about to stop the drain
            self._backlog.appendleft(name)

    def _read(self, name: str) -> Segment | None:
        segment = self._segments.read(name)
        if segment is None:
            self._forget(name)
            log.error("segment set aside, nothing in it can be read name=%s", name)
        return segment

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._flying.pop(name, None)


def _flight(segment: Segment, due: float) -> _Flight:
    return _Flight({r.seq for r in segment.records}, segment.damaged, due)
