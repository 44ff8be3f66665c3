"""A throw-away PostgreSQL of the version that is installed, on a Unix socket."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from demo.processes import Failed


class Postgres:
    """A cluster of its own, gone with `close`. As root it runs as the user postgres, since
    PostgreSQL refuses root. `durable`: a commit waits for the disk.

    Raises Failed when PostgreSQL is not installed, or does not start."""

    def __init__(self, durable: bool = False) -> None:
        found = sorted(
            Path("/usr/lib/postgresql").glob("[1-9]*/bin/pg_ctl"),
            key=lambda path: int(path.parts[-3]),
        )
        if not found:
            raise Failed("PostgreSQL is not installed: apt-get install postgresql")
        self._bin = found[-1].parent
        self._fsync = "on" if durable else "off"
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="kiosk-pg-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        self._run(
            "initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync"
        )
        self.start()

    def start(self) -> None:
        """Returns when it answers."""
        options = f"-c listen_addresses='' -c fsync={self._fsync} -k {self._folder}"
        self._run("pg_ctl", "-w", "-o", options, "-l", str(self._folder / "log"), "start")

    def stop(self) -> None:
        """As if it had been killed."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Everything of it stops in its tracks: connections stay, answers do not come."""
        first = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        pids = [first, *map(int, children)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def create(self, name: str, encoding: str = "UTF8") -> str:
        """URL of a new empty database."""
        engine = sa.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(
                f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
            )
        engine.dispose()
        return self._url(name)

    def close(self) -> None:
        """Stops it and removes its files."""
        self.stop()
        shutil.rmtree(self._folder)

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def _run(self, tool: str, *arguments: str) -> None:
        command = [str(self._bin / tool), "-D", str(self._folder / "data"), *arguments]
        with tempfile.TemporaryFile() as log:  # a pipe would stay open in the server
            done = subprocess.run(
                command,
                user=self._user,
                group=self._user,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=60,
                check=False,
            )
            log.seek(0)
            if done.returncode:
                raise Failed(f"{tool} of PostgreSQL failed: {log.read().decode()}")
