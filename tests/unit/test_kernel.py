"""Figures of the machine, from folders that look like /sys and /proc."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pimachine import ALARM, PI, THROTTLED

from kiosk.uplink.discipline import discipline
from kiosk.uplink.kernel import MAX_BYTES, Kernel
from kiosk.uplink.power import Power

FIGURES: dict[str, Callable[[Kernel], object]] = {
    "sys/class/thermal/thermal_zone0/temp": Kernel.soc_c,
    "proc/meminfo": Kernel.memory_kb,
    "proc/self/smaps_rollup": Kernel.pss_kb,
    "sys/block/mmcblk0/device/life_time": Kernel.card_life,
    "sys/block/mmcblk0/device/pre_eol_info": Kernel.card_eol,
    "sys/block/mmcblk0/stat": Kernel.written_kb,
    "proc/net/wireless": Kernel.wifi_dbm,
    THROTTLED: Kernel.throttled,
    ALARM: Kernel.under_voltage,
}


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """The root of a machine with everything."""
    for path, text in PI.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_everything_that_a_pi_tells_is_read(pi: Path) -> None:
    kernel = Kernel(pi)
    assert {path: read(kernel) for path, read in FIGURES.items()} == {
        "sys/class/thermal/thermal_zone0/temp": 48.3,
        "proc/meminfo": 213484,
        "proc/self/smaps_rollup": 24611,
        "sys/block/mmcblk0/device/life_time": [1, 2],
        "sys/block/mmcblk0/device/pre_eol_info": 1,
        "sys/block/mmcblk0/stat": 165852,
        "proc/net/wireless": -55,
        THROTTLED: 0,
        ALARM: False,
    }


def _missing(file: Path) -> None:
    file.unlink()


def _directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _pipe(file: Path) -> None:
    """Whoever opens it and waits for a writer hangs."""
    file.unlink()
    os.mkfifo(file)


def _holds(data: bytes) -> Callable[[Path], None]:
    def spoil(file: Path) -> None:
        file.write_bytes(data)

    return spoil


SPOILED = {
    "missing": _missing,
    "a directory": _directory,
    "a pipe that nobody writes to": _pipe,
    "empty": _holds(b""),
    "words": _holds(b"not available\n"),
    "bytes": _holds(bytes(range(256))),
    "negative": _holds(b"-1000000\n"),
    "beyond all numbers": _holds(b"9" * 40 + b"\n"),
    "huge": _holds(b"x" * (64 * 1024 * 1024)),
    "lines": _holds(b"\n" * 50),
    "not a number": _holds(b"nan nan nan nan nan nan nan\n" * 3),
}


@pytest.mark.parametrize("how", SPOILED)
@pytest.mark.parametrize("path", FIGURES)
def test_what_cannot_be_read_is_no_figure_and_the_journal_says_so_once(
    pi: Path, path: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kiosk.uplink")
    SPOILED[how](pi / path)
    kernel = Kernel(pi)
    assert [FIGURES[path](kernel) for _ in range(3)] == [None] * 3
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert said[0].startswith(f"no figure from {path}: ")
    assert len(said[0]) < 200 + len(path)
    others = {one: read(kernel) for one, read in FIGURES.items() if one != path}
    assert None not in others.values()


@pytest.mark.parametrize("path", FIGURES)
def test_a_file_closed_to_us_is_no_figure(
    pi: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kiosk.uplink")
    (pi / path).chmod(0)
    user = os.geteuid()
    kernel = Kernel(pi)
    if user == 0:
        os.seteuid(65534)  # root may read everything
    try:
        assert FIGURES[path](kernel) is None
    finally:
        os.seteuid(user)
    assert "Permission denied" in caplog.text


def test_what_can_be_read_again_is_told_again(pi: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kiosk.uplink")
    kernel, file = Kernel(pi), pi / "sys/class/thermal/thermal_zone0/temp"
    file.rename(file.with_name("away"))
    assert kernel.soc_c() is None
    file.with_name("away").rename(file)
    assert kernel.soc_c() == 48.3
    assert "can be read again" in caplog.records[-1].getMessage()


def test_no_more_is_read_than_a_file_of_the_kernel_holds(pi: Path) -> None:
    meminfo = pi / "proc/meminfo"
    meminfo.write_text("x" * MAX_BYTES + "\n" + PI["proc/meminfo"])
    assert Kernel(pi).memory_kb() is None


def test_a_cable_has_no_signal_and_that_is_no_mistake(
    pi: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kiosk.uplink")
    headings = PI["proc/net/wireless"].splitlines(keepends=True)[:2]
    (pi / "proc/net/wireless").write_text("".join(headings))
    assert Kernel(pi).wifi_dbm() is None
    assert not caplog.records


def test_the_machine_that_runs_this_tells_its_memory() -> None:
    kernel = Kernel(Path("/"))
    available, own = kernel.memory_kb(), kernel.pss_kb()
    assert available is not None and own is not None
    assert 1000 < own < available


def test_the_kernel_tells_how_its_clock_is_kept() -> None:
    kept = discipline()
    assert kept.synced == (kept.offset_ms is not None)
    assert kept.offset_ms is None or abs(kept.offset_ms) < 1000


@pytest.fixture
def power(pi: Path) -> Callable[[], Power]:
    return lambda: Power(Kernel(pi), pi / "throttled")


def test_a_dip_between_two_takes_is_told_once_and_remembered(
    pi: Path, power: Callable[[], Power]
) -> None:
    watch = power()
    for bits in ("0", "50005", "0"):
        (pi / THROTTLED).write_text(f"{bits}\n")
        watch.look()
    assert watch.take() == (True, 0b101, 0b101)
    watch.look()
    assert watch.take() == (False, 0, 0b101)
    again = power()  # as after a restart of the daemon
    again.look()
    assert again.take() == (False, 0, 0b101)
    (pi / "throttled").unlink()  # as after a reboot
    fresh = power()
    fresh.look()
    assert fresh.take() == (False, 0, 0)


def test_what_the_driver_saw_since_its_last_look_counts(
    pi: Path, power: Callable[[], Power]
) -> None:
    watch = power()
    (pi / THROTTLED).write_text("80000\n")
    watch.look()
    assert watch.take() == (False, 0b1000, 0b1000)


def test_without_the_firmwares_file_the_drivers_alarm_is_known(
    pi: Path, power: Callable[[], Power]
) -> None:
    (pi / THROTTLED).unlink()
    watch = power()
    (pi / ALARM).write_text("1\n")
    watch.look()
    assert watch.take() == (True, None, 1)


def test_without_either_nothing_is_known(pi: Path, power: Callable[[], Power]) -> None:
    (pi / THROTTLED).unlink()
    shutil.rmtree(pi / "sys/class/hwmon")
    watch = power()
    watch.look()
    assert watch.take() == (None, None, None)


@pytest.mark.parametrize("spoil", [_directory, _holds(b"\xff"), _holds(b"words")])
def test_a_memory_that_makes_no_sense_is_told_and_left(
    pi: Path,
    power: Callable[[], Power],
    spoil: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    (pi / "throttled").write_text("0")
    spoil(pi / "throttled")
    watch = power()
    (pi / THROTTLED).write_text("1\n")
    watch.look()
    assert watch.take() == (True, 1, 1)
    assert "throttling before this start is not known" in caplog.text
