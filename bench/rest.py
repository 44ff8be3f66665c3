"""CPU time of the three daemons while nobody is at the door: connected, and offline.

Simulated camera and panel, so that of scanner and panel this is not the whole; of the uplink it is.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from rich.console import Console

from bench._report import arguments, machine, positive, write
from demo.crowd import crowd_of
from demo.town import Kiosk, Town

SETTLE_S = 10.0
console = Console(stderr=True)


def main() -> None:
    """Command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--seconds", type=positive, default=60, help="each; default: %(default)s")
    given = parser.parse_args()
    trust = crowd_of(1, seed=5, now=time.time()).trust
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="bench-") as folder,
        Town(Path(folder), ["gate-1"], trust) as town,
    ):
        kiosk = town.kiosks[0]
        connected = _percent(kiosk, given.seconds, "connected")
        town.broker.stop()
        offline = _percent(kiosk, given.seconds, "offline")
        town.broker.start()
    print(f"{machine()}; per cent of one core, over {given.seconds:g} s each")
    for name in connected:
        print(f"{name:10} connected {connected[name]:6.3f}   offline {offline[name]:6.3f}")
    write(given.json, {"machine": machine(), "connected": connected, "offline": offline})


def _percent(kiosk: Kiosk, seconds: float, what: str) -> dict[str, float]:
    with console.status(what):
        time.sleep(SETTLE_S)
        began, before = time.monotonic(), _cpu_s(kiosk)
        time.sleep(seconds)
        took, after = time.monotonic() - began, _cpu_s(kiosk)
    return {name: round(100 * (after[name] - before[name]) / took, 3) for name in after}


def _cpu_s(kiosk: Kiosk) -> dict[str, float]:
    """Of all threads: nanoseconds on a processor are the first word of schedstat."""
    return {
        name: sum(
            int(task.read_text().split()[0])
            for task in Path(f"/proc/{process.pid}/task").glob("*/schedstat")
        )
        / 1e9
        for name, process in kiosk.daemons.items()
    }


if __name__ == "__main__":
    main()
