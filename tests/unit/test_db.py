"""Engine and schema on SQLite; PostgreSQL has its turn in the integration tests."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from central import db
from kiosk.errors import ConfigError


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


def test_the_password_is_not_in_the_refusal() -> None:
    with pytest.raises(ConfigError) as caught:
        db.connect("mysql://user:secret@host/name")
    assert "secret" not in str(caught.value)
