"""How answers are shown to operators."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from central.words import both
from kiosk import wire

_PRESENCE = {
    "online": both("đang kết nối", "online"),
    "lost": both("mất kết nối", "connection lost"),
    "off": both("đã tắt", "switched off"),
    "never": both("chưa từng thấy", "never heard of"),
}


def presence(state: wire.State | None) -> str:
    """For machines."""
    return "never" if state is None else state.st


def presence_in_words(state: wire.State | None) -> str:
    """For people."""
    return _PRESENCE[presence(state)]


def show(table: Table) -> None:
    """Onto standard output; for pipes nothing is folded."""
    width = None if sys.stdout.isatty() else 10_000
    Console(highlight=False, file=sys.stdout, width=width).print(table)
