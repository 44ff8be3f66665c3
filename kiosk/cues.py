"""Datagrams between the daemons of one kiosk: who may say what, sent without waiting.

Every daemon listens on one Unix datagram socket `<run>/<daemon>.sock`, handed over by
systemd or bound by itself. A message is one JSON object. What must not be lost does not
travel here: a cue is only what somebody should see or know now.
"""

from __future__ import annotations

import errno
import os
import pwd
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from kiosk.errors import CueError
from kiosk.model import Direction, Outcome

MAX_BYTES = 4096
STALE_ANSWER_S = 1.0

Daemon = Literal["scanner", "feedback", "uplink"]
Sender = Literal["scanner", "feedback", "uplink", "ctl"]


class Answer(msgspec.Struct, frozen=True, tag="answer", kw_only=True):
    """What the visitor should see and hear now. `at` is CLOCK_BOOTTIME in seconds; a panel
    drops an answer older than `STALE_ANSWER_S`. `name` is the abbreviated name, the one
    piece of personal data that leaves the scanner unsealed, and for the panel only.
    `repeated` marks the same code shown again, which makes no new record."""

    number: int
    at: float
    outcome: Outcome
    reason: str
    name: str = ""
    direction: Direction = "in"
    repeated: bool = False


class ScannerState(msgspec.Struct, frozen=True, tag="scanner", kw_only=True):
    """The scanner's heartbeat, once a second; `faults` are codes, empty when well."""

    number: int
    at: float
    faults: list[str] = []


class UplinkState(msgspec.Struct, frozen=True, tag="uplink", kw_only=True):
    """The uplink's view, once a second. `why` says in words what keeps it offline."""

    number: int
    at: float
    online: bool
    centre: bool
    pending: int
    why: str = ""


class Trial(msgspec.Struct, frozen=True, tag="trial", kw_only=True):
    """A technician tries the panel; drawn with a mark so that nobody takes it for real."""

    number: int
    at: float
    outcome: Outcome
    reason: str


class AlertCue(msgspec.Struct, frozen=True, tag="alert", kw_only=True):
    """Something the centre should know; the uplink publishes it."""

    number: int
    at: float
    code: str
    severity: Literal["info", "warning", "critical"]
    raised: bool
    detail: str = ""


Cue = Answer | ScannerState | UplinkState | Trial | AlertCue

MAY_SAY: dict[Daemon, dict[Sender, tuple[type, ...]]] = {
    "feedback": {
        "scanner": (Answer, ScannerState),
        "uplink": (UplinkState,),
        "ctl": (Trial,),
    },
    "uplink": {"scanner": (AlertCue,), "feedback": (AlertCue,)},
    "scanner": {},
}
"""Receiver -> sender -> what it may say. Pass and fail come from the scanner alone."""


class _Datagram(msgspec.Struct, frozen=True):
    sender: Sender
    cue: Cue


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Datagram).decode


def socket_path(run: Path, daemon: Daemon) -> Path:
    """Where a daemon listens."""
    return run / f"{daemon}.sock"


class Outlet:
    """Sends cues to one daemon and never waits.

    When the receiver is absent or slow, the *latest* cue of each kind (of alerts: of each
    code) is kept and tried again by `flush`, which the owner calls each turn: a late panel
    shows the newest answer. `problem` says in words why something waits.
    """

    def __init__(self, run: Path, to: Daemon, sender: Sender) -> None:
        self._path = str(socket_path(run, to))
        self._sender = sender
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._waiting: dict[tuple[type, str], bytes] = {}
        self.problem = ""

    def send(self, cue: Cue) -> bool:
        """True when the receiver's queue took it; False when it is kept for later."""
        about = cue.code if isinstance(cue, AlertCue) else ""
        self._waiting[type(cue), about] = _encode(_Datagram(self._sender, cue))
        return self.flush()

    def flush(self) -> bool:
        """Tries what waits. True when nothing waits any more."""
        for key, data in list(self._waiting.items()):
            try:
                self._socket.sendto(data, self._path)
            except OSError as error:
                if error.errno not in _RECEIVER_AWAY:
                    raise CueError(f"cannot send to {self._path}: {error}") from error
                self.problem = error.strerror or str(error)
                return False
            del self._waiting[key]
        self.problem = ""
        return True

    def close(self) -> None:
        """Closes the socket; may be called twice."""
        self._socket.close()


_RECEIVER_AWAY = {
    errno.EAGAIN,
    errno.ENOBUFS,
    errno.ENOENT,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.EACCES,
}


class Inlet:
    """A daemon's own socket. Reads what is there, refuses who may not say it.

    `fileno` lets the owner wait for it in `select`.
    """

    def __init__(self, run: Path, daemon: Daemon) -> None:
        self._daemon = daemon
        self.refused = 0
        self._socket = _inherited_socket() or _bound_socket(socket_path(run, daemon))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def fileno(self) -> int:
        return self._socket.fileno()

    def drain(self) -> Iterator[Cue]:
        """Every cue that waits now, oldest first; never blocks. Unknown or forbidden ones
        are counted in `refused`."""
        while True:
            try:
                data, ancillary, _flags, _from = self._socket.recvmsg(
                    MAX_BYTES, socket.CMSG_SPACE(_UCRED.size)
                )
            except BlockingIOError:
                return
            cue = self._admit(data, _peer_uid(ancillary))
            if cue is None:
                self.refused += 1
            else:
                yield cue

    def _admit(self, data: bytes, uid: int | None) -> Cue | None:
        try:
            datagram = _decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if not isinstance(datagram.cue, MAY_SAY[self._daemon].get(datagram.sender, ())):
            return None
        return datagram.cue if _is_sender(uid, datagram.sender) else None

    def close(self) -> None:
        """Closes the socket; may be called twice."""
        self._socket.close()


_UCRED = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid


def _peer_uid(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            uid: int = _UCRED.unpack(data[: _UCRED.size])[1]
            return uid
    return None


def _is_sender(uid: int | None, sender: Sender) -> bool:
    """On a kiosk each daemon is a user of its own. Root may speak for anyone; a process
    of the receiver's own user as well, which is how everything runs on a desk."""
    if uid is None:
        return False
    if uid in (0, os.getuid()):
        return True
    try:
        return pwd.getpwuid(uid).pw_name == f"kiosk-{sender}"
    except KeyError:
        return False


def _inherited_socket() -> socket.socket | None:
    """The socket that systemd opened for this process (sd_listen_fds(3)), if any."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    inherited = socket.socket(fileno=3)
    if inherited.family != socket.AF_UNIX or inherited.type != socket.SOCK_DGRAM:
        raise CueError("the socket from systemd is not a Unix datagram socket; see *.socket")
    return inherited


def _bound_socket(path: Path) -> socket.socket:
    own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        path.unlink(missing_ok=True)  # left over from a killed process
        own.bind(str(path))
        path.chmod(0o660)
    except OSError as error:
        own.close()
        raise CueError(f"cannot listen on {path}: {error}; does its directory exist?") from error
    return own
