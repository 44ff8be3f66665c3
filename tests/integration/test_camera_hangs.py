"""The scanner's daemon with a camera that stops delivering."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.town import Kiosk
from kiosk.cues import AlertCue, Inlet
from kiosk.scanner.hangs import EXIT_CAMERA
from provisioning.authority import enrol


@pytest.fixture
def kiosk(fleet: Path, tmp_path: Path) -> Iterator[Kiosk]:
    kid = f"hung-{os.urandom(4).hex()}"
    run = Path(tempfile.mkdtemp(prefix="kiosk-"))
    yield Kiosk(tmp_path / "k", run, kid, enrol(fleet, kid, "Chợ", "localhost:1", tmp_path / "e"))
    shutil.rmtree(run)


def test_the_scanner_tells_and_ends_with_a_status_of_its_own(kiosk: Kiosk, tmp_path: Path) -> None:
    slow = tmp_path / "slow.toml"
    slow.write_text("[camera]\nfps = 0.01\n")  # one frame when opened, then none for minutes
    uplink = Inlet(kiosk.run, "uplink")
    began = time.monotonic()
    done = subprocess.run(
        [*kiosk.daemons["scanner"].command, "--config", str(slow)],
        stderr=subprocess.PIPE,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == EXIT_CAMERA, done.stderr
    assert time.monotonic() - began < 20
    assert "no frame for 3 s; opening it again" in done.stderr
    assert "no frame for 3 s again; the scanner ends" in done.stderr
    told = [cue for cue in uplink.drain() if isinstance(cue, AlertCue)]
    uplink.close()
    assert [(cue.code, cue.raised) for cue in told] == [
        ("camera-silent", True),
        ("camera-silent", False),
        ("camera-silent", True),
    ]
