"""Wall clock, boot clock and how far to trust them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kiosk import clock


def at(monkeypatch: pytest.MonkeyPatch, wall_ms: int) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: wall_ms * 1_000_000)


def test_a_clock_from_before_the_firmware_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 0)
    assert clock.now("system").clock == "unknown"
    assert clock.now("timesync").clock == "unknown"


def test_without_a_time_server_the_clock_is_a_floor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at(monkeypatch, clock.BUILT_MS + 1)
    monkeypatch.setattr(clock, "_SYNCHRONIZED", tmp_path / "synchronized")
    assert clock.now("timesync").clock == "floor"
    assert clock.now("system").clock == "synced"
    (tmp_path / "synchronized").touch()
    assert clock.now("timesync").clock == "synced"


def test_a_moment_knows_its_boot() -> None:
    one, two = clock.now("system"), clock.now("system")
    assert one.boot_id == two.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert 0 < one.boottime_ms <= two.boottime_ms
    assert abs(one.boottime_ms / 1000 - clock.boottime()) < 5
