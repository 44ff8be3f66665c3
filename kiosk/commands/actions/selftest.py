"""Lets the panel test itself, and tells what the doctor finds."""

from __future__ import annotations

from kiosk.commands import doctor, showing
from kiosk.commands.action import Args, Failed, Kiosk, Result

__all__ = ["LIMIT_S", "Args", "act"]

LIMIT_S = doctor.LIMIT_S + 10
SHOWN_S = 30.0


def act(_args: Args, kiosk: Kiosk) -> Result:
    """Raises Failed when the doctor does not come to an end."""
    try:
        showing.show(kiosk, "self-test", SHOWN_S)
        panel = ""
    except Failed as error:  # the doctor will say more
        panel = f"; {error.detail}"
    found = doctor.findings(kiosk)
    return Result(f"wrong: {doctor.wrong(found)}{panel}", {"findings": found})
