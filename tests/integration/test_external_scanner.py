"""The scanner's daemon with an external scanner: a pseudo terminal is its serial line."""

from __future__ import annotations

import os
import select
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from line import Line
from rig import until

from demo.kiosk import Kiosk, section
from demo.processes import Process
from kiosk.cues import AlertCue, Answer, Cue, Inlet, ScannerState
from kiosk.outbox import SealedSegments
from provisioning.authority import enrol

NATIONAL = "001093029317|NGUYỄN VĂN ÁNH|1987-01-18|0|162979388586171100|".encode()

# The daemon as it is, but for the patience with which it tries an absent scanner again.
SOON = (
    "import runpy, kiosk.device; kiosk.device.RETRY_S = 0.5;"
    "runpy.run_module('kiosk.scanner', run_name='__main__')"
)


class Door:
    """A scanner with an external scanner in our hands; we are the panel and the uplink."""

    def __init__(self, kiosk: Kiosk, camera: str) -> None:
        self.kiosk = kiosk
        self.device = kiosk.root / "by-id"
        self.line: Line | None = None
        files = kiosk.root / "external.toml"
        files.write_text(
            section("camera", driver=camera)
            + section("reader", driver="serial_line", device=self.device)
        )
        words = [f"--config={path}" for path in [*kiosk.config, files]]
        self.scanner = Process(
            "scanner", [sys.executable, "-c", SOON, *words], kiosk.root / "scanner.log"
        )
        self._panel = Inlet(kiosk.run, "feedback")
        self._uplink = Inlet(kiosk.run, "uplink")

    def plug(self) -> None:
        self.line = Line(self.device)

    def unplug(self) -> None:
        if self.line is not None:
            self.line.close()
        self.line = None

    def settle(self) -> None:
        assert self.line is not None
        self.line.settle(self.scanner.pid)

    def write(self, data: bytes) -> None:
        assert self.line is not None
        self.line.write(data)

    def scan(self, code: bytes) -> tuple[Answer, float]:
        """The answer, and how many seconds it took to come."""
        self.heard(Answer)
        began = time.monotonic()
        self.write(code + b"\r")
        answers: list[Cue] = []
        while not answers:
            assert time.monotonic() - began < 10, self.scanner.last_words(20)
            select.select([self._panel], [], [], 1)
            answers = self.heard(Answer)
        (answer,) = answers
        assert isinstance(answer, Answer)
        return answer, time.monotonic() - began

    def heard(self, kind: type[Cue]) -> list[Cue]:
        return [cue for cue in self._panel.drain() if isinstance(cue, kind)]

    def stops_with(self, *faults: str) -> bool:
        """Whether the scanner's last heartbeat told of these faults."""
        beats = [cue for cue in self.heard(ScannerState) if isinstance(cue, ScannerState)]
        return bool(beats) and beats[-1].faults == list(faults)

    def alerts(self) -> list[tuple[str, str, bool]]:
        return [
            (cue.code, cue.severity, cue.raised)
            for cue in self._uplink.drain()
            if isinstance(cue, AlertCue)
        ]

    def log(self) -> str:
        return self.scanner.log.read_text()

    def close(self) -> None:
        self.scanner.stop()
        self._panel.close()
        self._uplink.close()
        self.unplug()


@pytest.fixture
def kiosk(fleet: Path, tmp_path: Path) -> Iterator[Kiosk]:
    kid = f"external-{os.urandom(4).hex()}"
    run = Path(tempfile.mkdtemp(prefix="kiosk-"))  # a socket's path must be short
    yield Kiosk(tmp_path / "k", run, kid, enrol(fleet, kid, "Chợ", "localhost:1", tmp_path / "e"))
    shutil.rmtree(run)


@pytest.fixture
def blind(kiosk: Kiosk) -> Iterator[Door]:
    """A door without a camera."""
    door = Door(kiosk, "none")
    yield door
    door.close()


@pytest.fixture
def seeing(kiosk: Kiosk) -> Iterator[Door]:
    """A door with both."""
    door = Door(kiosk, "replay")
    yield door
    door.close()


