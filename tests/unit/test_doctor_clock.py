"""What the doctor says of the clock, in both languages."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kiosk import clock
from kiosk.clock import BUILT_MS, Known, tell
from kiosk.config import Config, load
from kiosk.ctl.doctor.advice import ON_A_DESK
from kiosk.ctl.doctor.clock import check
from kiosk.ctl.doctor.finding import Finding

TRUE_MS = 1_795_900_000_000  # 2026-11-28 21:06:40 UTC
TRUE = "2026-11-28 21:06:40 UTC"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(clock, "boottime", lambda: 100.0)
    monkeypatch.setattr(clock, "_SYNCHRONIZED", tmp_path / "synchronized")
    (tmp_path / "site.toml").write_text('[paths]\nrun = "."\n')
    return load([tmp_path / "site.toml"])


def wall(monkeypatch: pytest.MonkeyPatch, wall_ms: int) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: wall_ms * 1_000_000)


def found(config: Config) -> Finding:
    (finding,) = check(config, ON_A_DESK)
    return finding


def told(config: Config, most_ms: int | None) -> None:
    start_ms = TRUE_MS - 100_000
    most = None if most_ms is None else start_ms + most_ms
    tell(config.paths.run, Known(certain_ms=BUILT_MS, least_ms=start_ms, most_ms=most))


def test_a_clock_that_was_never_set(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    wall(monkeypatch, 0)
    told(config, None)
    finding = found(config)
    assert not finding.ok
    assert "says 1970-01-01 00:00:00 UTC; it is " + TRUE + " or later" in finding.what
    assert "chỉ biết chắc là từ " + TRUE in finding.what
    assert "timedatectl" in finding.remedy
    told(config, 300)
    assert "by the centre it is " + TRUE in found(config).what
    assert "theo trung tâm là " + TRUE in found(config).what


@pytest.mark.parametrize(
    ("off_s", "english", "vietnamese"),
    [
        (12, "is 12 s ahead of the centre's", "nhanh hơn trung tâm 12 giây"),
        (-3600, "is 3600 s behind the centre's", "chậm hơn trung tâm 3600 giây"),
        (4, "", ""),
    ],
)
def test_a_clock_that_was_set(
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    off_s: int,
    english: str,
    vietnamese: str,
) -> None:
    (config.paths.run / "synchronized").touch()
    wall(monkeypatch, TRUE_MS + off_s * 1000)
    told(config, 300)
    finding = found(config)
    assert finding.ok == (english == "")
    assert english in finding.what
    assert vietnamese in finding.what
