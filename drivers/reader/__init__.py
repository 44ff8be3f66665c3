"""External scanners. One file per kind; a file's name is its value in the configuration.

A payload is the exact bytes of a code. Whatever is in doubt is dropped whole and told: a
visitor shows the code again, while nobody notices that a name lacks a letter.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

End = Literal["cr", "lf", "tab"]
Alt = Literal["none", "unicode", "bytes"]


class ReaderError(OSError):
    """The scanner is absent, in use or was unplugged. The owner closes it and tries later."""


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
