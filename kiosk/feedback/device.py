"""A device that may be absent, break, and come back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

log = logging.getLogger("kiosk.feedback")

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

    `report(raised, why)` is called once when a fault begins and once when it ends.
    """

    def __init__(
        self, name: str, opener: Callable[[], D], report: Callable[[bool, str], None]
    ) -> None:
        self._name = name
        self._opener = opener
        self._report = report
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
            self._fault(str(error))
            self.close()
            return None
        if self._why is not None:
            log.info("%s is back", self._name)
            self._report(False, "")
        self._why = None
        return result

    def _fault(self, why: str) -> None:
        if why != self._why:
            log.error("%s absent: %s; trying again every %d s", self._name, why, RETRY_S)
        if self._why is None:
            self._report(True, why)
        self._why = why

    def close(self) -> None:
        """Closes the device if it is open."""
        device, self._device = self._device, None
        if device is None:
            return
        try:
            device.close()
        except OSError as error:
            log.warning("%s did not close cleanly: %s", self._name, error)
