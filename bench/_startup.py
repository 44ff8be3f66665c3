"""How long scanner and uplink take until they can work: `python -m bench._startup OUTBOX`
prints milliseconds of each, imports not counted."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

from bench._visitors import SEGMENT, check_in, sealing
from kiosk import clock
from kiosk.outbox import Outbox, SealedSegments
from kiosk.uplink.drain import Drain
from kiosk.uplink.watch import SealedWatch


def main(outbox: Path) -> None:
    """Opens the outbox as both daemons do."""
    begin = sealing()
    began = time.perf_counter()
    opened = Outbox(outbox, SEGMENT, begin)
    opened.put(check_in)
    scanner_s = time.perf_counter() - began
    opened.tick(0.0, connected=True)
    sent: list[str] = []

    def publish(name: str, _payload: bytes) -> bool:
        sent.append(name)
        return True

    began = time.perf_counter()
    segments = SealedSegments(outbox)
    watch = SealedWatch(outbox / "sealed", segments.collect, clock.boottime)
    drain = Drain(segments, publish, partial(clock.now, "system"), window=1, ack_timeout_s=30)
    watch.look()
    drain.saw(list(watch.names))
    drain.start()
    drain.turn(0.0)
    uplink_s = time.perf_counter() - began
    if not sent:
        raise RuntimeError("nothing was sent")
    opened.close()
    print(f"{scanner_s * 1000:.3f} {uplink_s * 1000:.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
