"""One transaction per batch of messages: receipts, check-ins, dead letters."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from central import db
from central.deadline import Deadline
from central.ingest import boots
from central.ingest.moments import Starts, settled
from central.ingest.reading import DeadLetter, Reading, Row, dead_letter, refused
from kiosk import wire
from kiosk.errors import KioskError

log = logging.getLogger("central.ingest")

_PATIENCE_S = 5.0  # for one commit: above the database's own time-outs
_MIGRATION_S = 3600.0
_CHUNK = 500  # keys in one query; SQLite allows a thousand alternatives


class StoreError(KioskError):
    """The database does not answer, is locked or refuses; nothing was committed."""


class Key(NamedTuple):
    """What makes a record one record."""

    device_id: str
    epoch: str
    seq: int


class Answer(NamedTuple):
    """To be published to kiosk `kid` once the transaction is committed. `fresh` counts
    the rows that are new."""

    kid: str
    ack: wire.Ack
    fresh: int


class Letter(NamedTuple):
    """A dead letter of the database, as `db.dead_letter` describes it."""

    digest: str
    device_id: str
    reason: str
    raw: bytes


class Store:
    """The writing side of the tracing database."""

    def __init__(self, engine: sa.Engine) -> None:
        """`engine` is of `central.db.connect`; connects at the first commit."""
        self._engine = engine
        self._deadline = Deadline(self._engine)
        self._upgraded = False
        self._insert = postgresql.insert if self._engine.name == "postgresql" else sqlite.insert

    def commit(self, readings: Sequence[Reading], now: datetime) -> list[Answer]:
        """Writes everything or nothing; one answer per reading that names its segment.

        The first call brings the schema up to date; an empty one only tries the database.
        What the database refuses, though it answers, becomes a dead letter
        `database-refuses`. Raises StoreError when the database is away, and the same call
        may be made again; ConfigError when it is not one for this program.
        """
        with self._at_work():
            if not readings:
                with self._engine.connect() as connection:
                    connection.execute(sa.select(db.receipt.c.seq).limit(1))
            return self._commit(readings, now)

    def dead_letters(self, after: str, limit: int) -> list[Letter]:
        """The next ones whose digest comes after `after`, but for those of no known kiosk.
        Raises as `commit` does."""
        c = db.dead_letter.c
        query = (
            sa.select(c.digest, c.device_id, c.reason, c.raw)
            .where(c.digest > after, c.device_id.is_not(None))
            .order_by(c.digest)
            .limit(limit)
        )
        with self._at_work(), self._engine.connect() as connection:
            return [Letter(*row) for row in connection.execute(query)]

    def forget(self, letters: Sequence[Letter]) -> None:
        """Removes dead letters. Raises as `commit` does."""
        gone = db.dead_letter.c.digest.in_([letter.digest for letter in letters])
        with self._at_work(), self._engine.begin() as connection:
            connection.execute(sa.delete(db.dead_letter).where(gone))

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()
        self._deadline.close()

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """The schema is up to date, and the database has so long to answer."""
        try:
            if not self._upgraded:
                self._upgrade()
            with self._deadline.within(_PATIENCE_S):
                yield
        except sa.exc.StatementError as error:
            raise StoreError(f"database: {_in_words(error)}") from error

    def _upgrade(self) -> None:
        with self._deadline.within(_PATIENCE_S):
            current = db.is_current(self._engine)
        if not current:
            with self._deadline.within(_MIGRATION_S):
                db.upgrade(self._engine)
        self._upgraded = True

    def _commit(self, readings: Sequence[Reading], now: datetime) -> list[Answer]:
        """All in one transaction; when the database refuses that, each in its own."""
        try:
            return self._transaction(readings, now)
        except sa.exc.StatementError as error:
            if _is_away(error):
                raise
            log.error("the database refuses what it should store: %s", _in_words(error))
        answers: list[Answer] = []
        for reading in readings:
            try:
                answers += self._transaction([reading], now)
            except sa.exc.StatementError as error:
                if _is_away(error):
                    raise
                # When it refuses this too, the database is at fault and not the reading.
                answers += self._transaction([refused(reading, "database-refuses")], now)
        return answers

    def _transaction(self, readings: Sequence[Reading], now: datetime) -> list[Answer]:
        with self._engine.begin() as connection:
            return self._write(connection, readings, now)

    def _write(
        self, connection: sa.Connection, readings: Sequence[Reading], now: datetime
    ) -> list[Answer]:
        keyed = list(_keyed(readings))
        # Sorted, so that two workers with the same segment wait and never deadlock.
        receipts = [
            {**key._asdict(), "id": row.record.id, "received_at": now}
            for key, row in sorted(keyed, key=lambda pair: pair[0])
        ]
        fresh = self._insert_new(connection, receipts)
        known = {key for key, _ in keyed} - fresh.keys()
        ids = fresh | self._ids(connection, sorted(known))
        starts = boots.learn(connection, self._insert, readings, now)
        rows = {key: row for key, row in keyed if key in fresh and ids[key] == row.record.id}
        if rows:
            values = [_check_in(k, r, starts.get(k.device_id, {}), now) for k, r in rows.items()]
            connection.execute(self._insert(db.check_in).on_conflict_do_nothing(), values)
        answers, dead = _answers(readings, ids, fresh, now)
        if dead:
            connection.execute(
                self._insert(db.dead_letter).on_conflict_do_nothing(),
                [_dead_row(reading, letter, now) for reading, letter in dead],
            )
        return answers

    def _insert_new(
        self, connection: sa.Connection, receipts: list[dict[str, Any]]
    ) -> dict[Key, str]:
        """The ids of those that were not there."""
        if not receipts:
            return {}
        c = db.receipt.c
        statement = self._insert(db.receipt).on_conflict_do_nothing()
        new = connection.execute(statement.returning(c.device_id, c.epoch, c.seq, c.id), receipts)
        return {Key(d, e, s): i for d, e, s, i in new}

    def _ids(self, connection: sa.Connection, keys: list[Key]) -> dict[Key, str]:
        c = db.receipt.c
        found: dict[Key, str] = {}
        for start in range(0, len(keys), _CHUNK):
            some = db.one_of((c.device_id, c.epoch, c.seq), keys[start : start + _CHUNK])
            query = sa.select(c.device_id, c.epoch, c.seq, c.id).where(some)
            found |= {Key(d, e, s): i for d, e, s, i in connection.execute(query)}
        return found


def _keyed(readings: Sequence[Reading]) -> Iterator[tuple[Key, Row]]:
    for reading in readings:
        for row in reading.rows:
            yield Key(str(reading.kid), row.record.epoch, row.record.seq), row


_Dead = list[tuple[Reading, DeadLetter]]


def _answers(
    readings: Sequence[Reading], ids: dict[Key, str], fresh: Container[Key], now: datetime
) -> tuple[list[Answer], _Dead]:
    answers: list[Answer] = []
    dead: _Dead = []
    for reading in readings:
        letters = list(reading.dead)
        accepted: list[int] = []
        new = 0
        for row in reading.rows:
            seq = row.record.seq
            key = Key(str(reading.kid), row.record.epoch, seq)
            if ids[key] == row.record.id:
                accepted.append(seq)
                new += key in fresh
            elif reading.batch:
                letters.append(dead_letter("seq-reused", reading.batch, row.record))
        dead += [(reading, letter) for letter in letters]
        if reading.kid and reading.segment:
            ack = wire.Ack(
                segment=reading.segment,
                accepted=accepted,
                refused=[wire.Refusal(seq, d.reason) for d in letters for seq in d.seqs],
                server_ms=int(now.timestamp() * 1000),
            )
            answers.append(Answer(reading.kid, ack, new))
    return answers, dead


def _check_in(key: Key, row: Row, starts: Starts, now: datetime) -> dict[str, Any]:
    record, person = row.record, row.person
    return {
        **key._asdict(),
        "id": record.id,
        **settled(record, row.anchor, starts, now)._asdict(),
        "scanned_at_ms": record.scanned_at_ms,
        "boot_id": record.boot_id,
        "boottime_ms": record.boottime_ms,
        "direction": record.direction,
        "outcome": record.outcome,
        "reason": record.reason,
        "format": person.format,
        "role": person.role,
        "subject": person.subject,
        "signed": person.signed,
        "issuer": person.issuer,
        "claims": person.claims,
        "risk": person.risk,
        "party": person.party,
        "colour": person.colour,
        "received_at": now.astimezone(UTC),
    }


def _dead_row(reading: Reading, letter: DeadLetter, now: datetime) -> dict[str, Any]:
    record = letter.record
    return {
        "digest": f"{reading.kid}:{letter.digest}",
        "device_id": reading.kid,
        "segment": reading.segment,
        "epoch": record.epoch if record else None,
        "seq": record.seq if record else None,
        "id": record.id if record else None,
        "reason": letter.reason,
        "raw": letter.raw,
        "received_at": now,
    }


def _is_away(error: sa.exc.StatementError) -> bool:
    """Whether waiting helps. Otherwise the same statement would fail for ever."""
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    state = (getattr(error.orig, "sqlstate", None) or "")[:2]  # PostgreSQL's class of errors
    if state == "54":  # a limit that a value exceeds, an error of operation to the driver
        return False
    if state in ("25", "42"):  # read-only, rights, tables: nothing that a record could cause
        return True
    away = (sa.exc.OperationalError, sa.exc.InterfaceError)
    return isinstance(error, away) or error.connection_invalidated


def _in_words(error: sa.exc.StatementError) -> str:
    """Why, in one line. Only what tells of the connection or of SQLite's file is quoted:
    other messages of a database may carry values of a row."""
    cause = error.orig
    of_the_file = isinstance(cause, sqlite3.DatabaseError) and not isinstance(
        cause, sqlite3.IntegrityError
    )
    if of_the_file or isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return " ".join(str(cause).split())[:300]
    return type(cause).__name__
