"""Keeps the outbox open and its segments moving, apart from the frame loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kiosk.errors import OutboxError, OutboxFull, OutboxLocked, OutboxStuck
from kiosk.faults import Faults, Severity
from kiosk.outbox import Outbox, is_held
from kiosk.seal import SegmentSeal

RETRY_S = 5.0
TICK_S = 0.2
SHOWN_S = 5.0  # a put that failed stays a fault so long, though the next one may work


FAULTS: dict[str, Severity] = {
    "card-full": "critical",
    "outbox-fault": "critical",
    "outbox-stuck": "warning",
    "mark-unreadable": "warning",
}


def fault_code(error: OutboxError) -> str:
    """What panel and centre call it."""
    if isinstance(error, OutboxStuck):
        return "outbox-stuck"
    return "card-full" if isinstance(error, OutboxFull) else "outbox-fault"


class Trouble(NamedTuple):
    """What is kept of an error: the error itself would remember the calls that led to it, and
    with them whose check-in it was."""

    code: str
    why: str

    @classmethod
    def of(cls, error: OutboxError) -> Trouble:
        return cls(fault_code(error), str(error))


class Store:
    """Opens the outbox with `open_outbox`, again every `RETRY_S` seconds while that fails.

    Whatever keeps records from being stored or moved is told here, by whoever meets it:
    the only place that raises and clears the outbox's faults. Raises OutboxLocked: a second
    scanner must end, not wait.
    """

    def __init__(
        self,
        open_outbox: Callable[[], Outbox[SegmentSeal]],
        faults: Faults,
        boottime: Callable[[], float],
    ) -> None:
        self._open_outbox = open_outbox
        self._faults = faults
        self._boottime = boottime
        self._retry_at = 0.0
        self._failed_put: Trouble | None = None
        self._failed_at = 0.0
        self.outbox: Outbox[SegmentSeal] | None = None
        self.problem: Trouble | None = None  # what the timer's last tick met
        self.mark_problem = ""  # why nobody can say whether the uplink is connected

    def put_failed(self, error: OutboxError) -> None:
        """A check-in could not be stored."""
        self._failed_put, self._failed_at = Trouble.of(error), self._boottime()
        self._report()

    def keep_open(self) -> Outbox[SegmentSeal] | None:
        """The outbox; None while it is out of order. Called each turn."""
        if self.outbox is None and self._boottime() >= self._retry_at:
            self._open()
        if self._failed_put and self._boottime() - self._failed_at > SHOWN_S:
            self._failed_put = None
        self._report()
        return self.outbox

    def _open(self) -> None:
        try:
            self.outbox = self._open_outbox()
        except OutboxLocked:
            raise
        except OutboxError as error:
            self.problem = Trouble.of(error)
            self._retry_at = self._boottime() + RETRY_S
        else:
            self.problem = None

    def _report(self) -> None:
        why = dict(met for met in (self.problem, self._failed_put) if met is not None)
        if self.mark_problem:
            why["mark-unreadable"] = self.mark_problem
        for code in FAULTS:
            if code in why:
                self._faults.raised(code, why[code])
            else:
                self._faults.cleared(code)


class SealTimer(threading.Thread):
    """Seals segments in time, however long a frame takes, and notices a full or failing
    card before a visitor does. An unexpected error is kept in `failure`, which the main
    loop raises: a scanner is never half alive."""

    def __init__(self, store: Store, after_s: float, mark: Path) -> None:
        super().__init__(name="seal-timer", daemon=True)
        self._store = store
        self._after_s = after_s
        self._mark = mark
        self._stop_asked = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        """Ticks until `stop`."""
        try:
            while not self._stop_asked.wait(TICK_S):
                self._tick()
        except Exception as error:  # noqa: BLE001 - handed to the main loop
            self.failure = error

    def _tick(self) -> None:
        outbox = self._store.outbox
        if outbox is None:
            return
        try:
            outbox.tick(self._after_s, self._is_connected())
        except OutboxError as error:
            self._store.problem = Trouble.of(error)
        else:
            self._store.problem = None

    def _is_connected(self) -> bool:
        try:
            connected = is_held(self._mark)
        except OSError as error:  # segments fill up meanwhile: slower, and nothing is lost
            self._store.mark_problem = f"cannot read {self._mark}: {error.strerror}"
            return False
        self._store.mark_problem = ""
        return connected

    def stop(self) -> None:
        """Ends the thread and waits for it."""
        self._stop_asked.set()
        self.join()
