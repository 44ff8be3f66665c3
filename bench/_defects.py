"""Defects put into a daemon on purpose, to see that they are found:
`python -m bench._defects DEFECT MODULE ...` runs MODULE with one."""

from __future__ import annotations

import runpy
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

Defect = Literal["", "receipt", "commit", "once"]


def afflicted(module: str, defect: Defect) -> list[str]:
    """What follows `python -m` to run a module; with the defect, if it is one of this module."""
    return [module] if _WHERE.get(defect) != module else ["bench._defects", defect, module]


def _receipt() -> None:
    """A PUBACK is taken for a receipt."""
    from kiosk import wire
    from kiosk.uplink.connection import Connection

    real = Connection.publish

    def publish(self: Connection, leaf: Any, payload: bytes, what: str, **more: Any) -> bool:
        def taken() -> None:
            batch = wire.decode(payload, wire.Batch)
            seqs = [record.seq for record in batch.records]
            self._acks.append(wire.Ack(segment=batch.segment, accepted=seqs, server_ms=0))

        if leaf == "checkin":
            more["taken"] = taken
        return real(self, leaf, payload, what, **more)

    Connection.publish = publish  # type: ignore[method-assign]


def _commit() -> None:
    """Ingest answers, and acknowledges to the broker, what it commits a second later."""
    from central.ingest.reading import Reading
    from central.ingest.store import Answer, Store, StoreError
    from kiosk import wire

    real = Store.commit
    held: list[Reading] = []
    due = 0.0

    def commit(self: Store, readings: Sequence[Reading], now: datetime) -> list[Answer]:
        nonlocal due
        held.extend(readings)
        if time.monotonic() >= due:
            due = time.monotonic() + 1.0
            some = held.copy()
            held.clear()
            with suppress(StoreError):  # that is the defect
                real(self, some, now)
        return [
            Answer(
                str(reading.kid),
                wire.Ack(
                    segment=str(reading.segment),
                    accepted=[row.record.seq for row in reading.rows],
                    server_ms=0,
                ),
                0,
            )
            for reading in readings
        ]

    Store.commit = commit  # type: ignore[method-assign]


def _once() -> None:
    """Every check-in is stored twice."""
    from kiosk.outbox import Outbox

    real = Outbox.put

    def put(self: Outbox[Any], make: Any) -> Any:
        real(self, make)
        return real(self, make)

    Outbox.put = put  # type: ignore[method-assign]


_DEFECTS: dict[str, Callable[[], None]] = {"receipt": _receipt, "commit": _commit, "once": _once}
_WHERE: dict[str, str] = {
    "receipt": "kiosk.uplink",
    "commit": "central.ingest",
    "once": "kiosk.scanner",
}


if __name__ == "__main__":
    _, _defect, _module, *_rest = sys.argv
    _DEFECTS[_defect]()
    sys.argv = [_module, *_rest]
    runpy.run_module(_module, run_name="__main__", alter_sys=True)
