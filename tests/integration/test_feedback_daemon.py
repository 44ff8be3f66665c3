"""kiosk-feedback as a real process: real socket, PNG panel, mock pins, sd_notify."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from kiosk import clock, screens
from kiosk.cues import (
    AlertCue,
    Answer,
    ButtonCue,
    Cue,
    Inlet,
    Outlet,
    ScannerState,
    Trial,
    UplinkState,
)

SITE = """
[kiosk]
id = "{id}"
[paths]
run = "{run}"
[panel]
driver = "{driver}"
folder = "{folder}"
answer_s = 0.5
scanner_silent_s = 1.5
[gpio]
pins = "{pins}"
button = 22
"""

# The daemon as it is, but that a signal pushes the button on its mock pins.
PUSHED_BY_SIGNAL = """
import runpy, signal
from drivers.gpio import _factory
mock, factories = _factory._mock, []
def kept():
    factories.append(mock())
    return factories[-1]
def push(*_):
    for factory, _ in factories:  # the lamps' too, where nobody has this pin
        factory.pin(22).drive_low()
        factory.pin(22).drive_high()
_factory._mock = kept
signal.signal(signal.SIGUSR1, push)
runpy.run_module("kiosk.feedback", run_name="__main__")
"""


class Daemon:
    """A started daemon, and the two others as far as it knows them."""

    words = ("-m", "kiosk.feedback")

    def __init__(self, home: Path, **site: str) -> None:
        self.run = home / "run"
        self.panel = home / "panel"
        self._log = home / "log"
        self.run.mkdir(exist_ok=True)
        given = {"id": "k-1", "run": str(self.run), "folder": str(self.panel)}
        given |= {"driver": "png", "pins": "mock"} | site
        self._site = home / "site.toml"
        self._site.write_text(SITE.format(**given))
        self._notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notified.bind(str(home / "notify"))
        self._notified.setblocking(False)
        self._environment = os.environ | {"NOTIFY_SOCKET": str(home / "notify")}
        self._heard: list[str] = []
        self.scanner = Outlet(self.run, "feedback", "scanner")
        self.uplink = Outlet(self.run, "feedback", "uplink")
        self.start()

    def start(self) -> None:
        self._heard.clear()
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.words, "--config", str(self._site)],
                stderr=log,
                env=self._environment,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def beat(self) -> None:
        """Both others are well."""
        self.scanner.send(ScannerState(number=1, at=clock.boottime()))
        self.uplink.send(
            UplinkState(number=1, at=clock.boottime(), online=True, centre=True, pending=0)
        )

    def wait(self, condition: Callable[[], bool], beating: bool = True) -> None:
        deadline = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < deadline, self.log
            assert self.process.poll() is None, self.log
            if beating:
                self.beat()
            self.notified("")  # an unread notification would block the daemon
            time.sleep(0.02)

    def until_ready(self) -> None:
        self.wait(lambda: self.notified("READY=1"), beating=False)

    def notified(self, words: str) -> bool:
        """True when systemd would have heard `words` since the start of the process."""
        while True:
            try:
                self._heard.append(self._notified.recv(4096).decode())
            except BlockingIOError:
                return any(words in message for message in self._heard)

    def shows(self, picture: Image.Image) -> Callable[[], bool]:
        def holds() -> bool:
            path = self.panel / "screen.png"
            if not path.exists():
                return False
            with Image.open(path) as shown:
                return shown.tobytes() == picture.tobytes()

        return holds

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for end in (self.scanner, self.uplink, self._notified):
            end.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    made: list[Daemon] = []

    def make(**site: str) -> Daemon:
        made.append(Daemon(tmp_path, **site))
        return made[-1]

    yield make
    for daemon in made:
        daemon.close()


def answer(number: int, age: float = 0.0, reason: str = "accepted") -> Answer:
    return Answer(
        number=number,
        at=clock.boottime() - age,
        outcome="pass" if reason == "accepted" else "fail",
        reason=reason,
        name="Trần T. Ơ.",
    )


IDLE = screens.state(screens.Situation(enrolled=True, scanner="well"))
PASS = screens.answer("pass", "accepted", name="Trần T. Ơ.")


def test_answers_and_ends_dark(make: Callable[..., Daemon]) -> None:
    daemon = make()
    daemon.until_ready()
    daemon.wait(daemon.shows(IDLE))
    daemon.scanner.send(answer(41, reason="place-code"))
    daemon.wait(daemon.shows(screens.answer("fail", "place-code", name="Trần T. Ơ.")))
    daemon.wait(daemon.shows(IDLE))
    technician = Outlet(daemon.run, "feedback", "ctl")
    technician.send(Trial(number=1, at=clock.boottime(), outcome="pass", reason="accepted"))
    daemon.wait(daemon.shows(screens.answer("pass", "accepted", trial=True)))
    technician.close()
    assert "answer number=41 outcome=fail reason=place-code repeated=False" in daemon.log
    assert "Trần" not in daemon.log
    assert daemon.notified("WATCHDOG=1")
    assert daemon.notified(
        "STATUS=answers=1 stale=0 refused=0 screen=idle panel=ok pins=ok button=ok"
    )
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(5) == 0
    assert daemon.shows(Image.new("1", (128, 64)))()


def test_a_late_answer_is_not_shown(make: Callable[..., Daemon]) -> None:
    daemon = make()
    daemon.until_ready()
    daemon.scanner.send(answer(7, age=1.5))
    daemon.wait(lambda: "answer number=7 dropped" in daemon.log)
    daemon.wait(daemon.shows(IDLE))
    assert "outcome=pass" not in daemon.log


def test_a_burst_neither_blocks_nor_shows_an_old_one(make: Callable[..., Daemon]) -> None:
    daemon = make()
    daemon.until_ready()
    began = time.monotonic()
    for number in range(1, 1000):
        daemon.scanner.send(answer(number, reason="expired"))
    daemon.scanner.send(answer(1000))
    assert time.monotonic() - began < 1.0
    daemon.wait(daemon.scanner.flush, beating=False)
    daemon.wait(daemon.shows(PASS))
    daemon.wait(daemon.shows(IDLE))
    lines = [line for line in daemon.log.splitlines() if "answer number=" in line]
    shown = [int(line.partition("number=")[2].split()[0]) for line in lines]
    assert shown == sorted(set(shown))
    assert shown[-1] == 1000


def test_a_silent_scanner_is_out_of_order(make: Callable[..., Daemon]) -> None:
    daemon = make()
    daemon.wait(daemon.shows(IDLE))
    silent = screens.Situation(enrolled=True, scanner="silent", link="uplink-silent")
    daemon.wait(daemon.shows(screens.state(silent)), beating=False)
    daemon.wait(daemon.shows(IDLE))
    assert "state screen=out-of-order" in daemon.log


def test_killed_and_started_again(make: Callable[..., Daemon]) -> None:
    daemon = make()
    daemon.until_ready()
    daemon.process.kill()
    daemon.process.wait()
    assert (daemon.run / "feedback.sock").exists()  # left over
    assert not daemon.scanner.send(answer(1))
    daemon.start()
    daemon.until_ready()
    daemon.scanner.send(answer(2))
    daemon.wait(daemon.shows(PASS))


def test_absent_panel_and_pins_are_told_and_not_fatal(
    make: Callable[..., Daemon], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "lgpio.py").write_text("raise ImportError('not on this machine')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    uplink = Inlet(tmp_path / "run", "uplink")
    daemon = make(folder=str(tmp_path / "file" / "panel"), pins="lgpio")
    daemon.until_ready()
    daemon.scanner.send(answer(3))
    daemon.wait(lambda: "answer number=3" in daemon.log)
    daemon.wait(lambda: daemon.notified("panel=absent pins=absent button=absent"))
    alerts = {(cue.code, cue.raised) for cue in uplink.drain() if isinstance(cue, AlertCue)}
    assert alerts == {(f"{what}-absent", True) for what in ("panel", "pins", "button")}
    uplink.close()


def test_a_press_of_the_button_reaches_the_scanner_at_once(
    make: Callable[..., Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Daemon, "words", ("-c", PUSHED_BY_SIGNAL))
    daemon = make()
    daemon.until_ready()
    daemon.wait(daemon.shows(IDLE))
    daemon.process.send_signal(signal.SIGUSR1)  # no scanner listens yet: kept for it
    time.sleep(0.3)
    scanner = Inlet(daemon.run, "scanner")
    heard: list[Cue] = []
    daemon.wait(lambda: bool(heard.extend(scanner.drain()) or heard))
    began = time.monotonic()
    daemon.process.send_signal(signal.SIGUSR1)
    daemon.wait(lambda: len(heard.extend(scanner.drain()) or heard) == 2)
    print(f"heard after {(time.monotonic() - began) * 1000:.0f} ms")
    assert time.monotonic() - began < 0.3, "it must not wait for a turn"
    assert [cue for cue in heard if not isinstance(cue, ButtonCue)] == []
    until = clock.boottime() + 5
    daemon.scanner.send(ScannerState(number=2, at=clock.boottime(), leaving_until=until))
    leaving = screens.Situation(enrolled=True, scanner="well", leaving=True)
    daemon.wait(daemon.shows(screens.state(leaving)), beating=False)
    scanner.close()


def test_a_kiosk_without_identity_says_so(make: Callable[..., Daemon]) -> None:
    daemon = make(id="")
    daemon.wait(daemon.shows(screens.state(screens.Situation(False, "well"))))


def test_an_unknown_panel_is_a_configuration_error(make: Callable[..., Daemon]) -> None:
    daemon = make(driver="lcd")
    assert daemon.process.wait(15) == 78
    assert 'panel.driver: found "lcd", allowed: "luma_i2c" or "luma_spi" or "png"' in daemon.log
