"""The broker is there, but nobody behind it takes records: they stay, nothing is hammered."""

from __future__ import annotations

import time

import pytest
from doors import Centre, Door
from rig import Database, Ingest, until

from central import db
from kiosk.outbox import is_held


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_while_the_database_is_away_everything_stays_on_the_card(
    door: Door, ingest: Ingest, database: Database
) -> None:
    door.visit()
    door.start()
    until(door.empty, "it works")
    with database.away():
        door.visit()  # ingest notices by it
        until(lambda: door.says("the database does not answer"), "the panel is told why")
        assert not is_held(door.run / "connected")
        sent = door.said().count("sending it again")
        for _ in range(20):
            door.visit()
        time.sleep(3)  # three times the wait for an answer
        assert len(door.segments.waiting()) >= 20
        assert door.said().count("sending it again") == sent
        assert door.state is not None
        assert (door.state.online, door.state.centre) == (True, False)
    until(lambda: database.count(db.check_in) == 22, "all of them arrive", timeout_s=30)
    until(door.empty, "and leave the card", timeout_s=30)
    assert database.count(db.receipt) == 22


def test_a_silent_centre_is_asked_with_one_segment_at_a_time(door: Door, centre: Centre) -> None:
    centre.is_("online")
    for _ in range(12):
        door.visit()
    names = door.segments.waiting()
    door.start()
    until(lambda: door.says("the centre does not answer"), "it is called silent", timeout_s=30)
    while not centre.batches.empty():
        centre.batches.get()
    began = time.monotonic()
    first = centre.batch()
    centre.batch()
    assert time.monotonic() - began > 0.5, "the next only after the wait for the first"
    assert door.segments.waiting() == names
    centre.answer(first)
    answered = 1
    while not door.empty():
        until(lambda: door.empty() or not centre.batches.empty(), "it goes on")
        if not centre.batches.empty():
            centre.answer(centre.batch())
            answered += 1
    assert answered <= 14, "what is answered goes on at once, the others once each"