def records(door: Door) -> int:
    segments = SealedSegments(door.kiosk.outbox)
    read = [segments.read(name) for name in segments.waiting()]
    return sum(len(segment.records) for segment in read if segment is not None)


def test_a_code_of_the_line_is_answered_and_recorded(blind: Door) -> None:
    blind.plug()
    blind.scanner.start()
    blind.settle()
    answer, took = blind.scan(NATIONAL)
    print(f"answered after {took * 1000:.1f} ms")
    assert (answer.outcome, answer.reason, answer.repeated) == ("pass", "accepted", False)
    assert took < 0.3, "it must not wait for a timeout"
    again, _ = blind.scan(b"something else")
    assert (again.outcome, again.reason) == ("warn", "unknown-code")
    time.sleep(0.8)  # longer than it counts as held up, see demo.kiosk
    repeated, _ = blind.scan(NATIONAL)
    assert repeated.repeated
    until(blind.stops_with, "well, though no camera is there")
    blind.scanner.stop()
    assert "fault" not in blind.log()
    assert records(blind) == 1  # an unknown code is nobody's check-in
    assert "NGUY" not in blind.log()


def test_an_unplugged_scanner_stops_a_door_without_a_camera_until_it_is_back(blind: Door) -> None:
    blind.scanner.start()
    until(lambda: blind.stops_with("reader-absent"), "an absent scanner is told")
    assert "no scanner at" in blind.log()
    blind.plug()
    blind.settle()
    assert blind.scan(NATIONAL)[0].outcome == "pass"
    until(blind.stops_with, "it is well")
    blind.unplug()
    until(lambda: blind.stops_with("reader-absent"), "an unplugged scanner is told")
    assert "was it unplugged?" in blind.log()
    blind.plug()
    blind.settle()
    assert blind.scan(b"another")[0].reason == "unknown-code"
    assert blind.scanner.running
    told = [alert for alert in blind.alerts() if alert[0] == "reader-absent"]
    assert told == [("reader-absent", "critical", raised) for raised in (True, False, True, False)]


def test_a_door_with_a_camera_works_on_without_the_scanner(seeing: Door) -> None:
    seeing.scanner.start()
    until(lambda: "fault code=reader-absent" in seeing.log(), "it is told")
    until(seeing.stops_with, "the door works")
    seeing.plug()
    seeing.settle()
    answer, took = seeing.scan(NATIONAL)
    print(f"answered after {took * 1000:.1f} ms at 12 frames a second")
    assert answer.outcome == "pass"
    assert ("reader-absent", "warning", True) in seeing.alerts()


def test_while_the_camera_is_absent_the_answer_comes_at_once(seeing: Door) -> None:
    seeing.plug()
    shutil.rmtree(seeing.kiosk.camera)
    seeing.scanner.start()
    until(lambda: seeing.stops_with("camera-absent"), "the camera is absent")
    seeing.settle()
    answer, took = seeing.scan(NATIONAL)
    print(f"answered after {took * 1000:.1f} ms")
    assert answer.outcome == "pass"
    assert took < 0.3, "it must not wait for a camera"


def test_a_code_without_an_end_is_dropped_and_told(blind: Door) -> None:
    blind.plug()
    blind.scanner.start()
    blind.settle()
    blind.write(NATIONAL)
    until(lambda: "fault code=reader-unread" in blind.log(), "the fragment is told")
    blind.write(b"its second half, for all that is known\r")
    time.sleep(0.3)
    assert blind.scan(b"whole")[0].reason == "unknown-code"
    until(lambda: "fault cleared code=reader-unread" in blind.log(), "a whole one clears it")
    assert "answer number=2" not in blind.log()


def test_a_door_with_neither_is_a_mistake(blind: Door) -> None:
    config = blind.kiosk.root / "external.toml"
    config.write_text('[camera]\ndriver = "none"\n')
    blind.scanner.start()
    until(lambda: not blind.scanner.running, "it ends")
    assert blind.scanner.ended() == "scanner ended with status 78"
    assert 'camera.driver: found "none", and so is reader.driver' in blind.log()
