"""What an uplink would send of an outbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kiosk import clock, wire
from kiosk.outbox import SealedSegments


def batches(outbox: Path) -> Iterator[wire.Batch]:
    """Each segment as a whole, oldest first."""
    segments = SealedSegments(outbox)
    for name in segments.waiting():
        segment = segments.read(name)
        if segment is not None:
            yield wire.Batch(
                segment=name,
                header=segment.header,
                anchor=clock.now("system"),
                records=segment.records,
            )
