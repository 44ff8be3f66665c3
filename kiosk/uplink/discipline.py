"""How well the kernel thinks its clock is kept: adjtimex(2), read only.

Whoever keeps the clock (systemd-timesyncd, chrony, ntpd) tells the kernel. Python has no
binding.
"""

from __future__ import annotations

import ctypes
import os
from typing import NamedTuple

_STA_UNSYNC, _STA_NANO = 0x0040, 0x2000  # linux/timex.h


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),  # 0: nothing is set
        ("offset", ctypes.c_long),  # us, or ns with STA_NANO
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),  # what is not looked at, and room to spare
    )


class Discipline(NamedTuple):
    """`offset_ms` is what the clock still has to be moved by; None unless `synced`."""

    synced: bool
    offset_ms: float | None


def discipline() -> Discipline:
    """Asks the kernel. Raises OSError (EPERM in a sandbox that forbids the call)."""
    timex = _Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if timex.status & _STA_UNSYNC:
        return Discipline(False, None)
    per_ms = 1_000_000 if timex.status & _STA_NANO else 1000
    return Discipline(True, round(timex.offset / per_ms, 2))
