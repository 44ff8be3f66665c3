"""What was promised, and what became of it: the judge of a power cut."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from kiosk.errors import SealError
from kiosk.model import CheckIn, Person, SegmentHeader
from kiosk.outbox import Segment
from kiosk.seal import PrivateKey, open_segment
from kiosk.wire import Batch

Key = tuple[str, int]
"""Epoch and sequence number."""


What = Literal["put", "unsynced", "green", "failed"]


class Told(msgspec.Struct, frozen=True):
    """A scanner's word on one put: it begins, its sync failed, it returned (which lights
    green), it raised. `segment`: the first number of the one it went to."""

    what: What
    epoch: str
    seq: int
    id: str
    segment: int


class Note:
    """A file off the card in which processes say things that outlive them, one a line."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def say(self, what: msgspec.Struct) -> None:
        """Whole when this returns, or when the process is killed later."""
        os.write(self._fd, msgspec.json.encode(what) + b"\n")

    def take(self, kind: type[_T]) -> list[_T]:
        """All that was said, which is forgotten then; without a last line that was broken
        off. Nobody may speak meanwhile."""
        size = os.fstat(self._fd).st_size
        *lines, _ = os.pread(self._fd, size, 0).split(b"\n")
        os.ftruncate(self._fd, 0)
        return [msgspec.json.decode(line, type=kind) for line in lines]

    def close(self) -> None:
        """Nothing more is said or taken."""
        os.close(self._fd)


_T = TypeVar("_T", bound=msgspec.Struct)


class Ledger:
    """Counts what should never be. `green`: check-ins whose put returned; `lost` of them are
    gone; `duplicated` ones lie there twice, or share their number with another. `corrupted`:
    a record that cannot be opened, is none that was put, was missing before, was green though
    its sync had failed, or went to the segment of one whose put had; a segment that is said to
    be damaged; more `unasked` ones than `failed` and `under_way` explain. `problems` says the
    same in words, each once.

    `unasked` ones are kept without having been green, as is allowed for those whose put
    `failed` and those `under_way` when their scanner died; of some the sync failed
    (`unsynced`)."""

    def __init__(self, private: PrivateKey) -> None:
        self.green: set[str] = set()
        self.lost: set[str] = set()
        self.duplicated: set[str] = set()
        self.corrupted: set[str] = set()
        self.failed = self.under_way = self.unsynced = 0
        self.problems: list[str] = []
        self._keys = {private.public.kid: private}
        self._put: dict[str, Key] = {}
        self._waits: set[str] = set()  # green, and not at the centre
        self._centre: set[str] = set()
        self._missing: set[str] = set()  # when it was last looked; they were put before that
        self._holder: dict[Key, str] = {}  # who was seen with a number first
        self._opened: dict[str, CheckIn] = {}

    @property
    def unasked(self) -> set[str]:
        return set(self._holder.values()) - self.green

    def heard(self, told: list[Told]) -> None:
        """What one scanner said from its start to its death. Raises ValueError when it had
        more than one put under way."""
        under_way: Told | None = None
        unsynced: set[str] = set()
        given_up: set[Key] = set()
        for word in told:
            if word.what == "put":
                if under_way is not None:
                    raise ValueError(f"{word} begins while {under_way.id} is under way")
                under_way = word
                self._put[word.id] = (word.epoch, word.seq)
                if (word.epoch, word.segment) in given_up:
                    self._found(self.corrupted, word.id, "went where a put had failed")
            elif word.what == "unsynced":
                unsynced.add(word.id)
            else:
                under_way = None
            if word.what == "failed":
                self.failed += 1
                given_up.add((word.epoch, word.segment))
            if word.what == "green":
                self.green.add(word.id)
                self._waits.add(word.id)
                if word.id in unsynced:
                    self._found(self.corrupted, word.id, "was green though its sync had failed")
        self.unsynced += len(unsynced)
        self.under_way += under_way is not None

    def committed(self, batches: Iterable[Batch | Segment]) -> None:
        """What the centre has taken, once or again: it is safe there."""
        for batch in batches:
            for record in batch.records:
                self._look(batch.header, record)
                self._centre.add(record.id)
                self._waits.discard(record.id)
                self._opened.pop(record.id, None)

    def waiting(self, segments: Iterable[Segment], aside: Iterable[Segment] = ()) -> None:
        """All that the centre could still be sent, after a recovery. `aside`: what the card
        did not give, and is kept for somebody's look."""
        here: set[str] = set()
        kept: set[str] = set()
        for segment in aside:
            for record in segment.records:
                self._look(segment.header, record)
                kept.add(record.id)
        for segment in segments:
            if segment.damaged:
                self._found(self.corrupted, segment.name, "is said to be damaged")
            for record in segment.records:
                self._look(segment.header, record)
                if record.id in here:
                    self._found(self.duplicated, record.id, f"lies twice, also in {segment.name}")
                here.add(record.id)
        kept |= here
        for gone in self._waits - kept:
            self._found(self.lost, gone, "was green and is lost")
        self._waits &= kept
        self._missing = self._put.keys() - kept
        unasked, allowed = len(self.unasked), self.failed + self.under_way
        if unasked > allowed:
            self._found(self.corrupted, "unasked", f"ones: {unasked}, allowed: {allowed}")

    def _look(self, header: SegmentHeader, record: CheckIn) -> None:
        first = self._holder.setdefault((record.epoch, record.seq), record.id)
        if first != record.id:
            self._found(self.duplicated, record.id, f"has the number of {first}")
        if record.id in self._missing:
            self._found(self.corrupted, record.id, "was missing and is there again")
        if record.id in self._centre or self._opened.get(record.id) == record:
            return
        why = self._wrong(header, record)
        if why:
            self._found(self.corrupted, record.id, why)
        else:
            self._opened[record.id] = record

    def _wrong(self, header: SegmentHeader, record: CheckIn) -> str:
        if self._put.get(record.id) != (record.epoch, record.seq):
            return "was never put like that"
        try:
            seal = open_segment(self._keys, header)
            person = msgspec.json.decode(seal.open(record.seq, record.sealed), type=Person)
        except (SealError, msgspec.MsgspecError) as error:
            return f"cannot be read: {error}"
        return "" if person.subject == record.id else "holds another's content"

    def _found(self, those: set[str], number: str, what: str) -> None:
        if number not in those:
            those.add(number)
            self.problems.append(f"{number} {self._put.get(number, '')} {what}")
