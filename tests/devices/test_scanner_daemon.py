"""The scanner's daemon with a webcam, on a real kernel; `make test-devices` runs it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

if "DEVICES_MACHINE" not in os.environ:
    pytest.skip("needs the kernel's virtual camera: make test-devices", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parent))

import vivid
from test_v4l2 import scene

from demo.kiosk import Kiosk, section
from demo.processes import Process
from kiosk.cues import AlertCue, Inlet
from kiosk.outbox import SealedSegments
from kiosk.scanner.eye import RETRY_S
from provisioning.authority import enrol, init_fleet

VISITORS = [
    f"00109302931{number}|NGUYEN VAN A|1987-01-18|0|162979388586171100|".encode()
    for number in range(2)
]


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    init_fleet(tmp_path / "fleet", ["localhost"])
    site = enrol(tmp_path / "fleet", "gate-1", "Chợ", "localhost:1", tmp_path / "enrolled")
    kiosk = Kiosk(tmp_path / "kiosk", tmp_path / "run", "gate-1", site)
    width, height = vivid.SCREEN_SIZE
    extra = tmp_path / "webcam.toml"
    extra.write_text(
        section("camera", driver="webcam", device=vivid.SCREEN_OF, width=width, height=height)
    )
    scanner = kiosk.daemons["scanner"]
    kiosk.daemons["scanner"] = Process(
        scanner.name, [*scanner.command, "--config", str(extra)], scanner.log
    )
    yield kiosk
    kiosk.daemons["scanner"].kill()


def answered(kiosk: Kiosk, many: int, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while len(kiosk.answers()) < many:
        assert time.monotonic() < deadline, kiosk.daemons["scanner"].log.read_text()
        time.sleep(0.2)


def test_a_visitor_is_answered_and_so_is_the_next_after_the_camera_was_pulled_out(
    kiosk: Kiosk, tmp_path: Path
) -> None:
    uplink = Inlet(kiosk.run, "uplink")
    with vivid.Screen(scene(VISITORS[0]), tmp_path):
        kiosk.daemons["scanner"].start()
        answered(kiosk, 1, 60)
    vivid.control(vivid.SCREEN_OF, disconnect=1)
    time.sleep(3)
    with vivid.Screen(scene(VISITORS[1]), tmp_path):
        answered(kiosk, 2, RETRY_S + 30)
    told = [cue for cue in uplink.drain() if isinstance(cue, AlertCue)]
    uplink.close()
    camera = [(cue.code, cue.raised) for cue in told if cue.code.startswith("camera")]
    assert camera == [("camera-absent", True), ("camera-absent", False)]
    assert [answer["number"] for answer in kiosk.answers()] == ["1", "2"]
    outbox = SealedSegments(kiosk.outbox)
    assert outbox.waiting() or outbox.still_open(), "both are recorded"
