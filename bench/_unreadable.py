"""A card that no longer gives some of its files: they are set aside, and nothing else suffers."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from bench._scanning import Place, fast, open_outbox
from kiosk.errors import OutboxError
from kiosk.outbox import SealedSegments, Segment, read_segment
from kiosk.outbox.layout import folders

ROUNDS = 6
ROUND_S = 0.006  # of ours: longer than the outbox waits before it reads again, of the kiosk's


def sit_out(place: Place) -> None:
    """The first half minute of a scanner and of an uplink, for a process of its own: its
    clock goes faster from now on."""
    time.monotonic = fast
    outbox, segments = open_outbox(place, 64), SealedSegments(place.outbox)
    for _ in range(ROUNDS):
        with suppress(OutboxError):
            outbox.tick(0.0, connected=True)
        for name in segments.waiting():
            with suppress(OutboxError):
                segments.read(name)
        time.sleep(ROUND_S)
    with suppress(OutboxError):
        outbox.close()


def given(place: Place, bad: Collection[int]) -> tuple[list[Segment], list[str]]:
    """What can be sent while the files with the inodes `bad` cannot be read, and in words
    which of them are in somebody's way."""
    segments, problems = SealedSegments(place.outbox), []
    found: list[Segment | None] = []
    for name in segments.waiting():
        try:
            found.append(segments.read(name))
        except OutboxError as error:
            problems.append(f"not set aside: {error}")
    left = _of(bad, folders(place.outbox).open)
    problems += [f"not set aside: {path} cannot be read" for path in left]
    return [segment for segment in found if segment is not None], problems


def aside(place: Place, bad: Collection[int]) -> list[Segment]:
    """What was set aside of those, and can be read again."""
    found = map(read_segment, _of(bad, folders(place.outbox).quarantine))
    return [segment for segment in found if segment is not None]


def _of(inodes: Collection[int], folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.stat().st_ino in inodes)
