"""A device that may be absent, break, and come back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from kiosk.faults import Faults

log = logging.getLogger("kiosk.device")

RETRY_S = 30.0


class Closable(Protocol):
    """What every device offers."""

    def close(self) -> None:
        """Released; may be called twice."""


D = TypeVar("D", bound=Closable)
R = TypeVar("R")


class Device(Generic[D]):
    """Opens a device when it is first used; after a fault closes it and tries again every
    `RETRY_S` seconds. `opener` and the device report faults as OSError.

    Its fault is `<name>-absent`.
    """

    def __init__(self, name: str, opener: Callable[[], D], faults: Faults) -> None:
        self._name = name
        self._opener = opener
        self._faults = faults
        self._device: D | None = None
        self._why: str | None = None
        self._retry_at = 0.0

    @property
    def condition(self) -> str:
        """`ok` or `absent`, for the status line."""
        return "ok" if self._why is None else "absent"

    def attempt(self, action: Callable[[D], R], now: float) -> R | None:
        """The result of `action` on the device; None when there is none to act on."""
        if self._why is not None and now < self._retry_at:
            return None
        try:
            if self._device is None:
                self._device = self._opener()
            result = action(self._device)
        except OSError as error:
            self._retry_at = now + RETRY_S
            self._why = f"{error}; trying again every {RETRY_S:.0f} s"
            self._faults.raised(f"{self._name}-absent", self._why)
            self.close()
            return None
        self._why = None
        self._faults.cleared(f"{self._name}-absent")
        return result

    def close(self) -> None:
        """Closes the device if it is open."""
        device, self._device = self._device, None
        if device is None:
            return
        try:
            device.close()
        except OSError as error:
            log.warning("%s did not close cleanly: %s", self._name, error)
