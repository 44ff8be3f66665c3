"""Which segment goes to the centre next, and when it may be forgotten.

A segment is dropped when the centre has answered each of its records, and for no other
reason: a PUBACK of the broker is not a receipt. There are two lanes. What was sealed since the
drain began goes at once, so that the person at the door is in the database at once. The backlog
goes beside it, oldest first, as far as `Pace` lets it: whole segments where the line
is good, a few records of one at a time where it is slow.
"""

from __future__ import annotations

import logging
import re
from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from kiosk import wire
from kiosk.errors import OutboxError
from kiosk.model import Instant
from kiosk.outbox import Segment
from kiosk.uplink.fitting import fitting
from kiosk.uplink.flights import Flights
from kiosk.uplink.pace import Pace
from kiosk.uplink.removal import Removal
from kiosk.uplink.watch import Changes
from kiosk.uplink.words import plain

log = logging.getLogger("kiosk.uplink")

_WORD = re.compile(r"[a-z0-9-]{1,40}")


class Segments(Protocol):
    """What the drain needs of `kiosk.outbox.SealedSegments`."""

    def read(self, name: str) -> Segment | None: ...
    def drop(self, name: str, keep: bool = False) -> None: ...


class _Begun(msgspec.Struct):
    """What is known of a segment that was sent. `left` are the records without an answer,
    `again` those sent before, of which an answer does not tell when it was sent for (Karn)."""

    left: set[int]
    again: set[int]
    records: int
    damaged: bool
    refused: int = 0
    overdue: int = 0


