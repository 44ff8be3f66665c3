"""The tracing database: engine and tables, the same for SQLite and PostgreSQL.

`sqlite:///file` is the embedded default; `postgresql+psycopg://...` when it grows.
Tables are thin: ingest writes them, tracing reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.pool import ConnectionPoolEntry

from kiosk.errors import ConfigError

_MIGRATIONS = Path(__file__).with_name("migrations")
_MIGRATION_LOCK = 7_254_110  # any number, the same for every process that upgrades
_WAIT_S = 3  # for a lock, a connection, an answer: below the broker's patience
_IMMEDIATE = "sqlite_begin_immediate"


class Utc(sa.types.TypeDecorator[datetime]):
    """A moment in UTC, always with its time zone. SQLite would forget it."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC)


metadata = sa.MetaData()


receipt = sa.Table(
    "receipt",
    metadata,
    sa.Column("device_id", sa.Text, nullable=False),
    sa.Column("epoch", sa.Text, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("received_at", Utc, nullable=False),
    sa.PrimaryKeyConstraint("device_id", "epoch", "seq"),
)
"""Every record that was ever taken; outlives the record itself."""

check_in = sa.Table(
    "check_in",
    metadata,
    sa.Column("device_id", sa.Text, nullable=False),
    sa.Column("epoch", sa.Text, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("scanned_at", Utc, nullable=False, index=True),
    sa.Column("scanned_at_ms", sa.BigInteger, nullable=False),
    sa.Column("clock", sa.Text, nullable=False),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, index=True),
    sa.Column("signed", sa.Text, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("claims", sa.JSON, nullable=False),
    sa.Column("received_at", Utc, nullable=False),
    sa.Column("risk", sa.Text, nullable=False, server_default="none"),
    sa.Column("party", sa.Text, nullable=False, server_default=""),
    sa.Column("colour", sa.Text, nullable=False, server_default=""),
    sa.Column("boot_id", sa.Text),
    sa.Column("boottime_ms", sa.BigInteger),
    sa.Column("not_before", Utc),
    sa.Column("not_after", Utc),
    sa.PrimaryKeyConstraint("device_id", "epoch", "seq"),
)
"""`scanned_at` is the best the centre knows; `scanned_at_ms` is what the kiosk said. `clock` is
the kiosk's own word for that (synced, floor, unknown), or `corrected`. Where the moment is not
known it lies between `not_before` (NULL: nothing is known) and `not_after`; a row without
`not_after` is settled. `boot_id` and `boottime_ms` are the kiosk's.
`risk` is what the kiosk's risk list said, see `kiosk.model.Risk`; `party` is the same for an
adult and the dependants shown right after, see `kiosk.model.Person`; `colour` what the kiosk's
policy made of a certificate, "" = nothing, or it could not be told."""

_UNSETTLED = sa.text("not_after IS NOT NULL")
sa.Index(
    "ix_check_in_unsettled",
    check_in.c.device_id,
    check_in.c.boot_id,
    check_in.c.epoch,
    check_in.c.seq,
    sqlite_where=_UNSETTLED,
    postgresql_where=_UNSETTLED,
)

boot = sa.Table(
    "boot",
    metadata,
    sa.Column("device_id", sa.Text, nullable=False),
    sa.Column("boot_id", sa.Text, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("received_at", Utc, nullable=False),
    sa.PrimaryKeyConstraint("device_id", "boot_id"),
)
"""When boots of kiosks began on the wall clock, as their batches told once the clock was set."""

dead_letter = sa.Table(
    "dead_letter",
    metadata,
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("device_id", sa.Text),
    sa.Column("segment", sa.Text),
    sa.Column("epoch", sa.Text),
    sa.Column("seq", sa.BigInteger),
    sa.Column("id", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sa.Column("received_at", Utc, nullable=False),
    sa.PrimaryKeyConstraint("digest"),
)
"""What could not be taken. `raw` is a whole up/checkin payload of that one record, still
sealed, so that it can be sent again; or, without `seq`, whatever arrived instead.
`digest` keeps a re-sent record from lying here twice."""


def connect(url: str) -> sa.Engine:
    """Engine for `url`; opens nothing yet. Error texts of its never carry row values.

    Raises ConfigError for a URL that is not one of the two databases.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise ConfigError(["database.url cannot be read; expected " + _EXPECTED]) from error
    if parsed.drivername == "postgresql+psycopg":
        return sa.create_engine(
            parsed.set(query=_patience(parsed.query)),
            hide_parameters=True,
            json_serializer=_json,
            pool_pre_ping=True,
        )
    if parsed.drivername != "sqlite":
        raise ConfigError([f"database.url names {parsed.drivername}; expected " + _EXPECTED])
    if parsed.database in (None, "", ":memory:"):
        raise ConfigError(["database.url names no file; a database in memory keeps nothing"])
    engine = sa.create_engine(
        parsed, hide_parameters=True, json_serializer=_json, connect_args={"timeout": _WAIT_S}
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


_EXPECTED = "sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"


def _patience(query: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a connection, over which those of the URL win. No server's answer is
    waited for longer than the broker has patience with us."""
    options = f"-c statement_timeout={_WAIT_S}s -c lock_timeout={_WAIT_S}s"
    ours = {
        "connect_timeout": str(_WAIT_S),
        "tcp_user_timeout": str(_WAIT_S * 1000),
        "keepalives_idle": "10",
        "keepalives_interval": str(_WAIT_S),
        "keepalives_count": "3",
        "client_encoding": "utf8",
    }
    # Of several settings of one name libpq's server takes the last.
    return {**ours, **query, "options": f"{options} {query.get('options', '')}".strip()}


def upgrade(engine: sa.Engine) -> None:
    """Brings the schema to the newest version; any number of processes may call it."""
    options = engine.execution_options(**{_IMMEDIATE: True})
    with options.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # it may take long
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        config = AlembicConfig()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(engine: sa.Engine) -> bool:
    """Whether the schema is the newest version. Fails, too, when nothing can be written.

    Raises ConfigError for a database that this program must not write to.
    """
    script = ScriptDirectory(str(_MIGRATIONS))
    newest = script.get_current_head()
    with engine.execution_options(**{_IMMEDIATE: True}).begin() as connection:
        if engine.dialect.name == "postgresql":
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
            if encoding != "UTF8":
                raise ConfigError(
                    [
                        f"the database's server_encoding is {encoding}, it must be UTF8; create"
                        " it anew with ENCODING 'UTF8' TEMPLATE template0"
                    ]
                )
        found = MigrationContext.configure(connection).get_current_heads()
    if unknown := set(found) - {known.revision for known in script.walk_revisions()}:
        raise ConfigError(
            [
                f"the database has schema {', '.join(sorted(unknown))}, this program knows"
                f" {newest} at the newest; install the program that belongs to the database"
            ]
        )
    return found == (newest,)


def one_of(
    columns: Sequence[sa.Column[Any]], keys: Iterable[Sequence[Any]]
) -> sa.ColumnElement[bool]:
    """Whether `columns` are one of `keys`, in a form for which SQLite, too, uses an index that
    begins with them: for a list of rows it reads the whole table. Of keys that differ in more
    than the last column it takes some hundreds."""
    *heads, tail = columns
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for *head, last in keys:
        groups.setdefault(tuple(head), []).append(last)
    each = (
        sa.and_(*(c == value for c, value in zip(heads, head, strict=True)), tail.in_(lasts))
        for head, lasts in groups.items()
    )
    return sa.or_(sa.false(), *each)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver would begin transactions by rules of its own; _begin_sqlite does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # in WAL mode, less may lose a commit
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get(_IMMEDIATE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
