"""What `kioskctl doctor` finds, for those commands that tell it."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from kiosk.commands.action import Failed, Kiosk, run

LIMIT_S = 150.0  # three parts have 20 s each, and systemd and the broker a few more
_TEXT_MAX = 500


def findings(kiosk: Kiosk) -> dict[str, list[dict[str, Any]]]:
    """By part: `ok`, `what`, `remedy`. Raises Failed."""
    # Drivers of devices do not run as root.
    words = ["doctor", "--json", "--by-daemons"]
    command = [sys.executable, "-m", "kiosk.ctl", *kiosk.options, *words]
    said = run(command, LIMIT_S)
    try:
        found = msgspec.json.decode(said, type=dict[str, list[dict[str, Any]]])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Failed("no-findings", "the doctor said nothing that can be read") from error
    return {
        part: [{key: _short(value) for key, value in one.items()} for one in members]
        for part, members in found.items()
    }


def wrong(found: dict[str, list[dict[str, Any]]]) -> int:
    """How many things are wrong."""
    return sum(not one.get("ok") for members in found.values() for one in members)


def _short(value: Any) -> Any:
    return value[:_TEXT_MAX] if isinstance(value, str) else value
