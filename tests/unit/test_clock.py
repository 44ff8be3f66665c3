"""Wall clock, boot clock and how far to trust them."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from kiosk import clock
from kiosk.clock import BUILT_MS, Clock, Known, tell

DAY_MS = 86_400_000
CERTAIN_MS = BUILT_MS + 30 * DAY_MS
BOOT_S = 500.0  # since boot, in these tests


@pytest.fixture(autouse=True)
def _boottime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(clock, "boottime", lambda: BOOT_S)
    monkeypatch.setattr(clock, "_SYNCHRONIZED", tmp_path / "synchronized")


def wall(monkeypatch: pytest.MonkeyPatch, wall_ms: int) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: wall_ms * 1_000_000)


def synchronise(folder: Path) -> None:
    (folder / "synchronized").touch()


def test_a_clock_from_before_the_firmware_is_at_its_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    wall(monkeypatch, 0)
    for source in ("system", "timesync"):
        now = clock.now(source)  # type: ignore[arg-type]
        assert (now.clock, now.wall_ms) == ("floor", BUILT_MS)


def test_without_a_time_server_the_clock_is_a_floor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wall(monkeypatch, BUILT_MS + 1)
    assert clock.now("timesync").clock == "floor"
    assert clock.now("system").clock == "synced"
    synchronise(tmp_path)
    assert clock.now("timesync").clock == "synced"
    assert clock.now("timesync").wall_ms == BUILT_MS + 1


def test_the_floor_is_what_is_known_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wall(monkeypatch, 1000)
    kept = Clock("timesync", tmp_path)
    assert kept.now().wall_ms == kept.earliest_ms() == BUILT_MS  # the uplink has not started
    tell(tmp_path, Known(certain_ms=CERTAIN_MS, least_ms=CERTAIN_MS))
    assert kept.now().wall_ms == kept.earliest_ms() == CERTAIN_MS + 500_000
    monkeypatch.setattr(clock, "boottime", lambda: BOOT_S + 60)
    assert kept.now().wall_ms == CERTAIN_MS + 560_000
    assert kept.now().clock == "floor"
    wall(monkeypatch, CERTAIN_MS + DAY_MS)  # later than the floor: so the system left it
    assert kept.now().wall_ms == CERTAIN_MS + DAY_MS
    assert kept.earliest_ms() == CERTAIN_MS + 560_000


def test_a_time_server_is_believed_but_not_before_what_is_certain(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    synchronise(tmp_path)
    kept = Clock("timesync", tmp_path)
    tell(tmp_path, Known(certain_ms=CERTAIN_MS, least_ms=CERTAIN_MS + 90 * DAY_MS))
    wall(monkeypatch, CERTAIN_MS + DAY_MS)  # a floor that was too high is overruled
    assert (kept.now().clock, kept.now().wall_ms) == ("synced", CERTAIN_MS + DAY_MS)
    assert kept.earliest_ms() == CERTAIN_MS
    wall(monkeypatch, CERTAIN_MS - 1)
    assert (kept.now().clock, kept.is_set()) == ("floor", False)
    assert kept.now().wall_ms == CERTAIN_MS + 90 * DAY_MS + 500_000


def test_a_clock_that_was_not_set_and_runs_far_ahead_of_the_centre_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = Clock("timesync", tmp_path)
    told = Known(certain_ms=CERTAIN_MS, least_ms=CERTAIN_MS, most_ms=CERTAIN_MS + 200)
    tell(tmp_path, told)
    wall(monkeypatch, 4_070_908_800_000)  # 2099
    assert (kept.now().clock, kept.now().wall_ms) == ("floor", CERTAIN_MS + 500_000)
    wall(monkeypatch, CERTAIN_MS + 503_000)  # within what a network and a database take
    assert kept.now().wall_ms == CERTAIN_MS + 503_000


@pytest.mark.parametrize(("off_ms", "ahead_ms"), [(0, 0), (150, 0), (260, 60), (-40, -40)])
def test_how_far_a_clock_is_off_is_what_is_certain_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, off_ms: int, ahead_ms: int
) -> None:
    kept = Clock("timesync", tmp_path)
    tell(tmp_path, Known(least_ms=CERTAIN_MS, most_ms=CERTAIN_MS + 200))
    wall(monkeypatch, CERTAIN_MS + 500_000 + off_ms)
    assert kept.ahead_ms() == ahead_ms
    tell(tmp_path, Known(least_ms=CERTAIN_MS))
    assert kept.ahead_ms() == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"least_ms": -1}', b'{"least_ms": 1e30}', b"\xff\xfe", b"[" * 5000],
)
def test_what_cannot_be_understood_is_told_once_and_not_believed(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
) -> None:
    wall(monkeypatch, 1000)
    kept = Clock("timesync", tmp_path)
    file = clock.known_file(tmp_path)
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert kept.now().wall_ms == BUILT_MS
    assert len(caplog.messages) == 1
    assert str(file) in caplog.messages[0]
    tell(tmp_path, Known(least_ms=CERTAIN_MS))
    assert kept.now().wall_ms == CERTAIN_MS + 500_000


def test_nobody_waits_for_a_pipe_in_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wall(monkeypatch, 1000)
    os.mkfifo(clock.known_file(tmp_path))
    assert Clock("timesync", tmp_path).now().wall_ms == BUILT_MS


def test_a_moment_knows_its_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    one, two = clock.now("system"), clock.now("system")
    assert one.boot_id == two.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert 0 < one.boottime_ms <= two.boottime_ms
    assert abs(one.boottime_ms / 1000 - clock.boottime()) < 5


def test_a_boot_whose_name_cannot_be_read_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clock, "_BOOT_ID", tmp_path / "gone")
    clock.boot_id.cache_clear()
    try:
        assert clock.now("system").boot_id == clock.now("system").boot_id == ""
    finally:
        clock.boot_id.cache_clear()
    assert len(caplog.messages) == 1
