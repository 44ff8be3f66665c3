"""The socket that systemd opened for this process and holds for it: sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket

from kiosk.errors import CueError

_FIRST = 3
_NAMES = {socket.SOCK_DGRAM: "datagram", socket.SOCK_SEQPACKET: "sequenced-packet"}


def inherited_socket(kind: socket.SocketKind) -> socket.socket | None:
    """A Unix socket of this kind; None when systemd opened none. Raises CueError."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        return None
    try:
        found = socket.socket(fileno=_FIRST)
    except OSError as error:
        raise CueError(f"no socket from systemd: {error}; see *.socket") from error
    if found.family != socket.AF_UNIX or found.type != kind:
        what = f"a Unix {_NAMES[kind]} socket"
        raise CueError(f"the socket from systemd is not {what}; see *.socket")
    return found
