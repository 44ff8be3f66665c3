"""How long a week's backlog takes to the centre, and what visitors of meanwhile wait.

A kiosk was offline: so many check-ins lie in its outbox, in full segments. Then its real
uplink starts, to a real broker (mutual TLS) and a real ingest with a real database, on
loopback or behind a line of `--link` kB/s each way, while visitors come; theirs is the time
from the put to the commit, as seen by polling the database every 10 ms. Beside it, with the
same payloads: paho alone, which takes the broker's PUBACK for an answer, and the centre's
commit alone, without broker and kiosk.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from bench._arrivals import Arrivals, Commits
from bench._batches import batches
from bench._drain_peers import bare_publish, commit_alone
from bench._relay import Relay
from bench._report import arguments, machine, positive, spread, whole, write
from bench._visitors import Begin, fill
from demo.kiosk import Kiosk, section
from demo.postgres import Postgres
from demo.processes import Failed
from demo.town import Town
from kiosk import wire
from kiosk.config import load
from kiosk.seal import load_public, new_segment

PATIENCE_S = 3600.0
console = Console(stderr=True)


class Databases(NamedTuple):
    """URLs of two empty databases; an empty one means SQLite beside the other files."""

    town: str
    peer: str


def main() -> None:
    """Command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--records", type=whole(1), default=35_000, help="default: %(default)s")
    parser.add_argument(
        "--every", type=positive, default=1.0, metavar="S", help="a visitor; default: %(default)s"
    )
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--link", type=positive, metavar="KB_S", help="speed of the line")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="bench-") as folder,
        ExitStack() as stack,
    ):
        try:
            databases = stack.enter_context(_databases(given.database))
        except Failed as error:
            parser.error(str(error))
        figures = _measured(Path(folder), databases, given)
    for name, value in figures.items():
        print(f"{name:18} {value}")
    write(given.json, figures)


@contextmanager
def _databases(kind: str) -> Iterator[Databases]:
    if kind == "sqlite":
        yield Databases("", "")
        return
    cluster = Postgres(durable=True)
    try:
        yield Databases(cluster.create("town"), cluster.create("peer"))
    finally:
        cluster.close()


def _measured(folder: Path, databases: Databases, given: argparse.Namespace) -> dict[str, Any]:
    town = Town(folder, ["gate-1"], database=databases.town)
    kiosk = town.kiosks[0]
    for daemon in ("scanner", "feedback"):  # this program is the scanner
        del kiosk.daemons[daemon]
    uplink = kiosk.daemons["uplink"]
    config = load(kiosk.config)
    recipients = [load_public(path.read_bytes()) for path in config.seal.recipients]
    begin: Begin = partial(new_segment, recipients, kiosk.kid)
    console.print(f"filling the outbox with {given.records} check-ins ...")
    fill(kiosk.outbox, given.records, begin)
    os.sync()
    sent = [wire.encode(batch) for batch in batches(kiosk.outbox)]
    with ExitStack() as stack:
        if given.link:
            relay = Relay(town.port, given.link * 1000)
            stack.callback(relay.close)
            _detour(kiosk, relay.port)
        stack.enter_context(town)
        arrivals = Arrivals(kiosk.outbox, kiosk.run / "connected", begin, given.every)
        stack.callback(arrivals.close)
        commits = Commits(town.database, kiosk.kid, arrivals.epoch)
        commits.start()
        began = time.monotonic()
        arrivals.start()
        console.print("draining ...")
        _until(lambda: commits.others >= given.records, town)
        ended = time.monotonic()
        cpu_s, peak_mb = _used(uplink.pid)
        arrivals.leave()
        _until(lambda: arrivals.put.keys() <= commits.seen.keys(), town)
        commits.over.set()
        commits.join()
        waited = commits.latencies(arrivals.put, ended)
        uplink.stop()
        town.ingest.stop()
        console.print("the peers ...")
        bare_s = bare_publish(config.broker, kiosk.kid, sent, config.uplink.window)
    keys = folder / "fleet" / "centre-seal.key"
    alone_s = commit_alone(
        databases.peer or f"sqlite:///{folder}/peer.sqlite", keys, kiosk.kid, sent
    )
    took = ended - began
    return {
        "machine": machine(),
        "database": given.database,
        "link_kb_s": given.link,
        "records": given.records,
        "kilobytes": sum(map(len, sent)) // 1000,
        "drain_s": round(took, 2),
        "records_per_s": round(given.records / took, 1),
        "visitors": len(waited),
        "live_s": {**spread(waited), "max": round(max(waited, default=0.0), 3)},
        "uplink_cpu_s_per_1000": round(cpu_s / given.records * 1000, 4),
        "uplink_peak_mb": round(peak_mb, 1),
        "bare_publish_s": round(bare_s, 2),
        "ratio_to_publish": round(took / bare_s, 2),
        "commit_alone_s": round(alone_s, 2),
        "ratio_to_commit": round(took / alone_s, 2),
    }


def _detour(kiosk: Kiosk, port: int) -> None:
    line = kiosk.root / "line.toml"
    line.write_text(section("broker", hosts=[f"localhost:{port}"]))
    kiosk.daemons["uplink"].command += ["--config", str(line)]


def _until(true: Any, town: Town) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        town.check()
        if time.monotonic() > deadline:
            raise Failed(f"not done within {PATIENCE_S:.0f} s")
        time.sleep(0.05)


def _used(pid: int) -> tuple[float, float]:
    """Processor seconds and peak of resident megabytes of a process (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    status = Path(f"/proc/{pid}/status").read_text()
    peak_kb = next(int(s.split()[1]) for s in status.splitlines() if s.startswith("VmHWM:"))
    return ticks / os.sysconf("SC_CLK_TCK"), peak_kb / 1024


if __name__ == "__main__":
    main()
