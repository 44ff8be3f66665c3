"""A worker that ends and never comes back."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from rig import Broker, Database, Ingest, Kiosk, until

# The worker as it is, but for the time for which the broker keeps its session.
SOON = (
    "import runpy, central.ingest.session as s; s.SESSION_S = 2;"
    "runpy.run_module('central.ingest', run_name='__main__')"
)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_worker_that_never_comes_back_holds_up_nothing_for_long(
    fleet: Path, kiosk: Kiosk, database: Database, ingest: Ingest, broker: Broker, tmp_path: Path
) -> None:
    until(lambda: kiosk.centre("online"), "ingest is online")
    other = Ingest(fleet, database.url, broker.address, tmp_path, number=2)
    other.command = [sys.executable, "-c", SOON, *other.command[3:]]
    other.start()
    try:
        until(lambda: len(kiosk.presence()) == 2 and kiosk.centre("online"), "both are online")
        other.kill()
        time.sleep(4)
        for _ in range(6):  # half of them would wait for it until they are sent again
            batch = kiosk.segment(1)
            assert kiosk.send(batch).accepted == [batch.records[0].seq]
    finally:
        other.close()
