"""What is wrong with the scanner now: told to the panel, the centre and the journal."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count

from kiosk.cues import AlertCue, Cue

log = logging.getLogger("kiosk.scanner")


class Faults:
    """A set of fault codes. Each is logged and sent to the uplink once when it is raised
    and once when it is cleared; the heartbeat repeats those that last."""

    def __init__(self, to_uplink: Callable[[Cue], object], boottime: Callable[[], float]) -> None:
        self._to_uplink = to_uplink
        self._boottime = boottime
        self._active: dict[str, str] = {}
        self._numbers = count(1)

    @property
    def active(self) -> list[str]:
        """Codes in the order in which they were raised."""
        return list(self._active)

    def raised(self, code: str, why: str) -> None:
        """`why` is a sentence without personal data."""
        if self._active.get(code) != why:
            log.error("fault code=%s %s", code, why)
        if code not in self._active:
            self._tell(code, True, why)
        self._active[code] = why

    def cleared(self, code: str) -> None:
        """Nothing happens when it was not raised."""
        if self._active.pop(code, None) is not None:
            log.info("fault cleared code=%s", code)
            self._tell(code, False, "")

    def _tell(self, code: str, raised: bool, why: str) -> None:
        self._to_uplink(
            AlertCue(
                number=next(self._numbers),
                at=self._boottime(),
                code=code,
                severity="critical",
                raised=raised,
                detail=why[:500],
            )
        )
