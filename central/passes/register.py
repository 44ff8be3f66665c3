"""What an issuer issued and revoked: one SQLite file. Numbers are never used twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from central.words import both
from kiosk.errors import ConfigError

_VERSION = 1
_WAIT_S = 10.0  # for somebody else who issues
_TABLE = """
CREATE TABLE pass (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    birth TEXT NOT NULL,
    "group" TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_until TEXT NOT NULL,
    person TEXT NOT NULL,
    issued_at TEXT NOT NULL,
    revoked_at TEXT,
    revoked_why TEXT,
    CHECK ((revoked_at IS NULL) = (revoked_why IS NULL))
)"""
_COLUMNS = (
    'number, name, birth, "group", valid_from, valid_until, issued_at, revoked_at, revoked_why'
)


class Entry(msgspec.Struct, frozen=True):
    """A pass as it stands in the register. Days "YYYY-MM-DD", the last one still valid; moments
    in RFC 3339."""

    number: int
    name: str
    birth: str
    group: str
    valid_from: str
    valid_until: str
    issued_at: str
    revoked_at: str | None
    revoked_why: str | None


def person(name: str, birth: str, group: str) -> str:
    """The same for what is most likely the same person: name and full date of birth; without
    that the group as well, since names repeat."""
    known = (name, birth) if len(birth) == len("YYYY-MM-DD") else (name, birth, group)
    return "\n".join(known).casefold()


def _unknown(number: int) -> ConfigError:
    """What is said of a number that no pass has."""
    return ConfigError(
        [
            both(
                f"không có thẻ số {number}; chưa thay đổi gì",
                f"no pass has the number {number}; nothing was changed",
            )
        ]
    )


class Register:
    """Raises ConfigError for a file that cannot be used; `with` closes it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with self._told():
            self._db = sqlite3.connect(file, timeout=_WAIT_S, isolation_level=None)
        try:
            with self.changing():
                version = self._db.execute("PRAGMA user_version").fetchone()[0]
                if version == 0:
                    self._db.execute(_TABLE)
                    self._db.execute("CREATE INDEX pass_person ON pass (person)")
                    self._db.execute(f"PRAGMA user_version = {_VERSION}")
                elif version != _VERSION:
                    what = both(
                        f"sổ phiên bản {version}, chương trình đọc phiên bản {_VERSION}",
                        f"version {version}, this program reads {_VERSION}",
                    )
                    raise ConfigError([f"{file}: {what}"])
        except ConfigError:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._db.close()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """All that happens within is kept, or, after an error, nothing of it; also what changes
        something of its own within."""
        if self._db.in_transaction:
            yield
            return
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def add(
        self, name: str, birth: str, group: str, days: tuple[str, str], issued_at: datetime
    ) -> int:
        """Enters a pass and returns its number."""
        row = (name, birth, group, *days, person(name, birth, group), issued_at.isoformat())
        made = self._db.execute(
            'INSERT INTO pass (name, birth, "group", valid_from, valid_until, person, issued_at)'
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        return int(made.lastrowid or 0)

    def earlier(self, who: str, today: str) -> list[int]:
        """Passes of a `person` that are neither revoked nor over."""
        found = self._db.execute(
            "SELECT number FROM pass WHERE person = ? AND revoked_at IS NULL AND valid_until >= ?"
            " ORDER BY number",
            (who, today),
        )
        return [number for (number,) in found]

    def revoke(self, numbers: Sequence[int], why: str, at: datetime) -> list[int]:
        """Revokes all of them or, when one does not exist, none. Returns those that were
        revoked before, which stay as they are. Raises ConfigError."""
        wanted = list(dict.fromkeys(numbers))
        before = []
        with self.changing():
            for number in wanted:
                found = self._db.execute(
                    "SELECT revoked_at FROM pass WHERE number = ?", (number,)
                ).fetchone()
                if found is None:
                    raise _unknown(number)
                if found[0] is not None:
                    before.append(number)
                    continue
                self._db.execute(
                    "UPDATE pass SET revoked_at = ?, revoked_why = ? WHERE number = ?",
                    (at.isoformat(), why, number),
                )
        return before

    def entries(self, group: str | None = None) -> Iterator[Entry]:
        """Every pass by its number, or those of a group."""
        return self._found('?1 IS NULL OR "group" = ?1', group)

    def valid(self, today: str, group: str | None = None) -> Iterator[Entry]:
        """Those that are neither revoked nor over."""
        return (
            entry
            for entry in self.entries(group)
            if entry.revoked_at is None and entry.valid_until >= today
        )

    def entry(self, number: int) -> Entry:
        """One of them. Raises ConfigError."""
        found = next(self._found("number = ?1", number), None)
        if found is None:
            raise _unknown(number)
        return found

    def groups(self) -> list[str]:
        """The groups that passes were issued for."""
        with self._told():
            found = self._db.execute('SELECT DISTINCT "group" FROM pass ORDER BY "group"')
            return [group for (group,) in found]

    def _found(self, which: str, by: str | int | None) -> Iterator[Entry]:
        with self._told():
            for row in self._db.execute(
                f"SELECT {_COLUMNS} FROM pass WHERE {which} ORDER BY number", (by,)
            ):
                yield Entry(*row)

    def revoked(self) -> list[int]:
        """Numbers of the revoked passes."""
        return [entry.number for entry in self.entries() if entry.revoked_at is not None]

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            what = both("không dùng được", "cannot be used")
            raise ConfigError([f"{self._file}: {what}: {error}"]) from error
