"""How the tracing database goes away for a while, by its kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.postgres import Postgres


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Somebody else writes into a SQLite file, and does not end."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("PRAGMA busy_timeout = 10000")
    other.execute("BEGIN EXCLUSIVE")
    yield
    other.execute("ROLLBACK")
    other.close()


@contextmanager
def stopped(cluster: Postgres) -> Iterator[None]:
    """A PostgreSQL is killed, and started again in the end."""
    cluster.stop()
    yield
    cluster.start()
