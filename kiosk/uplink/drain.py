"""Which segment goes to the centre next, and when it may be forgotten.

A segment is dropped when the centre has answered each of its records, and for no other
reason: a PUBACK of the broker is not a receipt. What was sealed since the drain began goes
first, so that the person at the door is in the database at once; the backlog fills the
rest of the window, oldest first.
"""

from __future__ import annotations

import logging
import re
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from kiosk import wire
from kiosk.errors import OutboxError
from kiosk.model import Instant
from kiosk.outbox import Segment
from kiosk.uplink.removal import Removal
from kiosk.uplink.words import plain

log = logging.getLogger("kiosk.uplink")

SILENT_AFTER = 3
_WORD = re.compile(r"[a-z0-9-]{1,40}")


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
    `refused`.

    `refusal` says what the centre refused last, until it accepts a segment in full.
    `silent`: `SILENT_AFTER` times in a row an answer was due and none came; until one does,
    one segment at a time is sent.
    """

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
        self.refusal = ""
        self._segments = segments
        self._publish = publish
        self._now = now
        self._window = window
        self._ack_timeout_s = ack_timeout_s
        self._known: dict[str, None] = {}  # oldest first
        self._fresh: deque[str] = deque()
        self._backlog: deque[str] = deque()
        self._flying: dict[str, _Flight] = {}
        self._later: dict[str, float] = {}
        self._unreadable: dict[str, str] = {}
        self._removal = Removal(segments)
        self._overdue = 0

    @property
    def pending(self) -> int:
        """Segments that the centre has not answered."""
        return len(self._known)

    @property
    def silent(self) -> bool:
        return self._overdue >= SILENT_AFTER and bool(self._known)

    @property
    def trouble(self) -> str:
        """What the card refuses to do, in words; empty when it does all."""
        return self._removal.trouble or next(iter(self._unreadable.values()), "")

    def saw(self, names: list[str]) -> None:
        """All sealed segments there are, oldest first."""
        names = self._removal.saw(names)
        new = [name for name in names if name not in self._known]
        self._known = dict.fromkeys(names)
        for held in (self._flying, self._unreadable):
            for name in held.keys() - self._known.keys():  # taken away by somebody else
                del held[name]
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
        self._removal.turn(at)
        if not self.live:
            return
        self._again(at)
        window = 1 if self.silent else self._window
        for _ in range(window):
            name = self._next() if len(self._flying) < window else None
            if name is None:
                return
            try:
                self._send(name, at)
            except OutboxError as error:  # of this one segment; the others go on
                self._unreadable.setdefault(name, str(error))
                self._later[name] = at + self._ack_timeout_s

    def acknowledged(self, ack: wire.Ack) -> None:
        """The centre's answer, also one that comes late."""
        self._overdue = 0  # whatever it is about: somebody answers
        name = ack.segment
        if name not in self._known:
            log.debug("acknowledgement of a segment that is not here")
            return
        # An answer that comes after a reconnect or a restart counts as any other.
        flight = self._flying.get(name)
        if flight is None:
            try:
                segment = self._read(name)
            except OutboxError as error:  # it will be sent again, and answered again
                self._unreadable.setdefault(name, str(error))
                return
            if segment is None:
                return
            flight = _flight(segment, due=0.0)
        if not ack.covers(flight.seqs):
            log.warning("segment answered in part, it will be sent again name=%s", name)
            return
        refused = [r for r in ack.refused if r.seq in flight.seqs]
        for refusal in refused:
            log.warning("record refused seq=%d reason=%s", refusal.seq, plain(refusal.reason))
        self._done_with(name, keep=flight.damaged)
        if flight.damaged:
            log.error("segment set aside, some of it cannot be read; %s name=%s", _WHAT_TO_DO, name)
        self.acked += 1
        self.refused += len(refused)
        self.refusal = _refusal(refused, len(flight.seqs))
        log.info(
            "segment acknowledged name=%s accepted=%d refused=%d",
            name,
            len(flight.seqs) - len(refused),
            len(refused),
        )

    def _again(self, at: float) -> None:
        overdue = [name for name, flight in self._flying.items() if flight.due <= at]
        self._overdue += bool(overdue)
        for name in overdue:
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
            self._done_with(name, keep=True)
            log.error(
                "segment set aside, too large: %d bytes, at most %d; %s name=%s",
                len(payload),
                wire.MAX_BATCH_BYTES,
                _WHAT_TO_DO,
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
            log.error("segment set aside, nothing in it can be read; %s name=%s", _WHAT_TO_DO, name)
        else:
            self._unreadable.pop(name, None)
        return segment

    def _done_with(self, name: str, keep: bool) -> None:
        self._removal.drop(name, keep)
        self._forget(name)

    def _forget(self, name: str) -> None:
        for held in (self._known, self._flying, self._unreadable):
            held.pop(name, None)


_WHAT_TO_DO = "carry it to the centre: kioskctl outbox export DIR --delete"


def _refusal(refused: list[wire.Refusal], records: int) -> str:
    """How many, and the centre's words for why."""
    if not refused:
        return ""
    counts = Counter(r.reason if _WORD.fullmatch(r.reason) else "other" for r in refused)
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts.most_common(10))
    return f"{len(refused)} of {records} records refused: {reasons}"


def _flight(segment: Segment, due: float) -> _Flight:
    return _Flight({r.seq for r in segment.records}, segment.damaged, due)
