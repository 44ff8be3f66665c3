"""A town under faults at random loses nothing. And the rig that says so can fail."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(240)
FIGURES = re.compile(r"records=(\d+) committed=(\d+) lost=(\d+) duplicated=(\d+)")


def chaos(*words: object) -> tuple[subprocess.CompletedProcess[str], list[int]]:
    """How `bench.chaos` on SQLite ended, and the figures of its last line."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.chaos", "--database", "sqlite", "--kiosks", "2",
         "--per-s", "3", "--rounds", "0", *map(str, words)],
        capture_output=True, text=True, check=False, timeout=230,
    )  # fmt: skip
    figures = FIGURES.fullmatch(done.stdout.splitlines()[-1] if done.stdout else "")
    assert figures, done.stderr
    return done, [int(figure) for figure in figures.groups()]


def test_nothing_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done, (records, committed, lost, duplicated) = chaos("--minutes", 0.25, "--json", out)
    assert done.returncode == 0, done.stdout
    assert records == committed > 10
    assert (lost, duplicated) == (0, 0)
    told = json.loads(out.read_text())
    assert [told[n] for n in ("records", "committed", "lost", "duplicated")] == [
        records, committed, 0, 0,
    ]  # fmt: skip
    assert told["faults_total"] == sum(told["faults"].values()) > 15
    assert set(told["slowest_s"]) == {"sqlite"}


@pytest.mark.parametrize(
    ("without", "kinds"),
    [
        ("receipt", "broker killed,database locked,held up,half open to broker"),
        ("commit", "ingest killed,database locked"),
    ],
)
def test_losses_are_found_where_a_safety_is_missing(without: str, kinds: str) -> None:
    done, (records, committed, lost, _) = chaos(
        "--minutes", 0.25, "--without", without, "--kinds", kinds
    )
    assert lost > 0
    assert committed == records - lost
    assert done.returncode == 1


def test_a_check_in_stored_twice_is_found() -> None:
    done, (_, _, lost, duplicated) = chaos(
        "--minutes", 0.05, "--without", "once", "--kinds", "feedback killed"
    )
    assert duplicated > 0
    assert lost == 0
    assert done.returncode == 1
