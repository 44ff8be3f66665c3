"""The arithmetic of `bench.scanner`: who sees which frame when, and what is counted."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest
import segno

from bench import scanner
from bench._idle import Cost, ratio
from bench.scanner import Clock, Run, Watcher, play, summary
from demo.clips import Shot

GREY = np.zeros((2, 2), np.uint8)


class SimulatedClock(Clock):
    """Work takes as long as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.work = 0.0

    def start(self, at: float) -> None:
        self.at = at

    def now(self) -> float:
        return self.at + self.work


def shown(work: float, frames: int, answers_in: int | None = None) -> tuple[Watcher, list[float]]:
    """A reader that needs `work` seconds a frame, before a camera of 10 frames a second; and when
    it began with each frame that it took."""
    clock, starts = SimulatedClock(), []
    clock.work = work

    def read(grey: np.ndarray, at: float) -> float | None:
        starts.append(round(at, 6))
        return clock.now() if answers_in is not None and len(starts) > answers_in else None

    watcher = Watcher(read, clock, 10)
    for number in range(frames):
        watcher.offer(number, GREY)
    return watcher, starts


def test_who_is_quick_sees_every_frame_when_it_comes():
    assert shown(0.03, 4)[1] == [0, 0.1, 0.2, 0.3]


def test_who_is_slow_gets_the_newest_frame_and_skips_the_others():
    # Busy until 0.25, when frame 2 is the newest; until 0.5, when frame 5 comes; until 0.75.
    assert shown(0.25, 8)[1] == [0, 0.25, 0.5, 0.75]


def test_who_needs_a_little_longer_than_a_frame_skips_now_and_then():
    starts = shown(0.12, 12)[1]
    assert starts[:5] == [0, 0.12, 0.24, 0.36, 0.48]
    assert len(starts) == 10


def test_the_answer_belongs_to_the_frame_and_the_end_of_its_work():
    watcher, starts = shown(0.25, 9, answers_in=2)
    assert starts == [0, 0.25, 0.5]
    assert (watcher.frame, watcher.answered_at) == (5, 0.75)


def test_a_slower_machine_takes_longer():
    clock = Clock(slower=100)
    clock.start(5.0)
    time.sleep(0.01)
    assert 6.0 <= clock.now() < 30


def run(ours: tuple[int | None, float], **more: object) -> Run:
    at = Run("enters", 10, 30, 8, 10, {"ours": ours, "pyzbar": (12, 1.35)})
    return at._replace(**more)


def test_frames_and_milliseconds_count_from_the_first_frame():
    assert run((10, 1.02)).waited("ours", 10) == (1, pytest.approx(20))
    assert run((11, 1.13)).waited("ours", 10) == (2, pytest.approx(130))
    assert run((11, 1.13)).waited("ours", 8) == (4, pytest.approx(330))


def test_who_reads_earlier_than_plain_zxing_gets_no_credit_for_it():
    assert run((7, 0.74)).waited("ours", 10) == (1, pytest.approx(40))


def test_who_never_answers_waits_for_all_of_the_clip():
    assert run((None, 0.0)).waited("ours", 10) == (21, pytest.approx(2000))


def test_the_summary_counts_what_is_late_missed_wrong_and_unreadable():
    runs = [run((10, 1.01))] * 6 + [run((11, 1.11)), run((12, 1.21), kind="unsharp", wrong=1)]
    runs += [run((None, 0.0), kind="scrolls"), run((10, 1.0), readable=None)]
    found = summary(runs)
    assert (found["clips"], found["unreadable"], found["wrong"], found["missed"]) == (10, 1, 1, 1)
    assert found["frames_to_verdict"] == {"median": 1.0, "p95": 21.0, "within_two": 0.778}
    assert found["ms_to_verdict"] == {"median": 10.0, "p95": 2000.0}
    assert found["frames_from_visible"]["median"] == 3.0
    assert found["late"] == {"unsharp": 1, "scrolls": 1}
    assert set(found["peers"]) == {"pyzbar"}
    assert found["peers"]["pyzbar"]["frames_to_verdict"]["median"] == 3.0


def test_a_rate_at_which_nothing_could_be_read_has_its_figures_too(capsys):
    found = summary([run((10, 1.0), readable=None)] * 2)
    assert (found["clips"], found["unreadable"], found["missed"]) == (2, 2, 0)
    assert found["frames_to_verdict"] == {"median": None, "p95": None, "within_two": None}
    assert set(found["peers"]) == {"pyzbar"}
    scanner._show({"per_fps": {"15": {**found, "idle": None}, "30": {**found, "idle": None}}})
    assert "'unreadable': 2" in capsys.readouterr().out


def test_a_clip_is_played_until_all_have_answered():
    def shot(number: int) -> Shot:
        code = segno.make("hello", micro=False, error="m")
        picture = np.array([[0 if bit else 255 for bit in row] for row in code.matrix], np.uint8)
        picture = np.pad(picture, 4, constant_values=255).repeat(4, 0).repeat(4, 1)
        grey = np.full_like(picture, 128) if number < 5 else picture
        return Shot(number / 10, grey, (b"hello",) if number >= 4 else ())

    played: list[int] = []

    def shots():
        for number in range(30):
            played.append(number)
            yield shot(number)

    clock, calls = SimulatedClock(), []

    def after(count: int):
        def read(grey: np.ndarray, at: float) -> float | None:
            calls.append(count)
            return at if calls.count(count) > count else None

        return read

    found = play("enters", 10, shots(), {"ours": after(6), "peer": after(8)}, clock)
    assert found == Run("enters", 10, 9, 4, 5, {"ours": (6, 0.6), "peer": (8, 0.8)})
    assert played == list(range(9))


def test_an_empty_door_is_compared_by_processor_time():
    found = {"a": Cost(90, 0, 1.0, 60.0), "b": Cost(90, 0, 3.0, 60.0)}
    assert ratio(found) == 30
    assert found["a"].figures()["pyzbar_to_ours"] == 60
    empty = scanner._empty(found, 15)
    assert empty["cpu_s_per_minute"] == pytest.approx(2e-3 * 15 * 60)
    assert empty["pyzbar_cpu_s_per_minute"] == pytest.approx(54)
    assert empty["ratio_to_pyzbar"] == pytest.approx(1 / 30, abs=1e-5)


def test_the_bench_runs_and_writes_its_figures(tmp_path):
    out = tmp_path / "figures.json"
    command = [sys.executable, "-m", "bench.scanner", "--clips", "1", "--json", str(out)]
    done = subprocess.run(
        [*command, "--idle-seconds", "0.3"],
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    assert set(figures["frames_to_verdict"]) == {"median", "p95", "within_two"}
    assert set(figures["ms_to_verdict"]) == {"median", "p95"}
    assert figures["ms_to_verdict"]["median"] > 0
    assert 0 < figures["idle_ratio_to_pyzbar"] < 1
    assert set(figures["per_fps"]) == {"15", "30"}
    assert set(figures["per_fps"]["30"]["peers"]) == {"pyzbar", "zxing-cpp"}
    assert figures["per_fps"]["15"]["idle"]["clips"]["noise"]["frames"] == 4
