"""Processes that are there to be killed."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import time
import traceback
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LOOK_S = 0.0005
_PATIENCE_S = 30.0


def forked(action: Callable[[], object]) -> int:
    """Id of a child that does `action` and exits 0, or 1 if that raises, which it prints.
    It dies with its parent."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's business
        logging.disable()
        action()
        status = 0
    except BaseException:  # noqa: BLE001 - nothing of the parent's may run here
        traceback.print_exc()
    finally:
        os._exit(status)


def die_with_parent() -> None:
    """Lets the kernel kill this process when its parent ends (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def kill(pid: int) -> None:
    """Ends a child as a power cut would: soon, and without asking it."""
    os.kill(pid, signal.SIGKILL)


def bury(pid: int, wake: Callable[[], object] | None = None) -> None:
    """Waits for a killed child, doing `wake` in between. Raises RuntimeError when it had
    ended by itself, or does not end."""
    until = time.monotonic() + _PATIENCE_S
    while (found := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > until:
            raise RuntimeError(f"process {pid} was killed and does not end")
        if wake is not None:
            wake()
        time.sleep(_LOOK_S)
    status = found[1]
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        raise RuntimeError(f"process {pid} had ended by itself, status {status}; see above why")
