"""`kill -9` at every system call of whatever moves a check-in, one after the other."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

from bench._batches import batches
from bench._fork import forked
from bench._ledger import Ledger, Note, Told
from bench._scanning import Place, open_outbox, put, recovered
from bench._trace import killed_at
from kiosk import clock, wire
from kiosk.outbox import Outbox, SealedSegments, seal_leftovers
from kiosk.seal import PublicKey, SegmentSeal
from kiosk.uplink.drain import Drain

RECORDS = 4  # of a segment
Action = Callable[[], object]


def kill_everywhere(folder: Path, public: PublicKey, ledger: Ledger) -> dict[str, int]:
    """How many system calls each scene has: it was killed at each of them, and what was left
    is entered in the ledger. Raises OSError where nothing may be traced."""
    place = Place(folder / "outbox", folder, public)
    calls = {}
    for name, scene in SCENES.items():
        for call in count(1):
            place.outbox.mkdir()
            killed = killed_at(call, partial(scene, place))
            _judge(ledger, place, by_scanner=call % 2 == 0)
            shutil.rmtree(place.outbox)
            if not killed:
                calls[name] = call - 1
                break
    return calls


def _judge(ledger: Ledger, place: Place, by_scanner: bool) -> None:
    told, centre = Note(place.told), Note(place.centre)
    ledger.heard(told.take(Told))
    ledger.committed(centre.take(wire.Batch))
    recovered(place, by_scanner)
    with closing(open_outbox(place, RECORDS)) as outbox:
        put(outbox, told, Random(0))  # and no number is used again
    ledger.heard(told.take(Told))
    segments = recovered(place, by_scanner)
    ledger.waiting(segments)
    ledger.committed(segments)
    told.close()
    centre.close()


def _with(place: Place, puts: int) -> Outbox[SegmentSeal]:
    """An open outbox into which so many check-ins were put."""
    outbox, told = open_outbox(place, RECORDS), Note(place.told)
    for number in range(puts):
        put(outbox, told, Random(number))
    return outbox


def _left(place: Place, puts: int) -> None:
    """What a scanner leaves that died after so many puts."""
    status = os.waitpid(forked(partial(_with, place, puts)), 0)[1]
    if status:
        raise RuntimeError(f"no outbox to begin with, status {status}; see above why")


def _put(puts: int) -> Callable[[Place], Action]:
    def prepare(place: Place) -> Action:
        return partial(put, _with(place, puts), Note(place.told), Random(puts))

    return prepare


def _seal(place: Place) -> Action:
    return partial(_with(place, 2).tick, 0.0, connected=True)


def _stop(place: Place) -> Action:
    return _with(place, 2).close


def _start(place: Place) -> Action:
    _left(place, RECORDS + 2)
    return partial(open_outbox, place, RECORDS)


def _left_overs(place: Place) -> Action:
    _left(place, RECORDS + 2)
    return partial(seal_leftovers, place.outbox)


def _sent(place: Place) -> tuple[Drain, list[wire.Ack]]:
    """All that waits is committed at the centre, whose answers have not come yet."""
    _left(place, RECORDS + 2)
    seal_leftovers(place.outbox)
    centre, acks = Note(place.centre), list[wire.Ack]()
    for batch in batches(place.outbox):
        centre.say(batch)
        seqs = [record.seq for record in batch.records]
        acks.append(wire.Ack(segment=batch.segment, accepted=seqs, server_ms=1))
    segments, now = SealedSegments(place.outbox), partial(clock.now, "system")
    drain = Drain(segments, lambda _name, _payload: True, now, window=4, ack_timeout_s=30)
    drain.saw(segments.waiting())
    drain.start()
    drain.turn(at=0.0)
    return drain, acks


def _delete(place: Place) -> Action:
    drain, acks = _sent(place)

    def hear() -> None:
        for ack in acks:
            drain.acknowledged(ack, 0.0)

    return hear


def _set_aside(place: Place) -> Action:
    _, acks = _sent(place)
    return partial(SealedSegments(place.outbox).drop, acks[0].segment, keep=True)


SCENES: dict[str, Callable[[Place], Action]] = {
    "first put of a segment": _put(0),
    "put": _put(2),
    "put that finds its segment full": _put(RECORDS),
    "seal and hand over": _seal,
    "stop": _stop,
    "start after a death": _start,
    "hand over left-overs": _left_overs,
    "delete what is acknowledged": _delete,
    "set aside": _set_aside,
}
