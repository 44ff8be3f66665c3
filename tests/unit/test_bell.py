"""Who waits for the bell hears of each file that comes, and of nothing else."""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.uplink.bell import Bell


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    before = signal.getsignal(signal.SIGIO)
    (tmp_path / "open").mkdir()
    (tmp_path / "sealed").mkdir()
    yield tmp_path / "sealed"
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGIO, before)


def waits(bell: Bell, seconds: float) -> float:
    began = time.monotonic()
    select.select([bell], [], [], seconds)
    return time.monotonic() - began


def test_it_rings_for_a_segment_that_is_handed_over(sealed: Path) -> None:
    bell = Bell(sealed)
    bell.hang()
    assert waits(bell, 0.2) >= 0.2
    for name in ("1", "2"):
        left = sealed.parent / "open" / name
        left.touch()
        left.rename(sealed / name)
        assert waits(bell, 10) < 5
        assert bell.rang()
        assert not bell.rang()
    (sealed / "1").unlink()  # our own doing
    assert waits(bell, 0.2) >= 0.2


def test_what_comes_between_two_waits_is_not_lost(sealed: Path) -> None:
    bell = Bell(sealed)
    bell.hang()
    (sealed / "1").touch()
    time.sleep(0.1)
    assert waits(bell, 10) < 5


def test_it_hangs_where_a_directory_comes_later(sealed: Path) -> None:
    later = sealed.parent / "later"
    bell = Bell(later)
    bell.hang()
    later.mkdir()
    bell.hang()
    (later / "1").touch()
    assert waits(bell, 10) < 5
