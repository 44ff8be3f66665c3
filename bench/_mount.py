"""A mounted lossy file system, seen by whoever cuts its power."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec

_DEVICE = Path("/dev/fuse")
_ANSWER_S = 30.0
_NUDGE_S = 0.02


Room = Literal["blocks", "inodes"]


class Order(msgspec.Struct, frozen=True):
    """What a lossy file system shall do next; each order is answered by one message.

    `arm`: let `after` changes and syncs happen, and hold what comes then; until then fail
    one in `fails` of them and one fdatasync(2) in `unsynced` (0 = none), and have no space left
    or no inodes (`full_of`) from change `full_from` on for `full_for` changes, which statfs(2)
    tells only if `told`. `hold`: now. Both are answered by `held` when the moment has come.
    `fail-held`: all held calls, and those that follow, return EIO. `cut`: forget, and serve
    again. `go-on`: serve again, nothing is forgotten. `save`, `restore`: the card as it is
    right after a cut. `blank`: an empty card. `spoil`: up to two files can no longer be read;
    answered by their inodes. `heal`: all can. `trace`: what was done since `arm`.
    """

    do: Literal[
        "arm",
        "hold",
        "fail-held",
        "cut",
        "go-on",
        "save",
        "restore",
        "blank",
        "spoil",
        "heal",
        "trace",
    ]
    after: int = 0
    seed: int = 0
    fails: int = 0
    unsynced: int = 0
    full_of: Room = "blocks"
    full_from: int = 0
    full_for: int = 0
    told: bool = False


def why_not() -> str:
    """Why nothing can be mounted here; empty when it can."""
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return f"{_DEVICE} is missing or closed to this user: no file system in user space"
    if find_spec("pyfuse3") is None:
        return (
            "pyfuse3 is not installed: pip install '.[test]', after apt install libfuse3-dev fuse3"
        )
    return ""


class LossyMount:
    """Mounts on an empty folder, until it is closed. Raises RuntimeError when it fails."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "bench._lossyserver", str(folder), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
            )
        self._answer()  # that it is mounted

    def arm(self, order: Order) -> None:
        """Lets calls happen until the moment comes that `held` waits for."""
        self._send(order)

    def held(self, timeout_s: float) -> None:
        """Waits for the moment that was armed, which comes after `timeout_s` at the latest."""
        if not select.select([self._control], [], [], timeout_s)[0]:
            self._send(Order("hold"))
        self._answer()

    def obey(self, order: Order) -> str:
        """Any other order, and its answer."""
        self._send(order)
        return self._answer()

    def wake(self) -> None:
        """To be called while processes with calls to the file system die: a call that dies
        with its caller may leave libfuse waiting for another one, and all others with it."""
        self.folder.stat()

    def _send(self, order: Order) -> None:
        self._control.send(msgspec.json.encode(order))

    def _answer(self) -> str:
        until = time.monotonic() + _ANSWER_S
        while not select.select([self._control], [], [], _NUDGE_S)[0]:
            if self._server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the file system does not answer, {self._server.poll()}")
            self.wake()
        answer = self._control.recv(1 << 20)
        if not answer:
            raise RuntimeError("the file system has ended; see above why")
        return answer.decode()

    def leave(self) -> None:
        """To be called in forked children: the end is the parent's to make."""
        self._control.close()

    def close(self) -> None:
        """Unmounts."""
        self._control.close()
        self._server.wait(_ANSWER_S)
