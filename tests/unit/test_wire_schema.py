"""docs/wire.schema.json: what it takes is what the code takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from central.schemas import schema, text
from kiosk import wire
from kiosk.errors import WireError

DOCS = Path(__file__).parents[2] / "docs"
INSTANT = {"wall_ms": 1, "clock": "synced", "boot_id": "b", "boottime_ms": 2}
HEADER = {"schema": 1, "device_id": "gate-1", "epoch": "0" * 24, "first_seq": 1, "envelopes": []}
RECORD = {
    "epoch": "0" * 24, "seq": 1, "id": "0" * 16, "scanned_at_ms": 1, "clock": "floor",
    "boot_id": "b", "boottime_ms": 2, "direction": "in", "outcome": "pass", "reason": "accepted",
    "sealed": "AAAA",
}  # fmt: skip
SAMPLES: list[tuple[type, dict[str, Any]]] = [
    (wire.State, {"st": "online", "sid": "5d1c"}),
    (wire.State, {"st": "asleep", "sid": "5d1c"}),
    (wire.State, {"st": "online"}),
    (wire.State, {"st": "online", "sid": "5d1c", "more": 1}),
    (wire.Alert, {"code": "c", "severity": "critical", "raised": True, "at_ms": 1}),
    (wire.Alert, {"code": "c", "severity": "loud", "raised": True, "at_ms": 1}),
    (wire.Ack, {"segment": "s", "accepted": [1], "server_ms": 2}),
    (wire.Ack, {"segment": "s", "accepted": ["1"], "server_ms": 2}),
    (wire.Presence, {"st": "away", "why": "w"}),
    (wire.RiskKeys, {"keys": []}),
    (wire.RiskKeys, {"keys": [1]}),
    (wire.Batch, {"segment": "s", "header": HEADER, "anchor": INSTANT, "records": [RECORD]}),
    (wire.Batch, {"segment": "s", "header": HEADER, "anchor": INSTANT, "records": [{}]}),
    (wire.Batch, {"segment": "s", "header": HEADER, "records": [RECORD]}),
    (wire.Telemetry, {"at_ms": 1, "clock": "unknown", "host": {"soc_c": 40.5}}),
    (wire.Telemetry, {"at_ms": 1, "clock": "unknown", "host": {"soc_c": "hot"}}),
]


def test_the_document_is_that_of_the_types() -> None:
    assert (DOCS / "wire.schema.json").read_text() == text(), (
        "python -m central.schemas docs/wire.schema.json"
    )
    Draft202012Validator.check_schema(schema())


def test_every_message_is_described_and_named_in_words_too() -> None:
    page = (DOCS / "wire.md").read_text()
    for message in get_args(wire.Message):
        part = schema()["$defs"][message.__name__]
        assert part["description"] and part["type"] == "object"
        assert f"`{message.__name__}`" in page


@pytest.mark.parametrize(("kind", "sample"), SAMPLES)
def test_it_takes_what_the_code_takes(kind: type, sample: dict[str, Any]) -> None:
    whole = schema()
    by_schema = Draft202012Validator({"$defs": whole["$defs"], "$ref": f"#/$defs/{kind.__name__}"})
    try:
        wire.decode(json.dumps(sample).encode(), kind)  # type: ignore[type-var]
        taken = True
    except WireError:
        taken = False
    assert by_schema.is_valid(sample) is taken
