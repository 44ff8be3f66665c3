"""An external scanner over time: absent, unplugged, back, dropping codes."""

from __future__ import annotations

import logging

import pytest

from kiosk.cues import AlertCue
from kiosk.device import RETRY_S, Device
from kiosk.faults import Faults
from kiosk.scanner.external import External, fault_codes
from kiosk.scanner.eye import FAULTS, NoEye


class Fake:
    """Gives what it was given; raises while `broken`."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.reasons: list[str] = []
        self.waited: list[float] = []
        self.broken = False
        self.closed = 0

    def read(self, timeout: float) -> bytes | None:
        if self.broken:
            raise OSError("unplugged")
        self.waited.append(timeout)
        return self.payloads.pop(0) if self.payloads else None

    def dropped(self) -> list[str]:
        reasons, self.reasons = self.reasons, []
        return reasons

    def close(self) -> None:
        self.closed += 1


class Case:
    def __init__(self, alone: bool = False) -> None:
        self.at = 100.0
        self.fake = Fake()
        self.absent = False
        self.answered: list[tuple[bytes, float]] = []
        self.waited: list[float] = []
        alerts: list[AlertCue] = []
        self.alerts = alerts
        self.faults = Faults(  # type: ignore[arg-type]
            alerts.append,
            lambda: self.at,
            fault_codes(alone) | FAULTS,
            logging.getLogger("kiosk.scanner"),
        )
        self.external = External(
            Device("reader", self.open, self.faults),
            lambda payload, at: self.answered.append((payload, at)),
            self.faults,
            lambda: self.at,
            self.waited.append,
        )

    def open(self) -> Fake:
        if self.absent:
            raise OSError("no scanner")
        return self.fake


@pytest.fixture
def case() -> Case:
    return Case()


def test_one_payload_a_turn_is_answered(case: Case) -> None:
    case.fake.payloads = [b"one", b"two"]
    case.external.turn()
    assert case.answered == [(b"one", 100.0)]
    case.external.turn(0.5)
    case.external.turn()
    assert case.answered == [(b"one", 100.0), (b"two", 100.0)]
    assert case.fake.waited == [0.0, 0.5, 0.0]
    assert case.waited == []


def test_an_absent_scanner_is_a_fault_and_costs_the_owner_no_busy_turn(case: Case) -> None:
    case.absent = True
    case.external.turn(0.5)
    assert case.faults.warnings == ["reader-absent"]
    case.absent = False
    case.at += RETRY_S - 1
    case.external.turn(0.5)
    assert case.waited == [0.5, 0.5]
    assert case.faults.warnings == ["reader-absent"]
    case.at += 1
    case.fake.payloads = [b"one"]
    case.external.turn(0.5)
    assert case.faults.warnings == []
    assert case.answered == [(b"one", case.at)]


def test_an_unplugged_scanner_is_closed_and_tried_again(case: Case) -> None:
    case.external.turn()
    case.fake.broken = True
    case.external.turn()
    assert case.fake.closed == 1
    assert [(a.code, a.severity, a.raised) for a in case.alerts] == [
        ("reader-absent", "warning", True)
    ]
    assert "unplugged; trying again every 30 s" in case.alerts[0].detail


def test_without_a_camera_an_absent_scanner_stops_the_door() -> None:
    case = Case(alone=True)
    case.absent = True
    case.external.turn()
    assert case.faults.active == ["reader-absent"]


def test_a_dropped_code_is_a_warning_until_one_is_read(case: Case) -> None:
    case.fake.reasons = ["too long", "torn"]
    case.external.turn()
    assert case.faults.warnings == ["reader-unread"]
    assert case.external.dropped == 2
    case.external.turn()
    assert case.faults.warnings == ["reader-unread"]
    case.fake.payloads = [b"one"]
    case.external.turn()
    assert case.faults.warnings == []
    assert [a.raised for a in case.alerts] == [True, False]


def test_a_prefix_of_the_scanner_is_told_once_and_never_quoted(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    prefixed = [b"]Q3001093029317|NGUYEN", b"\x02001093029317|NGUYEN", b"\x7f001093029317|NGUYEN"]
    for payload in prefixed:
        case.fake.payloads = [payload]
        case.external.turn()
    assert [payload for payload, _ in case.answered] == prefixed, "answered as they are"
    assert case.faults.warnings == ["reader-unread"]
    (line,) = [record.message for record in caplog.records]
    assert "does the scanner add a prefix or an AIM identifier? switch it off" in line
    assert "NGUYEN" not in line + case.alerts[0].detail
    assert case.external.dropped == 0
    case.fake.payloads = [b"001093029317|NGUYEN]"]
    case.external.turn()
    assert case.faults.warnings == []


def test_a_door_without_a_camera_waits_for_the_scanner_and_has_no_faults_of_a_camera(
    case: Case,
) -> None:
    case.faults.raised("camera-silent", "a former scanner had one")
    eye = NoEye(case.faults, case.external.turn)
    assert case.faults.active == []
    case.fake.payloads = [b"one"]
    assert eye.frame(0.5) is None
    assert case.fake.waited == [0.5]
    assert case.answered == [(b"one", 100.0)]
    eye.close()
