"""What to do, in the words of the place: systemd runs a kiosk on the wall, not one on a desk."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Advice(NamedTuple):
    """Remedies that differ. `has_units`: systemd runs the daemons and can be asked.
    `again` goes on after "correct the file"."""

    has_units: bool
    start_daemon: str
    again: str
    enrol: str
    outbox: str

    def start(self, daemon: str) -> str:
        """How to start a daemon that does not run."""
        return self.start_daemon.format(daemon=daemon)


ON_THE_WALL = Advice(
    has_units=True,
    start_daemon="systemctl start kiosk.target",
    again=", then: systemctl restart kiosk.target",
    enrol="have the fleet's authority enrol this kiosk, and copy what it gives to /etc/kiosk",
    outbox="systemd-tmpfiles --create kiosk.conf makes it, with the right owner; or try with sudo",
)

ON_A_DESK = Advice(
    has_units=False,
    start_daemon="python -m kiosk.{daemon}, with the same --config, starts it",
    again="",
    enrol="python -m provisioning.authority enrol makes a folder with all that is needed;"
    " name its site.toml with --config",
    outbox="make it, or correct paths.outbox; it must belong to this user",
)


def advice_for(config: list[Path] | None) -> Advice:
    """Who names files with --config does not ask for the kiosk that is installed here."""
    return ON_THE_WALL if config is None else ON_A_DESK
