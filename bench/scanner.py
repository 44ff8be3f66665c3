"""From the first frame in which a code can be read to the answer; and what an empty door costs.

Clips of codes that come to a door (`demo.clips`) are shown to the real pipeline, with its rules,
seal and outbox, by a simulated camera: while a frame is worked on, later ones come and go, and
only the newest is there when the work is done. A frame is *readable* when plain zxing-cpp with
default options reads it by itself, *visible* when the code is whole in it. Frame 1 is the first
readable (visible) one; milliseconds count from when it is there. Plain pyzbar and zxing-cpp on
every frame stand before the same camera. The figures on top are those of 15 frames a second;
`idle_ratio_to_pyzbar` is our CPU time through that of plain pyzbar on each frame.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench._idle import Cost, Look, costs, ratio
from bench._peers import Grey, Reader, plain_pyzbar, plain_zxing
from bench._report import arguments, idle_seconds, machine, positive, spread, whole, write
from demo.clips import ARRIVALS, Shot, clip
from demo.crowd import Crowd, crowd_of
from demo.door import Door
from drivers.camera import Frame

RATES = (15, 30)
OURS = "ours"
PEOPLE = 60
SOON = 2
"""Frames within which a code should be answered."""

Read = Callable[[Grey, float], float | None]
"""Takes a frame and its time; gives the time of the answer, or None."""

console = Console(stderr=True)


class Clock:
    """Simulated seconds: they stand still but for the time that work takes, `slower` times as
    long as it really took."""

    def __init__(self, slower: float = 1.0) -> None:
        self._slower = slower
        self._at = self._began = 0.0

    def start(self, at: float) -> None:
        """Work begins at `at`."""
        self._at, self._began = at, time.perf_counter()

    def now(self) -> float:
        return self._at + (time.perf_counter() - self._began) * self._slower


class Watcher:
    """One reader before the camera. `frame` is the number of the frame that was answered, None
    so far."""

    def __init__(self, read: Read, clock: Clock, fps: float) -> None:
        self._read, self._clock, self._fps = read, clock, fps
        self._free_at = 0.0
        self.frame: int | None = None
        self.answered_at = 0.0

    def offer(self, number: int, grey: Grey) -> None:
        """The camera has this frame, and drops it if a newer one is there before the reader is
        free."""
        if self.frame is not None or self._free_at >= (number + 1) / self._fps:
            return
        start = max(number / self._fps, self._free_at)
        self._clock.start(start)
        answered_at = self._read(grey, start)
        self._free_at = self._clock.now()
        if answered_at is not None:
            self.frame, self.answered_at = number, answered_at


class Run(NamedTuple):
    """What came of a clip of `frames` frames: the first that was visible, and readable (None:
    none was); when each reader answered (frame or None, seconds); how many of our payloads
    were wrong."""

    kind: str
    fps: float
    frames: int
    visible: int | None
    readable: int | None
    answers: dict[str, tuple[int | None, float]]
    wrong: int = 0

    def waited(self, who: str, since: int | None) -> tuple[int, float]:
        """Frames and milliseconds from frame `since` to the answer. Whoever answers earlier is
        given one frame, and the time since that frame; who never does, what is left of the clip
        and one frame more."""
        frame, at = self.answers[who]
        if frame is None:
            frame, at = self.frames, self.frames / self.fps
        first = frame if since is None else min(since, frame)
        return frame - first + 1, (at - first / self.fps) * 1000


def main() -> None:
    """Command line. Ends with 1 when a payload was wrong."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=whole(1), default=40, help="per rate; default: %(default)s")
    parser.add_argument(
        "--slower", type=positive, default=1, metavar="X", help="as if work took X times as long"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first clip")
    idle_seconds(parser)
    given = parser.parse_args()
    now, clock = time.time(), Clock(given.slower)
    crowd = crowd_of(PEOPLE, 5, now)
    door = partial(_door, crowd, now, clock)
    per_fps: dict[str, Any] = {}
    for fps in RATES:
        seeds = track(
            range(given.seed, given.seed + given.clips), f"clips, {fps} fps", console=console
        )
        runs = [_run(seed, fps, crowd, door, clock) for seed in seeds]
        idle = costs(partial(_looks, door), given.idle_seconds, fps, console)
        per_fps[str(fps)] = {**summary(runs), "idle": _empty(idle, fps) if idle else None}
    first = per_fps[str(RATES[0])]
    figures: dict[str, Any] = {
        "machine": machine(),
        "slower": given.slower,
        "frames_to_verdict": first["frames_to_verdict"],
        "ms_to_verdict": first["ms_to_verdict"],
        "idle_ratio_to_pyzbar": first["idle"] and first["idle"]["ratio_to_pyzbar"],
        "per_fps": per_fps,
    }
    _show(figures)
    write(given.json, figures)
    sys.exit(1 if any(one["wrong"] for one in per_fps.values()) else 0)


@contextmanager
def _door(crowd: Crowd, now: float, clock: Clock) -> Iterator[Door]:
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="bench-") as folder:
        door = Door(Path(folder), crowd.trust, now, clock.now)
        try:
            yield door
        finally:
            door.close()


