"""A scanner's side of the outbox at work, until somebody kills it.

The real code, only that time goes a thousand times faster for it than on a kiosk, so that
timers and retries fall between two cuts.
"""

from __future__ import annotations

import logging
import os
import secrets
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple

import msgspec

from bench._ledger import Note, Told, What
from bench._visitors import check_in
from kiosk import clock
from kiosk.errors import OutboxError
from kiosk.faults import Faults
from kiosk.model import CheckIn, Person
from kiosk.outbox import Outbox, SealedSegments, Segment, seal_leftovers
from kiosk.scanner import store as scanner_store
from kiosk.scanner.store import FAULTS, SealTimer, Store
from kiosk.seal import PublicKey, SegmentSeal, new_segment

FASTER = 1000.0
SEAL_AFTER_S = 0.004
TICK_S = 0.002
LIFE_PUTS = 60  # on average, before the scanner is stopped in an orderly way

log = logging.getLogger(__name__)
Without = Literal["", "fdatasync", "folder-fsync", "failed-sync", "receipt"]


class Place(NamedTuple):
    """Where a kiosk of the rig keeps what, and for whom it seals. `without`: a safety that
    is taken out, to see that the rig notices."""

    outbox: Path
    run: Path
    public: PublicKey
    without: Without = ""

    @property
    def mark(self) -> Path:
        return self.run / "connected"

    @property
    def told(self) -> Path:
        return self.run / "told"

    @property
    def centre(self) -> Path:
        return self.run / "centre"


def fast() -> float:
    """Seconds of the kiosk's time."""
    return clock.boottime() * FASTER


def open_outbox(place: Place, records: int) -> Outbox[SegmentSeal]:
    """The outbox of a place, its segments `records` long."""
    return Outbox(place.outbox, records, partial(new_segment, [place.public], "k-1"))


def _check_in(seal: SegmentSeal, seq: int, chance: Random) -> CheckIn:
    """A check-in of nobody, as the pipeline makes it."""
    number = secrets.token_hex(16)
    person = Person(
        format="door_pass",
        role="identity",
        subject=number,
        signed="valid",
        issuer="bench",
        claims={"filling": "x" * chance.choice((0, 200, 1000, 3000))},
    )
    return check_in(seal, seq, msgspec.json.encode(person), number)


def scanner(place: Place, chance: Random) -> None:
    """Puts check-ins until it is killed."""
    _syncs.watch()
    take_out(place.without)
    scanner_store.TICK_S = TICK_S
    told = Note(place.told)
    while True:
        _scanner_life(place, chance, told)
        with suppress(OutboxError):  # as ExecStopPost= has it
            seal_leftovers(place.outbox)


def _scanner_life(place: Place, chance: Random, told: Note) -> None:
    """From start to an orderly stop, in the order of the daemon."""
    records = chance.choice((1, 3, 8, 64))
    faults = Faults(lambda _cue: None, clock.boottime, FAULTS, log)
    store = Store(partial(open_outbox, place, records), faults, fast)
    store.keep_open()
    timer = SealTimer(store, SEAL_AFTER_S, place.mark)
    timer.start()
    for _ in range(int(chance.expovariate(1 / LIFE_PUTS))):
        outbox = store.keep_open()
        if timer.failure is not None:
            raise timer.failure
        if outbox is not None:
            try:
                put(outbox, told, chance)
            except OutboxError as error:
                store.put_failed(error)
        if outbox is None or chance.random() < 0.2:
            time.sleep(chance.random() * 3 * SEAL_AFTER_S)
    timer.stop()
    if store.outbox is not None:
        with suppress(OutboxError):  # the daemon would end with it, and be started again
            store.outbox.close()


def put(outbox: Outbox[SegmentSeal], told: Note, chance: Random) -> None:
    """One check-in, and what became of it. Raises OutboxError when it is not stored."""
    say: list[Callable[[What], object]] = []

    def make(seal: SegmentSeal, seq: int) -> CheckIn:
        record = _check_in(seal, seq, chance)

        def about(what: What) -> None:
            told.say(Told(what, record.epoch, record.seq, record.id, seal.header.first_seq))

        about("put")
        say.append(about)
        return record

    failed_before = _syncs.failed
    what: What = "failed"
    try:
        outbox.put(make)
        what = "green"
    finally:
        for about in say:
            if _syncs.failed > failed_before:
                about("unsynced")
            about(what)


class _Syncs(threading.local):
    """Counts in each thread what fdatasync(2) answered: that of a put makes no other, while the
    timer's hands over what a dead scanner left."""

    def __init__(self) -> None:
        self.failed = 0

    def watch(self) -> None:
        """From now on, in this process."""
        fdatasync = os.fdatasync

        def watched(fd: int) -> None:
            try:
                fdatasync(fd)
            except OSError:
                self.failed += 1
                raise

        os.fdatasync = watched  # type: ignore[assignment]


_syncs = _Syncs()


def recovered(place: Place, by_scanner: bool) -> list[Segment]:
    """All that still reaches the centre when the kiosk has its power again: a new scanner
    has opened the outbox, or the unit's stop command. Raises OutboxError."""
    if by_scanner:
        open_outbox(place, 64).close()
    else:
        seal_leftovers(place.outbox)
    waiting = SealedSegments(place.outbox)
    found = [waiting.read(name) for name in waiting.waiting()]
    return [segment for segment in found if segment is not None]


def take_out(what: Without) -> None:
    """Takes a safety out of this process."""
    fsync, fdatasync = os.fsync, os.fdatasync

    def nothing(fd: int) -> None:
        """Promises and does not keep it."""

    def believed(fd: int) -> None:
        with suppress(OSError):
            fdatasync(fd)

    def of_files_alone(fd: int) -> None:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            fsync(fd)

    if what == "fdatasync":
        os.fdatasync = nothing  # type: ignore[assignment]
    elif what == "failed-sync":
        os.fdatasync = believed  # type: ignore[assignment]
    elif what == "folder-fsync":
        os.fsync = of_files_alone  # type: ignore[assignment]
