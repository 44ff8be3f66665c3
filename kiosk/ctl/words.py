"""Figures as people say them."""

from __future__ import annotations

import re
import shutil
import textwrap
from pathlib import Path

import msgspec

from kiosk.errors import ConfigError


def count(number: int, what: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def opened(records: list[int]) -> str:
    """Segments that are not handed over yet, by how many records each holds."""
    return f"{count(len(records), 'segment')}, {count(sum(records), 'record')}"


def span(seconds: float) -> str:
    """A time in the largest unit of which there are at least two: `90 s`, `2 min`."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def about(path: Path, error: ConfigError) -> list[str]:
    """What is wrong with a policy or a list, one sentence per mistake that begins with the file.
    No parser knows the file, and each begins with what it reads."""
    cause = error.__cause__
    if isinstance(cause, msgspec.DecodeError) and "truncated" in str(cause):
        return [f"{path}: no whole JSON document; it may have been cut short"]
    beginning = re.compile("^(policy|trust list|risk list): ")
    return [f"{path}: {beginning.sub('', problem, count=1)}" for problem in error.problems]


def wrapped(before: str, text: str, below: str | None = None) -> str:
    """Text in the width of the terminal (80 columns where there is none), what does not fit
    beneath its beginning, or behind `below`."""
    width = max(40, shutil.get_terminal_size().columns)
    indent = " " * len(before) if below is None else below
    return textwrap.fill(
        text,
        width,
        initial_indent=before,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
