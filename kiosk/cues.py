"""Datagrams between the daemons of one kiosk: who may say what, sent without waiting.

Every daemon listens on one Unix datagram socket `<run>/<daemon>.sock`, handed over by
systemd or bound by itself. A message is one JSON object. What must not be lost does not
travel here: a cue is only what somebody should see or know now.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from kiosk.errors import CueError
from kiosk.inherited import inherited_socket
from kiosk.model import Asked, Direction, Hint, Outcome, Page, Question

MAX_BYTES = 4096
MAX_DATAGRAMS = 1024
STALE_ANSWER_S = 1.0
"""An answer or a hint that is older is not shown: somebody else stands there by then."""
STALE_QUESTION_S = 2.0
"""A question that is not asked again for so long is over: its scanner is gone."""

Daemon = Literal["scanner", "feedback", "uplink"]
Sender = Literal["scanner", "feedback", "uplink", "ctl"]
Number = Annotated[int, Meta(ge=0, le=2**53)]
Boottime = Annotated[float, Meta(ge=0, le=1e10)]  # s


class Answer(msgspec.Struct, frozen=True, tag="answer", kw_only=True):
    """What the visitor should see and hear now. `at` is CLOCK_BOOTTIME in seconds; a panel
    drops an answer older than `STALE_ANSWER_S`. `name` is the abbreviated name, the one
    piece of personal data that leaves the scanner unsealed, and for the panel only.
    `repeated` marks the same code shown again, which makes no new record."""

    number: Number
    at: Boottime
    outcome: Outcome
    reason: str
    name: str = ""
    direction: Direction = "in"
    repeated: bool = False


class HintCue(msgspec.Struct, frozen=True, tag="hint", kw_only=True):
    """What the visitor could do to be read; said again while it lasts. A panel shows it for
    `STALE_ANSWER_S`."""

    number: Number
    at: Boottime
    hint: Hint


class QuestionCue(msgspec.Struct, frozen=True, tag="question", kw_only=True):
    """A question of the declaration to whoever stands there, asked from `since` to `until`. It is
    said again, with the same number, while it stands; a panel shows it for `STALE_QUESTION_S`."""

    number: Annotated[int, Meta(ge=1, le=2**53)]
    at: Boottime
    asked: Question
    since: Boottime
    until: Boottime


class ScannerState(msgspec.Struct, frozen=True, tag="scanner", kw_only=True):
    """The scanner's heartbeat, once a second, and at once when something begins to move before
    the camera, which last did at `moved_at`; `faults` are codes, empty when well. Until
    `leaving_until` the next visitor goes out, by the button; 0 = nobody pressed it."""

    number: Number
    at: Boottime
    faults: list[str] = []
    leaving_until: Boottime = 0.0
    moved_at: Boottime = 0.0


class UplinkState(msgspec.Struct, frozen=True, tag="uplink", kw_only=True):
    """The uplink's view, once a second. `why` says in words what keeps it offline."""

    number: Number
    at: Boottime
    online: bool
    centre: bool
    pending: Number
    why: str = ""


class Trial(msgspec.Struct, frozen=True, tag="trial", kw_only=True):
    """A technician tries the panel; drawn with a mark so that nobody takes it for real."""

    number: Number
    at: Boottime
    outcome: Outcome
    reason: str
    direction: Direction = "in"
    repeated: bool = False


class ScreenCue(msgspec.Struct, frozen=True, tag="screen", kw_only=True):
    """Somebody asks for a screen, from `at` for `lasts_s` seconds, or that it ends (None). Without
    a `page` the self-test shows all of them in turn; `percent` of an update, -1 = not known."""

    number: Number
    at: Boottime
    screen: Asked | None
    page: Page | None = None
    percent: Annotated[int, Meta(ge=-1, le=100)] = -1
    lasts_s: Annotated[float, Meta(gt=0, le=3600)] = 30.0


class RiskKeysCue(msgspec.Struct, frozen=True, tag="risk-keys", kw_only=True):
    """The keys of the risk list, from the centre to the scanner's memory; said again every
    few seconds, since a scanner that starts has none. Empty: they were taken back."""

    number: Number
    at: Boottime
    keys: list[bytes]


class ButtonCue(msgspec.Struct, frozen=True, tag="button", kw_only=True):
    """The panel's button was pressed: the answer, `yes` or no, to the question whose number is
    `answers`. Without a question (0): whoever shows a code now is leaving."""

    number: Number
    at: Boottime
    answers: Number = 0
    yes: bool = False


