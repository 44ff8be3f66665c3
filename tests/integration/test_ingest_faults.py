"""Whatever is killed, locked or cut off: nothing lost, nothing twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from rig import Broker, Database, Ingest, Kiosk, Postgres, until

from central import db
from central.ingest.session import Session
from central.tls import tls_context
from kiosk import wire
from provisioning.authority import init_fleet


@pytest.fixture(autouse=True)
def _online(ingest: Ingest, kiosk: Kiosk) -> None:
    until(lambda: kiosk.centre("online"), "ingest is online")


@contextmanager
def streaming(kiosk: Kiosk, segments: int, resend_s: float = 1.0) -> Iterator[list[wire.Batch]]:
    """Sends segments like an uplink: each again until it is answered. Leaving waits until
    all are; gives them."""
    batches = [kiosk.segment(5) for _ in range(segments)]
    failed: list[BaseException] = []

    def send() -> None:
        try:
            open_ = {b.segment: b for b in batches}
            end = time.monotonic() + 60
            while open_:
                assert time.monotonic() < end, f"{len(open_)} segments without an answer"
                for batch in list(open_.values())[:8]:
                    kiosk.publish(batch)
                before = time.monotonic()
                while open_ and time.monotonic() - before < resend_s:
                    ack = kiosk.next_ack(0.1)
                    if ack is None:
                        continue
                    batch = open_.get(ack.segment)
                    if batch is None:  # answered before, and sent again meanwhile
                        continue
                    assert sorted(ack.accepted) == [r.seq for r in batch.records]
                    del open_[ack.segment]
                    if len(open_) % 8 == 0:
                        break
        except BaseException as error:
            failed.append(error)
            raise

    thread = threading.Thread(target=send)
    thread.start()
    yield batches
    thread.join()
    assert not failed


def assert_exactly_once(database: Database, batches: list[wire.Batch]) -> None:
    wanted = sorted((r.seq, r.id) for b in batches for r in b.records)
    for table in (db.receipt, db.check_in):
        assert sorted((r.seq, r.id) for r in database.rows(table)) == wanted
    assert database.rows(db.dead_letter) == []


def test_database_away_and_back(kiosk: Kiosk, database: Database, ingest: Ingest) -> None:
    first = kiosk.segment(2)
    kiosk.send(first)
    batches = [kiosk.segment(2) for _ in range(5)]
    with database.away():
        for batch in batches:
            kiosk.publish(batch)
        until(lambda: kiosk.centre("away"), "the centre says that it is away")
        (presence,) = kiosk.presence().values()
        assert "database" in presence.why
        assert kiosk.silent
        assert ingest.running
    for batch in batches:  # not published again: the worker held them
        assert kiosk.ack(batch.segment).accepted == [r.seq for r in batch.records]
    until(lambda: kiosk.centre("online"), "the centre is back")
    assert_exactly_once(database, [first, *batches])


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_frozen_database_is_away(
    kiosk: Kiosk, database: Database, ingest: Ingest, postgres: Postgres
) -> None:
    first = kiosk.segment(2)
    kiosk.send(first)
    batch = kiosk.segment(2)
    with postgres.frozen():
        kiosk.publish(batch)
        until(lambda: kiosk.centre("away"), "the centre says that it is away")
        assert kiosk.silent
    assert kiosk.ack(batch.segment).accepted == [3, 4]  # held, not published again
    assert_exactly_once(database, [first, batch])
    with postgres.frozen():
        kiosk.publish(kiosk.segment(1))
        time.sleep(0.5)  # it is in the middle of the commit
        assert ingest.stop() == 0


def test_database_away_at_the_start(kiosk: Kiosk, database: Database, ingest: Ingest) -> None:
    assert ingest.stop() == 0
    with database.away():
        ingest.start()
        until(lambda: "holding 0 messages" in ingest.said(), "it says that the database is away")
        assert kiosk.centre("away")
    until(lambda: kiosk.centre("online"), "the centre is back")
    assert kiosk.send(kiosk.segment(1)).accepted == [1]


def test_killed_with_the_database_away(kiosk: Kiosk, database: Database, ingest: Ingest) -> None:
    batches = [kiosk.segment(2) for _ in range(5)]
    with database.away():
        for batch in batches:
            kiosk.publish(batch)
        until(lambda: kiosk.centre("away"), "the centre says that it is away")
        ingest.kill()
    ingest.start()
    for batch in batches:  # the broker kept the session and delivers what was not acknowledged
        assert kiosk.ack(batch.segment).accepted == [r.seq for r in batch.records]
    assert_exactly_once(database, batches)


def test_worker_killed_in_the_middle_of_a_stream(
    kiosk: Kiosk, database: Database, ingest: Ingest
) -> None:
    with streaming(kiosk, 60) as batches:
        for rows in (10, 60, 120, 200):
            until(lambda rows=rows: database.count(db.receipt) >= rows, f"{rows} rows")
            ingest.kill()
            until(lambda: kiosk.centre("away"), "its will is heard")
            ingest.start()
    assert_exactly_once(database, batches)


def test_broker_killed_in_the_middle_of_a_stream(
    kiosk: Kiosk, database: Database, ingest: Ingest, broker: Broker
) -> None:
    with streaming(kiosk, 40) as batches:
        for rows in (10, 100):
            until(lambda rows=rows: database.count(db.receipt) >= rows, f"{rows} rows")
            broker.kill()
            time.sleep(0.3)
            broker.start()
    assert ingest.running
    assert_exactly_once(database, batches)


def test_two_workers_share_and_one_dies(
    fleet: Path, kiosk: Kiosk, database: Database, ingest: Ingest, broker: Broker, tmp_path: Path
) -> None:
    second = Ingest(fleet, database.url, broker.address, tmp_path, number=2)
    second.start()
    try:
        until(lambda: len(kiosk.presence()) == 2 and kiosk.centre("online"), "both are online")
        with streaming(kiosk, 40) as batches:
            until(lambda: database.count(db.receipt) >= 50, "50 rows")
            ingest.kill()
        assert_exactly_once(database, batches)
    finally:
        second.close()


def test_sigterm_finishes_and_says_goodbye(
    kiosk: Kiosk, database: Database, ingest: Ingest
) -> None:
    batches = [kiosk.segment(10) for _ in range(20)]
    for batch in batches:
        kiosk.publish(batch)
    assert ingest.stop() == 0
    until(lambda: kiosk.centre("away"), "it says that it is away")
    (presence,) = kiosk.presence().values()
    assert presence.why == "stopped"
    ingest.start()
    for batch in batches:
        assert len(kiosk.ack(batch.segment).accepted) == 10
    assert_exactly_once(database, batches)


def test_a_full_inbox_while_the_database_is_away(
    kiosk: Kiosk, new_kiosk: Callable[[], Kiosk], database: Database
) -> None:
    batches = [kiosk.segment(1) for _ in range(200)]  # the worker takes 64 at a time
    with database.away():
        for batch in batches:
            kiosk.publish(batch)
    for batch in batches:
        assert kiosk.ack(batch.segment).accepted
    assert_exactly_once(database, batches)


def test_nothing_of_a_lost_connection_is_left(
    fleet: Path, kiosk: Kiosk, broker: Broker, ingest: Ingest
) -> None:
    assert ingest.stop() == 0
    tls = tls_context(*(fleet / name for name in ("ca.crt", "_ingest-2.crt", "_ingest-2.key")))
    session = Session(broker.address, tls, "_ingest-2", ["ingest-test"], 64, [])
    session.say(wire.Presence("online"))

    def holds(count: int) -> bool:
        session.turn(0.05)
        return len(session.inbox) >= count

    try:
        until(lambda: holds(0) and kiosk.presence().get(wire.presence("_ingest-2")), "it is there")
        batches = [kiosk.segment(1) for _ in range(3)]
        for batch in batches:
            kiosk.publish(batch)
        until(lambda: holds(3), "it was delivered")
        stale = list(session.inbox)
        broker.kill()
        for _ in range(3):  # the first is sent, the next finds the connection gone
            session.answer(kiosk.kid, wire.Ack(segment="s", accepted=[1], server_ms=0))
            time.sleep(0.05)
        assert session.inbox == []
        session.done(stale)
        kiosk.heard.clear()
        broker.start()
        until(lambda: holds(0) and wire.presence("_ingest-2") in kiosk.presence(), "it is back")
        assert not {id(m) for m in stale} & {id(m) for m in session.inbox}
    finally:
        session.close("stopped")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_new_sealing_key_leaves_the_old_group(
    fleet: Path, kiosk: Kiosk, ingest: Ingest, broker: Broker, tmp_path: Path
) -> None:
    assert ingest.stop() == 0
    init_fleet(tmp_path / "other", ["localhost"])
    config = Path(ingest.command[-1])
    new = f'keys = ["{tmp_path}/other/centre-seal.key", '
    config.write_text(config.read_text().replace("keys = [", new))
    ingest.start()
    until(lambda: ingest.said().count("connected to the broker") == 2, "it is back")
    batch = kiosk.segment(1)
    assert kiosk.send(batch).accepted == [1]
    assert kiosk.next_ack(1.0) is None  # one group alone got it


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_fault_of_the_schema_makes_no_dead_letters(
    kiosk: Kiosk, database: Database, ingest: Ingest
) -> None:
    """Nothing that a record could cause: the kiosks keep theirs until it is mended."""
    engine = sa.create_engine(database.url)

    def rename(old: str, new: str) -> None:
        with engine.begin() as connection:
            connection.execute(sa.text(f"ALTER TABLE {old} RENAME TO {new}"))

    rename("check_in", "hidden")
    batch = kiosk.segment(2)
    kiosk.publish(batch)
    assert kiosk.next_ack(3) is None
    rename("hidden", "check_in")
    assert kiosk.ack(batch.segment).accepted
    assert database.count(db.dead_letter) == 0
    assert database.count(db.check_in) == 2
    engine.dispose()
