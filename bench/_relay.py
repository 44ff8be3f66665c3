"""A slow line between a kiosk and its broker: TCP, so many bytes a second each way."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

BUFFER = 4096  # bytes that the line holds by itself, as a modem does
TICKS_A_SECOND = 20


class Relay:
    """Listens on `port` and passes everything on to `target`, a port of this machine, with
    `bytes_s` in each direction."""

    def __init__(self, target: int, bytes_s: float) -> None:
        self._target = target
        self._bytes_s = bytes_s
        self.up = self.down = 0  # bytes that went to the target, and came from it
        self._listener = socket.socket()
        # Set before listening, so that each connection has it.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._listener.listen()
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection breaks now; new ones are taken."""
        ends, self._ends = self._ends, []
        for end in ends:
            _shut(end)
            end.close()

    def close(self) -> None:
        """Cuts every connection, and takes no more."""
        _shut(self._listener)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:  # closed
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # nobody there
                near.close()
                continue
            self._ends += [near, far]
            for source, sink in ((near, far), (far, near)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                way = threading.Thread(
                    target=self._pump, args=(source, sink, sink is far), daemon=True
                )
                way.start()

    def _pump(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        most = max(1, int(self._bytes_s / TICKS_A_SECOND))
        with suppress(OSError):
            while data := source.recv(most):
                time.sleep(len(data) / self._bytes_s)
                sink.sendall(data)
                if up:
                    self.up += len(data)
                else:
                    self.down += len(data)
        _shut(source)
        _shut(sink)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