class FeedbackState(msgspec.Struct, frozen=True, tag="feedback", kw_only=True):
    """The panel's view, once a second and when it changes. `asks`: a question can be seen and
    answered, for panel and button are there and work."""

    number: Number
    at: Boottime
    asks: bool


class AlertCue(msgspec.Struct, frozen=True, tag="alert", kw_only=True):
    """Something the centre should know; the uplink publishes it."""

    number: Number
    at: Boottime
    code: str
    severity: Literal["info", "warning", "critical"]
    raised: bool
    detail: str = ""


Cue = (
    Answer
    | HintCue
    | QuestionCue
    | ScannerState
    | UplinkState
    | Trial
    | ScreenCue
    | RiskKeysCue
    | ButtonCue
    | FeedbackState
    | AlertCue
)

MAY_SAY: dict[Daemon, dict[Sender, tuple[type, ...]]] = {
    "feedback": {
        "scanner": (Answer, HintCue, QuestionCue, ScannerState),
        "uplink": (UplinkState, ScreenCue),
        "ctl": (Trial, ScreenCue),
    },
    "uplink": {"scanner": (AlertCue,), "feedback": (AlertCue,)},
    "scanner": {"uplink": (RiskKeysCue,), "feedback": (ButtonCue, FeedbackState)},
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


class _Waiting(NamedTuple):
    """A datagram that nobody took yet, and until when it is of any use."""

    data: bytes
    until: float


def _until(cue: Cue) -> float:
    if isinstance(cue, (Answer, HintCue)):
        return cue.at + STALE_ANSWER_S
    if isinstance(cue, QuestionCue):
        return cue.at + STALE_QUESTION_S
    return cue.at + cue.lasts_s if isinstance(cue, ScreenCue) else float("inf")


class Outlet:
    """Sends cues to one daemon: never waits, never raises.

    When the receiver is absent or slow, the *latest* cue of each kind (of alerts: of each
    code) is kept and tried again by `flush`, which the owner calls each turn. An answer,
    which names a visitor, and a hint are kept for `STALE_ANSWER_S` and no longer. `problem` says in
    words why something waits.
    """

    def __init__(self, run: Path, to: Daemon, sender: Sender) -> None:
        self._path = str(socket_path(run, to))
        self._sender = sender
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._waiting: dict[tuple[type, str], _Waiting] = {}
        self.problem = ""

    def send(self, cue: Cue) -> bool:
        """True when the receiver's queue took it; False when it is kept for later."""
        about = type(cue), cue.code if isinstance(cue, AlertCue) else ""
        data = _encode(_Datagram(self._sender, cue))
        self._waiting.pop(about, None)
        if self._take(data):
            return True
        self._waiting[about] = _Waiting(data, _until(cue))
        return False

    def flush(self) -> bool:
        """Tries what waits. True when nothing waits any more."""
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        for about, (data, until) in list(self._waiting.items()):
            if now > until or self._take(data):
                del self._waiting[about]
        if not self._waiting:
            self.problem = ""
        return not self._waiting

    def _take(self, data: bytes) -> bool:
        try:
            self._socket.sendto(data, self._path)
        except OSError as error:  # whatever it is: no cue is worth the daemon that sends it
            self.problem = error.strerror or str(error)
            return False
        return True

    def close(self) -> None:
        """Closes the socket; may be called twice."""
        self._socket.close()


class Inlet:
    """A daemon's own socket. Reads what is there, refuses who may not say it.

    `fileno` lets the owner wait for it in `select`.
    """

    def __init__(self, run: Path, daemon: Daemon) -> None:
        self._daemon = daemon
        self.refused = 0
        self._socket = inherited_socket(socket.SOCK_DGRAM) or _bound_socket(
            socket_path(run, daemon)
        )
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def fileno(self) -> int:
        return self._socket.fileno()

    def drain(self) -> Iterator[Cue]:
        """The cues that wait now, oldest first; never blocks. Unknown or forbidden ones are
        counted in `refused`. At most `MAX_DATAGRAMS` are read, those counted too: a flood
        must not keep the owner from its turn. Raises CueError when the socket fails."""
        for _ in range(MAX_DATAGRAMS):
            try:
                data, ancillary, _flags, _from = self._socket.recvmsg(
                    MAX_BYTES, socket.CMSG_SPACE(_UCRED.size)
                )
            except BlockingIOError:
                return
            except OSError as error:
                raise CueError(f"cannot read from the socket of {self._daemon}: {error}") from error
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
