"""How soon a kiosk notices that it is apart from the centre: one fault at a time, while visitors
come."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from bench._notified import Daemon
from bench._troubles import Trouble

PATIENCE_S = 30.0
UP_S = 60.0
SOUND_S = 1.5  # longer than it takes a kiosk to say how it is
_LOOK_S = 0.02


class Uplink(NamedTuple):
    """What one says to systemd once a second, and to its log at once."""

    daemon: Daemon
    log: Path

    def noticed(self, began: float, read: int) -> float | None:
        """Seconds after `began`; `read`: so many bytes of the log are older."""
        while time.monotonic() < began + PATIENCE_S:
            if b"not connected: " in self.log.read_bytes()[read:] or self.daemon.is_away:
                return time.monotonic() - began
            time.sleep(_LOOK_S)
        return None


def detect(
    troubles: Sequence[Trouble], uplinks: Mapping[str, Uplink], rounds: int
) -> dict[str, list[float | None]]:
    """Seconds from a fault until an uplink, by its kiosk, notices, `rounds` times by kind; None
    where it did not within `PATIENCE_S`. A cut is heard at once, and is not among them."""
    found: dict[str, list[float | None]] = defaultdict(list)
    for number in range(rounds):
        for trouble in _of_each_kind(troubles, number):
            uplink = uplinks[min(trouble.apart)]
            _settle(uplinks)
            with trouble.busy:
                began, read = time.monotonic(), uplink.log.stat().st_size
                with trouble.strike(Random(number)):
                    found[trouble.kind].append(uplink.noticed(began, read))
    _settle(uplinks)
    return dict(found)


def _of_each_kind(troubles: Sequence[Trouble], number: int) -> Iterator[Trouble]:
    kinds: dict[str, list[Trouble]] = {}
    for trouble in troubles:
        if trouble.apart and trouble.kind not in ("cut", "half open to broker"):
            kinds.setdefault(trouble.kind, []).append(trouble)
    for alike in kinds.values():
        yield alike[number % len(alike)]


def _settle(uplinks: Mapping[str, Uplink]) -> None:
    """Until all have been connected for a while, as far as that can be waited for."""
    deadline = time.monotonic() + UP_S
    sound_at = time.monotonic()
    while time.monotonic() < min(deadline, sound_at + SOUND_S):
        if any(uplink.daemon.is_away for uplink in uplinks.values()):
            sound_at = time.monotonic()
        time.sleep(_LOOK_S)
