"""What is told of a camera that is tried again."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from kiosk.cues import AlertCue
from kiosk.faults import Faults
from kiosk.scanner import eye
from kiosk.scanner.eye import Eye


class Broken:
    """Raises where the test says."""

    def frame(self, timeout: float) -> None:
        raise OSError("a.png is no picture")

    def expose(self, stops: float) -> None:
        raise OSError("no exposure")

    def close(self) -> None:
        pass


@pytest.mark.parametrize("absent", [False, True])
def test_who_reads_of_it_knows_when_it_is_tried_again(absent: bool) -> None:
    alerts: list[AlertCue] = []
    log = logging.getLogger("kiosk.scanner")
    faults = Faults(alerts.append, lambda: 100.0, eye.FAULTS, log)  # type: ignore[arg-type]

    def opened() -> Broken:
        if absent:
            raise OSError("no camera")
        return Broken()

    opener: Callable[[], Broken] = opened
    Eye(opener, faults, lambda: 100.0, lambda _s: None).frame(0.5)
    (alert,) = alerts
    what = "no camera" if absent else "a.png is no picture"
    assert alert.detail == f"{what}; trying again every 30 s"
