"""What systemd hears of a daemon: READY, WATCHDOG, STATUS, STOPPING (sd_notify(3))."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.town import DAEMONS, Kiosk
from provisioning.authority import enrol


@pytest.fixture
def kiosk(fleet: Path, tmp_path: Path) -> Iterator[Kiosk]:
    kid = f"told-{os.urandom(4).hex()}"
    run = Path(tempfile.mkdtemp(prefix="kiosk-"))
    yield Kiosk(tmp_path / "k", run, kid, enrol(fleet, kid, "Chợ", "localhost:1", tmp_path / "e"))
    shutil.rmtree(run)


@pytest.mark.parametrize("name", DAEMONS)
def test_a_daemon_reports_to_systemd_also_without_network(kiosk: Kiosk, name: str) -> None:
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
            while time.monotonic() < ready_at + 4:
                told.append(systemd.recv(4096).decode())
            daemon.terminate()
            while told[-1] != "STOPPING=1":
                told.append(systemd.recv(4096).decode())
            assert daemon.wait(15) == 0
        finally:
            daemon.kill()
            daemon.wait()
    assert sum(message == "WATCHDOG=1" for message in told) >= 4, "each turn, also offline"
    assert any("=" in m.removeprefix("STATUS=") for m in told if m.startswith("STATUS="))
