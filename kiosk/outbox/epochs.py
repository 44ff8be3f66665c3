"""What the files on a card tell of the epochs before this one."""

from __future__ import annotations

import os
import re

from kiosk.outbox.layout import Folders

_BEGINS_WITH_EPOCH = re.compile(r"[0-9a-f]{24}-").match


def latest_epoch(places: Folders) -> str:
    """The one that sorts last in `open/` and `sealed/`, "" when there is none. Raises OSError."""
    names = [*os.listdir(places.open), *os.listdir(places.sealed)]  # noqa: PTH208
    return max(filter(_BEGINS_WITH_EPOCH, names), default="")[:24]
