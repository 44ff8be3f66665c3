"""kiosk-feedback as a real process over luma.oled and a modelled I2C bus so slow that it is always
drawing, with the real button on mock pins."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from kiosk import clock
from kiosk.cues import Answer, Outlet, ScannerState, UplinkState

# A whole picture takes 0.9 s; SIGUSR1 pushes the button and holds it; each pin that goes on is a
# line of its own. A button that is down for 2 s is stuck.
BOOT = """
import runpy, signal, sys, time
from unittest.mock import patch
from gpiozero.pins.mock import MockFactory, MockPWMPin
from demo import panel_bus
from demo.panel_chips import chip
from drivers.gpio import _factory, button
panel_bus.I2C_HZ = 12_000
button.STUCK_S = 2.0
class Pin(MockPWMPin):
    def _change_state(self, value):
        changed = super()._change_state(value)
        if changed and value:
            now = time.clock_gettime(time.CLOCK_BOOTTIME)
            print(self.info.name, now, file=sys.stderr, flush=True)
        return changed
errors, factories = _factory.open_factory("mock").errors, []
def mock():
    factories.append(MockFactory(pin_class=Pin))
    return _factory.Factory(factories[-1], errors)
def push(*_):
    for factory in factories:
        factory.pin(22).drive_low()
_factory._mock = mock
signal.signal(signal.SIGUSR1, push)
wire = panel_bus.I2cWire(chip("ssd1306"))
wire.paced = True
with patch("smbus2.SMBus", wire.smbus):
    runpy.run_module("kiosk.feedback", run_name="__main__")
"""
SITE = """
[kiosk]
id = "k-1"
[clock]
source = "system"
[paths]
run = "{run}"
[panel]
driver = "luma_i2c"
[gpio]
pins = "mock"
button = 22
"""


class Daemon:
    def __init__(self, home: Path) -> None:
        self._log = home / "log"
        (home / "site.toml").write_text(SITE.format(run=home))
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", BOOT, "--config", str(home / "site.toml")],
                stderr=log,
                env=os.environ,
            )
        self.scanner = Outlet(home, "feedback", "scanner")
        self._uplink = Outlet(home, "feedback", "uplink")

    @property
    def log(self) -> str:
        return self._log.read_text()

    def live(self, seconds: float) -> None:
        """Both others are well meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            now = clock.boottime()
            self.scanner.send(ScannerState(number=1, at=now))
            self._uplink.send(UplinkState(number=1, at=now, online=True, centre=True, pending=0))
            time.sleep(0.1)

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, self.log
            assert self.process.poll() is None, self.log
            self.live(0.1)

    def red(self, since: float) -> list[float]:
        """When the red lamp went on: seconds after `since`."""
        words = [line.split() for line in self.log.splitlines() if line.startswith("GPIO27 ")]
        return [float(at) - since for _, at in words if float(at) > since]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.scanner.close()
        self._uplink.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path)
    daemon.wait(lambda: "screen=idle" in daemon.log)
    yield daemon
    daemon.close()


def test_a_button_that_is_stuck_is_told_and_the_daemon_lives(daemon: Daemon) -> None:
    daemon.process.send_signal(signal.SIGUSR1)
    daemon.wait(lambda: "fault code=button-absent" in daemon.log)
    daemon.live(1.5)
    assert daemon.process.poll() is None, daemon.log
    daemon.scanner.send(Answer(number=1, at=clock.boottime(), outcome="pass", reason="accepted"))
    daemon.wait(lambda: "answer number=1 " in daemon.log)


def test_light_does_not_wait_for_the_picture(daemon: Daemon) -> None:
    took = []
    for number in range(1, 10):
        daemon.live(0.37)
        sent = clock.boottime()
        daemon.scanner.send(
            Answer(number=number, at=sent, outcome="fail", reason="expired"),
        )
        daemon.wait(lambda n=number: f"answer number={n} " in daemon.log)
        took.append(daemon.red(since=sent)[0])
    print(f"{median(took) * 1000:.0f} ms, the slowest {max(took) * 1000:.0f} ms")
    assert median(took) < 0.15, "a page of the picture takes 0.1 s, the whole of it 0.9 s"


def test_a_rhythm_goes_on_while_the_picture_is_drawn(daemon: Daemon) -> None:
    """Nobody else speaks meanwhile."""
    sent = clock.boottime()
    daemon.scanner.send(Answer(number=1, at=sent, outcome="fail", reason="expired"))
    time.sleep(2.5)
    lit = daemon.red(since=sent)
    print(", ".join(f"{at * 1000:.0f} ms" for at in lit))
    assert len(lit) == 4
    pauses = [b - a for a, b in pairwise(lit)]
    assert min(pauses) >= 0.59
    assert median(pauses) < 0.85, "on for 0.3 s, off for 0.3 s, each a page late at most"
