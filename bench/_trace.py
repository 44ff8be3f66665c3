"""Kills a process at a system call of its own choosing: ptrace(2), in as much as it takes."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

from bench._fork import bury, forked, kill

_TRACEME, _SYSCALL, _SETOPTIONS = 0, 24, 0x4200  # sys/ptrace.h
_TRACESYSGOOD, _EXITKILL = 1, 1 << 20
_SYSCALL_STOP = signal.SIGTRAP | 0x80

_ptrace = ctypes.CDLL(None, use_errno=True).ptrace
_ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_ptrace.restype = ctypes.c_long


def killed_at(call: int, prepare: Callable[[], Callable[[], object]]) -> bool:
    """Runs what `prepare` returns in a child and kills it as it enters that system call,
    counted from 1, which does not happen any more; False when it ended before.

    Raises RuntimeError when it failed by itself, OSError when nothing may be traced here.
    """

    def traced() -> None:
        action = prepare()
        _asked(_TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        action()

    pid = forked(traced)
    status = os.waitpid(pid, 0)[1]
    if not os.WIFSTOPPED(status):
        raise RuntimeError(f"process {pid} ended before its time, status {status}; see above why")
    _asked(_SETOPTIONS, pid, _TRACESYSGOOD | _EXITKILL)
    stops = passed_on = 0
    while True:
        _asked(_SYSCALL, pid, passed_on)
        status = os.waitpid(pid, 0)[1]
        if not os.WIFSTOPPED(status):
            break
        passed_on = os.WSTOPSIG(status)
        if passed_on == _SYSCALL_STOP:
            passed_on = 0
            stops += 1
            if stops == 2 * call - 1:  # one stop at its entry, one at its exit
                kill(pid)
                bury(pid)
                return True
    if status:
        raise RuntimeError(f"process {pid} failed by itself, status {status}; see above why")
    return False


def _asked(request: int, pid: int, data: int = 0) -> None:
    if _ptrace(request, pid, None, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace: {os.strerror(number)}")
