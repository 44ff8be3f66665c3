"""Records made before a kiosk's clock was right, over a real broker and both databases."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from rig import NOW_MS, Database, Ingest, Kiosk, until

from central import db
from central.ingest import boots
from central.ingest.moments import at
from kiosk import wire
from kiosk.model import Instant

SET = Instant(NOW_MS, "synced", "boot-1", 900_000)
UNSET = Instant(NOW_MS - 10**9, "floor", "boot-1", 800_000)


@pytest.fixture(autouse=True)
def _online(ingest: Ingest, kiosk: Kiosk) -> None:
    until(lambda: kiosk.centre("online"), "ingest is online")


def send(kiosk: Kiosk, anchor: Instant, count: int = 1, **changes: Any) -> wire.Batch:
    changes = {"clock": "floor", "scanned_at_ms": NOW_MS - 10**9, **changes}
    batch = msgspec.structs.replace(kiosk.segment(count, **changes), anchor=anchor)
    ack = kiosk.send(batch)
    assert ack.accepted == [r.seq for r in batch.records]
    return batch


def rows(database: Database) -> list[Any]:
    return sorted(database.rows(db.check_in), key=lambda r: r.seq)


def test_what_came_before_the_clock_was_set_is_corrected_by_a_later_batch(
    kiosk: Kiosk, database: Database
) -> None:
    early = send(kiosk, UNSET, 3)
    before = datetime.now(UTC)
    for row, record in zip(rows(database), early.records, strict=True):
        assert (row.clock, row.boot_id, row.boottime_ms) == ("floor", "boot-1", row.seq * 1000)
        assert row.not_before == at(record.scanned_at_ms) == row.scanned_at
        ago = timedelta(milliseconds=800_000 - record.boottime_ms)
        assert abs(row.not_after - (before - ago)) < timedelta(seconds=15)
    send(kiosk, SET, boottime_ms=899_000)
    for _ in range(2):
        for row in rows(database):
            assert row.clock == "corrected"
            assert row.scanned_at == at(NOW_MS - 900_000 + row.boottime_ms)
            assert row.scanned_at_ms == NOW_MS - 10**9  # what the kiosk said stays
            assert (row.not_before, row.not_after) == (None, None)
        kiosk.send(early)  # and once more, with the old anchor


def test_a_boot_that_was_ever_known_corrects_what_its_card_still_held(
    kiosk: Kiosk, database: Database
) -> None:
    send(kiosk, SET, clock="synced", scanned_at_ms=NOW_MS - 5)
    now_unset = Instant(NOW_MS - 10**9, "floor", "boot-2", 1000)
    send(kiosk, now_unset, boot_id="boot-1", boottime_ms=7_000)
    send(kiosk, now_unset, boot_id="boot-0", boottime_ms=7_000)
    known, unknown = rows(database)[1:]
    assert (known.clock, known.scanned_at) == ("corrected", at(NOW_MS - 893_000))
    assert (unknown.clock, unknown.scanned_at) == ("floor", at(NOW_MS - 10**9))
    assert unknown.not_before == unknown.scanned_at < unknown.not_after


def test_other_boots_other_kiosks_and_records_under_a_set_clock_are_left_alone(
    kiosk: Kiosk, new_kiosk: Any, database: Database
) -> None:
    other = new_kiosk()
    send(other, UNSET)
    send(kiosk, UNSET, boot_id="boot-0")
    send(kiosk, UNSET, clock="synced", scanned_at_ms=NOW_MS - 77)
    send(kiosk, SET)
    kept = {(r.device_id, r.seq): r.clock for r in database.rows(db.check_in)}
    assert kept == {
        (other.kid, 1): "floor",
        (kiosk.kid, 1): "floor",
        (kiosk.kid, 2): "synced",
        (kiosk.kid, 3): "corrected",
    }


def test_a_clock_that_is_set_anew_sets_the_boot_right(kiosk: Kiosk, database: Database) -> None:
    send(kiosk, SET)
    send(kiosk, msgspec.structs.replace(SET, wall_ms=NOW_MS + 60_000))
    send(kiosk, UNSET)
    walls = [r.scanned_at for r in rows(database)]
    assert walls == [at(NOW_MS - 899_000), at(NOW_MS - 838_000), at(NOW_MS - 837_000)]


def test_many_are_corrected_little_by_little(kiosk: Kiosk, database: Database) -> None:
    count = boots.AT_ONCE + 64
    for _ in range(0, count, 64):
        send(kiosk, UNSET, 64)
    began = time.monotonic()
    send(kiosk, SET)
    print(f"{boots.AT_ONCE} corrected and answered in {time.monotonic() - began:.2f} s")
    left = sum(r.clock == "floor" for r in database.rows(db.check_in))
    assert 0 < left < 128
    send(kiosk, SET)
    assert {r.clock for r in database.rows(db.check_in)} == {"corrected"}


def test_records_that_would_be_of_tomorrow_hold_up_no_others(
    kiosk: Kiosk, database: Database
) -> None:
    for _ in range(0, boots.AT_ONCE, 50):
        send(kiosk, UNSET, 50, boottime_ms=2**50)
    send(kiosk, UNSET)
    send(kiosk, SET)
    clocks = [r.clock for r in rows(database)]
    assert clocks == ["floor"] * boots.AT_ONCE + ["corrected"] * 2


@pytest.mark.parametrize(
    "anchor",
    [
        Instant(2**53, "synced", "boot-1", 0),
        Instant(0, "synced", "boot-1", 2**53),
        Instant(NOW_MS, "synced", "boot-\0", 1),
        Instant(NOW_MS, "synced", "", 1),
        Instant(253_402_300_799_999, "synced", "boot-1", 0),  # the last of the year 9999
        Instant(time.time_ns() // 1_000_000 + 86_400_000, "synced", "boot-1", 900_000),  # tomorrow
    ],
)
def test_an_anchor_that_cannot_be_is_not_used(
    kiosk: Kiosk, database: Database, ingest: Ingest, anchor: Instant
) -> None:
    send(kiosk, UNSET)
    send(kiosk, anchor)
    assert {r.clock for r in rows(database)} == {"floor"}
    send(kiosk, SET)
    assert {r.clock for r in rows(database)} == {"corrected"}
    assert ingest.running


def test_a_boot_id_that_no_database_can_store_is_refused(kiosk: Kiosk) -> None:
    batch = kiosk.segment(1, boot_id="a\0b")
    assert kiosk.send(batch).refused == [wire.Refusal(1, "not-storable")]
