"""A scanner on a serial line: USB ("virtual COM port"), RS-232 or the board's own pins.

The only kind that carries any payload byte for byte, by pyserial. 8 bits, no parity, no
handshake, which is what scanners come with.
"""

from __future__ import annotations

import select
import termios
import time
from collections import deque

from drivers import device_problem, missing
from drivers.reader import Reader, ReaderError, ReaderOptions, not_open
from drivers.reader._gathering import Gathering

_ENDS = {"cr": b"\r", "lf": b"\n", "tab": b"\t"}
_AT_ONCE = 4096  # bytes; a terminal's buffer


def open_reader(options: ReaderOptions) -> Reader:
    """Raises ReaderError when pyserial is not installed, or the line is absent or in use."""
    return _SerialLine(options)


class _SerialLine:
    def __init__(self, options: ReaderOptions) -> None:
        try:
            import serial
        except ImportError as error:
            raise ReaderError(missing("pyserial", error, "reader")) from error
        self._device = options.device
        problem = device_problem("scanner", options.device, "reader.device", "/dev/serial/by-id")
        if problem:
            raise ReaderError(problem)
        try:
            # Opening drops what waits: a code that was scanned before has no visitor any more.
            self._port = serial.Serial(options.device, options.baud, timeout=0, exclusive=True)
        # pyserial lets the errors of termios through, and has ValueError for odd speeds.
        except (OSError, termios.error, ValueError) as error:
            raise not_open(
                options.device, "serial line", error, 'a scanner that types needs "keyboard"'
            ) from error
        self._end = _ENDS[options.end]
        self._after_end = True  # what was thrown away may have been the CR of a CR LF
        self._ready: deque[bytes] = deque()
        # Such a scanner may send CR LF: a CR that stayed would make another code of it.
        tail = b"\r" if options.end == "lf" else b""
        self._gathering = Gathering(time.monotonic(), tail)

    def read(self, timeout: float) -> bytes | None:
        deadline = time.monotonic() + timeout
        while not self._ready:
            data = self._receive(max(deadline - time.monotonic(), 0.0))
            now = time.monotonic()
            if data:
                self._cut(data, now)
            else:
                self._gathering.quiet(now)
            if now >= deadline:
                break
        return self._ready.popleft() if self._ready else None

    def _receive(self, timeout: float) -> bytes:
        """What came, as far as it fits; nothing after `timeout` seconds."""
        try:
            if not select.select([self._port], [], [], timeout)[0]:
                return b""
            data: bytes = self._port.read(_AT_ONCE)
        except OSError as error:
            raise ReaderError(
                f"{self._device} broke while reading ({error}); was it unplugged?"
            ) from error
        return data

    def _cut(self, data: bytes, now: float) -> None:
        first, *others = data.split(self._end)
        self._piece(first, now)
        for piece in others:
            if (payload := self._gathering.end(now)) is not None:
                self._ready.append(payload)
            self._after_end = True
            self._piece(piece, now)

    def _piece(self, piece: bytes, now: float) -> None:
        if not piece:
            return
        if self._after_end and self._end == b"\r":
            piece = piece.removeprefix(b"\n")  # the scanner ends its codes with CR LF
        self._after_end = False
        if piece:
            self._gathering.add(piece, now)

    def dropped(self) -> list[str]:
        return self._gathering.dropped()

    def close(self) -> None:
        self._ready.clear()
        self._port.close()
