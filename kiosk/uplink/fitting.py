"""Cuts a segment into messages, where a line is too slow for all of it at once."""

from __future__ import annotations

import msgspec

from kiosk import wire


def fitting(batch: wire.Batch, room: int) -> tuple[wire.Batch, bytes]:
    """As many of the first records as fit into `room` bytes, at least one; and the payload."""
    payload = wire.encode(batch)
    frame = len(wire.encode(msgspec.structs.replace(batch, records=[])))
    while len(payload) > room and len(batch.records) > 1:
        count = len(batch.records)
        fit = int((room - frame) * count / (len(payload) - frame))
        some = batch.records[: min(count - 1, max(1, fit))]
        batch = msgspec.structs.replace(batch, records=some)
        payload = wire.encode(batch)
    return batch, payload
