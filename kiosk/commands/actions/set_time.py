"""Sets a clock that no time server has set, to the moment at which the command was issued."""

from __future__ import annotations

from kiosk.clock import BUILT_MS
from kiosk.commands.action import Args, Failed, Kiosk, Result

__all__ = ["LIMIT_S", "Args", "act"]

LIMIT_S = 10.0


def act(_args: Args, kiosk: Kiosk) -> Result:
    """Later than in truth by the time that the command was on its way. Raises Failed."""
    now, to_ms = kiosk.now(), kiosk.command.issued_ms
    if now.clock == "synced":
        raise Failed("clock-set", "a time server, or a clock battery, has set the clock already")
    if to_ms < BUILT_MS:
        raise Failed("before-built", "it is older than this firmware; is the sender's clock right?")
    if now.clock == "floor" and to_ms < now.wall_ms:
        raise Failed(
            "behind", "this kiosk knows that it is later than that; is the sender's clock right?"
        )
    kiosk.set_clock(to_ms / 1000)
    return Result(f"set, forward by {(to_ms - now.wall_ms) // 1000} s")
