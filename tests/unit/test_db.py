"""Engine, schema and store on SQLite; PostgreSQL has its turn in the integration tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext

from central import db
from central.ingest.reading import Reading, Row
from central.ingest.store import Store, StoreError
from kiosk import wire
from kiosk.errors import ConfigError
from kiosk.model import CheckIn, Instant, Person, SegmentHeader


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    engine = db.connect(f"sqlite:///{tmp_path / 'x.db'}")
    db.upgrade(engine)
    return engine


def test_migrations_make_the_tables_that_the_code_expects(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []


def test_upgrading_again_changes_nothing(engine: sa.Engine) -> None:
    letter = {"digest": "d", "reason": "r", "raw": b"\0", "received_at": datetime.now(UTC)}
    with engine.begin() as connection:
        connection.execute(sa.insert(db.dead_letter), letter)
    db.upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(sa.select(db.dead_letter.c.raw)).scalar_one() == b"\0"


def test_several_may_upgrade_at_once(tmp_path: Path) -> None:
    failed: list[Exception] = []

    def one() -> None:
        try:
            db.upgrade(db.connect(f"sqlite:///{tmp_path / 'x.db'}"))
        except sa.exc.DBAPIError as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_commit_is_on_the_disk(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2


def test_a_moment_keeps_its_time_zone(engine: sa.Engine) -> None:
    hanoi = datetime(2026, 11, 22, 7, 30, 0, 5000, timezone(timedelta(hours=7)))
    row = {"device_id": "g", "epoch": "e", "seq": 1, "id": "i", "received_at": hanoi}
    with engine.begin() as connection:
        connection.execute(sa.insert(db.receipt), row)
    with engine.connect() as connection:
        read = connection.execute(sa.select(db.receipt.c.received_at)).scalar_one()
    assert read == hanoi
    assert read.tzinfo == UTC


def test_an_error_does_not_carry_values_of_a_row(engine: sa.Engine) -> None:
    row = {"device_id": "g", "epoch": "e", "seq": 1, "id": "secret", "received_at": None}
    with pytest.raises(sa.exc.IntegrityError) as caught, engine.begin() as connection:
        connection.execute(sa.insert(db.receipt), row)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "x", "mysql://x", "sqlite://", "sqlite:///:memory:", "postgresql://u@h/d", "::"]
)
def test_a_url_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"database\.url"):
        db.connect(url)


def test_settings_of_the_url_stand_beside_ours() -> None:
    url = "postgresql+psycopg://u@h/d?options=-c%20search_path%3Dtracing&connect_timeout=9"
    query = db.connect(url).url.query
    assert query["connect_timeout"] == "9"
    assert "statement_timeout=3s" in str(query["options"])
    assert str(query["options"]).endswith("-c search_path=tracing")


def test_the_password_is_not_in_the_refusal() -> None:
    with pytest.raises(ConfigError) as caught:
        db.connect("mysql://user:secret@host/name")
    assert "secret" not in str(caught.value)


NOW = datetime(2026, 11, 22, tzinfo=UTC)
EPOCH = "e" * 16


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(db.connect(f"sqlite:///{tmp_path / 'x.db'}"))
    store.commit([], NOW)
    yield store
    store.close()


def reading(first: int, claims: object = None, count: int = 2) -> Reading:
    """A segment of readable records, as `central.ingest.reading` makes it."""
    records = [
        CheckIn(
            epoch=EPOCH,
            seq=seq,
            id=f"{seq:016x}",
            scanned_at_ms=1,
            clock="synced",
            boot_id="b",
            boottime_ms=1,
            direction="in",
            outcome="pass",
            reason="ok",
            sealed=b"sealed",
        )
        for seq in range(first, first + count)
    ]
    header = SegmentHeader(schema=1, device_id="gate-1", epoch=EPOCH, first_seq=first, envelopes=[])
    batch = wire.Batch(
        segment=f"s-{first}",
        header=header,
        anchor=Instant(1, "synced", "b", 1),
        records=records,
    )
    person = Person(
        format="vn-id",
        role="identity",
        subject="vn-id:1",
        signed="none",
        issuer="",
        claims={"claim": claims},
        risk="clear",
        party="feed",
        colour="yellow",
    )
    rows = [Row(record, person, batch.anchor) for record in records]
    return Reading("gate-1", batch.segment, batch, rows)


def test_what_the_database_refuses_holds_nothing_else_up(store: Store, engine: sa.Engine) -> None:
    unbindable = object()  # an error before the driver is even asked
    for _ in range(2):
        one, two, three = store.commit([reading(1), reading(3, unbindable), reading(5)], NOW)
        assert (one.ack.accepted, three.ack.accepted) == ([1, 2], [5, 6])
        assert two.ack.accepted == []
        assert two.ack.refused == [wire.Refusal(seq, "database-refuses") for seq in (3, 4)]
    with engine.connect() as connection:
        letters = connection.execute(sa.select(db.dead_letter)).all()
        stored = connection.execute(sa.select(db.check_in.c.seq)).scalars().all()
    assert sorted(stored) == [1, 2, 5, 6]
    assert sorted(letter.seq for letter in letters) == [3, 4]
    assert wire.decode(letters[0].raw, wire.Batch).segment == "s-3"


def test_records_of_earlier_versions_say_that_there_was_none(
    tmp_path: Path,
) -> None:
    """A database of the first version, with a row in it, is brought up to date."""
    engine = db.connect(f"sqlite:///{tmp_path / 'old.db'}")
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(db.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    store = Store(engine)
    assert not db.is_current(engine)
    later = ("risk", "party", "colour", "boot_id", "boottime_ms", "not_before", "not_after")
    old = [column for column in db.check_in.columns if column.name not in later]
    row = {column.name: 1 if column.type.python_type is int else "x" for column in old}
    row |= {"scanned_at": "2026-11-25", "received_at": "2026-11-25", "claims": "{}"}
    with engine.begin() as connection:
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        connection.execute(sa.text(f"INSERT INTO check_in ({names}) VALUES ({values})"), row)
    store.commit([reading(5)], NOW)
    with engine.connect() as connection:
        columns = [db.check_in.c[name] for name in ("seq", *later)]
        rows = connection.execute(sa.select(*columns)).all()
    assert sorted(tuple(row) for row in rows) == [
        (1, "none", "", "", None, None, None, None),
        (5, "clear", "feed", "yellow", "b", 1, None, None),
        (6, "clear", "feed", "yellow", "b", 1, None, None),
    ]
    store.close()


def test_a_row_without_its_receipt_is_no_obstacle(store: Store, engine: sa.Engine) -> None:
    store.commit([reading(1)], NOW)
    with engine.begin() as connection:
        connection.execute(sa.delete(db.receipt))
    (answer,) = store.commit([reading(1)], NOW)
    assert answer.ack.accepted == [1, 2]


def test_a_database_that_refuses_everything_is_away(store: Store, engine: sa.Engine) -> None:
    for table in ("check_in", "dead_letter"):
        with engine.begin() as connection:
            connection.exec_driver_sql(
                f"CREATE TRIGGER no_{table} BEFORE INSERT ON {table}"
                " BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
    with pytest.raises(StoreError):
        store.commit([reading(1)], NOW)
    with engine.connect() as connection:
        assert connection.execute(sa.select(db.receipt)).all() == []


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database " * 1000)
    with pytest.raises(StoreError, match="file is not a database"):
        Store(db.connect(f"sqlite:///{tmp_path / 'x.db'}")).commit([], NOW)


def test_what_each_batch_looks_up_is_found_by_an_index(engine: sa.Engine) -> None:
    """Without one, the time of a commit would grow with all that was ever stored."""
    receipt, boot, check_in = db.receipt.c, db.boot.c, db.check_in.c
    keys = [("a", "e", 1), ("a", "e", 2), ("b", "f", 1)]
    queries = [
        sa.select(receipt.id).where(
            db.one_of((receipt.device_id, receipt.epoch, receipt.seq), keys)
        ),
        sa.select(boot.started_ms).where(
            db.one_of((boot.device_id, boot.boot_id), [("a", "x"), ("b", "y")])
        ),
        sa.select(check_in.seq).where(
            check_in.not_after.is_not(None), check_in.device_id == "a", check_in.boot_id == "x"
        ),
    ]
    with engine.connect() as connection:
        for query in queries:
            plain = query.compile(engine, compile_kwargs={"literal_binds": True})
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {plain}").all())
            assert "SEARCH" in plan, plan
            assert f"SCAN {query.get_final_froms()[0].description}" not in plan, plan


@pytest.mark.parametrize(
    "keys", [[], [("a", "e", 1)], [("a", "e", 1), ("a", "e", 3), ("b", "e", 1)]]
)
def test_one_of_finds_these_and_no_others(
    engine: sa.Engine, keys: list[tuple[str, str, int]]
) -> None:
    there = [(d, e, s) for d in "ab" for e in "ef" for s in (1, 2, 3)]
    columns = (db.receipt.c.device_id, db.receipt.c.epoch, db.receipt.c.seq)
    with engine.begin() as connection:
        connection.execute(
            sa.insert(db.receipt),
            [
                {"device_id": d, "epoch": e, "seq": s, "id": "i", "received_at": NOW}
                for d, e, s in there
            ],
        )
        found = connection.execute(sa.select(*columns).where(db.one_of(columns, keys))).all()
    assert sorted(map(tuple, found)) == keys
