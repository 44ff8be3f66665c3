"""Keeps one connection to the broker: hosts in order, full jitter between the rounds.

Looking a name up cannot be given a limit (getaddrinfo(3)), so each attempt to connect has
a short-lived thread that the owner's turns look after; all else happens in the turn.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence

from kiosk import wire
from kiosk.config import Broker
from kiosk.uplink import words
from kiosk.uplink.connection import Birth, Connection
from kiosk.validity import Validity

log = logging.getLogger("kiosk.uplink")

SLOW_S = 20.0
GOODBYE_S = 2.0


def backoff(failures: int, base_s: float, cap_s: float) -> float:
    """Seconds to wait before the next round: uniform between 0 and a limit that doubles,
    so that a fleet does not come back all at once."""
    return random.uniform(0, min(cap_s, base_s * 2 ** min(failures, 30)))


def address(host: str) -> tuple[str, int]:
    """`name:port` or `[IPv6]:port`, apart."""
    name, _, port = host.rpartition(":")
    return name.strip("[]"), int(port)


class _Attempt(threading.Thread):
    """Opens one connection. Once ended: `opened`, or `why` not."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(name="connect", daemon=True)
        self.connection = connection
        self.began = time.monotonic()
        self.opened = False
        self.why = ""

    def run(self) -> None:
        try:
            self.connection.open()
            self.opened = True
        except (OSError, ValueError) as error:
            self.why = words.failure(error)  # the error itself would keep its frames alive


class Session:
    """Give it a `turn` again and again. `why` says in words what keeps it offline, or the
    centre away; empty when all is well."""

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
        self._ready_at: float | None = None
        self._host = 0
        self._rounds_failed = 0
        self._logged = ""
        self._why = "connecting"
        if not kid:
            self._why = "not enrolled: kiosk.id is empty"
        elif not broker.hosts:
            self._why = "no broker configured: broker.hosts is empty"
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
            return self._why
        return "" if self.link.centre else self.link.centre_why

    def turn(self, wait_s: float) -> list[wire.Ack]:
        """Brings the session forward for about `wait_s`; returns what was acknowledged."""
        connection = self._connection
        if connection is None:
            self._connect()
            time.sleep(wait_s)
            return []
        connection.turn(wait_s)
        if connection.ready and self._ready_at is None:
            self._ready_at = time.monotonic()
            log.info("connected to %s", self._broker.hosts[self._host])
            self._logged = ""
        if connection.over:
            self._lost(connection)
        return connection.take_acks()

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
                host, port = address(self._broker.hosts[self._host])
                made = Connection(
                    self._broker,
                    host,
                    port,
                    self._kid,
                    self._birth,
                    self._topics,
                    validity=self._validity,
                )
                self._attempt = _Attempt(made)
                self._attempt.start()
        elif attempt.is_alive():
            taking = time.monotonic() - attempt.began
            if taking > SLOW_S:
                self._why = f"connecting takes long already: {taking:.0f} s; is the network up?"
        elif attempt.opened:
            self._attempt, self._connection = None, attempt.connection
        elif attempt.why:
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
        if stood > self._broker.reconnect_cap_s:
            self._rounds_failed = 0
        self._tell(connection.why)
        self._new_round()

    def _failed(self, why: str) -> None:
        self._tell(why)
        if self._host + 1 < len(self._broker.hosts):
            self._host += 1
        else:
            self._new_round()

    def _new_round(self) -> None:
        self._host = 0
        self._next_at = time.monotonic() + self._pause()
        self._rounds_failed += 1

    def _pause(self) -> float:
        return backoff(
            self._rounds_failed, self._broker.reconnect_base_s, self._broker.reconnect_cap_s
        )

    def _tell(self, why: str) -> None:
        """Offline for days is normal: the same reason is told once."""
        self._why = words.plain(why, 400)
        line = f"{self._broker.hosts[self._host]}: {self._why}"
        if line != self._logged:
            log.warning("not connected: %s", line)
            self._logged = line
