"""The benchmark of the panel runs, and its figures are of this world."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_the_bench_runs_and_writes_its_figures(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    few = ["--answers", "2", "--burst", "300", "--idle-seconds", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "bench.panel", *few, "--json", str(out)],
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    assert 0 < figures["light_ms"] < figures["picture_ms_400khz"]
    on_the_wire_ms = figures["bytes_per_answer"] * 9 / 400
    assert on_the_wire_ms < figures["picture_ms_spread"]["p95"]
    assert 0 < figures["idle_cpu_percent"] < 100
    assert figures["burst"]["newest_won"] is True
    peers = figures["peers"]
    assert peers["luma display()"]["bytes"] == 1 + 1 + 6 + 1 + 1 + 1024
    assert 0 < peers["ours"]["bytes"] < peers["luma display()"]["bytes"]
