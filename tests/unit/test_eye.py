"""A camera over time: absent, broken, silent, hung; and what is wrong with what it sees."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from kiosk.cues import AlertCue
from kiosk.faults import Faults
from kiosk.scanner import eye, hangs, view
from kiosk.scanner.eye import RETRY_S, SILENT_S, STEADY_S, CameraHangs, Eye
from kiosk.scanner.hangs import (
    EXIT_CAMERA,
    REBOOT_EVERY_S,
    WITHIN_S,
    Hangs,
    Moment,
    Report,
    counted,
    keep,
    load,
)
from kiosk.scanner.view import View


class Picture(NamedTuple):
    grey: np.ndarray
    at: float


KNOWN = eye.FAULTS | hangs.FAULTS | view.FAULTS
GREY = np.zeros((64, 64), np.uint8)
HERE = Moment("here", 1000.0, 1_795_000_000.0, True)


class Case:
    """Faults with their alerts, and a clock in our hands."""

    def __init__(self) -> None:
        self.at = 100.0
        self.alerts: list[AlertCue] = []
        self.faults = Faults(  # type: ignore[arg-type]
            self.alerts.append, lambda: self.at, KNOWN, logging.getLogger("kiosk.scanner")
        )

    def eye(self, *cameras: Fake) -> Eye:
        waiting = list(cameras)
        return Eye(lambda: waiting.pop(0), self.faults, lambda: self.at, lambda _s: None)

    def told(self) -> list[tuple[str, bool]]:
        return [(alert.code, alert.raised) for alert in self.alerts]


class Fake:
    """Gives `frames` pictures, then nothing."""

    def __init__(self, frames: int = 0, *, close: Exception | None = None) -> None:
        self.frames = frames
        self.error = close
        self.closed = 0
        self.exposed: list[float] = []

    def frame(self, timeout: float) -> Picture | None:
        self.frames -= 1
        return Picture(GREY, 0.0) if self.frames >= 0 else None

    def expose(self, stops: float) -> None:
        self.exposed.append(stops)
        if stops > 5:
            raise OSError("the camera does not take an exposure")

    def close(self) -> None:
        self.closed += 1
        if self.error:
            raise self.error


@pytest.fixture
def case() -> Case:
    return Case()


def test_an_exposure_is_asked_for_once_and_anew_of_a_new_camera(case: Case) -> None:
    first, second = Fake(1), Fake(1)
    eye = case.eye(first, second)
    eye.expose(1.5)  # nobody there to be asked
    eye.frame(0.5)
    for stops in (0.0, 1.5, 1.5, -1.5, 0.0):
        eye.expose(stops)
    assert first.exposed == [1.5, -1.5, 0.0]
    eye.expose(6)
    assert case.faults.active == ["camera-absent"] and first.closed == 1
    case.at += RETRY_S
    eye.frame(0.5)
    eye.expose(0.0)
    eye.expose(1.5)
    assert second.exposed == [1.5]


def silence(case: Case, eye: Eye) -> None:
    eye.frame(0.5)
    case.at += SILENT_S + 0.1
    eye.frame(0.5)


def test_silent_again_after_opening_it_anew_ends_the_scanner_and_tells_first(case: Case) -> None:
    first, second = Fake(1), Fake()
    eye = case.eye(first, second)
    silence(case, eye)
    assert first.closed == 1 and case.faults.active == ["camera-silent"]
    with pytest.raises(CameraHangs, match="no frame for 3 s again"):
        silence(case, eye)
    assert case.told() == [("camera-silent", True)]
    assert second.closed == 0, "closing a hung camera may never end"


def test_a_camera_that_works_again_is_forgiven(case: Case) -> None:
    eye = case.eye(Fake(), Fake(3), Fake(1))
    silence(case, eye)
    assert eye.frame(0.5) is not None
    assert case.faults.active == []
    case.at += STEADY_S
    assert eye.frame(0.5) is not None
    silence(case, eye)
    assert case.faults.active == ["camera-silent"]
    assert eye.frame(0.5) is not None


def test_a_camera_that_gives_one_frame_each_time_hangs(case: Case) -> None:
    eye = case.eye(Fake(1), Fake(1))
    silence(case, eye)
    assert eye.frame(0.5) is not None
    with pytest.raises(CameraHangs):
        silence(case, eye)


def test_a_silent_camera_that_does_not_open_again_hangs(case: Case) -> None:
    def busy() -> Fake:
        if cameras:
            return cameras.pop()
        raise OSError("device is busy")

    cameras = [Fake(close=OSError("hung in a read"))]
    eye = Eye(busy, case.faults, lambda: case.at, lambda _s: None)
    silence(case, eye)
    with pytest.raises(CameraHangs, match="does not open again"):
        eye.frame(0.5)
    assert case.faults.active == ["camera-silent"]


@pytest.mark.parametrize("why", [OSError("busy"), TimeoutError("no answer")])
def test_a_camera_that_does_not_close_is_given_up(
    case: Case, caplog: pytest.LogCaptureFixture, why: Exception
) -> None:
    eye = case.eye(Fake(close=why), Fake(1))
    silence(case, eye)
    assert "does not close" in caplog.text
    assert eye.frame(0.5) is not None


def test_the_third_hang_within_minutes_reboots_and_no_other_for_a_day() -> None:
    hangs, moment = Hangs(), HERE
    reboots = []
    for minute in range(3 * 24 * 60):
        moment = Moment("here", 1000 + 60 * minute, HERE.wall + 60 * minute, True)
        hangs, reboot = counted(hangs, moment)
        if reboot:
            reboots.append(minute)
    assert reboots == [2, 2 + 24 * 60, 2 + 2 * 24 * 60]
    assert hangs.reboots == 3 and len(hangs.at) <= 3


def test_rare_hangs_and_those_of_another_boot_do_not_add_up() -> None:
    hangs = Hangs()
    for n in range(9):
        hangs, reboot = counted(hangs, Moment("here", n * WITHIN_S / 2, HERE.wall, True))
        assert not reboot
    for boot in "abcdef":
        hangs, reboot = counted(hangs, Moment(boot, 5.0, HERE.wall, True))
        assert not reboot and hangs.at == (5.0,)


def hangs_thrice(hangs: Hangs, at: Moment) -> tuple[Hangs, bool]:
    """Three hangs, a second apart; whether the kiosk was rebooted by then."""
    for _ in range(3):
        hangs, reboot = counted(hangs, at)
        if reboot:
            return hangs, True
        at = at._replace(boottime=at.boottime + 1, wall=at.wall + 1)
    return hangs, False


@pytest.mark.parametrize("wrong", [-2 * 365 * 86400, 50 * 365 * 86400], ids=["behind", "ahead"])
@pytest.mark.parametrize("synced_later", [True, False])
def test_no_clock_makes_reboots_follow_one_another(wrong: float, synced_later: bool) -> None:
    """Hangs before a time server answered, after it, before it: in boot after boot."""
    hangs, reboots, truth = Hangs(), 0, HERE.wall
    for boot in range(20):
        early = Moment(f"boot {boot}", 20.0, truth + wrong, False)
        hangs, rebooted = hangs_thrice(hangs, early)
        if not rebooted and synced_later:
            hangs, rebooted = hangs_thrice(
                hangs, early._replace(boottime=60, wall=truth, synced=True)
            )
        reboots += rebooted
        truth += 120
    assert reboots == 1


def test_a_day_later_it_may_reboot_again() -> None:
    hangs, rebooted = hangs_thrice(Hangs(), HERE)
    assert rebooted
    soon = HERE._replace(boot_id="next", wall=HERE.wall + REBOOT_EVERY_S - 10)
    assert not hangs_thrice(hangs, soon)[1]
    assert hangs_thrice(hangs, soon._replace(wall=HERE.wall + REBOOT_EVERY_S))[1]
    # Where no clock can be trusted, a boot of that age will do.
    unset = soon._replace(synced=False, wall=HERE.wall - 86400)
    assert not hangs_thrice(hangs, unset)[1]
    assert hangs_thrice(hangs, unset._replace(boottime=REBOOT_EVERY_S))[1]


def test_the_year_1970_tells_of_no_reboot(case: Case, tmp_path: Path) -> None:
    Report(tmp_path / "none.json", case.faults, HERE).turn(5.0)
    assert case.faults.warnings == []


def test_the_count_is_kept_whole(tmp_path: Path) -> None:
    file = tmp_path / "hangs.json"
    assert load(file, HERE) == Hangs()
    hangs, _ = counted(Hangs(), HERE)
    keep(file, hangs)
    assert load(file, HERE) == hangs
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"{", b"[]", b'{"at": "x"}', b"{" * 9000])
def test_a_damaged_count_prevents_reboots_for_a_day(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "hangs.json"
    file.write_bytes(damage)
    hangs = load(file, HERE)
    for n in range(5):
        hangs, reboot = counted(hangs, HERE._replace(boottime=1000.0 + n))
        assert not reboot


def ended(folder: Path, how: dict[str, str], times: int = 1) -> tuple[int, str, Path]:
    """What `python -m kiosk.scanner.hangs` does, with a `systemctl` that takes notes."""
    note = folder / "rebooted"
    (folder / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {note}\n')
    (folder / "systemctl").chmod(0o755)
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", **how}
    command = [sys.executable, "-m", "kiosk.scanner.hangs", str(folder / "hangs.json")]
    for _ in range(times):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr, note


HUNG = {"EXIT_CODE": "exited", "EXIT_STATUS": str(EXIT_CAMERA), "SERVICE_RESULT": "exit-code"}
KILLED = {"EXIT_CODE": "killed", "EXIT_STATUS": "ABRT", "SERVICE_RESULT": "watchdog"}


@pytest.mark.parametrize("how", [HUNG, KILLED])
def test_three_ends_by_the_camera_ask_for_a_reboot_once(
    tmp_path: Path, how: dict[str, str]
) -> None:
    status, said, note = ended(tmp_path, how, 2)
    assert (status, note.exists()) == (0, False) and "2 times" in said
    assert ended(tmp_path, how, 4)[0] == 0
    assert note.read_text() == "reboot\n"


@pytest.mark.parametrize(
    "how",
    [
        {"EXIT_CODE": "exited", "EXIT_STATUS": "0", "SERVICE_RESULT": "success"},
        {"EXIT_CODE": "exited", "EXIT_STATUS": "78", "SERVICE_RESULT": "exit-code"},
        {"EXIT_CODE": "killed", "EXIT_STATUS": str(EXIT_CAMERA), "SERVICE_RESULT": "signal"},
    ],
)
def test_other_ends_do_not_count(tmp_path: Path, how: dict[str, str]) -> None:
    assert ended(tmp_path, how, 3)[0] == 0
    assert not (tmp_path / "hangs.json").exists()


def test_what_cannot_be_counted_does_not_reboot(tmp_path: Path) -> None:
    (tmp_path / "hangs.json").mkdir()
    status, said, note = ended(tmp_path, HUNG, 4)
    assert (status, note.exists()) == (1, False)
    assert "without a count there is no reboot" in said


def test_a_new_scanner_tells_why_the_one_before_ended(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "hangs.json"
    keep(file, Hangs("here", (999.0,), 0, 0.0))
    report = Report(file, case.faults, HERE)
    report.turn(HERE.wall)
    assert case.faults.active == ["camera-silent"]
    assert case.eye(Fake(1)).frame(0.5) is not None
    assert case.told() == [("camera-silent", True), ("camera-silent", False)]


def test_a_reboot_is_told_for_a_day_and_is_no_fault(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "hangs.json"
    keep(file, Hangs("before", (), 4, HERE.wall - 60))
    report = Report(file, case.faults, HERE)
    report.turn(HERE.wall)
    report.turn(HERE.wall + 1)
    assert (case.faults.active, case.faults.warnings) == ([], ["camera-reboot"])
    assert "4 in all" in case.alerts[0].detail and case.alerts[0].severity == "warning"
    report.turn(HERE.wall + REBOOT_EVERY_S)
    assert case.told() == [("camera-reboot", True), ("camera-reboot", False)]


def test_a_count_that_is_not_there_or_not_readable_is_no_fault(case: Case, tmp_path: Path) -> None:
    Report(tmp_path / "none", case.faults, HERE).turn(HERE.wall)
    Report(tmp_path, case.faults, HERE).turn(HERE.wall)
    assert case.alerts == []


def noisy(picture: Image.Image, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 3, (360, 640))
    return (np.asarray(picture, np.float32) + noise).round().clip(0, 255).astype(np.uint8)


def hall(seed: int = 0, blur: float = 1.0, level: float = 1.0) -> np.ndarray:
    """People and things before a wall."""
    rng = np.random.default_rng(seed)
    picture = Image.new("L", (640, 360), 120)
    pen = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y = rng.integers(0, 600), rng.integers(0, 300)
        pen.rectangle((x, y, x + 75, y + 125), fill=int(rng.integers(20, 235)))
    picture = picture.filter(ImageFilter.GaussianBlur(blur))
    return noisy(picture.point(lambda v: v * level), seed)


VIEWS: dict[str, list[np.ndarray]] = {
    "view-dark": [hall(seed, level=0.03) for seed in range(3)],
    "view-blank": [noisy(Image.new("L", (640, 360), 90), seed) for seed in range(3)],
    "view-blurred": [hall(seed, blur=9.0) for seed in range(3)],
}
HALLS = [hall(seed) for seed in range(4)]


def watch(case: Case, seen: View, scenes: list[np.ndarray], seconds: float, reads: int = 0) -> None:
    """Each of the scenes for a second, round and round."""
    for second in range(int(seconds)):
        seen.turn(scenes[second % len(scenes)], case.at, reads)
        case.at += 1.0


@pytest.mark.parametrize("code", VIEWS)
def test_a_view_that_stays_wrong_is_told_and_taken_back(case: Case, code: str) -> None:
    seen = View(case.faults)
    watch(case, seen, VIEWS[code], view.WRONG_AFTER_S - 10)
    assert case.alerts == []
    watch(case, seen, VIEWS[code], 20)
    assert case.faults.warnings == [code] and case.faults.active == []
    watch(case, seen, HALLS, view.RIGHT_AFTER_S - 5)
    assert case.faults.warnings == [code]
    watch(case, seen, HALLS, 10)
    assert case.told() == [(code, True), (code, False)]


@pytest.mark.parametrize("code", VIEWS)
def test_a_good_frame_in_between_starts_the_minutes_anew(case: Case, code: str) -> None:
    seen = View(case.faults)
    for _ in range(2):
        watch(case, seen, VIEWS[code], view.WRONG_AFTER_S - 10)
        watch(case, seen, HALLS, 2)
    assert case.alerts == []


def test_a_far_wall_out_of_focus_is_no_blurred_lens(case: Case) -> None:
    watch(case, View(case.faults), [hall(1, blur=9.0)], 2 * view.WRONG_AFTER_S)
    assert case.alerts == []


@pytest.mark.parametrize("level", [0.3, 0.6, 1.0])
def test_an_ordinary_door_is_never_suspected(case: Case, level: float) -> None:
    scenes = [hall(seed, blur=1.5, level=level) for seed in range(8)]
    watch(case, View(case.faults), scenes, view.WRONG_AFTER_S * 2)
    watch(case, View(case.faults), scenes[:1], view.WRONG_AFTER_S * 2)
    assert case.alerts == []


def test_a_door_that_reads_nothing_though_people_come_is_told(case: Case) -> None:
    seen = View(case.faults)
    watch(case, seen, HALLS, view.UNREAD_AFTER_S - 10, reads=1)
    assert case.alerts == []
    watch(case, seen, HALLS, 20, reads=1)
    assert case.faults.warnings == ["reads-nothing"]
    watch(case, seen, HALLS, 2, reads=2)
    assert case.told() == [("reads-nothing", True), ("reads-nothing", False)]


def test_an_empty_hall_under_clouds_is_not_told(case: Case) -> None:
    seen = View(case.faults)
    clouds = [hall(1, level=level) for level in (0.8, 0.9) for _ in range(5)]
    watch(case, seen, clouds, view.UNREAD_AFTER_S + 60)
    assert case.alerts == []


def test_the_count_is_what_the_unit_names() -> None:
    from kiosk.config import load as load_config

    unit = (Path(__file__).parents[2] / "systemd/kiosk-scanner.service").read_text()
    file = load_config([]).paths.state / "camera-hangs.json"
    assert f"-m kiosk.scanner.hangs {file}\n" in unit
    assert msgspec.json.decode(msgspec.json.encode(Hangs()), type=Hangs) == Hangs()
