"""Visitors who come while a backlog drains, and when the centre has each of them."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bench._visitors import SEGMENT, Begin, check_in
from central.db import check_in as table
from central.db import connect
from kiosk import clock
from kiosk.faults import Faults
from kiosk.outbox import Outbox
from kiosk.scanner.store import FAULTS, SealTimer, Store
from kiosk.seal import SegmentSeal

POLL_S = 0.01
log = logging.getLogger(__name__)


class Arrivals(threading.Thread):
    """One visitor every `every_s` seconds, kept as the scanner keeps them, until `leave`."""

    def __init__(self, outbox: Path, mark: Path, begin: Begin, every_s: float) -> None:
        super().__init__(name="arrivals", daemon=True)
        faults = Faults(lambda _cue: None, clock.boottime, FAULTS, log)
        self._store = Store(partial(_opened, outbox, begin), faults, clock.boottime)
        opened = self._store.keep_open()
        if opened is None:
            raise RuntimeError(str(self._store.problem))
        self._outbox = opened
        self.epoch = opened.epoch
        self.put: dict[int, float] = {}  # seq -> seconds of the monotonic clock
        self._timer = SealTimer(self._store, 1.0, mark)
        self._every_s = every_s
        self._over = threading.Event()

    def run(self) -> None:
        """Until they are told to leave."""
        self._timer.start()
        while not self._over.wait(self._every_s):
            record = self._outbox.put(check_in)
            self.put[record.seq] = time.monotonic()

    def leave(self) -> None:
        """No more come; what is open is handed over by the timer as ever."""
        self._over.set()
        self.join()

    def close(self) -> None:
        """The scanner ends."""
        self._timer.stop()
        self._outbox.close()


def _opened(outbox: Path, begin: Begin) -> Outbox[SegmentSeal]:
    return Outbox(outbox, SEGMENT, begin)


class Commits(threading.Thread):
    """Polls the tracing database: when each record of `epoch` was first seen, and how many of
    other epochs there are."""

    def __init__(self, url: str, kid: str, epoch: str) -> None:
        super().__init__(name="commits", daemon=True)
        self._engine = connect(url)
        self._kid = kid
        self._epoch = epoch
        self.seen: dict[int, float] = {}  # seq -> seconds of the monotonic clock
        self.others = 0
        self.over = threading.Event()

    def run(self) -> None:
        """Until `over`."""
        c = table.c
        ours = sa.and_(c.device_id == self._kid, c.epoch == self._epoch)
        others = (
            sa.select(sa.func.count())
            .select_from(table)
            .where(c.device_id == self._kid, c.epoch != self._epoch)
        )
        counted_at = 0.0
        whole = 0  # every record up to here was seen
        while not self.over.wait(POLL_S):
            with self._engine.connect() as connection:
                new = connection.execute(sa.select(c.seq).where(ours, c.seq > whole)).scalars()
                now = time.monotonic()
                self.seen = dict.fromkeys(new, now) | self.seen
                while whole + 1 in self.seen:
                    whole += 1
                if now - counted_at > 0.25:  # it takes longer
                    counted_at = now
                    self.others = connection.execute(others).scalar_one()
        self._engine.dispose()

    def latencies(self, put: dict[int, float], until: float) -> list[float]:
        """Seconds from put to commit of those put before `until`."""
        return [self.seen[seq] - at for seq, at in put.items() if at <= until and seq in self.seen]
