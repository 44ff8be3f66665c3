"""Outboxes without cryptography, for the tests of whatever stands around them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kiosk.model import SCHEMA, CheckIn, Envelope, SegmentHeader
from kiosk.outbox import Outbox, SealedSegments, Segment


class PlainSeal:
    """A header, and nothing sealed."""

    def __init__(self, epoch: str, first_seq: int) -> None:
        self.header = SegmentHeader(
            schema=SCHEMA,
            device_id="k-1",
            epoch=epoch,
            first_seq=first_seq,
            envelopes=[Envelope("0" * 16, "none", b"key")],
        )


def record(seal: PlainSeal, seq: int, sealed: bytes = b"") -> CheckIn:
    """A check-in of nobody."""
    return CheckIn(
        epoch=seal.header.epoch,
        seq=seq,
        id=secrets.token_hex(16),
        scanned_at_ms=1_795_000_000_000,
        clock="synced",
        boot_id="boot",
        boottime_ms=5,
        direction="in",
        outcome="pass",
        reason="accepted",
        sealed=sealed or b"sealed %d" % seq,
    )


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def open_outbox(directory: Path, records: int = 64) -> Outbox[PlainSeal]:
    return Outbox(directory, records, PlainSeal)


def killed(outbox: Outbox[PlainSeal]) -> None:
    """As `kill -9` leaves it: descriptors closed, nothing sealed."""
    os.close(outbox._lock)
    outbox._lock = -1


def open_segment_file(directory: Path) -> Path:
    """The one that holds records."""
    (path,) = (
        p
        for p in (directory / "open").iterdir()
        if p.name != "lock" and p.read_bytes().strip(b"\0")
    )
    return path


def left_open(folder: Path, records: int = 1) -> Path:
    """A file of a dead scanner's."""
    outbox = open_outbox(folder)
    for _ in range(records):
        outbox.put(record)
    killed(outbox)
    return open_segment_file(folder)


def sealed_segments(directory: Path) -> list[Segment]:
    """All that can be read, oldest first."""
    segments = SealedSegments(directory)
    read = [segments.read(name) for name in segments.waiting()]
    return [segment for segment in read if segment]


def sealed_seqs(directory: Path) -> list[int]:
    return [r.seq for segment in sealed_segments(directory) for r in segment.records]
