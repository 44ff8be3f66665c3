"""From a frame to the green cue, stage by stage, and on to the tracing database.

A real kiosk (three daemons), broker and centre; 200 visitors and more hold up drawn codes
in front of the replay camera. The scanner times its own stages; commits are seen by
polling the database every 10 ms.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

import sqlalchemy as sa
from rich.console import Console
from rich.progress import track

from bench._report import arguments, machine, spread, whole, write
from central.db import check_in, connect
from demo.crowd import crowd_of
from demo.scenes import draw
from demo.town import Town

STAGES = ("decode", "judge", "seal", "put", "cue")
POLL_S = 0.01
console = Console(stderr=True)


class CommitWatch(threading.Thread):
    """Notes when each record is first seen in the database: milliseconds since 1970."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._engine = connect(url)
        self.seen: dict[tuple[str, int], tuple[int, float]] = {}
        self.done = threading.Event()

    def run(self) -> None:
        """Polls until `done`."""
        query = sa.select(check_in.c.epoch, check_in.c.seq, check_in.c.scanned_at_ms)
        while not self.done.wait(POLL_S):
            try:
                with self._engine.connect() as connection:
                    rows = connection.execute(query).all()
            except sa.exc.OperationalError:  # no table yet
                continue
            now = time.time() * 1000
            for epoch, seq, scanned_at_ms in rows:
                self.seen.setdefault((epoch, seq), (scanned_at_ms, now))
        self._engine.dispose()


def main() -> None:
    """Command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--visitors", type=whole(1), default=240, help="default: %(default)s")
    given = parser.parse_args()
    crowd = crowd_of(given.visitors, seed=11, now=time.time())
    readable = [visitor for visitor in crowd.visitors if visitor.payload is not None]
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="bench-") as folder,
        Town(Path(folder), ["gate-1"], crowd.trust) as town,
    ):
        watch = CommitWatch(town.database)
        watch.start()
        kiosk = town.kiosks[0]
        shown = [
            kiosk.ask(draw(visitor, seed=number))
            for number, visitor in enumerate(track(readable, "visitors", console=console), start=1)
        ]
        kiosk.take_away()
        records = sum(answer["seq"] != "0" for answer in shown)
        town.wait_until_committed(records)
        time.sleep(3 * POLL_S)
        watch.done.set()
        watch.join()
        committed = len(town.committed())
    recorded = [answer for answer in shown if answer["seq"] != "0"]
    stages = {stage: [float(answer[f"{stage}_ms"]) for answer in recorded] for stage in STAGES}
    rest = [sum(values) for values in zip(*(stages[s] for s in STAGES[1:]), strict=True)]
    figures: dict[str, object] = {
        "machine": machine(),
        "visitors": len(shown),
        "records": records,
        "committed": committed,
        "non_decode_ms": spread(rest),
        "frame_to_cue_ms": spread([float(answer["total_ms"]) for answer in recorded]),
        "stages_ms": {stage: spread(values) for stage, values in stages.items()},
        "commit_ms": spread([seen - made for made, seen in watch.seen.values()]),
    }
    for name, value in figures.items():
        print(f"{name:16} {value}")
    write(given.json, figures)
    sys.exit(0 if records == committed == len(watch.seen) else 1)


if __name__ == "__main__":
    main()
