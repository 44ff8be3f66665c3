"""Whether the kiosk knows what time it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from kiosk.clock import now
from kiosk.config import Config
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong

MEND = "let the kiosk reach a time server (timedatectl timesync-status), or give it a clock battery"


def check(config: Config, _advice: Advice) -> Iterator[Finding]:
    """The clock's state."""
    moment = now(config.clock.source)
    date = datetime.fromtimestamp(moment.wall_ms / 1000, UTC)
    shown = f"{date:%Y-%m-%d %H:%M:%S} UTC"
    if moment.clock == "synced":
        yield fine(shown)
    elif moment.clock == "floor":
        yield wrong(
            f"no time server has confirmed the clock since the kiosk started; it says {shown},"
            " and the true time can only be later",
            MEND,
        )
    else:
        yield wrong(
            f"the kiosk does not know the date: the clock says {shown}, which is before this"
            " firmware was made",
            MEND,
        )
