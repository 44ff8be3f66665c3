"""Lines of the daemons' journal for the centre, redacted.

By design nothing in it names a person. What a library, or a daemon that breaks, writes there by
accident is not ours to promise, so whatever could be a number, a code or a value is cut out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from kiosk.commands.action import run

UNITS = ("scanner", "feedback", "uplink", "commands")
LINES_MAX = 200
TOTAL_BYTES = 40 * 1024
_LINE_MAX = 500

_CUTS = (
    # Fields of a national code, and whatever else is joined in this way.
    (re.compile(r"[^\s|]*\|[^|]*\|.*"), "<fields>"),
    # Health codes by their beginning, up to the end of the line.
    (re.compile(r"(?i)(\b(HC1:|NZCP:/|shc:/|DP1:)|\{\").*"), "<code>"),
    # What a foreign error says may quote what it met; errors of the system do not.
    (
        re.compile(
            r"\b(?!OSError|ImportError|ModuleNotFoundError|PermissionError|FileNotFoundError"
            r"|BrokenPipeError|ConnectionRefusedError|ConnectionResetError|TimeoutError)"
            r"(\w*(?:Error|Exception)): .*"
        ),
        r"\1: <value>",
    ),
    # Numbers of persons, telephones, cards: nine digits, however they are grouped.
    (re.compile(r"\d(?:[ .\-]?\d){8,}"), "<digits>"),
    # Base64, base45, hexadecimal: long words without a path or an assignment in them.
    (re.compile(r"[A-Za-z0-9+_%*$\-]{40,}={0,2}"), "<word>"),
)
_STAMP = re.compile(r"\S+ ")


def redacted(line: str) -> str:
    """One line of the journal, its first word (the time) as it is."""
    stamp = _STAMP.match(line)
    head = stamp.group() if stamp else ""
    text = "".join(c if c.isprintable() else " " for c in line[len(head) :])
    for pattern, instead in _CUTS:
        text = pattern.sub(instead, text)
    return (head + text)[:_LINE_MAX]


def lines(units: Sequence[str], count: int, level: str = "debug") -> list[str]:
    """The newest `count` lines of these daemons, oldest first, and no more than `TOTAL_BYTES` of
    them. Raises Failed."""
    names = [f"--unit=kiosk-{unit}.service" for unit in units]
    said = run(
        [
            "journalctl",
            *names,
            f"--lines={count}",
            f"--priority={level}",
            "--output=short-iso",
            "--no-hostname",
            "--no-pager",
            "--quiet",
            "--utc",
        ],
        30.0,
        no="no-journal",
    )
    return bounded([redacted(line) for line in said.decode(errors="replace").splitlines()])


def bounded(found: Iterable[str], total: int = TOTAL_BYTES) -> list[str]:
    """The newest of them that fit."""
    kept: list[str] = []
    for line in reversed(list(found)):
        total -= len(line.encode()) + 3
        if total < 0:
            break
        kept.append(line)
    return kept[::-1]
