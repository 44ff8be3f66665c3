"""What a worker does each turn: collect, commit, answer, acknowledge; in this order."""

from __future__ import annotations

import logging
import re
import time
from datetime import UTC, datetime

from central.ingest.config import Batch
from central.ingest.reading import Keys, read
from central.ingest.session import Backoff, Session
from central.ingest.store import Store, StoreError
from kiosk.wire import Presence

log = logging.getLogger("central.ingest")

_TURN_S = 0.5  # at least this often it looks whether it should stop
_REPORT_S = 60.0
_NAMED = 20
_KEY_ID = re.compile(r"[0-9a-f]{16}")


class Worker:
    """Away from the start until the database has been tried. While the database is away
    nothing is acknowledged and what was delivered is kept; the broker delivers no more
    than the session's receive maximum."""

    def __init__(self, session: Session, store: Store, keys: Keys, batch: Batch) -> None:
        self._session = session
        self._store = store
        self._keys = keys
        self._batch = batch
        self._away = True
        self._backoff = Backoff()
        self._stored = self._repeated = self._refused = 0
        self._lagging: set[str] = set()  # kiosks that do not seal to our newest key
        self._reported_at = time.monotonic()

    def turn(self) -> None:
        """One turn: at most half a second, plus one transaction."""
        self._session.turn(max(0.0, min(_TURN_S, self._due_in())))
        if self._due_in() <= 0:
            self._commit()
        if time.monotonic() - self._reported_at > _REPORT_S:
            self._report()

    def finish(self) -> None:
        """Tries once to commit what is held, then leaves. Not while the database is away:
        the broker keeps what was not acknowledged."""
        if self._session.inbox and not self._away:
            self._commit()
        self._report()
        self._session.close("stopped")
        self._store.close()

    def _due_in(self) -> float:
        """Seconds until the next transaction is due."""
        now = time.monotonic()
        if self._away:
            return self._backoff.next_try - now
        inbox = self._session.inbox
        if not inbox:
            return _TURN_S
        if len(inbox) >= self._batch.messages:
            return 0.0
        return inbox[0].timestamp + self._batch.ms / 1000 - now

    def _commit(self) -> None:
        messages = list(self._session.inbox)
        readings = [read(m.topic, bytes(m.payload), self._keys) for m in messages]
        try:
            answers = self._store.commit(readings, datetime.now(UTC))
        except StoreError as error:
            self._database_away(error)
            return
        for answer in answers:
            self._session.answer(answer.kid, answer.ack)
        self._session.done(messages)
        for reading in readings:
            if reading.segment is None:
                log.warning("dead letter: a message of %s is no batch", reading.kid)
            if reading.kid and reading.batch:
                self._look_at_keys(reading.kid, {e.kid for e in reading.batch.header.envelopes})
        for kid, ack, fresh in answers:
            self._stored += fresh
            self._repeated += len(ack.accepted) - fresh
            self._refused += len(ack.refused)
            if ack.refused:
                reasons = ", ".join(sorted({r.reason for r in ack.refused}))
                log.warning("refused %d records of %s: %s", len(ack.refused), kid, reasons)
        if self._away:
            log.info("the database answers")
            self._away = False
            self._backoff.succeeded()
            self._session.say(Presence("online"))

    def _look_at_keys(self, kid: str, sealed_to: set[str]) -> None:
        if not sealed_to & self._keys.keys():
            log.error(
                "%s seals to %s, none of ours (%s): put the private key into seal.keys, then"
                " `python -m central.ingest retry` takes what was refused",
                kid,
                ", ".join(sorted(kid for kid in sealed_to if _KEY_ID.fullmatch(kid))) or "nobody",
                ", ".join(self._keys),
            )
        if next(iter(self._keys)) in sealed_to:
            self._lagging.discard(kid)
        else:
            self._lagging.add(kid)

    def _database_away(self, error: StoreError) -> None:
        if not self._away or self._backoff.next_try == 0.0:
            log.error("%s; holding %d messages", error, len(self._session.inbox))
            self._away = True
            self._session.say(Presence("away", "the database does not answer"))
        self._backoff.failed()

    def _report(self) -> None:
        self._reported_at = time.monotonic()
        if self._stored or self._repeated or self._refused:
            log.info(
                "stored=%d repeated=%d refused=%d", self._stored, self._repeated, self._refused
            )
            if self._lagging:
                log.info(
                    "%d kiosks do not seal to our first key %s: %s",
                    len(self._lagging),
                    next(iter(self._keys)),
                    ", ".join(sorted(self._lagging)[:_NAMED]),
                )
        self._stored = self._repeated = self._refused = 0
