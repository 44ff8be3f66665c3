"""When a record was made, as far as that can be known. Pure: no clock, no database.

`scanned_at` of a record made under a clock that was set is the kiosk's word. Another is set right
by what is known of its boot: the wall clock ran with CLOCK_BOOTTIME from the boot's start, and a
batch sent with the clock set tells when that was. For the rest there are bounds, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from kiosk.model import CheckIn, Instant

LATEST_MS = 253_402_300_800_000  # year 10000: no database has a name for later moments
_DRIFT_MS = 300_000  # two clocks that ran for weeks unset: within this they may contradict

Starts = Mapping[str, int]
"""When boots of one kiosk began, by boot id, in ms of the wall clock."""


class Moment(NamedTuple):
    """`clock` is the kiosk's word (`synced`, `floor`, `unknown`) or `corrected`. Where neither
    the kiosk nor an anchor knew the moment, it is `not_before` (None: nothing is known) and
    `not_after`; elsewhere both are None."""

    scanned_at: datetime
    clock: str
    not_before: datetime | None = None
    not_after: datetime | None = None


def started_ms(anchor: Instant, received: datetime) -> int | None:
    """When the boot of `anchor` began, which is known when its clock was set, and possible: what
    came at `received` was not sent after it."""
    start = anchor.wall_ms - anchor.boottime_ms
    known = anchor.clock == "synced" and anchor.wall_ms <= latest_ms(received)
    named = anchor.boot_id and "\0" not in anchor.boot_id  # PostgreSQL has no NUL in text
    return start if known and named and start >= 0 else None


def settled(record: CheckIn, anchor: Instant, starts: Starts, received: datetime) -> Moment:
    """The moment of a record of a batch with this `anchor`, that came at `received`."""
    said = record.scanned_at_ms
    if record.clock == "synced":
        return Moment(at(said), "synced")
    start = starts.get(record.boot_id)
    if start is not None and start + record.boottime_ms <= latest_ms(received):
        return Moment(at(start + record.boottime_ms), "corrected")
    latest = _before_ms(record, anchor, received)
    floor = said if record.clock == "floor" and said <= latest + _DRIFT_MS else None
    return Moment(
        at(min(said, latest)),
        "unknown" if floor is None else "floor",
        None if floor is None else at(min(floor, latest)),
        at(latest),
    )


def latest_ms(received: datetime) -> int:
    """The latest that a kiosk's clock can have said truly in what came at `received`."""
    return _ms(received) + _DRIFT_MS


def _before_ms(record: CheckIn, anchor: Instant, received: datetime) -> int:
    """It was made before it was sent, and before this boot if in another one. What cannot be
    narrows nothing down."""
    came = _ms(received)
    sent = came if started_ms(anchor, received) is None else min(came, anchor.wall_ms)
    if not (record.boot_id and anchor.boot_id):
        return sent
    ago = anchor.boottime_ms - (record.boottime_ms if record.boot_id == anchor.boot_id else 0)
    return sent - ago if 0 <= ago <= sent else sent


def at(millis: int) -> datetime:
    """A moment of the wall clock."""
    return datetime.fromtimestamp(millis / 1000, UTC)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
