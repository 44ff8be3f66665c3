"""Keeps one connection to the broker: hosts in order, full jitter between the rounds.

Looking a name up cannot be given a limit (getaddrinfo(3)), so each attempt to connect has
a short-lived thread that the owner's turns look after; all else happens in the turn.
"""

from __future__ import annotations

import logging
import random
import select
import threading
import time
from collections.abc import Sequence

from kiosk import reach, wire
from kiosk.config import Broker
from kiosk.reach import Reason, reason
from kiosk.uplink import words
from kiosk.uplink.connection import Birth, Connection, HasFileno, Received
from kiosk.validity import Validity

log = logging.getLogger("kiosk.uplink")

SLOW_S = 30.0
GOODBYE_S = 2.0
ATTEMPT_LOOK_S = 0.1
_MOST_ROUNDS = 30  # of which the limit of the wait knows


def backoff(failures: int, base_s: float, cap_s: float) -> float:
    """Seconds to wait before the next round: uniform between 0 and a limit that doubles,
    so that a fleet does not come back all at once."""
    return random.uniform(0, min(cap_s, base_s * 2 ** min(failures, _MOST_ROUNDS)))


class _Attempt(threading.Thread):
    """Opens one connection. Once ended: `opened`, or `why` not."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(name="connect", daemon=True)
        self.connection = connection
        self.began = time.monotonic()
        self.opened = False
        self.why: Reason | None = None

    def run(self) -> None:
        try:
            self.connection.open()
            self.opened = True
        except (OSError, ValueError) as error:
            self.why = reach.of_error(error)  # the error itself would keep its frames alive


class Session:
    """Give it a `turn` again and again. `why` says in words what keeps it offline, or the
    centre away; empty when all is well. `reason` is why it is, or was last, offline;
    `attempts` counts connections that were begun."""

    def __init__(
        self,
        broker: Broker,
        kid: str,
        birth: Birth,
        topics: Sequence[str] = (),
        *,
        validity: Validity | None = None,
    ) -> None:
        self._broker = broker
        self._validity = validity
        self._kid = kid
        self._birth = birth
        self._topics = topics
        self._attempt: _Attempt | None = None
        self._connection: Connection | None = None
        self._received: list[Received] = []
        self._ready_at: float | None = None
        self._host = 0
        self._rounds_failed = 0
        self._pace = wire.Pace()
        self._unanswered: set[int] = set()  # hosts that hung up before they said anything
        self._logged = ("", "")
        self.attempts = 0
        self.reason = reason("connecting")
        if not kid:
            self.reason = reason("not-enrolled")
        elif not broker.hosts:
            self.reason = reason("no-broker")
        self._able = bool(kid and broker.hosts)
        self._next_at = time.monotonic() + self._pause()

    @property
    def link(self) -> Connection | None:
        """The connection while it can carry messages."""
        connection = self._connection
        return connection if connection is not None and connection.ready else None

    @property
    def centre(self) -> bool:
        """Somebody is there who takes records and acknowledges them."""
        return self.link is not None and self.link.centre

    @property
    def why(self) -> str:
        if self.link is None:
            return words.plain(str(self.reason), 400)
        return "" if self.link.centre else self.link.centre_why

    def wait(self, wait_s: float, others: Sequence[HasFileno]) -> None:
        """Until the broker or one of `others` has something to say, or the session has something
        to do of itself, or `wait_s`."""
        if self._connection is not None:
            self._connection.wait(wait_s, others)
            return
        if self._attempt is not None:
            wait_s = min(wait_s, ATTEMPT_LOOK_S)
        elif self._able:
            wait_s = min(wait_s, max(0.0, self._next_at - time.monotonic()))
        select.select(others, [], [], wait_s)

    def turn(self) -> list[wire.Ack]:
        """Brings the session forward, without waiting; returns what was acknowledged."""
        connection = self._connection
        if connection is None:
            self._connect()
            return []
        connection.turn(0)
        self._received += connection.take_received()
        if connection.pace not in (None, self._pace):
            self._adopt(connection.pace)
        if connection.ready and self._ready_at is None:
            self._ready_at = time.monotonic()
            log.info("connected to %s", self._broker.hosts[self._host])
            self._logged = ("", "")
            self._unanswered.clear()
        if connection.over:
            self._lost(connection)
        return connection.take_acks()

    def take_received(self) -> list[Received]:
        """What came by the further topics since the last call, oldest first; also by a connection
        that is gone by now, for the broker does not say it again."""
        received, self._received = self._received, []
        return received

    def close(self) -> None:
        """Says goodbye, so that nobody takes this kiosk for lost."""
        if self.link is not None:
            self.link.leave(GOODBYE_S)
        if self._connection is not None:
            self._connection.drop()
            self._connection = None

    def _connect(self) -> None:
        attempt = self._attempt
        if attempt is None:
            if self._able and time.monotonic() >= self._next_at:
                made = Connection(
                    self._broker,
                    reach.address(self._broker.hosts[self._host]),
                    self._kid,
                    self._birth,
                    self._topics,
                    patient=self._host in self._unanswered,
                    validity=self._validity,
                )
                self.attempts += 1
                self._attempt = _Attempt(made)
                self._attempt.start()
        elif attempt.is_alive():
            taking = time.monotonic() - attempt.began
            if taking > SLOW_S:
                self.reason = reason("slow", f"{taking:.0f} s")
        elif attempt.opened:
            self._attempt, self._connection = None, attempt.connection
        elif attempt.why is not None:
            self._attempt = None
            attempt.connection.drop()
            self._failed(attempt.why)
        else:  # the thread's exception is in the journal already
            raise RuntimeError("an attempt to connect ended without a result")

    def _lost(self, connection: Connection) -> None:
        self._connection = None
        connection.drop()
        if self._ready_at is None:
            self._failed(connection.why)
            return
        stood, self._ready_at = time.monotonic() - self._ready_at, None
        # One that breaks at once again and again must not be renewed at once.
        if stood > self._cap_s:
            self._rounds_failed = 0
        if connection.why.code == "moved":  # to which server is not its to say, see wire.md
            self._failed(connection.why)
        else:
            self._tell(connection.why)
            self._new_round()

    def _failed(self, why: Reason) -> None:
        self._tell(why)
        if why.code in ("reset", "unanswered"):
            self._unanswered.add(self._host)
        if self._host + 1 < len(self._broker.hosts):
            self._host += 1
        else:
            self._new_round()

    def _new_round(self) -> None:
        self._host = 0
        if self.reason.code == "busy":  # it asks for less: no need to find the limit step by step
            self._rounds_failed = _MOST_ROUNDS
        self._next_at = time.monotonic() + self._pause()
        self._rounds_failed += 1

    def _adopt(self, pace: wire.Pace) -> None:
        self._pace = pace
        log.info("after a lost connection: back within %g s, as the centre wants it", self._cap_s)

    @property
    def _cap_s(self) -> float:
        return self._pace.reconnect_cap_s or self._broker.reconnect_cap_s

    def _pause(self) -> float:
        base_s = self._pace.reconnect_base_s or self._broker.reconnect_base_s
        return backoff(self._rounds_failed, base_s, self._cap_s)

    def _tell(self, why: Reason) -> None:
        """Offline for days is normal: the same reason is told once, whatever the clock says."""
        self.reason = why
        host = self._broker.hosts[self._host]
        if (host, why.code) != self._logged:
            log.warning("not connected: %s: %s", host, words.plain(str(why), 400))
            self._logged = host, why.code
