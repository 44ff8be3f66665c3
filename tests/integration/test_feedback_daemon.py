"""kiosk-feedback as a real process: real socket, PNG panel, mock pins, sd_notify."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import glass
import pytest
from PIL import Image

from kiosk import clock, screens
from kiosk.cues import (
    AlertCue,
    Answer,
    ButtonCue,
    Cue,
    FeedbackState,
    Inlet,
    Outlet,
    ScannerState,
    ScreenCue,
    Trial,
    UplinkState,
)
from kiosk.model import Asked

SITE = """
[kiosk]
id = "{id}"
place = "Cổng 1"
[clock]
source = "system"
[paths]
run = "{run}"
[panel]
driver = "{driver}"
height = {height}
folder = "{folder}"
answer_s = 0.5
scanner_silent_s = 1.5
[gpio]
pins = "{pins}"
button = {button}
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
        given |= {"driver": "png", "pins": "mock", "height": "64", "button": "22"} | site
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

    def shows(self, *pictures: Image.Image) -> Callable[[], bool]:
        return glass.shows(self.panel / "screen.png", lambda: iter(pictures))

    def answers(self, *args: object, **more: object) -> Callable[[], bool]:
        return glass.shows(self.panel / "screen.png", partial(glass.answers, *args, **more))

    def states(self, situation: screens.Situation) -> Callable[[], bool]:
        return glass.shows_state(self.panel / "screen.png", situation)

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
        name=NAME,
    )


WELL = screens.Situation(enrolled=True, scanner="well", kiosk="k-1", place="Cổng 1")
PASS = ("pass", "accepted")
NAME = "Trần T. Ơ."


def test_answers_and_ends_dark(make: Callable[..., Daemon]) -> None:
    daemon = make()
    daemon.until_ready()
    daemon.wait(daemon.states(WELL))
    daemon.scanner.send(answer(41, reason="place-code"))
    daemon.wait(daemon.answers("fail", "place-code"))
    daemon.wait(daemon.states(WELL))
    technician = Outlet(daemon.run, "feedback", "ctl")
    technician.send(Trial(number=1, at=clock.boottime(), outcome="pass", reason="accepted"))
    daemon.wait(daemon.answers(*PASS, trial=True))
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
    daemon.wait(daemon.states(WELL))
    assert "outcome=pass" not in daemon.log


def test_a_burst_neither_blocks_nor_shows_an_old_one(make: Callable[..., Daemon]) -> None:
    """Ten thousand cues: who sends them never waits, and the newest is what is shown next."""
    daemon = make()
    daemon.until_ready()
    daemon.wait(daemon.states(WELL))
    longest, began = 0.0, time.monotonic()
    for number in range(1, 10_000):
        before = time.monotonic()
        daemon.scanner.send(answer(number, reason="expired"))
        longest = max(longest, time.monotonic() - before)
    daemon.scanner.send(answer(10_000))
    print(
        f"10,000 cues sent in {time.monotonic() - began:.2f} s, the slowest {longest * 1e3:.1f} ms"
    )
    assert longest < 0.5, "a busy machine may stop anybody for a while, a full queue nobody"
    daemon.wait(daemon.scanner.flush, beating=False)
    daemon.wait(daemon.answers(*PASS, name=NAME))
    daemon.wait(daemon.states(WELL))
    lines = [line for line in daemon.log.splitlines() if "answer number=" in line]
    shown = [int(line.partition("number=")[2].split()[0]) for line in lines]
    assert shown == sorted(set(shown))
    assert shown[-1] == 10_000


def test_screens_are_asked_for_and_end(make: Callable[..., Daemon]) -> None:
    daemon = make()
    daemon.wait(daemon.states(WELL))
    technician = Outlet(daemon.run, "feedback", "ctl")

    def ask(screen: Asked | None, lasts_s: float = 30.0) -> None:
        technician.send(ScreenCue(number=1, at=clock.boottime(), screen=screen, lasts_s=lasts_s))

    ask("identify", lasts_s=2.0)
    for _ in range(2):
        for frame in (0, 1):
            daemon.wait(daemon.shows(screens.state(WELL._replace(asked="identify"), frame=frame)))
    daemon.wait(daemon.states(WELL))
    ask("updating")
    daemon.wait(daemon.states(WELL._replace(asked="updating")))
    ask(None)
    daemon.wait(daemon.states(WELL))
    technician.close()
    assert "state screen=identify" in daemon.log


