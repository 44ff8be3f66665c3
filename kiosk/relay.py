"""Between the uplink, which has the network, and `kiosk.commands`, which has the rights.

A Unix socket of sequenced packets, one JSON object each (unix(7)). The uplink passes on what
came from the broker as it came; it is believed in nothing but this: which session it has.
"""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import msgspec

from kiosk.errors import CueError
from kiosk.inherited import inherited_socket

MAX_BYTES = 160 * 1024
"""A response of 64 KiB as base64, and room."""


class Passed(msgspec.Struct, frozen=True, tag="passed", kw_only=True):
    """Uplink to commands: a command as it came, on the topic that ends in `name`. `sid` is the
    session with the broker."""

    name: str
    payload: bytes
    correlation: bytes = b""
    sid: str


class Taken(msgspec.Struct, frozen=True, tag="taken"):
    """Uplink to commands: the broker has taken the response with this number."""

    number: int


class Told(msgspec.Struct, frozen=True, tag="told", kw_only=True):
    """Commands to uplink: `response` is the payload for the wire. Said again on each connection
    until it is `Taken`."""

    number: int
    response: bytes
    correlation: bytes = b""


class Got(msgspec.Struct, frozen=True, tag="got"):
    """Commands to uplink: what was passed has arrived; one for each, in order."""


Packet = Passed | Taken | Told | Got

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Packet] = msgspec.json.Decoder(Packet)


def socket_path(run: Path) -> Path:
    """Where `kiosk.commands` listens."""
    return run / "commands.sock"


def memory_path(state: Path) -> Path:
    """What commands there were. It exists once there was one that can harm."""
    return state / "commands.json"


class Line:
    """One end of a connection. Never waits."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self.closed = False

    def fileno(self) -> int:
        """For select(2)."""
        return self._socket.fileno()

    def send(self, packet: Packet) -> bool:
        """False while there is no room; `closed` tells whether there ever will be."""
        try:
            self._socket.send(_encode(packet))
        except BlockingIOError:
            return False
        except OSError:
            self.closed = True
            return False
        return True

    def receive(self) -> Packet | None:
        """The next packet, None when there is none now. What is none ends the connection."""
        if self.closed:
            return None
        try:
            data = self._socket.recv(MAX_BYTES + 1)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        try:
            if 0 < len(data) <= MAX_BYTES:
                return _decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        self.closed = True
        return None

    def close(self) -> None:
        """May be called twice."""
        self.closed = True
        self._socket.close()


def connect(run: Path) -> Line | None:
    """To `kiosk.commands`; None when nobody listens. Under systemd this starts it."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.setblocking(False)
        connection.connect(str(socket_path(run)))
    except OSError:
        connection.close()
        return None
    return Line(connection)


class Listener:
    """The socket that systemd opened (sd_listen_fds(3)), or one bound here. Raises CueError."""

    def __init__(self, run: Path) -> None:
        held = inherited_socket(socket.SOCK_SEQPACKET)
        self.inherited = held is not None
        self._socket = held or _bound(socket_path(run))
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """For select(2)."""
        return self._socket.fileno()

    def accept(self) -> Line | None:
        """The next one who connects, if any. Who may is said by the socket's mode."""
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return None
        return Line(connection)

    def close(self) -> None:
        """Nobody is listened to any more."""
        self._socket.close()


def _bound(path: Path) -> socket.socket:
    own = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            path.unlink()  # left over from a killed process
        own.bind(str(path))
        path.chmod(0o600)
        own.listen(4)
    except OSError as error:
        own.close()
        raise CueError(f"cannot listen on {path}: {error}; see kiosk-commands.socket") from error
    return own
