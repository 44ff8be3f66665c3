"""Check-ins of nobody, as large as those of somebody, and outboxes in which many wait."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from kiosk import clock
from kiosk.model import CheckIn, Person
from kiosk.outbox.journal import JournalStorage
from kiosk.outbox.layout import TABLE, folders, new_epoch, segment_name
from kiosk.seal import X25519, SegmentSeal, new_key, new_segment

SEGMENT = 64
DAY = 5000  # check-ins, each day a start of the scanner and so an epoch
Begin = Callable[[str, int], SegmentSeal]

_PERSON = msgspec.json.encode(
    Person(
        format="cccd",
        role="identity",
        subject="vn-id:000000000000",
        signed="none",
        issuer="",
        claims={"name": "NGUYEN VAN A", "born": "1990-01-01", "address": "x" * 60},
        party="0" * 16,
    )
)


def sealing() -> Begin:
    """Begins segments for a centre that nobody has the key of."""
    return partial(new_segment, [new_key(X25519).public], "gate-1")


def check_in(seal: SegmentSeal, seq: int, person: bytes = _PERSON, id: str = "") -> CheckIn:
    """As the pipeline makes it; `person` is what is sealed."""
    now = clock.now("system")
    return CheckIn(
        epoch=seal.header.epoch,
        seq=seq,
        id=id or secrets.token_hex(16),
        scanned_at_ms=now.wall_ms,
        clock=now.clock,
        boot_id=now.boot_id,
        boottime_ms=now.boottime_ms,
        direction="in",
        outcome="pass",
        reason="accepted",
        sealed=seal.seal(seq, person),
    )


def fill(outbox: Path, records: int, begin: Begin) -> None:
    """Lets so many records wait in an outbox: segments as the scanner writes them, each in
    one change, without a sync."""
    sealed = folders(outbox).sealed
    sealed.mkdir(parents=True)
    with _unsynced():
        for start in range(0, records, DAY):
            epoch = new_epoch()
            day = min(DAY, records - start)
            for first in range(1, day + 1, SEGMENT):
                seal = begin(epoch, first)
                seqs = range(first, min(first + SEGMENT, day + 1))
                path = sealed / segment_name(epoch, first, len(seqs))
                path.touch()
                storage = JournalStorage(path, msgspec.to_builtins(seal.header))
                made = {str(seq): msgspec.to_builtins(check_in(seal, seq)) for seq in seqs}
                storage.write({TABLE: made})
                storage.close()


@contextmanager
def _unsynced() -> Iterator[None]:
    real = os.fdatasync

    def nothing(fd: int) -> None:
        """The card is synced as a whole, later."""

    os.fdatasync = nothing  # type: ignore[assignment]
    try:
        yield
    finally:
        os.fdatasync = real
