"""What is wrong with the scanner now: told to the panel, the centre and the journal."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count
from typing import Literal

from kiosk.cues import AlertCue, Cue

log = logging.getLogger("kiosk.scanner")

Severity = Literal["warning", "critical"]


class Faults:
    """A set of codes. Each is logged and sent to the uplink once when it is raised and
    once when it is cleared. Faults are critical: the door is out of order and the panel
    says so; warnings are for the centre alone."""

    def __init__(self, to_uplink: Callable[[Cue], object], boottime: Callable[[], float]) -> None:
        self._to_uplink = to_uplink
        self._boottime = boottime
        self._told: dict[str, tuple[Severity, str]] = {}
        self._numbers = count(1)

    @property
    def active(self) -> list[str]:
        """Codes of faults in the order in which they were raised."""
        return self._codes("critical")

    @property
    def warnings(self) -> list[str]:
        """Codes of warnings in the order in which they were raised."""
        return self._codes("warning")

    def _codes(self, wanted: Severity) -> list[str]:
        return [code for code, (severity, _why) in self._told.items() if severity == wanted]

    def raised(self, code: str, why: str) -> None:
        """A fault. `why` is a sentence without personal data."""
        self._raise(code, "critical", why)

    def warned(self, code: str, why: str) -> None:
        """Something that should be seen to, while the door works."""
        self._raise(code, "warning", why)

    def _raise(self, code: str, severity: Severity, why: str) -> None:
        before = self._told.get(code)
        if before != (severity, why):
            level = logging.ERROR if severity == "critical" else logging.WARNING
            log.log(level, "fault code=%s %s", code, why)
        if before is None:
            self._tell(code, severity, True, why)
        self._told[code] = severity, why

    def cleared(self, code: str) -> None:
        """Nothing happens when it was not raised."""
        before = self._told.pop(code, None)
        if before is not None:
            log.info("fault cleared code=%s", code)
            self._tell(code, before[0], False, "")

    def _tell(self, code: str, severity: Severity, raised: bool, why: str) -> None:
        self._to_uplink(
            AlertCue(
                number=next(self._numbers),
                at=self._boottime(),
                code=code,
                severity=severity,
                raised=raised,
                detail=why[:500],
            )
        )
