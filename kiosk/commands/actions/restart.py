"""Starts daemons anew, by systemd."""

from __future__ import annotations

from typing import Literal

from kiosk.commands.action import Args as _Args
from kiosk.commands.action import Kiosk, Result, run

LIMIT_S = 200.0
_PATIENCE_S = 90.0  # longer than a stop and a start may take by the units
_ALL = ("feedback", "scanner", "uplink")


class Args(_Args, frozen=True):
    """Which."""

    daemon: Literal["scanner", "feedback", "uplink", "all"] = "all"


def act(args: Args, kiosk: Kiosk) -> Result:
    """Comes back when they run. Raises Failed."""
    kiosk.before_leaving()
    daemons = _ALL if args.daemon == "all" else (args.daemon,)
    units = [f"kiosk-{daemon}.service" for daemon in daemons]
    run(["systemctl", "reset-failed", *units], _PATIENCE_S)  # as often as it is wanted
    run(["systemctl", "restart", *units], _PATIENCE_S, no="not-restarted")
    return Result(f"restarted: {', '.join(daemons)}")