class Drain:
    """`publish(name, payload)` says whether the connection took it. Times `at` are seconds
    of one steady clock. In each lane at most `window` messages are unanswered; the backlog's
    are sent at `rate` bytes a second at most, 0 = no limit. Counts: messages `sent` (again and
    again too), segments `acked`, records `refused`.

    `refusal` says what the centre refused last, until it accepts a message in full.
    `silent`: nobody answers (see `Flights`); until somebody does, one message at a time is sent.
    """

    def __init__(
        self,
        segments: Segments,
        publish: Callable[[str, bytes], bool],
        now: Callable[[], Instant],
        window: int,
        ack_timeout_s: float,
        rate: float = 0.0,
    ) -> None:
        self.live = False
        self.sent = self.acked = self.refused = 0
        self.refusal = ""
        self._segments = segments
        self._publish = publish
        self._now = now
        self._window = window
        self._ack_timeout_s = ack_timeout_s
        self._pace = Pace(window * wire.MAX_BATCH_BYTES, rate)
        self._known: dict[str, None] = {}  # oldest first
        self._fresh: deque[str] = deque()
        self._backlog: deque[str] = deque()
        self._flying = Flights(ack_timeout_s)
        self._begun: dict[str, _Begun] = {}
        self._later: dict[str, float] = {}
        self._unreadable: dict[str, str] = {}
        self._removal = Removal(segments)

    @property
    def pending(self) -> int:
        """Segments that the centre has not answered."""
        return len(self._known)

    @property
    def silent(self) -> bool:
        return self._flying.silent and bool(self._known)

    @property
    def trouble(self) -> str:
        """What the card refuses to do, in words; empty when it does all."""
        return self._removal.trouble or next(iter(self._unreadable.values()), "")

    def saw(self, names: list[str]) -> None:
        """All sealed segments there are, oldest first."""
        names = self._removal.saw(names)
        new = [name for name in names if name not in self._known]
        self._known = dict.fromkeys(names)
        self._flying.only(self._known)
        for held in (self._begun, self._unreadable):
            for name in held.keys() - self._known.keys():  # taken away by somebody else
                del held[name]
        self._queue(new)

    def follow(self, changes: Changes) -> None:
        """What a watch of the sealed segments tells."""
        if changes.listed:
            self.saw(changes.came)
        else:
            self.changed(changes.came, changes.went)

    def changed(self, came: list[str], went: list[str]) -> None:
        """Segments that were sealed, or removed by whomever, since `saw`."""
        for name in went:
            self._removal.gone(name)
            self._forget(name)
        new = [n for n in came if n not in self._known and not self._removal.holds(n)]
        self._known.update(dict.fromkeys(new))
        self._queue(new)

    def _queue(self, new: list[str]) -> None:
        if self.live:
            # What piles up while nobody answers is a backlog as if there were no connection.
            (self._backlog if self.silent else self._fresh).extend(new)

    def start(self) -> None:
        """Connected, and the centre is there: all that waits is the backlog."""
        self.live = True
        self._pace.restart()
        self._backlog.extend(self._known)

    def stop(self) -> None:
        """What was sent and not answered will be sent again."""
        self.live = False
        for name, flight in self._flying.items():
            self._begun[name].again |= flight.seqs
        for queue in (self._fresh, self._backlog, self._flying, self._later):
            queue.clear()

    def turn(self, at: float) -> None:
        """Sends what is due, reading at most a window's worth of segments for each lane."""
        self._removal.turn(at)
        if not self.live:
            return
        self._again(at)
        for live in (True, False):
            for _ in range(self._window):
                room = self._room(live, at)
                name = self._next(self._lane(live)) if room else None
                if name is None:
                    break
                try:
                    self._send(name, live, room, at)
                except OutboxError as error:  # of this one segment; the others go on
                    self._unreadable.setdefault(name, str(error))
                    self._later[name] = at + self._ack_timeout_s

    def acknowledged(self, ack: wire.Ack, at: float) -> None:
        """The centre's answer, also one that comes late."""
        self._flying.heard()
        name = ack.segment
        if name not in self._known:
            log.debug("acknowledgement of a segment that is not here")
            return
        # An answer that comes after a reconnect or a restart counts as any other.
        begun = self._begun.get(name)
        if begun is None:
            try:
                segment = self._read(name)
            except OutboxError as error:  # it will be sent again, and answered again
                self._unreadable.setdefault(name, str(error))
                return
            if segment is None:
                return
            begun = self._begin(segment)
        refused = {r.seq: r for r in ack.refused if r.seq in begun.left}
        answered = begun.left & {*ack.accepted, *refused}
        if not answered:
            log.debug("acknowledgement of what is answered already, or of nothing")
            return
        begun.left -= answered
        for refusal in refused.values():
            log.warning("record refused seq=%d reason=%s", refusal.seq, plain(refusal.reason))
        begun.refused += len(refused)
        self.refused += len(refused)
        self.refusal = _refusal(list(refused.values()), len(answered))
        self._landed(name, begun, at)
        if not begun.left:
            self._complete(name, begun)

    def _landed(self, name: str, begun: _Begun, at: float) -> None:
        """If the message in flight is answered now, the rest of its segment is next."""
        flight = self._flying.landed(name, begun.left)
        if flight is not None:
            if not flight.seqs & begun.again:
                self._pace.answered(flight.size, flight.under_way, at - flight.sent_at)
            self._lane(flight.live).appendleft(name)
        elif name in self._flying:
            log.warning("message answered in part, the rest will be sent again name=%s", name)

    def _complete(self, name: str, begun: _Begun) -> None:
        self._done_with(name, keep=begun.damaged)
        if begun.damaged:
            log.error("segment set aside, some of it cannot be read; %s name=%s", _WHAT_TO_DO, name)
        self.acked += 1
        log.info(
            "segment acknowledged name=%s accepted=%d refused=%d",
            name,
            begun.records - begun.refused,
            begun.refused,
        )

    def _again(self, at: float) -> None:
        for name, flight in self._flying.overdue(at):
            log.warning("segment not acknowledged in time, sending it again name=%s", name)
            self._pace.overdue()
            begun = self._begun[name]
            begun.overdue += 1
            begun.again |= flight.seqs
            # To the end: one that nobody ever answers must not hold up the others.
            self._lane(flight.live and begun.overdue == 1).append(name)
        if self.silent:
            self._backlog.extend(self._fresh)
            self._fresh.clear()
        for name in [name for name, due in self._later.items() if due <= at]:
            del self._later[name]
            self._backlog.append(name)

    def _room(self, live: bool, at: float) -> int:
        """Bytes that the next message of a lane may have; 0 when it has to wait."""
        if self.silent:
            return 0 if self._flying else self._pace.room(0, at)
        sizes = self._flying.sizes(live)
        if len(sizes) >= self._window:
            return 0
        return wire.MAX_BATCH_BYTES if live else self._pace.room(sum(sizes), at)

    def _lane(self, live: bool) -> deque[str]:
        return self._fresh if live else self._backlog

    def _next(self, lane: deque[str]) -> str | None:
        while lane:
            name = lane.popleft()
            if name in self._known and name not in self._flying:
                return name
        return None

    def _send(self, name: str, live: bool, room: int, at: float) -> None:
        segment = self._read(name)
        if segment is None:
            return
        begun = self._begun.get(name) or self._begin(segment)
        begun.damaged |= segment.damaged
        left = [record for record in segment.records if record.seq in begun.left]
        if not left:  # what was not answered cannot be read any more
            begun.damaged = True
            self._complete(name, begun)
            return
        batch, payload = fitting(
            wire.Batch(segment=name, header=segment.header, anchor=self._now(), records=left),
            min(room, wire.MAX_BATCH_BYTES),
        )
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
            if not live:
                self._pace.sent(len(payload))
            seqs = {record.seq for record in batch.records}
            self._flying.add(name, seqs, live=live, size=len(payload), at=at, overdue=begun.overdue)
        else:  # the connection is gone, which is about to stop the drain
            self._lane(live).appendleft(name)

    def _begin(self, segment: Segment) -> _Begun:
        seqs = {record.seq for record in segment.records}
        begun = _Begun(left=seqs, again=set(), records=len(seqs), damaged=segment.damaged)
        self._begun[segment.name] = begun
        return begun

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
        self._flying.forget(name)
        for held in (self._known, self._begun, self._unreadable):
            held.pop(name, None)


_WHAT_TO_DO = "carry it to the centre: kioskctl outbox export DIR --delete"


def _refusal(refused: list[wire.Refusal], records: int) -> str:
    """How many, and the centre's words for why."""
    if not refused:
        return ""
    counts = Counter(r.reason if _WORD.fullmatch(r.reason) else "other" for r in refused)
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts.most_common(10))
    return f"{len(refused)} of {records} records refused: {reasons}"
