"""What may stand between a kiosk and its broker: a proxy, and a relay that can fall silent.

`python ways.py FROM TO` is the relay, from one port of this machine to another.
"""

from __future__ import annotations

import base64
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rig import Process, answers, free_port, until


def serve(listener: socket.socket, each: Callable[[socket.socket], None]) -> None:
    """Until the listener is shut down."""
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=each, args=(near,), daemon=True).start()


def join(near: socket.socket, port: int) -> socket.socket | None:
    """Carries everything between `near` and a port of this machine, from now on."""
    try:
        far = socket.create_connection(("127.0.0.1", port))
    except OSError:  # as a relay does whose other side is away
        near.close()
        return None
    for one, other in ((near, far), (far, near)):
        threading.Thread(target=_pour, args=(one, other), daemon=True).start()
    return far


def _pour(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class TunnelProxy:
    """An HTTP proxy that opens ways for who has `login`."""

    def __init__(self, login: str) -> None:
        self.login = login
        self.opened = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._thread = threading.Thread(target=serve, args=(self._listener, self._tunnel))

    def __enter__(self) -> TunnelProxy:
        self._thread.start()
        return self

    def __exit__(self, *_error: Any) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        self.cut()

    def cut(self) -> None:
        """Ends every way."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._ends = []

    def _tunnel(self, near: socket.socket) -> None:
        said = b""
        while not said.endswith(b"\r\n\r\n"):
            said += near.recv(4096)
        word = base64.b64encode(self.login.encode())
        if b"Proxy-Authorization: Basic " + word + b"\r\n" not in said:
            near.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            near.close()
            return
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        far = join(near, int(said.split()[1].rpartition(b":")[2]))
        self._ends += [near, *([far] if far else [])]
        self.opened += 1


class Relay(Process):
    """A way to `port` that can be stopped in its tracks (SIGSTOP): connections stay, and
    nothing comes through, as behind a radio that fell silent."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = free_port()
        super().__init__([sys.executable, __file__, str(self.port), str(port)], log)

    def start(self) -> None:
        super().start()
        until(lambda: answers(self.port), "the relay listens")


if __name__ == "__main__":
    ours, theirs = map(int, sys.argv[1:])
    serve(socket.create_server(("127.0.0.1", ours)), lambda near: join(near, theirs) and None)
