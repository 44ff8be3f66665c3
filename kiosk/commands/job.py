"""Carries one command out, in a thread of its own: whatever hangs there, the daemon answers."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from kiosk import wire
from kiosk.commands.action import RESULT_BYTES, Action, Failed, Kiosk, Result
from kiosk.commands.admission import Admitted
from kiosk.commands.memory import Entry, Memory

log = logging.getLogger("kiosk.commands")


class Order(NamedTuple):
    """What waits or runs."""

    admitted: Admitted
    action: Action
    args: object
    correlation: bytes


class Job(threading.Thread):
    """Carries one order out. Once ended: `st`, `reason`, `detail`, `data`, `then`."""

    def __init__(self, order: Order, memory: Memory, kiosk: Kiosk, boot_id: str) -> None:
        super().__init__(name=order.admitted.command.name, daemon=True)
        self.order = order
        self.due = time.monotonic() + order.action.LIMIT_S
        self.begun = False
        self.st: wire.Status = "running"
        self.reason = self.detail = ""
        self.data: dict[str, object] = {}
        self.then: Callable[[], None] | None = None
        self._memory, self._kiosk, self._boot_id = memory, kiosk, boot_id

    def run(self) -> None:
        command, key, digest = self.order.admitted
        if key:
            entry = Entry(
                id=command.id,
                digest=digest,
                name=command.name,
                key=key,
                issued_ms=command.issued_ms,
                correlation=self.order.correlation,
                boot_id=self._boot_id,
            )
            try:
                self._memory.begin(entry)
            except OSError as error:
                detail = f"the kiosk cannot write down that it begins: {error.strerror}"
                self._end("rejected", "no-memory", detail)
                return
        self.begun = True
        try:
            result = self.order.action.act(self.order.args, self._kiosk)
        except Failed as error:
            self._end("failed", error.reason, error.detail)
        except OSError as error:
            self._end("failed", "system", str(error))
        except Exception as error:  # noqa: BLE001 - the centre hears of it
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.critical("%s: unexpected %s\n%s", command.name, type(error).__name__, frames)
            self._end("failed", "unexpected", type(error).__name__)
        else:
            self._done(result)

    def _done(self, result: Result) -> None:
        size = len(msgspec.json.encode(result.data))
        if size > RESULT_BYTES:
            self._end("failed", "too-large", f"{size} bytes, at most {RESULT_BYTES}")
            return
        self.data, self.then = result.data, result.then
        self._end("done", "", result.detail)

    def _end(self, st: wire.Status, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        self.st = st  # last: it is looked at