def test_a_panel_of_half_the_height(make: Callable[..., Daemon]) -> None:
    daemon = make(height="32")
    daemon.scanner.send(answer(1))
    low = [
        screens.answer(*PASS, name=NAME, time=time, language=language, size=screens.LOW)
        for time in glass.times()
        for language in glass.LANGUAGES
    ]
    daemon.wait(lambda: daemon.scanner.send(answer(1)) and daemon.shows(*low)())


def test_at_rest_it_costs_next_to_nothing(make: Callable[..., Daemon]) -> None:
    """The animation goes on. `none` as the panel: writing PNG files is not what a kiosk does."""
    daemon = make(driver="none")
    daemon.until_ready()

    def cpu_s() -> float:
        fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    daemon.wait(lambda: daemon.notified("screen=idle"))
    before, began = cpu_s(), time.monotonic()
    while time.monotonic() - began < 10:
        daemon.beat()
        daemon.notified("")
        time.sleep(1.0)
    share = (cpu_s() - before) / (time.monotonic() - began)
    print(f"{share:.2%} of one core")
    assert share < 0.03, "under 1 % on a machine that is not busy"


def test_a_silent_scanner_is_out_of_order(make: Callable[..., Daemon]) -> None:
    daemon = make()
    daemon.wait(daemon.states(WELL))
    silent = WELL._replace(scanner="silent", link="uplink-silent")
    daemon.wait(daemon.states(silent), beating=False)
    daemon.wait(daemon.states(WELL))
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
    daemon.wait(daemon.answers(*PASS, name=NAME))


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
    daemon.wait(daemon.states(WELL))
    daemon.process.send_signal(signal.SIGUSR1)  # no scanner listens yet: kept for it
    time.sleep(0.3)
    scanner = Inlet(daemon.run, "scanner")
    heard: list[Cue] = []

    def presses() -> int:
        heard.extend(scanner.drain())
        return sum(isinstance(cue, ButtonCue) for cue in heard)

    daemon.wait(lambda: presses() == 1)
    began = time.monotonic()
    daemon.process.send_signal(signal.SIGUSR1)
    daemon.wait(lambda: presses() == 2)
    print(f"heard after {(time.monotonic() - began) * 1000:.0f} ms")
    assert time.monotonic() - began < 0.3, "it must not wait for a turn"
    assert {type(cue) for cue in heard} == {ButtonCue, FeedbackState}
    assert all(cue.asks for cue in heard if isinstance(cue, FeedbackState))
    until = clock.boottime() + 5
    daemon.scanner.send(ScannerState(number=2, at=clock.boottime(), leaving_until=until))
    daemon.wait(daemon.states(WELL._replace(leaving=True)), beating=False)
    daemon.scanner.send(ScannerState(number=3, at=clock.boottime()))
    technician = Outlet(daemon.run, "feedback", "ctl")
    asked = {"screen": "self-test", "page": "button"}
    technician.send(ScreenCue(number=1, at=clock.boottime(), **asked))
    daemon.wait(daemon.states(WELL._replace(asked="self-test", page="button")))
    daemon.process.send_signal(signal.SIGUSR1)
    daemon.wait(daemon.states(WELL._replace(asked="self-test", page="button", pressed=True)))
    assert presses() == 2, "who tries the button does not leave"
    technician.close()
    scanner.close()


@pytest.mark.parametrize("site", [{"driver": "none"}, {"button": "-1"}])
def test_what_cannot_be_seen_or_pressed_is_not_asked(
    make: Callable[..., Daemon], site: dict[str, str]
) -> None:
    daemon = make(**site)
    scanner = Inlet(daemon.run, "scanner")
    daemon.until_ready()
    heard: list[Cue] = []
    daemon.wait(lambda: len(heard.extend(scanner.drain()) or heard) >= 2)
    assert [cue.asks for cue in heard if isinstance(cue, FeedbackState)] == [False] * len(heard)
    scanner.close()


def test_a_kiosk_without_identity_says_so(make: Callable[..., Daemon]) -> None:
    daemon = make(id="")
    daemon.wait(daemon.states(WELL._replace(enrolled=False, kiosk="")))


def test_an_unknown_panel_is_a_configuration_error(make: Callable[..., Daemon]) -> None:
    daemon = make(driver="lcd")
    assert daemon.process.wait(15) == 78
    assert 'panel.driver: found "lcd", allowed: "luma_i2c" or "luma_spi" or "png"' in daemon.log
