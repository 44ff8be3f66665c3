"""External scanners. One file per kind; a file's name is its value in the configuration.

A payload is the exact bytes of a code. Whatever is in doubt is dropped whole and told: a
visitor shows the code again, while nobody notices that a name lacks a letter.
"""

from __future__ import annotations

import errno
from typing import Literal, NamedTuple, Protocol

End = Literal["cr", "lf", "tab"]
Alt = Literal["none", "unicode", "bytes"]


class ReaderError(OSError):
    """The scanner is absent, in use or was unplugged. The owner closes it and tries later."""


def not_open(device: str, kind: str, error: Exception, otherwise: str) -> ReaderError:
    """Why `device` does not open as `kind`; `otherwise`: which driver it may need instead."""
    number = None if isinstance(error, ValueError) else _number(error)
    # The kernel says so of an ioctl that a device does not know, of input devices EINVAL.
    if number in (errno.ENOTTY, errno.EINVAL):
        return ReaderError(f"{device} is no {kind} ({error}); {otherwise} as reader.driver")
    busy = "; is it in use?" if number in (errno.EAGAIN, errno.EBUSY) else ""
    return ReaderError(f"{device} does not open ({error}){busy}")


def _number(error: BaseException) -> int | None:
    """The errno of it, or of what it came from: pyserial keeps that of termios in words only."""
    first = error.args[0] if error.args else None
    if isinstance(first, int):
        return first
    return None if error.__context__ is None else _number(error.__context__)


class Reader(Protocol):
    """What every file here offers as `open_reader(options: ReaderOptions) -> Reader`."""

    def read(self, timeout: float) -> bytes | None:
        """The next payload, without what ends it; None when none came within `timeout`
        seconds. Raises ReaderError."""

    def dropped(self) -> list[str]:
        """Why payloads were dropped since the last call, one sentence each, which quotes
        none of them."""

    def close(self) -> None:
        """Releases the device; may be called twice."""


class ReaderOptions(NamedTuple):
    """`baud` is for `serial_line`, `alt` for `keyboard`: what a number typed on the keypad
    with ALT held means. `end` is what the scanner puts after each code."""

    device: str
    baud: int
    end: End
    alt: Alt
