"""What an empty door costs, ours beside plain pyzbar on every frame; CPU time."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from bench._peers import Grey, plain_pyzbar
from demo import idle

EVERY = 15
"""Plain pyzbar, which keeps no state, sees one frame in so many."""

Look = Callable[[Grey, float], int]
"""Takes a frame and its time in seconds; says how many codes it read."""


class Cost(NamedTuple):
    """Mean CPU milliseconds per frame; `wrong`: codes read where there are none."""

    frames: int
    wrong: int
    ours_ms: float
    pyzbar_ms: float

    def figures(self) -> dict[str, float]:
        """For the report."""
        return {
            "frames": self.frames,
            "wrong": self.wrong,
            "ours_ms": round(self.ours_ms, 3),
            "pyzbar_ms": round(self.pyzbar_ms, 3),
            "pyzbar_to_ours": round(self.pyzbar_ms / self.ours_ms, 1),
        }


def costs(
    looks: Callable[[], AbstractContextManager[Look]], seconds: float, fps: float, console: Console
) -> dict[str, Cost]:
    """For each kind of clip in which nobody holds up a code; `looks` makes a new reader.
    Nothing when `seconds` leaves no frame."""
    found: dict[str, Cost] = {}
    for kind in track(idle.KINDS, f"empty door, {fps:g} fps", console=console):
        ours, peer, number, wrong = 0.0, [], -1, 0
        with looks() as look:
            for number, grey in enumerate(idle.clip(kind, seconds, fps)):
                start = time.process_time()
                wrong += look(grey, number / fps)
                ours += time.process_time() - start
                if number % EVERY == 0:
                    start = time.process_time()
                    plain_pyzbar(grey)
                    peer.append(time.process_time() - start)
        if peer:
            frames = number + 1
            found[kind] = Cost(frames, wrong, ours / frames * 1000, sum(peer) / len(peer) * 1000)
    return found


def ratio(found: dict[str, Cost]) -> float:
    """How many times as much plain pyzbar takes, all clips together."""
    return sum(c.pyzbar_ms for c in found.values()) / sum(c.ours_ms for c in found.values())
