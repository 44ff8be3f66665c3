"""A backlog behind a slow line: the real uplink, broker and ingest, and visitors meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest
from doors import Door
from rig import Broker, Database, Ingest, until

from bench._relay import Relay
from central import db

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


class SlowDoor:
    """A door behind a line of so many bytes a second, and what its visitors waited."""

    def __init__(self, site: Path, folder: Path, broker: Broker, bytes_s: float) -> None:
        self.relay = Relay(broker.port, bytes_s)
        text = site.read_text().replace(broker.address, f"localhost:{self.relay.port}")
        site.write_text(text)
        self.door = Door(
            site, folder, ack_timeout_s=30, telemetry_s=3600, keepalive_s=30
        )  # as the defaults are
        self.put = 0

    def backlog(self, records: int) -> None:
        for _ in range(records // 64):
            self.door.visit(people=64)
        self.put += records

    def visits(self, people: int, every_s: float, database: Database) -> list[float]:
        """Seconds from the visit to the commit of each."""
        first = self.put + 1
        for _ in range(people):
            self.door.visit()
            self.put += 1
            time.sleep(every_s)

        def committed() -> list[float]:
            rows = [row for row in database.rows(db.check_in) if first <= row.seq <= self.put]
            waits = [row.received_at.timestamp() - row.scanned_at_ms / 1000 for row in rows]
            return waits if len(waits) == people else []

        return until(committed, "all visitors are with the centre", timeout_s=60)

    def close(self) -> None:
        self.door.close()
        self.relay.close()


@pytest.fixture
def behind(
    enrolled: Callable[[], Path], broker: Broker, tmp_path: Path
) -> Iterator[Callable[[float], SlowDoor]]:
    made: list[SlowDoor] = []

    def a_line_of(bytes_s: float) -> SlowDoor:
        made.append(SlowDoor(enrolled(), tmp_path / "door", broker, bytes_s))
        return made[-1]

    yield a_line_of
    for slow in made:
        slow.close()


@pytest.mark.parametrize(("bytes_s", "people", "every_s"), [(1_000, 8, 3.0), (10_000, 16, 0.5)])
def test_visitors_do_not_wait_for_a_backlog(
    ingest: Ingest,
    database: Database,
    behind: Callable[[float], SlowDoor],
    bytes_s: int,
    people: int,
    every_s: float,
) -> None:
    slow = behind(bytes_s)
    slow.door.start()
    until(lambda: slow.door.state and slow.door.state.centre, "connected", timeout_s=60)
    alone = slow.visits(5, every_s, database)
    until(slow.door.empty, "all is answered")
    slow.door.stop()
    slow.backlog(64 * 50)
    slow.door.start()
    until(lambda: database.count(db.check_in) > 5, "the backlog begins", timeout_s=60)
    before, bytes_before, began = database.count(db.check_in), slow.relay.up, time.monotonic()
    waits = sorted(slow.visits(people, every_s, database))
    took = time.monotonic() - began
    drained = database.count(db.check_in) - before - people
    assert not slow.door.empty(), "it lasted until the end"
    p95 = waits[len(waits) * 95 // 100]
    # A second or two longer than on the same line without a backlog.
    assert p95 < median(alone) + 2.0, (waits, alone)
    assert drained > 0.3 * bytes_s * took / 1000, "and the backlog got on meanwhile"
    assert slow.relay.up - bytes_before > 0.5 * bytes_s * took
    assert "not acknowledged in time" not in slow.door.said()
