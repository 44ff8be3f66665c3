"""What systemd hears of a daemon: READY, WATCHDOG, STATUS, STOPPING (sd_notify(3))."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.town import DAEMONS, Kiosk
from kiosk.uplink import units
from provisioning.authority import enrol


@pytest.fixture
def kiosk(fleet: Path, tmp_path: Path) -> Iterator[Kiosk]:
    kid = f"told-{os.urandom(4).hex()}"
    run = Path(tempfile.mkdtemp(prefix="kiosk-"))
    yield Kiosk(tmp_path / "k", run, kid, enrol(fleet, kid, "Chợ", "localhost:1", tmp_path / "e"))
    shutil.rmtree(run)


def heard(kiosk: Kiosk, name: str, for_s: float) -> list[str]:
    """All that a daemon tells systemd from its start to its end, `for_s` after READY."""
    path = kiosk.run / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        systemd.settimeout(20)
        daemon = subprocess.Popen(
            kiosk.daemons[name].command,
            env={**os.environ, "NOTIFY_SOCKET": str(path)},
            stderr=subprocess.DEVNULL,
        )
        try:
            told = [systemd.recv(4096).decode()]
            while not told[-1].startswith("READY=1"):
                told.append(systemd.recv(4096).decode())
            ready_at = time.monotonic()
            while time.monotonic() < ready_at + for_s:
                told.append(systemd.recv(4096).decode())
            daemon.terminate()
            while told[-1] != "STOPPING=1":
                told.append(systemd.recv(4096).decode())
            assert daemon.wait(15) == 0
        finally:
            daemon.kill()
            daemon.wait()
    return told


@pytest.mark.parametrize("name", DAEMONS)
def test_a_daemon_reports_to_systemd_also_without_network(kiosk: Kiosk, name: str) -> None:
    told = heard(kiosk, name, 4)
    assert sum(message == "WATCHDOG=1" for message in told) >= 4, "each turn, also offline"
    assert any("=" in m.removeprefix("STATUS=") for m in told if m.startswith("STATUS="))


def test_the_uplink_understands_what_the_scanner_tells_systemd(kiosk: Kiosk) -> None:
    told = [m for m in heard(kiosk, "scanner", 4) if m.startswith("STATUS=scans=")]
    shown = "Id=kiosk-scanner.service\nActiveState=active\nSubState=running\nStatusText="
    first, last = (units.parse(shown + told[n].removeprefix("STATUS=")).status for n in (0, -1))
    assert units.whole(last, "next_seq") == 1
    assert re.fullmatch("[0-9a-f]{24}", last["epoch"])
    assert (units.whole(last, "scans"), units.whole(last, "rejected")) == (0, 0)
    assert units.decimal(last, "decode_ms") is not None
    assert units.whole(last, "last_scan_s") is None, "nobody came"
    assert (units.whole(last, "frames") or 0) > (units.whole(first, "frames") or 0)
