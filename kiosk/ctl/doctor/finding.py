"""What a check of the doctor says."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at: what was seen and, when it is wrong, what to do."""

    ok: bool
    what: str
    remedy: str = ""


def fine(what: str) -> Finding:
    """Nothing to do."""
    return Finding(True, what)


def wrong(what: str, remedy: str) -> Finding:
    """Something to mend."""
    return Finding(False, what, remedy)
