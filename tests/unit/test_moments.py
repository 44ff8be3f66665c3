"""When a record was made: told, set right, or between bounds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.ingest.moments import Moment, at, settled, started_ms
from kiosk.model import CheckIn, ClockState, Instant

NOW_MS = 1_795_000_000_000
RECEIVED = at(NOW_MS)
LARGEST = 2**53


def record(**changes: Any) -> CheckIn:
    made = CheckIn(
        epoch="e" * 16,
        seq=1,
        id="1" * 16,
        scanned_at_ms=NOW_MS - 50_000,
        clock="floor",
        boot_id="now",
        boottime_ms=100_000,
        direction="in",
        outcome="pass",
        reason="accepted",
        sealed=b"",
    )
    return msgspec.structs.replace(made, **changes)


def anchor(**changes: Any) -> Instant:
    return msgspec.structs.replace(Instant(NOW_MS - 1000, "floor", "now", 120_000), **changes)


def test_a_clock_that_was_set_is_believed() -> None:
    said = record(clock="synced")
    assert settled(said, anchor(), {"now": 7}, RECEIVED) == Moment(at(NOW_MS - 50_000), "synced")


def test_what_is_known_of_the_boot_sets_a_record_right() -> None:
    start = started_ms(anchor(clock="synced", wall_ms=NOW_MS - 1000), RECEIVED)
    assert start == NOW_MS - 121_000
    moment = settled(record(), anchor(), {"now": start}, RECEIVED)
    assert moment == Moment(at(NOW_MS - 21_000), "corrected")
    before = record(boot_id="before", clock="unknown")
    moment = settled(before, anchor(), {"now": start, "before": 5_000}, RECEIVED)
    assert moment == Moment(at(105_000), "corrected")


def test_in_the_same_boot_it_was_so_long_before_it_was_sent() -> None:
    moment = settled(record(), anchor(), {}, RECEIVED)
    assert moment == Moment(
        at(NOW_MS - 50_000), "floor", not_before=at(NOW_MS - 50_000), not_after=at(NOW_MS - 20_000)
    )


@pytest.mark.parametrize(
    ("sent", "latest_ms"),
    [
        (anchor(), NOW_MS - 120_000),
        (anchor(clock="synced"), NOW_MS - 121_000),  # a stick came a second later
        (anchor(boot_id=""), NOW_MS),
        (anchor(boottime_ms=LARGEST), NOW_MS),
    ],
)
def test_in_an_earlier_boot_it_was_before_this_one_began(sent: Instant, latest_ms: int) -> None:
    made = record(boot_id="before", scanned_at_ms=NOW_MS - 900_000)
    moment = settled(made, sent, {}, RECEIVED)
    assert moment == Moment(
        at(NOW_MS - 900_000),
        "floor",
        not_before=at(NOW_MS - 900_000),
        not_after=at(latest_ms),
    )


def test_a_clock_of_which_nothing_is_known_has_no_lower_bound() -> None:
    moment = settled(record(clock="unknown", scanned_at_ms=5), anchor(), {}, RECEIVED)
    assert moment == Moment(at(5), "unknown", None, at(NOW_MS - 20_000))


def test_a_floor_that_lies_after_the_latest_moment_is_none() -> None:
    drifted = settled(record(scanned_at_ms=NOW_MS), anchor(), {}, RECEIVED)
    latest = at(NOW_MS - 20_000)
    assert drifted == Moment(latest, "floor", latest, latest)
    wrong = settled(record(scanned_at_ms=NOW_MS + 10**10), anchor(), {}, RECEIVED)
    assert wrong == Moment(latest, "unknown", None, latest)


def test_a_clock_that_is_ahead_of_the_centres_tells_nothing_of_the_boot() -> None:
    ahead = anchor(clock="synced", wall_ms=NOW_MS + 10**9)
    assert started_ms(ahead, RECEIVED) is None
    moment = settled(record(), ahead, {}, RECEIVED)
    assert (moment.clock, moment.not_after) == ("floor", at(NOW_MS - 20_000))
    drifted = anchor(clock="synced", wall_ms=NOW_MS + 299_000)
    assert started_ms(drifted, RECEIVED) == NOW_MS + 179_000


def test_a_record_that_would_be_of_tomorrow_is_not_corrected() -> None:
    moment = settled(record(boottime_ms=10**9), anchor(), {"now": NOW_MS - 1000}, RECEIVED)
    assert (moment.clock, moment.not_after) == ("floor", RECEIVED)


def test_boots_without_a_name_are_not_taken_for_one() -> None:
    nameless = anchor(boot_id="", clock="synced")
    assert started_ms(nameless, RECEIVED) is None
    moment = settled(record(boot_id=""), nameless, {}, RECEIVED)
    assert (moment.clock, moment.not_after) == ("floor", at(NOW_MS))


times = st.one_of(st.integers(0, LARGEST), st.sampled_from([0, 1, NOW_MS, 2**31 * 1000, LARGEST]))
clocks: st.SearchStrategy[ClockState] = st.sampled_from(["synced", "floor", "unknown"])
boots = st.sampled_from(["", "now", "before", "\0"])


@given(
    times.filter(lambda ms: ms < 253_402_300_800_000), times, times, times, clocks, clocks, boots
)
def test_nothing_that_a_kiosk_can_say_makes_a_moment_that_no_calendar_knows(
    said: int, boottime: int, wall: int, sent: int, clock: ClockState, set_: ClockState, boot: str
) -> None:
    made = record(scanned_at_ms=said, boottime_ms=boottime, clock=clock, boot_id=boot)
    told = Instant(wall, set_, "now", sent)
    start = started_ms(told, RECEIVED)
    starts = {} if start is None else {"now": start}
    moment = settled(made, told, starts, RECEIVED)
    known = moment.clock in ("synced", "corrected")
    if moment.clock == "corrected":
        assert moment.scanned_at <= at(NOW_MS + 300_000)
    assert (moment.not_after is None) == known
    if moment.not_after is not None:
        assert moment.scanned_at <= moment.not_after <= RECEIVED
        assert moment.not_before is None or moment.not_before <= moment.not_after
    assert datetime(1970, 1, 1, tzinfo=UTC) <= moment.scanned_at
