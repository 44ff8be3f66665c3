"""A device that is absent, breaks and comes back, with time handed in."""

from __future__ import annotations

import logging
import time

from kiosk.cues import AlertCue, Cue
from kiosk.device import RETRY_S, Device
from kiosk.faults import Faults


class Thing:
    """Absent while `absent`; breaks while `broken`."""

    def __init__(self) -> None:
        self.absent = self.broken = False
        self.slow = 0.0
        self.tries = 0

    def open(self) -> Thing:
        self.tries += 1
        time.sleep(self.slow)
        if self.absent:
            raise OSError("nobody there")
        return self

    def work(self) -> bool:
        if self.broken:
            raise OSError("broke")
        return True

    def close(self) -> None:
        pass


class Case:
    def __init__(self, retry_s: float | None = None) -> None:
        self.now = 100.0
        self.told: list[str] = []
        self.thing = Thing()
        log = logging.getLogger("test")
        faults = Faults(self._alert, lambda: self.now, {"it-absent": "warning"}, log)
        self.device: Device[Thing] = Device("it", self.thing.open, faults, retry_s)

    def _alert(self, cue: Cue) -> None:
        assert isinstance(cue, AlertCue)
        self.told.append(f"{cue.raised} {cue.detail}")

    def use(self, after: float = 0.0) -> bool | None:
        self.now += after
        return self.device.attempt(lambda thing: thing.work(), self.now)


def test_one_that_is_absent_is_tried_every_thirty_seconds() -> None:
    case = Case()
    case.thing.absent = True
    assert case.use() is None
    assert case.use(RETRY_S - 0.1) is None
    assert case.thing.tries == 1
    case.thing.absent = False
    assert case.use(0.2) is True
    assert case.told == ["True nobody there; trying again every 30 s", "False "]


def test_or_as_often_as_it_may_be() -> None:
    case = Case(retry_s=1.0)
    case.thing.absent = True
    for _ in range(50):
        case.use(0.5)
    assert case.thing.tries == 25
    assert case.told == ["True nobody there; trying again every 1 s"]


def test_a_try_that_takes_long_is_made_seldom() -> None:
    """A bus that hangs blocks whoever waits for it."""
    case = Case(retry_s=1.0)
    case.thing.absent, case.thing.slow = True, 0.1
    for _ in range(100):
        case.use(0.1)
    assert case.thing.tries <= 4


def test_one_that_breaks_after_a_good_time_is_tried_soon() -> None:
    case = Case(retry_s=1.0)
    for _ in range(3):
        assert case.use()
        assert case.use(40.0)
        case.thing.broken = True
        assert case.use() is None
        case.thing.broken = False
        assert case.use(1.1) is True
    assert case.thing.tries == 4


def test_one_that_opens_and_breaks_again_is_not_told_every_second() -> None:
    case = Case(retry_s=1.0)
    case.thing.broken = True
    for _ in range(120):
        case.use(1.0)
    assert case.thing.tries <= 9