Doors = Callable[[], AbstractContextManager[Door]]


@contextmanager
def _looks(doors: Doors) -> Iterator[Look]:
    with doors() as door:
        yield lambda grey, at: len(door.show(Frame(grey, at)).symbols)


def _run(seed: int, fps: float, crowd: Crowd, doors: Doors, clock: Clock) -> Run:
    kind = ARRIVALS[seed % len(ARRIVALS)]
    with doors() as door:

        def ours(grey: Grey, at: float) -> float | None:
            door.show(Frame(grey, at))
            return door.answers[0][1].at if door.answers else None

        def plain(read: Reader) -> Read:
            return lambda grey, _at: clock.now() if read(grey) else None

        readers = {OURS: ours, "pyzbar": plain(plain_pyzbar), "zxing-cpp": plain(plain_zxing)}
        run = play(kind, fps, clip(kind, crowd.visitors, fps, seed), readers, clock)
        right = {visitor.payload for visitor in crowd.visitors}
        return run._replace(wrong=sum(payload not in right for payload, _ in door.answers))


def play(
    kind: str, fps: float, shots: Iterable[Shot], readers: dict[str, Read], clock: Clock
) -> Run:
    """Shows a clip to all readers until each has answered."""
    watchers = {name: Watcher(read, clock, fps) for name, read in readers.items()}
    frames, visible, readable = 0, None, None
    for number, shot in enumerate(shots):
        frames = number + 1
        if visible is None and shot.visible:
            visible = number
        if readable is None and plain_zxing(shot.grey):
            readable = number
        for watcher in watchers.values():
            watcher.offer(number, shot.grey)
        answered = all(watcher.frame is not None for watcher in watchers.values())
        if answered and visible is not None and readable is not None:
            break
    answers = {name: (one.frame, one.answered_at) for name, one in watchers.items()}
    return Run(kind, fps, frames, visible, readable, answers)


def summary(runs: list[Run]) -> dict[str, Any]:
    """The figures of one rate. Clips in which no frame is readable are counted apart; without any
    other there is nothing to tell of waiting, which is None."""
    judged = [run for run in runs if run.readable is not None]
    late = [run for run in judged if run.waited(OURS, run.readable)[0] > SOON]
    waits = {who: _waits(judged, who) for who in runs[0].answers}
    ours = waits.pop(OURS, {})
    return {
        "clips": len(runs),
        "unreadable": len(runs) - len(judged),
        "wrong": sum(run.wrong for run in runs),
        **ours,
        "late": dict(Counter(run.kind for run in late)),
        "peers": waits,
    }


def _waits(runs: list[Run], who: str) -> dict[str, Any]:
    """Of one reader, how long it took to answer (a peer: to read)."""
    to_verdict = [run.waited(who, run.readable) for run in runs]
    from_visible = [run.waited(who, run.visible) for run in runs]
    soon = sum(frames <= SOON for frames, _ in to_verdict)
    return {
        "missed": sum(run.answers[who][0] is None for run in runs),
        "frames_to_verdict": {
            **spread([float(frames) for frames, _ in to_verdict]),
            "within_two": round(soon / len(runs), 3) if runs else None,
        },
        "ms_to_verdict": spread([ms for _, ms in to_verdict]),
        "frames_from_visible": spread([float(frames) for frames, _ in from_visible]),
        "ms_from_visible": spread([ms for _, ms in from_visible]),
    }


def _empty(found: dict[str, Cost], fps: float) -> dict[str, Any]:
    """CPU seconds of a minute in which nobody comes, and ours through pyzbar's."""
    per_minute = fps * 60 / 1000 / len(found)
    return {
        "cpu_s_per_minute": round(sum(cost.ours_ms for cost in found.values()) * per_minute, 3),
        "pyzbar_cpu_s_per_minute": round(
            sum(cost.pyzbar_ms for cost in found.values()) * per_minute, 1
        ),
        "ratio_to_pyzbar": round(1 / ratio(found), 5),
        "clips": {kind: cost.figures() for kind, cost in found.items()},
    }


def _show(figures: dict[str, Any]) -> None:
    table = Table(
        "fps", "reader", "missed", "frames", "p95", "within 2", "ms", "p95", "from visible"
    )
    for fps, one in figures["per_fps"].items():
        for name, f in {OURS: one, **one["peers"]}.items():
            frames, ms, visible = f["frames_to_verdict"], f["ms_to_verdict"], f["ms_from_visible"]
            values = (f["missed"], frames["median"], frames["p95"], frames["within_two"])
            times = (ms["median"], ms["p95"], f"{visible['median']} / {visible['p95']}")
            table.add_row(fps, name, *map(str, values), *map(str, times))
        table.add_section()
    Console(width=110).print(table)
    for fps, one in figures["per_fps"].items():
        told = {key: one[key] for key in ("clips", "unreadable", "wrong", "late", "idle")}
        print(f"{fps} fps: {told}")


if __name__ == "__main__":
    main()
