"""What daemons say is wrong with what they have in use: nobody else can try it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.cues import Daemon
from kiosk.faults import standing, standing_file

CAMERA = ("camera-", "view-", "reads-")
READER = ("reader-",)
"""How the codes of faults begin that belong to these parts; others are those of the daemon."""

Remedy = Callable[[str, str], str]
"""By code and sentence of a fault."""


def in_use(run: Path, daemon: Daemon, begins: tuple[str, ...], remedy: Remedy) -> Iterator[Finding]:
    """For a device that a living daemon has in use: the faults whose codes begin so."""
    told = standing(standing_file(run, daemon))
    if told is None:
        yield wrong(
            f"in use by kiosk-{daemon}, which does not tell its faults:"
            f" {standing_file(run, daemon)} is missing or damaged",
            f"start kiosk-{daemon} anew; its journal says why it could not write there",
        )
        return
    found = _faults(told, lambda code: code.startswith(begins), remedy)
    yield from found or [fine(f"in use by kiosk-{daemon}, which tells no fault of it")]


def others(run: Path, daemon: Daemon, remedy: str) -> list[Finding]:
    """What else a living daemon tells."""
    told = standing(standing_file(run, daemon)) or {}
    return _faults(told, lambda code: not code.startswith(CAMERA + READER), lambda *_: remedy)


def _faults(told: dict[str, str], wanted: Callable[[str], bool], remedy: Remedy) -> list[Finding]:
    return [
        wrong(f"fault {code}: {why}", remedy(code, why))
        for code, why in told.items()
        if wanted(code)
    ]
