"""How a fleet comes back after its broker was restarted, beside what the broker can take.

A real Mosquitto with the fleet's configuration, and the real sessions of so many kiosks, each with
a certificate of its own, in a few processes on the same machine. First the limit: sessions a
second that broker and machine take in when one follows the other without a pause (TLS handshake,
CONNECT, subscription, birth). Then all kiosks are online, the broker is killed and started
again, once with the kiosks' own pace, once with a pace that the centre set for so many
(base and cap are kiosks / limit), and, for comparison, once with a pace that has no
spread to speak of. Without `--kiosks` there are as many as the broker takes in `--seconds`, at
most 2000.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench._kiosks import Crowd
from bench._report import arguments, machine, positive, spread, whole, write
from demo.processes import Process, free_port, needed, wait_for_port
from kiosk import wire
from provisioning.authority import enrol, init_fleet
from provisioning.broker import prepare

MOST = 2000
PROBES = 100
FIRST_S = 600.0
LEAST_S = 60.0
CAP_S = 60.0  # broker.reconnect_cap_s, by default
LIMIT_S = 8.0
AWAY_S = 5.0  # how long the broker is gone
PATIENCE = 6
"""So many times as long as the limit would take, a storm is watched: what has no spread may never
end, since handshakes that are given up cost as much as others."""
console = Console(stderr=True)


class Fleet:
    """Authority, broker and enrolled kiosks in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._authority = folder / "fleet"
        init_fleet(self._authority, ["localhost"])
        conf = prepare(self._authority, folder / "broker", self.port)
        command = [needed("mosquitto", "mosquitto"), "-c", str(conf)]
        self.broker = Process("broker", command, folder / "broker.log")

    def start(self) -> None:
        """The broker, until it listens."""
        self.broker.start()
        wait_for_port(self.port, self.broker)

    def enrol(self, first: int, last: int) -> list[Path]:
        """Site.toml of the kiosks with these numbers, the last one left out."""
        host = f"localhost:{self.port}"
        return [
            enrol(self._authority, f"k-{n}", "bench", host, self._folder / f"k-{n}")
            for n in track(range(first, last), "certificates", console=console)
        ]

    def pace(self, pace: wire.Pace) -> None:
        """Says it to all kiosks, as the centre does."""
        stem = self._authority / "_ingest-1"
        client = mqtt.Client(CallbackAPIVersion.VERSION2, "_ingest-1", protocol=mqtt.MQTTv5)
        client.tls_set(str(self._authority / "ca.crt"), f"{stem}.crt", f"{stem}.key")
        client.connect("localhost", self.port)
        client.loop_start()
        client.publish(wire.PACE, wire.encode(pace), 1, True).wait_for_publish(60)
        client.disconnect()
        client.loop_stop()


def main() -> None:
    """Prints a table; ends with 1 when not all came back at the centre's pace."""
    given = _arguments()
    _many_descriptors()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kiosk-storm-"))
        fleet = Fleet(Path(folder))
        stack.callback(fleet.broker.kill)
        fleet.start()
        sites = fleet.enrol(0, PROBES)
        limit = _limit(sites)
        kiosks = given.kiosks or max(2, min(MOST, round(limit * given.seconds)))
        console.print(f"{limit:.0f} sessions a second; {kiosks} kiosks")
        sites = [*sites, *fleet.enrol(PROBES, kiosks)][:kiosks]
        at_limit_s = kiosks / limit
        figures: dict[str, Any] = {
            "machine": machine(),
            "kiosks": kiosks,
            "limit_per_s": round(limit, 1),
            "at_the_limit_s": round(at_limit_s, 1),
            "storms": {},
        }
        crowd = Crowd(sites)
        stack.callback(crowd.end)
        crowd.start()
        _until_all(crowd, kiosks, FIRST_S)
        for name, pace in _paces(at_limit_s).items():
            fleet.pace(pace)
            # Who stood for as long as the cap begins with the first, shortest wait.
            time.sleep(pace.reconnect_cap_s or CAP_S)
            storm = figures["storms"][name] = _storm(fleet, crowd, kiosks, name, at_limit_s)
            console.print(storm)
    _print(figures)
    write(given.json, figures)
    sys.exit(figures["storms"]["pace of the centre"]["back"] < kiosks)


def _paces(at_limit_s: float) -> dict[str, wire.Pace]:
    spread_s = max(1, at_limit_s)
    return {
        "as configured": wire.Pace(),
        "pace of the centre": wire.Pace(reconnect_base_s=spread_s, reconnect_cap_s=spread_s),
        "hardly any spread": wire.Pace(reconnect_base_s=0.1, reconnect_cap_s=1),
    }


def _limit(sites: list[Path]) -> float:
    probing = Crowd(sites, PROBES // 4)
    try:
        with console.status("what the broker takes in"):
            return probing.limit(LIMIT_S)
    finally:
        probing.end()


def _until_all(crowd: Crowd, kiosks: int, patience_s: float) -> None:
    until = time.monotonic() + patience_s
    with console.status("coming online") as status:
        while (online := crowd.online) < kiosks and time.monotonic() < until:
            status.update(f"online: {online} of {kiosks}")
            time.sleep(0.2)


def _storm(
    fleet: Fleet, crowd: Crowd, kiosks: int, name: str, at_limit_s: float
) -> dict[str, float | int | None]:
    console.print(name)
    fleet.broker.kill()
    time.sleep(AWAY_S / 2)
    crowd.mark()
    time.sleep(AWAY_S / 2)
    fleet.start()
    began = time.monotonic()
    _until_all(crowd, kiosks, max(LEAST_S, PATIENCE * at_limit_s))
    returns = crowd.returns(began)
    back = [one.after_s for one in returns if one.after_s is not None]
    figures = spread(back, 95)
    last = max(back, default=0.0)
    return {
        "back": len(back),
        "back_s_median": figures["median"],
        "back_s_p95": figures["p95"],
        "back_s_last": round(last, 1),
        "last_to_limit": round(last / at_limit_s, 2),
        "attempts_mean": round(sum(one.attempts for one in returns) / len(returns), 2),
        "most_attempts_in_a_minute": max(one.most for one in returns),
    }


def _print(figures: dict[str, Any]) -> None:
    print(f"{figures['machine']}\n{figures['kiosks']} kiosks")
    limit, all_s = figures["limit_per_s"], figures["at_the_limit_s"]
    print(f"limit: {limit} sessions a second, so all within {all_s} s at best")
    table = Table("broker killed and back after 5 s", *figures["storms"])
    keys = next(iter(figures["storms"].values()))
    for key in keys:
        table.add_row(key, *(str(storm[key]) for storm in figures["storms"].values()))
    Console().print(table)


def _arguments() -> argparse.Namespace:
    parser = arguments(__doc__ or "")
    parser.add_argument("--kiosks", type=whole(2), metavar="N", help="how many there are")
    parser.add_argument(
        "--seconds",
        type=positive,
        default=15,
        metavar="S",
        help="without --kiosks: as many as the broker takes in so long; default: %(default)s",
    )
    return parser.parse_args()


def _many_descriptors() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main()
