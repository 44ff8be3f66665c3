"""What the files on a card tell of the epochs before this one."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from kiosk.model import EpochEnd
from kiosk.outbox.layout import SEGMENT_NAME, Folders, green_in
from kiosk.outbox.sealed import read_segment

_BEGINS_WITH_EPOCH = re.compile(r"[0-9a-f]{24}-").match


class Before(NamedTuple):
    """`latest`: the epoch that sorts last in `open/` and `sealed/`, "" when there is none.
    `end`: where the last one ended of which records lie in `sealed/`, as far as they do."""

    latest: str
    end: EpochEnd | None


def epochs_before(places: Folders) -> Before:
    """What all that waits tells. Raises OSError."""
    # There may be very many, and the door waits.
    last = max(filter(SEGMENT_NAME.fullmatch, os.listdir(places.sealed)), default="")  # noqa: PTH208
    left = filter(_BEGINS_WITH_EPOCH, os.listdir(places.open))  # noqa: PTH208
    return Before(max([last, *left])[:24], _end(last, places) if last else None)


def _end(name: str, places: Folders) -> EpochEnd | None:
    try:
        segment = read_segment(places.sealed / name)
    except OSError:  # the name tells nearly as much; that it cannot be read, the uplink says
        segment = None
    if segment is not None:
        return EpochEnd(epoch=segment.header.epoch, next_seq=segment.records[-1].seq + 1)
    green = green_in(name)
    return EpochEnd(epoch=name[:24], next_seq=int(name[25:41]) + green) if green else None
