"""What the benchmarks share: arguments, percentiles, the JSON file."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import NamedTuple


def arguments(about: str) -> argparse.ArgumentParser:
    """A parser with `--json FILE`."""
    spec = sys.modules["__main__"].__spec__
    program = f"python -m {spec.name}" if spec else None
    parser = argparse.ArgumentParser(prog=program, description=about)
    parser.add_argument(
        "--json", type=_writable, metavar="FILE", help="write the figures there too"
    )
    return parser


def _writable(text: str) -> Path:
    """A file that can be written when the work is done: told before it begins."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} may not be written")
    return path


def whole(least: int) -> Callable[[str], int]:
    """Reads a whole number that is `least` or more."""

    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"found {text}, allowed: {least} or more")
        return int(text)

    return number


def positive(text: str) -> float:
    """Reads a number above 0."""
    if not (math.isfinite(float(text)) and float(text) > 0):
        raise argparse.ArgumentTypeError(f"found {text}, allowed: a number above 0")
    return float(text)


def idle_seconds(parser: argparse.ArgumentParser) -> None:
    """Adds `--idle-seconds S`: how long an empty door is watched."""
    parser.add_argument(
        "--idle-seconds",
        type=_seconds,
        default=30,
        metavar="S",
        help="per clip; default: %(default)s",
    )


def _seconds(text: str) -> float:
    """Reads a number that is 0 or more."""
    if not (math.isfinite(float(text)) and float(text) >= 0):
        raise argparse.ArgumentTypeError(f"found {text}, allowed: 0 or more")
    return float(text)


def spread(values: list[float], percent: int = 95) -> dict[str, float | None]:
    """Median and a percentile, to three places; None where there are no values."""
    upper = f"p{percent}"
    if not values:
        return {"median": None, upper: None}
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
    return {"median": round(median(ordered), 3), upper: round(high, 3)}


class Goal(NamedTuple):
    """A figure and what it should be: `limit` at most, or at least."""

    name: str
    found: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.found >= self.limit if self.at_least else self.found <= self.limit


def judged(goals: Iterable[Goal]) -> dict[str, object]:
    """Prints whether each goal is met; the same for the JSON. Nothing fails for it: a figure
    is that of a machine and its other work."""
    told: dict[str, object] = {}
    for goal in goals:
        wanted = f"{'at least' if goal.at_least else 'at most'} {goal.limit:g}"
        print(f"{'met' if goal.met else 'MISSED':7} {goal.name}: {goal.found:g}, goal: {wanted}")
        told[goal.name] = {"found": goal.found, "goal": wanted, "met": goal.met}
    return told


def machine() -> str:
    """Kind of machine, for a reader of the figures."""
    return f"{platform.machine()}, Python {platform.python_version()}, {platform.system()}"


def write(path: Path | None, figures: dict[str, object]) -> None:
    """Writes the figures as JSON where `--json` asked for it."""
    if path is not None:
        path.write_text(json.dumps(figures, indent=2) + "\n")
