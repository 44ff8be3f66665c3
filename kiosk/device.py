"""A device that may be absent, break, and come back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from kiosk.faults import Faults

log = logging.getLogger("kiosk.device")

RETRY_S = 30.0
_SHARE = 30
"""A try that takes long, on a bus that hangs, is not made again before so many times as long:
whoever waits for it answers nobody."""


class Closable(Protocol):
    """What every device offers."""

    def close(self) -> None:
        """Released; may be called twice."""


D = TypeVar("D", bound=Closable)
R = TypeVar("R")


class Device(Generic[D]):
    """Opens a device when it is first used; after a fault closes it and tries again every
    `retry_s` seconds (None: `RETRY_S`). Less often, down to `RETRY_S`, where a try takes long,
    and where it opens and soon breaks again. `opener` and the device report faults as OSError.

    Its fault is `<name>-absent`.
    """

    def __init__(
        self,
        name: str,
        opener: Callable[[], D],
        faults: Faults,
        retry_s: float | None = None,
    ) -> None:
        self._name = name
        self._opener = opener
        self._faults = faults
        self._retry_s = RETRY_S if retry_s is None else retry_s
        self._device: D | None = None
        self._why: str | None = None
        self._retry_at = 0.0
        self._opened_at = 0.0
        self._breaks = 0  # times that it broke soon after it was opened

    @property
    def condition(self) -> str:
        """`ok` or `absent`, for the status line."""
        return "ok" if self._why is None else "absent"

    def attempt(self, action: Callable[[D], R], now: float) -> R | None:
        """The result of `action` on the device; None when there is none to act on."""
        if self._why is not None and now < self._retry_at:
            return None
        began = time.monotonic()
        try:
            if self._device is None:
                self._device = self._opener()
                self._opened_at = now
            result = action(self._device)
        except OSError as error:
            wait = self._patience(now, time.monotonic() - began)
            self._retry_at = now + wait
            self._why = f"{error}; trying again every {wait:.0f} s"
            self._faults.raised(f"{self._name}-absent", self._why)
            self.close()
            return None
        self._why = None
        self._faults.cleared(f"{self._name}-absent")
        return result

    def _patience(self, now: float, took: float) -> float:
        if self._device is not None:
            soon = now - self._opened_at < RETRY_S
            self._breaks = self._breaks + 1 if soon else 0
        wait = max(self._retry_s * 2.0 ** min(self._breaks, 10), took * _SHARE)
        return min(RETRY_S, wait)

    def close(self) -> None:
        """Closes the device if it is open."""
        device, self._device = self._device, None
        if device is None:
            return
        try:
            device.close()
        except OSError as error:
            log.warning("%s did not close cleanly: %s", self._name, error)
