"""Starts the whole kiosk anew."""

from __future__ import annotations

import time

from kiosk.commands.action import Args, Failed, Kiosk, Result, run

__all__ = ["LIMIT_S", "Args", "act"]

LIMIT_S = 240.0
STAYS_S = 180.0  # stopping all units may take as long as the slowest of them


def act(_args: Args, kiosk: Kiosk) -> Result:
    """Does not come back, unless it failed: the next boot says that it is done."""
    kiosk.before_leaving()
    run(["systemctl", "reboot"], 30.0, no="not-rebooted")
    time.sleep(STAYS_S)
    raise Failed("not-rebooted", f"systemd took the order, and {STAYS_S:g} s later is still here")
