"""A firmware that is built knows when it was made."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kiosk.clock import BUILT_MS

TREE = Path(__file__).parents[2]


def build(folder: Path, changed: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(folder)],
        cwd=TREE,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(changed)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def built_ms(folder: Path) -> int:
    (found,) = re.findall(
        r"^BUILT_MS = ([0-9_]+)$", (folder / "kiosk/clock.py").read_text(), re.MULTILINE
    )
    return int(found)


@pytest.mark.parametrize("since_s", [-1, 1000])
def test_it_holds_the_newest_change_and_never_less_than_the_source(
    tmp_path: Path, since_s: int
) -> None:
    changed = BUILT_MS // 1000 + since_s
    done = build(tmp_path, changed)
    assert done.returncode == 0, done.stderr
    assert built_ms(tmp_path) == max(changed * 1000, BUILT_MS)


def test_a_change_that_lies_ahead_is_none(tmp_path: Path) -> None:
    done = build(tmp_path, int(time.time()) + 3 * 86_400)
    assert done.returncode != 0
    assert "set this machine's clock" in done.stderr


def test_the_source_was_not_made_in_the_future() -> None:
    assert time.time() * 1000 > BUILT_MS
