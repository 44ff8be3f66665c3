"""An end for statements that a database never answers.

A server that is stopped or lost behind a firewall acknowledges what was sent and says
nothing more: no time-out of TCP's counts then, and the server's own do not run.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry


class Deadline:
    """Shuts the newest connection of a PostgreSQL engine when time is up: what waits for
    it fails with OperationalError. An engine without sockets (SQLite) has its own limits."""

    def __init__(self, engine: sa.Engine) -> None:
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        if engine.dialect.name == "postgresql":
            sa.event.listen(engine, "connect", self._opened)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """The body has so many seconds for its statements. Connecting has its own limit."""
        timer = threading.Timer(seconds, self._shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def close(self) -> None:
        """Forgets the connection."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = None

    def _opened(self, connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # A duplicate of our own: the driver's number may be closed, and used again for
        # another file, at any moment.
        self.close()
        with self._lock:
            self._socket = socket.socket(fileno=os.dup(connection.fileno()))

    def _shut(self) -> None:
        with self._lock, suppress(OSError):  # the server was faster
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)
