"""How long a segment has waited, whatever the wall clock does meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from outboxes import PlainSeal, open_outbox, record

from kiosk.model import CheckIn, ClockState, Instant
from kiosk.outbox import SealedSegments

MADE = Instant(1_795_000_000_000, "floor", "boot", 50_000)
YEARS_MS = 10**11


def age_s(directory: Path, clock: ClockState, now: Instant, boot_id: str = "boot") -> float | None:
    def put(seal: PlainSeal, seq: int) -> CheckIn:
        return msgspec.structs.replace(
            record(seal, seq),
            clock=clock,
            scanned_at_ms=MADE.wall_ms,
            boot_id=boot_id,
            boottime_ms=MADE.boottime_ms,
        )

    outbox = open_outbox(directory)
    outbox.put(put)
    outbox.close()
    sealed = SealedSegments(directory)
    (name,) = sealed.waiting()
    os.utime(directory / "sealed" / name, (0, 0))  # as a clock that was not set leaves it
    return sealed.age_s(name, now)


@pytest.mark.parametrize("jump_ms", [-YEARS_MS, 0, YEARS_MS])
def test_within_a_boot_a_clock_that_jumps_changes_nothing(tmp_path: Path, jump_ms: int) -> None:
    now = Instant(MADE.wall_ms + jump_ms, "synced", "boot", 80_000)
    assert age_s(tmp_path, "floor", now) == 30.0


@pytest.mark.parametrize(
    ("clock", "now", "least_s"),
    [
        ("synced", Instant(MADE.wall_ms + 900_000, "synced", "next", 60_000), 900.0),
        ("synced", Instant(MADE.wall_ms + 900_000, "floor", "next", 60_000), 900.0),
        ("synced", Instant(0, "unknown", "next", 60_000), 60.0),
        ("floor", Instant(MADE.wall_ms + YEARS_MS, "synced", "next", 60_000), 60.0),
        ("floor", Instant(MADE.wall_ms + YEARS_MS, "synced", "", 60_000), 0.0),
    ],
)
def test_of_an_earlier_boot_it_is_as_long_as_is_certain(
    tmp_path: Path, clock: ClockState, now: Instant, least_s: float
) -> None:
    assert age_s(tmp_path, clock, now) == least_s


def test_boots_without_a_name_are_not_taken_for_one(tmp_path: Path) -> None:
    assert age_s(tmp_path, "floor", Instant(0, "floor", "", 80_000), boot_id="") == 0.0


def test_what_is_gone_or_cannot_be_read_has_no_age(tmp_path: Path) -> None:
    open_outbox(tmp_path).close()
    sealed = SealedSegments(tmp_path)
    assert sealed.age_s("gone", MADE) is None
    (tmp_path / "sealed" / "junk").write_bytes(b"junk")
    assert sealed.age_s("junk", MADE) is None
    (tmp_path / "sealed" / "folder").mkdir()
    assert sealed.age_s("folder", MADE) is None
