"""kiosk-feedback's process over modelled hardware, and what became of the cues it was sent."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from bench._panel_daemon import LAYOUT, Event
from demo.panel_bus import I2C_HZ, bits
from kiosk import clock
from kiosk.cues import Answer, HintCue, Outlet, ScannerState, UplinkState

_LAMPS, _BUZZER = (17, 27), 18
_LOUD = 0.5  # the buzzer's duty cycle; a hint is softer
_ANSWER_S = 1.2  # shown for so long, that the next begins at an idle screen again
_SITE = f"""
[kiosk]
id = "bench"
[paths]
run = "{{run}}"
[panel]
driver = "luma_i2c"
answer_s = {_ANSWER_S}
[gpio]
pins = "mock"
"""


class Picture(NamedTuple):
    """Milliseconds from a cue that was sent to its whole picture, bytes on the wire meanwhile,
    and a checksum of the display's memory then."""

    ms: float
    bytes: int
    memory: int


class Reply(NamedTuple):
    """Milliseconds from a cue that was sent to light and sound, and its picture."""

    light_ms: float
    picture: Picture


class Daemon:
    """The daemon's process, what its hardware saw, and the two daemons it hears of."""

    def __init__(self, folder: Path, pace: str) -> None:
        self._run = folder / pace
        self._run.mkdir()
        site = self._run / "site.toml"
        site.write_text(_SITE.format(run=self._run))
        ours, theirs = os.pipe()
        words = [sys.executable, "-m", "bench._panel_daemon", str(theirs), pace]
        with (self._run / "log").open("w") as log:
            self._process = subprocess.Popen(
                [*words, "--config", str(site)], pass_fds=[theirs], stderr=log
            )
        os.close(theirs)
        self._events: list[Event] = []
        self._scanner = Outlet(self._run, "feedback", "scanner")
        self._numbers = count(1)
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=[ours]),
            threading.Thread(target=self._beat),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, fd: int) -> None:
        with open(fd, "rb") as pipe:
            while data := pipe.read(LAYOUT.size):
                self._events.append(Event(*LAYOUT.unpack(data)))

    def _beat(self) -> None:
        """Scanner and uplink are well, as they say once a second."""
        scanner = Outlet(self._run, "feedback", "scanner")
        uplink = Outlet(self._run, "feedback", "uplink")
        while not self._ended.is_set():
            now = clock.boottime()
            scanner.send(ScannerState(number=1, at=now))
            uplink.send(UplinkState(number=1, at=now, online=True, centre=True, pending=0))
            self._ended.wait(1.0)
        scanner.close()
        uplink.close()

    def until_idle(self) -> None:
        """Until it shows what it shows while nobody is there; a moment longer, of no certain
        length, so that nothing falls in step with its turns."""
        deadline = clock.boottime() + 30
        while not self._transfers():
            if self._process.poll() is not None or clock.boottime() > deadline:
                raise SystemExit(f"the daemon does not start:\n{(self._run / 'log').read_text()}")
            time.sleep(0.05)
        time.sleep(_ANSWER_S + 0.5 + random.random() / 2)

    def _transfers(self) -> list[Event]:
        return [event for event in self._events if not event.pin]

    def say(self, **of: Any) -> float:
        """An answer; when it was sent."""
        sent = clock.boottime()
        self._scanner.send(Answer(number=next(self._numbers), at=sent, **of))
        return sent

    def hint(self) -> None:
        """What somebody hears whose code cannot be read."""
        now = clock.boottime()
        self._scanner.send(HintCue(number=next(self._numbers), at=now, hint="closer"))

    def flush(self) -> bool:
        """Whether the daemon has taken everything."""
        return self._scanner.flush()

    def reply(self, sent: float) -> Reply:
        """What became of the answer that was sent last, before which all was dark and quiet."""
        picture = self.picture(sent)
        after = [event for event in self._events if event.at >= sent and event.pin]
        loud = [event.at for event in after if event.pin == _BUZZER and event.state == _LOUD]
        lit = [event.at for event in after if event.pin in _LAMPS and event.state]
        if not loud or not lit:
            raise SystemExit("neither light nor sound came of an answer")
        return Reply((max(loud[0], lit[0]) - sent) * 1000, picture)

    def picture(self, sent: float) -> Picture:
        """What the answer that was sent last looks like, once it is there."""
        time.sleep(max(0.0, sent + _ANSWER_S / 3 - clock.boottime()))
        transfers = self._transfers()
        before = [event for event in transfers if event.at < sent][-1]
        last, memory = before, before.memory
        for event in transfers:
            if event.at >= sent and event.memory != memory:
                last, memory = event, event.memory
        if last is before:
            raise SystemExit("no picture came of an answer")
        carried = last.bytes - before.bytes
        wire_s = bits(carried, last.transfers - before.transfers) / I2C_HZ
        work_s = last.at - sent - (last.spent - before.spent)
        return Picture((work_s + wire_s) * 1000, carried, memory)

    def idle(self, seconds: float) -> float:
        """Percent of one core while nobody is there, the model's work included."""
        before, began = self._cpu_s(), time.monotonic()
        time.sleep(seconds)
        return (self._cpu_s() - before) / (time.monotonic() - began) * 100

    def _cpu_s(self) -> float:
        """Of all its threads (proc(5), schedstat)."""
        tasks = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def close(self) -> None:
        """Ends it."""
        self._ended.set()
        self._process.terminate()
        self._process.wait(10)
        for thread in self._threads:
            thread.join()
        self._scanner.close()


@contextmanager
def running(folder: Path, pace: str) -> Iterator[Daemon]:
    """A daemon that shows its idle screen."""
    daemon = Daemon(folder, pace)
    try:
        daemon.until_idle()
        yield daemon
    finally:
        daemon.close()
