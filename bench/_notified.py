"""What daemons tell systemd (sd_notify(3)), heard by us."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from pathlib import Path

_MAX_BYTES = 4096
_POLL_S = 0.5


class Daemon:
    """One daemon's word. `silent_s` is the longest time between two signs of life of one start,
    what its watchdog measures. `is_away`: an uplink says that it has no connection, or that nobody
    at the centre takes records."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.environment = {"NOTIFY_SOCKET": str(path)}
        self.status: dict[str, str] = {}
        self.silent_s = 0.0
        self.is_away = False
        self._alive_at: float | None = None
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(str(path))

    def take(self, message: str, now: float) -> None:
        """One message. `now` is on the steady clock, in seconds."""
        for line in message.splitlines():
            key, _, value = line.partition("=")
            if key == "STATUS":
                self.status = dict(word.split("=", 1) for word in value.split() if "=" in word)
                self.is_away = "0" in (self.status.get("online"), self.status.get("centre"))
            elif key in ("READY", "WATCHDOG"):
                if key == "WATCHDOG" and self._alive_at is not None:
                    self.silent_s = max(self.silent_s, now - self._alive_at)
                self._alive_at = now

    def killed(self) -> None:
        """Its silence is ours."""
        self._alive_at = None


class Notified(threading.Thread):
    """Listens for all of them."""

    def __init__(self) -> None:
        super().__init__(name="notified", daemon=True)
        self.daemons: dict[str, Daemon] = {}
        self._selector = selectors.DefaultSelector()
        self._over = threading.Event()

    def daemon_of(self, name: str, path: Path) -> Daemon:
        """One more, before it starts; `path` is its socket's."""
        made = self.daemons[name] = Daemon(name, path)
        self._selector.register(made.socket, selectors.EVENT_READ, made)
        return made

    def run(self) -> None:
        """Until `close`."""
        while not self._over.is_set():
            for key, _ in self._selector.select(_POLL_S):
                key.data.take(key.data.socket.recv(_MAX_BYTES).decode(), time.monotonic())

    def close(self) -> None:
        """Listens no more."""
        self._over.set()
        if self.is_alive():
            self.join()
        for made in self.daemons.values():
            made.socket.close()
        self._selector.close()
