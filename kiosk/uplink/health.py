"""Whether the other daemons are well: the measure of a configuration on trial."""

from __future__ import annotations

from pathlib import Path

from kiosk.alerts import ALERTS
from kiosk.desired import Trial, mark
from kiosk.faults import standing, standing_file
from kiosk.outbox import is_held

OTHERS = ("scanner", "feedback")


class Health:
    """Read off what each daemon leaves in the run directory: a lock while it works, the version of
    the configuration by which it does, and its faults."""

    def __init__(self, run: Path) -> None:
        self._run = run

    def working(self) -> list[str]:
        """Daemons that are started and alive."""
        return [daemon for daemon in OTHERS if self._works(daemon)]

    @property
    def complete(self) -> bool:
        """All daemons of a kiosk are."""
        return len(self.working()) == len(OTHERS)

    def faults(self) -> list[str]:
        """Codes of grave faults that stand."""
        return [code for daemon in OTHERS for code in self._grave(daemon)]

    def lacking(self, trial: Trial) -> str:
        """What is worse than before the trial, in words; empty when nothing is."""
        for daemon in trial.daemons:
            if not self._works(daemon) or self._version(daemon) != trial.version:
                return f"the {daemon} does not work with it"
        new = sorted(set(self.faults()) - set(trial.faults))
        return f"faults came with it: {', '.join(new)}" if new else ""

    def _works(self, daemon: str) -> bool:
        try:
            return is_held(mark(self._run, daemon))
        except OSError:  # nobody can vouch for it
            return False

    def _version(self, daemon: str) -> int | None:
        try:
            return int(mark(self._run, daemon).read_text())
        except (OSError, ValueError):
            return None

    def _grave(self, daemon: str) -> list[str]:
        try:
            codes = standing(standing_file(self._run, daemon)) or {}  # type: ignore[arg-type]
        except OSError:
            return []
        return [code for code in codes if code in ALERTS and ALERTS[code].severity == "critical"]
