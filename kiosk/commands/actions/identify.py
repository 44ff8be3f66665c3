"""Shows at the panel which kiosk it is, with sound and light."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from kiosk.commands import showing
from kiosk.commands.action import Args as _Args
from kiosk.commands.action import Kiosk, Result

LIMIT_S = 10.0


class Args(_Args, frozen=True):
    """For how long."""

    seconds: Annotated[float, Meta(gt=0, le=300)] = 30.0


def act(args: Args, kiosk: Kiosk) -> Result:
    """Raises Failed when the panel's daemon does not take the cue."""
    showing.show(kiosk, "identify", args.seconds)
    return Result(f"the panel shows it for {args.seconds:g} s")
