"""Visitors who come one at a time while the kiosk is connected."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path

from bench._stores import Append, Ours
from kiosk import clock, wire
from kiosk.outbox import ConnectedMark, SealedSegments
from kiosk.uplink.drain import Drain
from kiosk.uplink.watch import SealedWatch

TURN_S = 0.1


class Uplink(threading.Thread):
    """An uplink whose centre answers by its next turn."""

    def __init__(self, outbox: Path, mark: Path) -> None:
        super().__init__(name="uplink", daemon=True)
        self._mark = ConnectedMark(mark)
        self._mark.set(True)
        segments = SealedSegments(outbox)
        self._watch = SealedWatch(outbox / "sealed", segments.collect, clock.boottime)
        now = partial(clock.now, "system")
        self.drain = Drain(segments, self._publish, now, window=16, ack_timeout_s=30)
        self._acks: list[wire.Ack] = []
        self._over = threading.Event()

    def _publish(self, name: str, payload: bytes) -> bool:
        batch = wire.decode(payload, wire.Batch)
        seqs = [record.seq for record in batch.records]
        self._acks.append(wire.Ack(segment=name, accepted=seqs, server_ms=1))
        return True

    def run(self) -> None:
        """As the daemon does, until it is stopped and nothing waits."""
        self.drain.start()
        while not self._over.wait(TURN_S) or self.drain.pending:
            changes = self._watch.look()
            if changes is not None:
                self.drain.follow(changes)
            acks, self._acks = self._acks, []
            for ack in acks:
                self.drain.acknowledged(ack, clock.boottime())
            self.drain.turn(clock.boottime())

    def stop(self) -> None:
        """Waits for the last answer."""
        self._over.set()
        self.join()
        self._mark.close()


def paced(ours: Path, append: Path, run: Path, visitors: int, every_s: float) -> int:
    """Lets them come, each kept on both cards, until the last is with the centre. How many
    segments that took."""
    run.mkdir()
    keeper, peer = Ours(ours, 0, run / "connected"), Append(append, 0)
    uplink = Uplink(keeper.folder, run / "connected")
    uplink.start()
    for _ in range(visitors):
        time.sleep(every_s)
        keeper.put()
        peer.put()
    time.sleep(every_s)
    keeper.close()
    time.sleep(2 * TURN_S)
    uplink.stop()
    peer.close()
    return uplink.drain.acked
