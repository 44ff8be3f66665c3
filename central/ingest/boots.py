"""When the boots of kiosks began: what batches tell, kept, and what it sets right afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from central import db
from central.ingest.moments import Starts, at, latest_ms, started_ms
from central.ingest.reading import Reading

Insert = Callable[[sa.Table], Any]
"""SQLite's or PostgreSQL's own, which can do something on a conflict."""
AT_ONCE = 1000
"""Earlier records corrected in one transaction, which has to end in time; the next batch of the
kiosk goes on."""
_CHUNK = 500  # boots in one query; SQLite allows a thousand alternatives
_SAME_MS = 1000  # a clock is slewed, batches are sent in no time: less is no news

_Boot = tuple[str, str]  # device, boot id


def learn(
    connection: sa.Connection, insert: Insert, readings: Sequence[Reading], now: datetime
) -> Mapping[str, Starts]:
    """What is known of the boots in `readings`, by device; what these tell anew is kept, and
    corrects records that came before it was known."""
    told = _told(readings, now)
    asked = {
        (reading.kid, row.record.boot_id)
        for reading in readings
        for row in reading.rows
        if reading.kid and row.record.clock != "synced"
    }
    known = _known(connection, sorted(told.keys() | asked))
    news = [
        {"device_id": boot[0], "boot_id": boot[1], "started_ms": start, "received_at": now}
        for boot, start in sorted(told.items())  # sorted: two workers wait, and never deadlock
        if boot not in known or abs(start - known[boot]) > _SAME_MS
    ]
    if news:
        statement = insert(db.boot)
        new = {name: statement.excluded[name] for name in ("started_ms", "received_at")}
        key = [db.boot.c.device_id, db.boot.c.boot_id]
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=new), news)
    if told:
        _correct(connection, told, latest_ms(now))
    known |= told
    starts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (device, boot_id), start in known.items():
        starts[device][boot_id] = start
    return starts


def _told(readings: Sequence[Reading], now: datetime) -> dict[_Boot, int]:
    told: dict[_Boot, int] = {}
    for reading in readings:
        if reading.kid and reading.batch and reading.rows:
            start = started_ms(reading.batch.anchor, now)
            if start is not None:
                told[reading.kid, reading.batch.anchor.boot_id] = start
    return told


def _known(connection: sa.Connection, boots: Sequence[_Boot]) -> dict[_Boot, int]:
    c = db.boot.c
    known: dict[_Boot, int] = {}
    for start in range(0, len(boots), _CHUNK):
        some = db.one_of((c.device_id, c.boot_id), boots[start : start + _CHUNK])
        query = sa.select(c.device_id, c.boot_id, c.started_ms).where(some)
        known |= {(device, boot_id): ms for device, boot_id, ms in connection.execute(query)}
    return known


def _correct(connection: sa.Connection, told: Mapping[_Boot, int], latest: int) -> None:
    """Rows of these boots that were stored as not known, and would not be after `latest`; what the
    kiosk said stays."""
    c = db.check_in.c
    set_right: list[dict[str, Any]] = []
    for (device, boot_id), start in sorted(told.items()):
        unsettled = (
            sa.select(c.epoch, c.seq, c.boottime_ms)
            .where(c.not_after.is_not(None), c.device_id == device, c.boot_id == boot_id)
            .where(c.boottime_ms <= latest - start)
            .order_by(c.epoch, c.seq)
            .limit(AT_ONCE - len(set_right))
        )
        set_right += [
            {"device": device, "of": epoch, "number": seq, "moment": at(start + boottime_ms)}
            for epoch, seq, boottime_ms in connection.execute(unsettled)
        ]
    if set_right:
        statement = (
            sa.update(db.check_in)
            .where(
                c.device_id == sa.bindparam("device"),
                c.epoch == sa.bindparam("of"),
                c.seq == sa.bindparam("number"),
            )
            .values(
                scanned_at=sa.bindparam("moment"),
                clock="corrected",
                not_before=None,
                not_after=None,
            )
        )
        connection.execute(statement, set_right)
