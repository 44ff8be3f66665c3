"""Screens that a command asks for."""

from __future__ import annotations

import os

from kiosk.clock import boottime
from kiosk.commands.action import Failed, Kiosk
from kiosk.cues import Outlet, ScreenCue
from kiosk.model import Asked


def show(kiosk: Kiosk, screen: Asked, lasts_s: float) -> None:
    """Asks the panel, in the uplink's name. Raises Failed."""
    outlet = Outlet(kiosk.config.paths.run, "feedback", "uplink")
    try:
        cue = ScreenCue(number=os.getpid(), at=boottime(), screen=screen, lasts_s=lasts_s)
        if not outlet.send(cue):
            raise Failed("no-panel", f"the panel's daemon does not listen: {outlet.problem}")
    finally:
        outlet.close()
