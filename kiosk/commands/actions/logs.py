"""The last lines of the daemons' journal, without what could name a person."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from kiosk.commands.action import Args as _Args
from kiosk.commands.action import Kiosk, Result
from kiosk.commands.journal import LINES_MAX, UNITS, lines

LIMIT_S = 40.0


class Args(_Args, frozen=True):
    """Of which daemon, how many, how grave at least."""

    unit: Literal["scanner", "feedback", "uplink", "commands", "all"] = "all"
    lines: Annotated[int, Meta(ge=1, le=LINES_MAX)] = 100
    level: Literal["debug", "info", "warning", "err"] = "debug"


def act(args: Args, _kiosk: Kiosk) -> Result:
    """Raises Failed when the journal cannot be read."""
    units = UNITS if args.unit == "all" else (args.unit,)
    found = lines(units, args.lines, args.level)
    return Result(f"{len(found)} lines", {"lines": found})
