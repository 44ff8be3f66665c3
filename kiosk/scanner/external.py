"""Codes from an external scanner, beside the camera or instead of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kiosk.device import Device
from kiosk.faults import Faults, Severity


class Reader(Protocol):
    """What a driver of an external scanner gives; see `drivers.reader`."""

    def read(self, timeout: float) -> bytes | None: ...
    def dropped(self) -> list[str]: ...
    def close(self) -> None: ...


PREFIXED = (
    "a code of the external scanner begins with ] or a control character; does the scanner add a"
    " prefix or an AIM identifier? switch it off"
)


def _is_prefixed(payload: bytes) -> bool:
    """An AIM symbology identifier (ISO/IEC 15424) is as `]Q3`; no known format begins so."""
    return payload[0] == ord("]") or payload[0] < 0x20 or payload[0] == 0x7F


def fault_codes(alone: bool) -> dict[str, Severity]:
    """`alone`: without it the door sees nothing."""
    return {
        "reader-absent": "critical" if alone else "warning",
        "reader-unread": "warning",
    }


class External:
    """Hands what the external scanner reads to `answer(payload, at)`, one payload a turn: so
    a scanner that never stops cannot keep the owner from its own turn.

    A dropped payload is the fault `reader-unread` until one is read; `dropped` counts them. So is
    one that is answered, but begins as if the scanner had put something before it.
    """

    def __init__(
        self,
        device: Device[Reader],
        answer: Callable[[bytes, float], object],
        faults: Faults,
        boottime: Callable[[], float],
        wait: Callable[[float], object],
    ) -> None:
        self._device = device
        self._answer = answer
        self._faults = faults
        self._boottime = boottime
        self._wait = wait
        self.dropped = 0

    def turn(self, patience_s: float = 0.0) -> None:
        """Answers the next payload, at once when it comes; else takes `patience_s` seconds."""
        payload = self._device.attempt(
            lambda reader: self._read(reader, patience_s), self._boottime()
        )
        if payload is not None:
            if _is_prefixed(payload):
                self._faults.raised("reader-unread", PREFIXED)
            else:
                self._faults.cleared("reader-unread")
            self._answer(payload, self._boottime())
        elif self._device.condition == "absent":
            self._wait(patience_s)

    def _read(self, reader: Reader, patience_s: float) -> bytes | None:
        payload = reader.read(patience_s)
        for why in reader.dropped():
            self.dropped += 1
            self._faults.raised("reader-unread", f"a code of the external scanner dropped: {why}")
        return payload

    def close(self) -> None:
        """Releases the scanner."""
        self._device.close()
