"""Sets a clock that no time server has set, to the moment at which the command was issued."""

from __future__ import annotations

from typing import Literal

from kiosk.clock import BUILT_MS
from kiosk.commands.action import Args as _Args
from kiosk.commands.action import Failed, Kiosk, Result

LIMIT_S = 10.0


class Args(_Args, frozen=True):
    """`backwards`: this kiosk's clock is known to be ahead."""

    backwards: Literal["yes", "no"] = "no"


def act(args: Args, kiosk: Kiosk) -> Result:
    """Behind the truth by the time that the command was on its way. Raises Failed."""
    now, to_ms = kiosk.now(), kiosk.command.issued_ms
    if now.clock == "synced":
        raise Failed("clock-set", "a time server, or a clock battery, has set the clock already")
    if to_ms < BUILT_MS:
        raise Failed("before-built", "it is older than this firmware; is the sender's clock right?")
    if now.clock == "floor" and to_ms < now.wall_ms and args.backwards == "no":
        raise Failed(
            "behind",
            "this kiosk's clock is later, and rather too early than too late; is the sender's clock"
            " right? If it is: backwards=yes",
        )
    kiosk.set_clock(to_ms / 1000)
    return Result(f"moved by {(to_ms - now.wall_ms) // 1000} s")
