"""What the benchmarks share: arguments, percentiles, the JSON file."""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from statistics import median


def arguments(about: str) -> argparse.ArgumentParser:
    """A parser with `--json FILE`."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


def spread(values: list[float]) -> dict[str, float]:
    """Median and 95th percentile, to three places."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return {"median": round(median(ordered), 3), "p95": round(p95, 3)}


def machine() -> str:
    """Kind of machine, for a reader of the figures."""
    return f"{platform.machine()}, Python {platform.python_version()}, {platform.system()}"


def write(path: Path | None, figures: dict[str, object]) -> None:
    """Writes the figures as JSON where `--json` asked for it."""
    if path is not None:
        path.write_text(json.dumps(figures, indent=2) + "\n")
