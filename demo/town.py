"""A fleet on one machine: authority, broker, centre and kiosks, each a real process.

Simulated is the hardware alone, see demo.kiosk.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from central.db import check_in, connect, dead_letter, upgrade
from central.risk import load_key, new_key
from demo.folder import run_folder
from demo.kiosk import DAEMONS, Kiosk, section
from demo.processes import (
    Failed,
    Process,
    end_all,
    free_port,
    needed,
    undisturbed,
    wait_for_port,
)
from kiosk.credentials.risk import build
from provisioning.authority import enrol, init_fleet, sign
from provisioning.broker import prepare

__all__ = ["DAEMONS", "Key", "Kiosk", "Row", "Town"]

Key = tuple[str, str, int]  # device_id, epoch, seq
Row = sa.Row[tuple[str, str, int, str, str, str, str]]
_AGAIN_S = 1.0  # a process that died is started again after so long


class Town:
    """Use as a context manager: on leaving, everything is stopped, files stay in `root`.

    `names` are the kiosks' names; each gets an id of its own, so that towns can share a
    database. `trust` is a list of issuers, empty for none; the fleet signs it as it signs the
    policy. `at_risk` are subjects of people in quarantine: without any, there is no risk list.
    `database` is a SQLAlchemy URL; SQLite in `root` by default. `way(name, port)` is the port on
    which a kiosk, by its name, or a worker ("ingest-1") finds the broker that listens on `port`.

    Raises Failed or ConfigError when something that it needs is missing.
    """

    def __init__(
        self,
        root: Path,
        names: list[str],
        trust: bytes = b"",
        database: str = "",
        at_risk: Collection[str] = (),
        workers: int = 1,
        way: Callable[[str, int], int] = lambda _name, port: port,
    ) -> None:
        mosquitto = needed("mosquitto", "mosquitto")
        needed("setpriv", "util-linux")
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self._url = database or f"sqlite:///{self.root / 'tracing.sqlite'}"
        self._engine = connect(self._url)
        self._prepare_database()
        self.port = free_port()
        self.fleet = self.root / "fleet"
        self._way = way
        init_fleet(self.fleet, ["localhost"], workers)
        if trust:
            (self.fleet / "trust.signed").write_bytes(sign(self.fleet, "trust", trust, 1))
        self._risk_keys = [self._list_people(at_risk)] if at_risk else []
        conf = prepare(self.fleet, self.root / "broker", self.port)
        self.broker = Process("broker", [mosquitto, "-c", str(conf)], self.root / "broker.log")
        self.workers = [self._worker(number + 1) for number in range(workers)]
        self.ingest = self.workers[0]
        with ExitStack() as stack:
            run = stack.enter_context(run_folder())
            mark = os.urandom(3).hex()
            self.kiosks = [self._kiosk(name, f"{name}-{mark}", run) for name in names]
            self._open = stack.pop_all()

    @property
    def database(self) -> str:
        """URL of the tracing database, fit to be shown: no password."""
        return sa.make_url(self._url).render_as_string(hide_password=True)

    def _prepare_database(self) -> None:
        try:
            upgrade(self._engine)
        except sa.exc.OperationalError as error:
            raise Failed(
                f"the database {self.database} cannot be used: {_first_line(error)};"
                " start it, or mend the URL"
            ) from error

    def _list_people(self, at_risk: Collection[str]) -> Path:
        """Signs the risk list; the file with its key, for the centre."""
        file = self.root / "risk.key"
        new_key(file)
        content = build(at_risk, [], load_key(file), int(time.time() * 1000))
        (self.fleet / "risk.signed").write_bytes(sign(self.fleet, "risk", content, 1))
        return file

    def _worker(self, number: int) -> Process:
        name = f"ingest-{number}"
        config = self.root / f"central-{number}.toml"
        config.touch(mode=0o600)  # the URL may hold a password
        config.write_text(
            section("database", url=self._url)
            + section(
                "broker",
                host=f"localhost:{self._way(name, self.port)}",
                ca=self.fleet / "ca.crt",
                certificate=self.fleet / f"_{name}.crt",
                key=self.fleet / f"_{name}.key",
            )
            + f"[seal]\nkeys = [{json.dumps(str(self.fleet / 'centre-seal.key'))}]\n"
            + f"[risk]\nkeys = {json.dumps([str(key) for key in self._risk_keys])}\n"
        )
        return Process(
            name,
            [sys.executable, "-m", "central.ingest", "--config", str(config)],
            self.root / f"{name}.log",
        )

    def _kiosk(self, name: str, kid: str, run: Path) -> Kiosk:
        root = self.root / name
        place = f"Chợ mẫu, cửa {name}"
        broker = f"localhost:{self._way(name, self.port)}"
        site = enrol(self.fleet, kid, place, broker, root / "enrolled")
        return Kiosk(root, run, kid, site)

    @property
    def processes(self) -> list[Process]:
        """All of them, in the order in which they start."""
        daemons = [daemon for kiosk in self.kiosks for daemon in kiosk.daemons.values()]
        return [self.broker, *self.workers, *daemons]

    def start(self) -> None:
        """Starts what is not running, the broker first. Raises Failed."""
        self.broker.start()
        wait_for_port(self.port, self.broker)
        for worker in self.workers:
            worker.start()
        for kiosk in self.kiosks:
            kiosk.start()

    def check(self) -> None:
        """Raises Failed when a process has ended by itself."""
        for process in self.processes:
            process.check()

    def revive(self) -> list[str]:
        """Starts again what has ended by itself; what that was, in words."""
        events = []
        for process in self.processes:
            if process.age_s > _AGAIN_S and (words := process.ended()):
                process.start()
                events.append(f"{words}, started again")
        return events

    def committed(self) -> list[Row]:
        """Rows of the tracing database that this town's kiosks made: device, epoch, seq,
        format, subject, outcome, reason. Raises Failed when it cannot be asked."""
        c = check_in.c
        query = (
            sa.select(c.device_id, c.epoch, c.seq, c.format, c.subject, c.outcome, c.reason)
            .where(self._ours)
            .order_by(c.received_at, c.device_id, c.seq)
        )
        return self._ask(query)

    def contents(self) -> Counter[tuple[str, ...]]:
        """How many of those rows say the same: (device, format, subject, outcome, reason)."""
        c = check_in.c
        what = (c.device_id, c.format, c.subject, c.outcome, c.reason)
        query = sa.select(*what, sa.func.count()).where(self._ours).group_by(*what)
        return Counter({tuple(row[:-1]): row[-1] for row in self._ask(query)})

    def which_committed(self, keys: Iterable[Key]) -> set[Key]:
        """Those of `keys` that are in the database."""
        c = check_in.c
        key = sa.tuple_(c.device_id, c.epoch, c.seq)
        query = sa.select(c.device_id, c.epoch, c.seq).where(key.in_(list(keys)))
        return {(row[0], row[1], row[2]) for row in self._ask(query)}

    @property
    def _ours(self) -> sa.ColumnElement[bool]:
        return check_in.c.device_id.in_([kiosk.kid for kiosk in self.kiosks])

    def _ask(self, query: sa.Select[Any]) -> list[Any]:
        try:
            with self._engine.connect() as connection:
                return list(connection.execute(query))
        except sa.exc.OperationalError as error:
            raise Failed(f"the database cannot be asked: {_first_line(error)}") from error

    def dead_letters(self) -> int:
        """How many records the centre refused."""
        with self._engine.connect() as connection:
            return connection.execute(
                sa.select(sa.func.count()).select_from(dead_letter)
            ).scalar_one()

    def wait_until_committed(self, rows: int, patience_s: float = 30.0) -> int:
        """Waits for `rows` rows in the database; how many there are in the end."""
        deadline = time.monotonic() + patience_s
        while (found := len(self.committed())) < rows and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    def __enter__(self) -> Town:
        self._open.callback(self._engine.dispose)
        self._open.callback(self._end)
        with self._open:  # else everything ends again
            self.start()
            self._open = self._open.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        with undisturbed():
            self._open.close()

    def _end(self) -> None:
        """Kiosks and centre first, so that they can say goodbye; the broker last."""
        with undisturbed(), ExitStack() as both:
            both.callback(end_all, [self.broker])
            both.callback(end_all, self.processes[1:])


def _first_line(error: sa.exc.OperationalError) -> str:
    return str(error.orig).strip().partition("\n")[0]
