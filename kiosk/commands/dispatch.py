"""From a command that came to its last response: one at a time, each once."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from kiosk import signed, wire
from kiosk.commands.action import Kiosk, action
from kiosk.commands.actions import ACTIONS
from kiosk.commands.admission import Rejected, check, read
from kiosk.commands.job import Job, Order
from kiosk.commands.memory import Entry, Memory
from kiosk.relay import Passed, Told

log = logging.getLogger("kiosk.commands")

WAITING_MAX = 4
UNTOLD_MAX = 64
STUCK_MAX = 3
LEAVE_S = 4.0
REFUSALS_MAX, REFUSALS_S = 20, 600.0
"""So many refusals are told to the journal in so long."""
_AWAY = ("reboot", "restart")
"""Done when the kiosk, or this process, is there again."""


class _After(NamedTuple):
    """What follows once the response `number` is taken, at `due` in any case."""

    number: int
    due: float
    then: Callable[[], None]


class Dispatch:
    """Takes what the uplink passes on, and says what has become of it. `untold` are responses
    that the broker has not taken yet."""

    def __init__(self, memory: Memory, keys: signed.Keys, kiosk: Kiosk, boot_id: str) -> None:
        self.untold: dict[int, Told] = {}
        self._memory, self._keys, self._kiosk, self._boot_id = memory, keys, kiosk, boot_id
        self._waiting: list[Order] = []
        self._job: Job | None = None
        self._running_told: set[str] = set()
        self._stuck: list[Job] = []
        self._refusals: deque[float] = deque(maxlen=REFUSALS_MAX)
        self._after: _After | None = None
        self._number = 0
        self.last = "none"
        """The last that ended, and how."""
        self._ends: dict[int, str] = {}  # number of a response -> command that it ends
        self._after_a_restart()

    @property
    def running(self) -> str:
        """Name of what is carried out now; empty when nothing is."""
        return self._job.order.admitted.command.name if self._job else ""

    @property
    def busy(self) -> bool:
        """Something waits or runs."""
        return bool(self._job or self._waiting or self._after)

    def _after_a_restart(self) -> None:
        for entry in self._memory.all():
            if entry.st == "running":
                rebooted = entry.boot_id != self._boot_id
                if entry.name in _AWAY and rebooted:
                    self._memory_end(entry.id, "done", "", "the kiosk is there again")
                else:
                    self._memory_end(
                        entry.id,
                        "failed",
                        "interrupted",
                        "the kiosk was switched off" if rebooted else "its daemon was ended",
                    )
            known = self._memory.known(entry.id)
            if known is not None and not known.told:
                self._repeat(known, known.correlation)

    def _memory_end(self, id: str, st: wire.Status, reason: str, detail: str) -> None:
        try:
            self._memory.end(id, st, reason, detail)
        except OSError as error:  # begun stays begun: it is not carried out again
            log.error("cannot write down how %s ended: %s", id, error.strerror)

    def passed(self, passed: Passed) -> None:
        """A command has come, perhaps again, perhaps from a stranger."""
        correlation = passed.correlation[:64]
        try:
            self._admit(passed, correlation)
        except Rejected as refusal:
            log.log(
                self._refused(),
                "command refused name=%r id=%s reason=%s: %s",
                passed.name[:40],
                refusal.id or "?",
                refusal.reason,
                refusal.detail,
            )
            self._tell(
                refusal.id,
                passed.name[:64],
                refusal.st,
                refusal.reason,
                refusal.detail,
                correlation=correlation,
            )

    def _refused(self) -> int:
        """How loud a refusal is told: a flood of them must not fill the journal."""
        now, before = time.monotonic(), self._refusals
        flood = len(before) == before.maxlen and now - before[0] < REFUSALS_S
        if not flood:
            before.append(now)
        return logging.DEBUG if flood else logging.WARNING

    def _admit(self, passed: Passed, correlation: bytes) -> None:
        admitted = read(passed.payload, self._keys)
        command = admitted.command
        running = self._job.order.admitted if self._job else None
        for other in [running, *(order.admitted for order in self._waiting)]:
            if other is not None and other.command.id == command.id:
                if other.digest != admitted.digest:
                    raise Rejected("id-reused", "another command has this id", command.id)
                return  # delivered twice: it will be answered once
        known = self._memory.known(command.id)
        if known is not None and admitted.key:
            if known.digest != admitted.digest:
                raise Rejected("id-reused", "another command had this id", command.id)
            self._repeat(known, correlation)
            return
        act = action(command.name)
        if act is None:
            raise Rejected(
                "unknown-command", f"this firmware knows {', '.join(ACTIONS)}", command.id
            )
        kiosk = self._kiosk
        check(admitted, passed.name, kiosk.config.kiosk.id, passed.sid, kiosk.now())
        if admitted.key:
            self._is_new(command)
        try:
            args = msgspec.convert(command.args, act.Args, strict=False)
        except msgspec.ValidationError as error:
            raise Rejected("bad-args", str(error)[:200], command.id) from error
        if len(self._waiting) >= WAITING_MAX or len(self._stuck) >= STUCK_MAX:
            raise Rejected("busy", "other commands are being carried out; try later", command.id)
        log.info(
            "command accepted name=%s id=%s key=%s", command.name, command.id, admitted.key or "-"
        )
        self._waiting.append(Order(admitted, act, args, correlation))
        self._tell(command.id, command.name, "accepted", correlation=correlation)

    def _is_new(self, command: wire.Command) -> None:
        if self._memory.damage:
            detail = f"nobody can tell whether it was carried out before: {self._memory.damage}"
            if self._memory.heal(self._kiosk.now()):
                detail += "; commands that are issued from 5 minutes from now on are taken again"
            log.error("%s", detail)
            raise Rejected("memory-damaged", detail, command.id)
        if self._memory.is_past(command.issued_ms):
            raise Rejected(
                "replayed", "it is older than commands that are forgotten already", command.id
            )

    def turn(self) -> None:
        """Brings things forward; called several times a second."""
        self._stuck = [job for job in self._stuck if job.is_alive()]
        if self._after is not None:
            self._follow_up(self._after)
        job = self._job
        if job is None:
            if self._waiting:
                self._start(self._waiting.pop(0))
            return
        command = job.order.admitted.command
        if job.begun and command.id not in self._running_told:
            self._tell(command.id, command.name, "running", correlation=job.order.correlation)
            self._running_told.add(command.id)  # after it: `_wait_told` looks at it
        if job.st != "running":
            self._ended(job, job.st, job.reason, job.detail)
        elif time.monotonic() > job.due:
            self._stuck.append(job)
            limit_s = job.order.action.LIMIT_S
            self._ended(job, "failed", "timed-out", f"not done within {limit_s:g} s; given up")

    def _start(self, order: Order) -> None:
        command = order.admitted.command
        now = self._kiosk.now()
        if now.clock != "unknown" and now.wall_ms >= command.expires_ms:
            log.warning("command expired while it waited name=%s id=%s", command.name, command.id)
            self._tell(
                command.id,
                command.name,
                "expired",
                "expired",
                "others took too long",
                correlation=order.correlation,
            )
            return
        kiosk = self._kiosk._replace(
            command=command, before_leaving=lambda: self._wait_told(command.id)
        )
        self._job = Job(order, self._memory, kiosk, self._boot_id)
        self._job.start()

    def _wait_told(self, id: str) -> None:
        """In the job's thread: until the broker has everything so far, or for `LEAVE_S`."""
        due = time.monotonic() + LEAVE_S
        while time.monotonic() < due and (self.untold or id not in self._running_told):
            time.sleep(0.05)

    def _ended(self, job: Job, st: wire.Status, reason: str, detail: str) -> None:
        self._job = None
        command, key, _ = job.order.admitted
        self._running_told.discard(command.id)
        if key and job.begun:
            self._memory_end(command.id, st, reason, detail)
        log.log(
            logging.INFO if st == "done" else logging.WARNING,
            "command ended name=%s id=%s key=%s result=%s reason=%s: %s",
            command.name,
            command.id,
            key or "-",
            st,
            reason or "-",
            detail,
        )
        self.last = f"{command.name}:{reason or st}"
        data = job.data if st == "done" else {}
        correlation = job.order.correlation
        number = self._tell(command.id, command.name, st, reason, detail, data, correlation)
        self._ends[number] = command.id
        if job.then is not None and st == "done":
            self._after = _After(number, time.monotonic() + LEAVE_S, job.then)

    def _follow_up(self, after: _After) -> None:
        if after.number not in self.untold or time.monotonic() > after.due:
            self._after = None
            try:
                after.then()
            except OSError as error:
                log.error("what was to follow the last command did not: %s", error)

    def _repeat(self, known: Entry, correlation: bytes) -> None:
        detail = known.detail
        if known.st == "done" and known.told:
            detail += " (said before)"
        number = self._tell(
            known.id, known.name, known.st, known.reason, detail, correlation=correlation
        )
        self._ends[number] = known.id

    def _tell(
        self,
        id: str,
        name: str,
        st: wire.Status,
        reason: str = "",
        detail: str = "",
        data: dict[str, object] | None = None,
        correlation: bytes = b"",
    ) -> int:
        now = self._kiosk.now()
        response = wire.Response(
            id=id,
            name=name,
            st=st,
            at_ms=now.wall_ms,
            clock=now.clock,
            reason=reason,
            detail=detail[:2000],
            result=data or {},
        )
        self._number += 1
        if len(self.untold) >= UNTOLD_MAX:  # nobody listens; who asks again is answered again
            dropped = next((n for n in self.untold if n not in self._ends), min(self.untold))
            del self.untold[dropped]
            self._ends.pop(dropped, None)
        self.untold[self._number] = Told(
            number=self._number, response=wire.encode(response), correlation=correlation
        )
        return self._number

    def taken(self, number: int) -> None:
        """The broker has a response."""
        self.untold.pop(number, None)
        ended = self._ends.pop(number, None)
        if ended is not None:
            self._memory.told(ended)
