"""An uplink's side of the outbox at work, until somebody kills it, and a centre for it."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from random import Random

from bench._ledger import Note
from bench._scanning import Place, fast
from kiosk import clock, wire
from kiosk.errors import OutboxError
from kiosk.outbox import ConnectedMark, SealedSegments
from kiosk.uplink.drain import Drain
from kiosk.uplink.watch import SealedWatch

TURN_S = 0.003
ACK_TIMEOUT_S = 10.0  # of the kiosk's time


def uplink(place: Place, chance: Random) -> None:
    """Sends segments to a centre, which commits them, until it is killed."""
    mark = ConnectedMark(place.mark)
    centre = Centre(Note(place.centre), chance, believed=place.without == "receipt")
    segments = SealedSegments(place.outbox)
    watch = SealedWatch(place.outbox / "sealed", segments.collect, fast)
    drain = Drain(
        segments, centre.publish, partial(clock.now, "system"), window=4,
        ack_timeout_s=ACK_TIMEOUT_S,
    )  # fmt: skip
    connected = chance.random() < 0.7
    if connected:
        drain.start()
    while True:
        with suppress(BlockingIOError):  # the scanner looks at it just now
            mark.set(connected)
        with suppress(OutboxError):  # a moment after the first start there is no folder yet
            changes = watch.look()
            if changes is not None:
                drain.follow(changes)
        for ack in centre.answers():
            drain.acknowledged(ack, fast())
        drain.turn(fast())
        time.sleep(TURN_S)


class Centre:
    """Takes batches, and answers: at once or late, in full or in part, or never. A message
    may be lost, or not be taken at all. `believed`: what the connection took is answered as
    if it were committed."""

    def __init__(self, committed: Note, chance: Random, believed: bool) -> None:
        self._committed = committed
        self._chance = chance
        self._believed = believed
        self._acks: list[wire.Ack] = []

    def publish(self, _name: str, payload: bytes) -> bool:
        """As a connection does: whether it was taken."""
        if self._chance.random() < 0.05:
            return False
        batch = wire.decode(payload, wire.Batch)
        seqs = [record.seq for record in batch.records]
        # Lost on its way: a PUBACK is not a receipt.
        if self._chance.random() < (0.5 if self._believed else 0.1):
            if self._believed:
                self._answer(batch, seqs, [])
            return True
        self._committed.say(batch)
        fate = self._chance.random()
        refused = seqs[:1] if fate < 0.1 else []
        answered = seqs[1:] if fate < 0.2 else seqs  # between the two: one is not answered
        self._answer(batch, answered, refused)
        return True

    def _answer(self, batch: wire.Batch, accepted: list[int], refused: list[int]) -> None:
        self._acks.append(
            wire.Ack(
                segment=batch.segment,
                accepted=accepted,
                refused=[wire.Refusal(seq, "malformed") for seq in refused],
                server_ms=1,
            )
        )

    def answers(self) -> list[wire.Ack]:
        """Those that arrive now; one in ten never does."""
        now = [ack for ack in self._acks if self._chance.random() < 0.5]
        self._acks = [ack for ack in self._acks if ack not in now]
        return [ack for ack in now if self._chance.random() >= 0.1]
