"""The wire: what is valid passes unchanged, whatever else raises WireError."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk import wire
from kiosk.errors import WireError
from kiosk.model import SCHEMA, CheckIn, Envelope, EpochEnd, Instant, SegmentHeader

RECORD = CheckIn(
    epoch="ab" * 8,
    seq=1,
    id="cd" * 16,
    scanned_at_ms=1_795_000_000_000,
    clock="floor",
    boot_id="b",
    boottime_ms=7,
    direction="in",
    outcome="warn",
    reason="unknown-key",
    sealed=b"\x00\xff",
)
BATCH = wire.Batch(
    segment=f"{'ab' * 8}-{1:016d}.seg",
    header=SegmentHeader(
        schema=SCHEMA,
        device_id="gate-1",
        epoch="ab" * 8,
        first_seq=1,
        envelopes=[Envelope("00" * 8, "suite", b"\x01")],
    ),
    anchor=Instant(1_795_000_000_000, "synced", "b", 9),
    records=[RECORD],
)
CHAINED = msgspec.structs.replace(
    BATCH,
    header=msgspec.structs.replace(BATCH.header, previous=EpochEnd(epoch="ef" * 12, next_seq=41)),
)
MESSAGES: list[wire.Message] = [
    BATCH,
    CHAINED,
    wire.State("online", "s"),
    wire.Ack(segment="s", accepted=[1], refused=[wire.Refusal(2, "sealed")], server_ms=1),
    wire.Presence("away", "database"),
    wire.RiskKeys([bytes(range(32)), bytes(32)]),
    wire.Alert(code="card-full", severity="critical", raised=True, at_ms=1),
    wire.Telemetry(at_ms=1, clock="synced", pending_segments=0, quarantined=0, oldest_pending_s=0),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_message_survives_the_wire(message: wire.Message) -> None:
    assert wire.decode(wire.encode(message), type(message)) == message  # type: ignore[type-var]


def test_only_a_header_that_has_one_tells_the_epoch_before() -> None:
    """Kiosk and centre may each be older than the other."""
    assert b"previous" not in wire.encode(BATCH)
    header = msgspec.to_builtins(CHAINED.header)
    assert header.pop("previous") == {"epoch": "ef" * 12, "next_seq": 41}
    assert msgspec.convert(header, SegmentHeader) == BATCH.header


@pytest.mark.parametrize("keys", [[bytes(31)], [bytes(33)], [bytes(32)] * 5])
def test_keys_of_another_size_and_too_many_are_refused(keys: list[bytes]) -> None:
    with pytest.raises(WireError):
        wire.decode(msgspec.json.encode({"keys": keys}), wire.RiskKeys)


def test_fields_of_tomorrow_are_ignored() -> None:
    payload = msgspec.json.decode(wire.encode(BATCH))
    payload["new"] = payload["records"][0]["new"] = {"x": 1}
    assert wire.decode(msgspec.json.encode(payload), wire.Batch) == BATCH


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", 0),
        ("seq", -1),
        ("seq", 2**60),
        ("seq", "1"),
        ("epoch", "../../etc"),
        ("epoch", ""),
        ("epoch", "ab" * 8 + "\n"),
        ("id", "x" * 32),
        ("outcome", "green"),
        ("reason", "Nguyen Van A"),
        ("clock", "right"),
        ("sealed", "%%%"),
        ("scanned_at_ms", 1e400),
        ("scanned_at_ms", -5),
        ("boot_id", "x" * 65),
    ],
)
def test_a_wrong_record_is_refused_by_name(field: str, value: object) -> None:
    payload = msgspec.json.decode(wire.encode(BATCH))
    payload["records"][0][field] = value
    with pytest.raises(WireError, match="Batch"):
        wire.decode(msgspec.json.encode(payload), wire.Batch)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_decoder(junk: bytes) -> None:
    with pytest.raises(WireError):
        wire.decode(junk, wire.Batch)


def test_a_giant_is_refused_before_it_is_read() -> None:
    with pytest.raises(WireError, match="at most"):
        wire.decode(b"[" * (wire.MAX_BATCH_BYTES + 1), wire.Batch)
    with pytest.raises(WireError):
        wire.decode(b"[" * wire.MAX_BATCH_BYTES, wire.Batch)


def test_topics_belong_to_one_kiosk() -> None:
    assert wire.kid_of(wire.up("gate-1", "checkin")) == "gate-1"
    assert wire.kid_of(wire.down("gate-1", "ack")) == "gate-1"
    wrong = ["", "a/b", "kiosk/1/_srv/up/state", "kiosk/2/gate-1/up/x", "kiosk/1/+/up/checkin"]
    for topic in wrong:
        with pytest.raises(WireError, match="belongs to no kiosk"):
            wire.kid_of(topic)
