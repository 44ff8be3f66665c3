"""What a worker makes of messages, over a real broker and both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from rig import NOW_MS, Database, Ingest, Kiosk, until

from central import db
from kiosk import seal, wire
from kiosk.model import Instant


@pytest.fixture(autouse=True)
def _online(ingest: Ingest, kiosk: Kiosk) -> None:
    """A segment published while nobody has ever subscribed goes nowhere."""
    until(lambda: kiosk.centre("online"), "ingest is online")


def test_a_segment_becomes_rows_and_an_acknowledgement(kiosk: Kiosk, database: Database) -> None:
    batch = kiosk.segment(3)
    ack = kiosk.send(batch)
    assert ack.accepted == [1, 2, 3]
    assert ack.refused == []
    assert abs(ack.server_ms - datetime.now(UTC).timestamp() * 1000) < 10_000
    rows = sorted(database.rows(db.check_in), key=lambda r: r.seq)
    assert [r.seq for r in rows] == [1, 2, 3]
    first = rows[0]
    assert (first.device_id, first.epoch, first.id) == (
        kiosk.kid,
        kiosk.epoch,
        batch.records[0].id,
    )
    assert first.subject == "vn-id:000000000001"
    assert first.claims == {"name": "Nguyễn Văn A", "seq": 1}
    assert (first.clock, first.direction, first.outcome, first.reason) == (
        "synced",
        "in",
        "pass",
        "ok",
    )
    assert first.scanned_at == datetime.fromtimestamp((NOW_MS + 1) / 1000, UTC)
    assert len(database.rows(db.receipt)) == 3
    assert database.rows(db.dead_letter) == []


def test_a_resent_segment_gets_the_same_answer_and_no_row(kiosk: Kiosk, database: Database) -> None:
    batch = kiosk.segment(3)
    first = kiosk.send(batch)
    later = msgspec.structs.replace(
        batch, anchor=Instant(NOW_MS + 900_000, "synced", "boot-1", 900_000)
    )
    for _ in range(3):
        again = kiosk.send(later)
        assert (again.accepted, again.refused) == (first.accepted, first.refused)
    assert len(database.rows(db.check_in)) == len(database.rows(db.receipt)) == 3


def test_the_same_segment_many_times_at_once(kiosk: Kiosk, database: Database) -> None:
    batch = kiosk.segment(64)
    for _ in range(20):
        kiosk.publish(batch)
    for _ in range(20):
        assert kiosk.ack(batch.segment).accepted == list(range(1, 65))
    assert len(database.rows(db.check_in)) == len(database.rows(db.receipt)) == 64


def test_a_used_number_with_another_id_is_refused(kiosk: Kiosk, database: Database) -> None:
    first = kiosk.segment(2)
    kiosk.send(first)
    kiosk.next_seq = 2  # a restored card counts again from where it was
    second = kiosk.segment(2)
    for _ in range(2):
        ack = kiosk.send(second)
        assert ack.accepted == [3]
        assert ack.refused == [wire.Refusal(2, "seq-reused")]
    kept = {r.seq: r.id for r in database.rows(db.check_in)}
    assert kept == {1: first.records[0].id, 2: first.records[1].id, 3: second.records[1].id}
    (letter,) = database.rows(db.dead_letter)
    assert (letter.device_id, letter.seq, letter.reason) == (kiosk.kid, 2, "seq-reused")


def test_an_altered_record_is_refused_and_the_others_taken(
    kiosk: Kiosk, database: Database
) -> None:
    batch = kiosk.segment(3)
    sealed = bytearray(batch.records[1].sealed)
    sealed[3] ^= 1
    batch.records[1] = msgspec.structs.replace(batch.records[1], sealed=bytes(sealed))
    for _ in range(2):
        ack = kiosk.send(batch)
        assert ack.accepted == [1, 3]
        assert ack.refused == [wire.Refusal(2, "altered")]
    (letter,) = database.rows(db.dead_letter)
    assert letter.reason == "altered"
    assert wire.decode(letter.raw, wire.Batch).records == [batch.records[1]]


def test_what_is_not_a_person_or_cannot_be_stored_is_refused(
    kiosk: Kiosk, database: Database
) -> None:
    batch = kiosk.segment(5)
    deep: list[object] = []
    for _ in range(50):
        deep = [deep]
    plains = [
        b'{"format": 1}',
        kiosk.plain(2, subject="a\0b"),
        kiosk.plain(3, claims={"k": {"\0": 1}}),
        kiosk.plain(4, claims={"k": deep}),
        kiosk.plain(5, subject="x" * 100_000),
    ]
    recipient = seal.load_public((kiosk.site.parent / "centre-seal.pub").read_bytes())
    sealing = seal.new_segment([recipient], kiosk.kid, kiosk.epoch, 1)
    records = [
        msgspec.structs.replace(record, sealed=sealing.seal(record.seq, plain))
        for record, plain in zip(batch.records, plains, strict=True)
    ]
    ack = kiosk.send(msgspec.structs.replace(batch, header=sealing.header, records=records))
    assert ack.accepted == []
    assert [r.reason for r in ack.refused] == ["not-a-person", *["not-storable"] * 4]
    assert len(database.rows(db.dead_letter)) == 5
    assert database.rows(db.check_in) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"device_id": "gate-0"}, "wrong-device"),
        ({"epoch": "00" * 8}, "envelope-altered"),
        ({"first_seq": 7}, "envelope-altered"),
        ({"schema": 99}, "unknown-schema"),
        ({"envelopes": []}, "no-key"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(
    kiosk: Kiosk, database: Database, change: dict[str, object], reason: str
) -> None:
    batch = kiosk.segment(2)
    header = msgspec.structs.replace(batch.header, **change)
    ack = kiosk.send(msgspec.structs.replace(batch, header=header))
    assert ack.accepted == []
    assert ack.refused == [wire.Refusal(1, reason), wire.Refusal(2, reason)]
    assert [r.reason for r in database.rows(db.dead_letter)] == [reason] * 2
    assert database.rows(db.receipt) == []


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"{}", b"[" * 50_000, b'{"segment": "x"}'])
def test_garbage_is_kept_once_and_holds_nothing_up(
    kiosk: Kiosk, database: Database, ingest: Ingest, payload: bytes
) -> None:
    for _ in range(2):
        kiosk.publish_raw(wire.up(kiosk.kid, "checkin"), payload)
    assert kiosk.send(kiosk.segment(1)).accepted == [1]
    (letter,) = database.rows(db.dead_letter)
    assert (letter.device_id, letter.reason, letter.raw) == (kiosk.kid, "not-a-batch", payload)
    assert ingest.running


@pytest.mark.parametrize(
    "change",
    [{"direction": "up"}, {"outcome": 7}, {"sealed": "no base64!"}, {"id": None}],
)
def test_what_is_no_batch_is_refused_where_it_can_be_answered(
    kiosk: Kiosk, database: Database, change: dict[str, object]
) -> None:
    batch = kiosk.segment(2)
    message = msgspec.json.decode(wire.encode(batch))
    message["records"][1] |= change
    for wall_ms in (1, 2, 3):  # the anchor differs each time
        message["anchor"]["wall_ms"] = wall_ms
        kiosk.publish_raw(wire.up(kiosk.kid, "checkin"), msgspec.json.encode(message))
        ack = kiosk.ack(batch.segment)
        assert ack.accepted == []
        assert ack.refused == [wire.Refusal(1, "unreadable"), wire.Refusal(2, "unreadable")]
    (letter,) = database.rows(db.dead_letter)
    assert (letter.device_id, letter.segment, letter.seq) == (kiosk.kid, batch.segment, None)
    assert msgspec.json.decode(letter.raw)["records"] == message["records"]


def test_what_cannot_be_answered_is_kept_once(kiosk: Kiosk, database: Database) -> None:
    message = msgspec.json.decode(wire.encode(kiosk.segment(1)))
    del message["segment"]
    for wall_ms in (1, 2, 3):
        message["anchor"]["wall_ms"] = wall_ms
        kiosk.publish_raw(wire.up(kiosk.kid, "checkin"), msgspec.json.encode(message))
    assert kiosk.send(kiosk.segment(1)).accepted == [2]
    assert [d.reason for d in database.rows(db.dead_letter)] == ["not-a-batch"]


def test_what_the_database_refuses_is_refused_and_the_others_taken(
    kiosk: Kiosk, database: Database
) -> None:
    database.forbid(db.check_in, "NEW.seq = 2")
    batch = kiosk.segment(2)
    for _ in range(2):
        ack = kiosk.send(batch)
        assert ack.refused == [wire.Refusal(seq, "database-refuses") for seq in (1, 2)]
    assert kiosk.send(kiosk.segment(1)).accepted == [3]
    assert len(database.rows(db.dead_letter)) == 2
    assert kiosk.centre("online")


def test_a_time_that_no_calendar_knows_is_refused(kiosk: Kiosk) -> None:
    ack = kiosk.send(kiosk.segment(1, scanned_at_ms=2**53))
    assert ack.refused == [wire.Refusal(1, "time-out-of-range")]


@pytest.mark.parametrize(
    ("record", "anchor", "clock", "after_now_ms"),
    [
        ({"clock": "floor"}, {}, "corrected", 1_000),
        ({"clock": "unknown", "scanned_at_ms": 7}, {}, "corrected", 1_000),
        ({"clock": "synced"}, {}, "synced", 1),
        ({"clock": "floor"}, {"clock": "floor"}, "floor", 1),
        ({"clock": "floor", "boot_id": "boot-0", "scanned_at_ms": NOW_MS - 5}, {}, "floor", -5),
    ],
)
def test_time_is_corrected_where_it_can_be(
    kiosk: Kiosk,
    database: Database,
    record: dict[str, object],
    anchor: dict[str, object],
    clock: str,
    after_now_ms: int,
) -> None:
    batch = kiosk.segment(1, **record)
    moved = msgspec.structs.replace(batch.anchor, **anchor)
    kiosk.send(msgspec.structs.replace(batch, anchor=moved))
    (row,) = database.rows(db.check_in)
    assert row.clock == clock
    assert row.scanned_at == datetime.fromtimestamp((NOW_MS + after_now_ms) / 1000, UTC)
    assert row.scanned_at_ms == batch.records[0].scanned_at_ms


def test_nothing_personal_is_logged(kiosk: Kiosk, ingest: Ingest) -> None:
    batch = kiosk.segment(2)
    kiosk.send(batch)
    kiosk.next_seq = 1
    kiosk.send(kiosk.segment(2))
    assert ingest.stop() == 0
    said = ingest.said()
    assert "seq-reused" in said
    assert "Nguy" not in said
    assert "0000000000" not in said


def test_kiosks_do_not_disturb_each_other(
    kiosk: Kiosk, new_kiosk: Callable[[], Kiosk], database: Database
) -> None:
    other = new_kiosk()
    other.epoch = kiosk.epoch
    mine, theirs = kiosk.segment(2), other.segment(2)
    kiosk.publish(mine)
    other.publish(theirs)
    assert kiosk.ack(mine.segment).accepted == other.ack(theirs.segment).accepted == [1, 2]
    assert len(database.rows(db.check_in)) == 4
