"""Kiosks, broker and centre while anything is killed, cut, held up or filled: is a record lost?

Real daemons, a real Mosquitto, two ingest workers and a real database; visitors by the hundred at
simulated external scanners. Faults come at random, several at a time. Then they stop, everything
must drain, and the database is compared with what each visitor was shown.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TextIO, get_args

from rich.console import Console

from bench._defects import Defect
from bench._doors import why_no_card
from bench._ordeal import Kind, Outcome, Plan, undergo
from bench._report import arguments, machine, positive, whole, write
from bench._troubles import KINDS
from bench._wall import why_not
from demo.processes import Failed
from kiosk.errors import KioskError

console = Console(stderr=True)


def main() -> None:
    """Command line."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("--kiosks", type=whole(1), default=3, help="default: %(default)s")
    parser.add_argument(
        "--minutes",
        type=positive,
        default=2.0,
        help="for each database, at most; default: %(default)s",
    )
    parser.add_argument("--faults", type=whole(1), default=10**9, help="for each database, at most")
    parser.add_argument("--per-s", type=positive, default=2.0, help="faults; default: %(default)s")
    parser.add_argument(
        "--seed", type=int, default=1, help="what is drawn; what the processes do is left to them"
    )
    parser.add_argument(
        "--database",
        choices=[*get_args(Kind), "both"],
        default="both",
        help="both: one after the other; default: %(default)s",
    )
    parser.add_argument(
        "--kinds", default=",".join(KINDS), help="of faults, with commas; default: %(default)s"
    )
    parser.add_argument(
        "--rounds",
        type=whole(0),
        default=1,
        help="of each fault by itself, to see how soon a kiosk says so; default: %(default)s",
    )
    parser.add_argument(
        "--without",
        choices=[word for word in get_args(Defect) if word],
        default="",
        help="take a safety out: there must be losses then, or duplicates",
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave logs and databases there")
    given = parser.parse_args()
    if given.keep and given.keep.exists():
        parser.error(f"--keep: {given.keep} is there already")
    kinds = given.kinds.split(",")
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"--kinds: found {', '.join(unknown)}; known: {', '.join(KINDS)}")
    databases: list[Kind] = [given.database] if given.database != "both" else list(get_args(Kind))
    plan = Plan(
        given.kiosks,
        given.minutes,
        given.faults,
        given.per_s,
        given.seed,
        kinds,
        given.rounds,
        given.without,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    began = time.monotonic()
    try:
        outcomes = _undergo(databases, plan, given.keep)
    except (Failed, KioskError) as error:
        sys.exit(f"nothing tried: {error}")
    _report(given.json, databases, outcomes, time.monotonic() - began)
    sys.exit(1 if any(_is_bad(outcome) for outcome in outcomes) else 0)


def _undergo(databases: list[Kind], plan: Plan, keep: Path | None) -> list[Outcome]:
    outcomes = []
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix="bench-") as folder:
        for kind in databases:
            root = (keep or Path(folder)).absolute() / kind
            root.mkdir(parents=True)
            with (
                (root / "faults.log").open("w", buffering=1) as log,
                console.status(f"{kind}: faults in {root}/faults.log"),
            ):
                outcomes.append(undergo(root, kind, plan, partial(_say, log)))
    return outcomes


def _say(log: TextIO, words: str) -> None:
    """With the time of day, as in the other logs."""
    log.write(f"{time.strftime('%H:%M:%S')} {words}\n")


def _is_bad(outcome: Outcome) -> bool:
    verdict = outcome.verdict
    return bool(verdict.problems) or verdict.records == 0 or verdict.records != verdict.committed


def _report(
    json: Path | None, databases: list[Kind], outcomes: list[Outcome], took_s: float
) -> None:
    faults = Counter[str]()
    detected: dict[str, list[float | None]] = {}
    for outcome in outcomes:
        faults.update(outcome.faults)
        for kind, seconds in outcome.detected_s.items():
            detected.setdefault(kind, []).extend(seconds)
    slowest = {
        kind: None if outcome.slowest_s is None else round(outcome.slowest_s, 1)
        for kind, outcome in zip(databases, outcomes, strict=True)
    }
    more = {
        "machine": machine(),
        "minutes": round(took_s / 60, 1),
        "skipped": "; ".join(why for why in (why_not(), why_no_card()) if why) or "nothing",
        "visits": sum(outcome.visits for outcome in outcomes),
        "greens": sum(outcome.greens for outcome in outcomes),
        "resent": sum(outcome.resent for outcome in outcomes),
        "repeated": sum(outcome.repeated for outcome in outcomes),
        "unasked": sum(outcome.verdict.unasked for outcome in outcomes),
        "silent_s": {
            name: round(max(outcome.silent_s[name] for outcome in outcomes), 1)
            for name in outcomes[0].silent_s
        },
        "detected_s": {
            kind: [None if s is None else round(s, 1) for s in seconds]
            for kind, seconds in sorted(detected.items())
        },
        "slowest_s": slowest,
        "faults": dict(faults.most_common()),
        "faults_total": faults.total(),
    }
    names = ("records", "committed", "lost", "duplicated")
    counts = {name: sum(getattr(o.verdict, name) for o in outcomes) for name in names}
    write(json, {**counts, **more})
    for outcome in outcomes:
        for problem in outcome.verdict.problems:
            print(problem)
    for name, value in more.items():
        print(f"{name:16} {value}")
    print(" ".join(f"{name}={value}" for name, value in counts.items()))


if __name__ == "__main__":
    main()
