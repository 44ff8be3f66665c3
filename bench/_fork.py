"""Processes that are there to be killed."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import traceback
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # prctl(2)


def forked(action: Callable[[], object]) -> int:
    """Id of a child that does `action` and exits 0, or 1 if that raises, which it prints.
    It dies with its parent."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's business
        logging.disable()
        action()
        status = 0
    except BaseException:  # noqa: BLE001 - nothing of the parent's may run here
        traceback.print_exc()
    finally:
        os._exit(status)


def kill(pid: int) -> None:
    """Ends a child as a power cut would: soon, and without asking it."""
    os.kill(pid, signal.SIGKILL)


def bury(pid: int) -> None:
    """Waits for a killed child. Raises RuntimeError when it had ended by itself."""
    status = os.waitpid(pid, 0)[1]
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        raise RuntimeError(f"process {pid} had ended by itself, status {status}; see above why")
