"""Which system calls a put makes: `python -m bench._calls OUTBOX PUTS` under strace(1)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from bench._visitors import SEGMENT, check_in, sealing
from kiosk.outbox import Outbox

PUTS = 40  # of one segment, after the first
_MARK = "getppid"  # made by nobody else
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\(", re.MULTILINE)


def calls_of_a_put(outbox: Path) -> dict[str, int] | None:
    """How often each call is made in a put into a segment that has room, the commonest set
    of them; None without strace."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    traced = subprocess.run(
        [strace, "-f", "-q", "-o", "/dev/stdout", sys.executable, "-m", __name__, outbox],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    puts = " ".join(_CALL.findall(traced)).split(_MARK)[1:-1]
    commonest, _ = Counter(tuple(sorted(put.split())) for put in puts).most_common(1)[0]
    return dict(Counter(commonest))


def main(outbox: Path) -> None:
    """Puts, with a mark between each two."""
    opened = Outbox(outbox, SEGMENT, sealing())
    opened.put(check_in)
    for _ in range(PUTS):
        os.getppid()
        opened.put(check_in)
    os.getppid()
    opened.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
