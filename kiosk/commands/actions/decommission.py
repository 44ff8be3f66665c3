"""Ends a kiosk's service: keys and configuration are wiped, so that it can speak for nobody.

What waits for the centre is kept, and keeps the kiosk in service, unless it is forced.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from kiosk import durable
from kiosk.commands import keys, showing
from kiosk.commands.action import Args as _Args
from kiosk.commands.action import Failed, Kiosk, Result, run
from kiosk.config import DEFAULTS, Config
from kiosk.outbox import SealedSegments
from kiosk.relay import memory_path

LIMIT_S = 180.0
SHOWN_S = 3600.0
BLANK = b'# This kiosk was decommissioned; enrol it anew.\n[kiosk]\nid = ""\n'
_STOP_S = 60.0


class Args(_Args, frozen=True):
    """`confirm` is the kiosk's id once more. `force`: what waits is destroyed."""

    confirm: str
    force: Literal["yes", "no"] = "no"


def act(args: Args, kiosk: Kiosk) -> Result:
    """Raises Failed, and then the kiosk works on; OSError."""
    config = kiosk.config
    if args.confirm != config.kiosk.id:
        raise Failed("not-confirmed", "confirm must be the id of this kiosk")
    run(["systemctl", "stop", "kiosk-scanner.service"], _STOP_S, no="not-stopped")
    waits = _waiting(config.paths.outbox)
    if waits and args.force == "no":
        run(["systemctl", "start", "--no-block", "kiosk-scanner.service"], _STOP_S)
        raise Failed(
            "records-wait",
            f"{waits} files of check-ins wait here; let the centre take them, or export them, or"
            " destroy them with force=yes",
        )
    keys.wipe(*_papers(config))
    if waits:
        for folder in ("open", "sealed", "quarantine"):
            _empty(config.paths.outbox / folder)
    try:
        showing.show(kiosk, "set-up", SHOWN_S)
        panel = ""
    except Failed as error:
        panel = f"; the panel does not say so: {error.detail}"
    destroyed = f", {waits} files of check-ins destroyed" if waits else ""
    # The daemons end when what they are configured by is gone; this is to be told before.
    return Result(
        f"keys are gone, and with this the configuration{destroyed}{panel}",
        then=lambda: _forget(kiosk),
    )


def _waiting(outbox: Path) -> int:
    if not outbox.is_dir():
        return 0
    segments = SealedSegments(outbox)
    return (
        len(segments.waiting())
        + sum(map(bool, segments.still_open()))
        + len(segments.quarantined())
    )


def _papers(config: Config) -> Iterator[Path]:
    """Files that enrolment brought; those of the installation stay."""
    broker, judge = config.broker, config.judge
    named = [
        broker.key,
        keys.waiting(broker.key),
        broker.certificate,
        keys.waiting(broker.certificate),
        broker.ca,
        judge.policy,
        judge.trust,
        judge.risk,
        *judge.fleet_keys,
        *config.seal.recipients,
    ]
    for path in named:
        if path and Path(path).parent != DEFAULTS.parent:
            yield Path(path)


def _forget(kiosk: Kiosk) -> None:
    """Counts, what the centre wanted of this kiosk, and which one it was."""
    config, site = kiosk.config, _site(kiosk)
    if site is not None:
        durable.replace(site, BLANK)
    if (config.paths.state / "desired").is_dir():
        _empty(config.paths.state / "desired")
    for path in config.paths.state.iterdir():
        if path.is_file() and path != memory_path(config.paths.state):
            durable.remove(path)


def _empty(folder: Path) -> None:
    keys.wipe(*(path for path in folder.iterdir() if path.is_file() or path.is_symlink()))


def _site(kiosk: Kiosk) -> Path | None:
    """The last file of the configuration is the one that enrolment wrote."""
    named = [Path(word.partition("=")[2]) for word in kiosk.options]
    site = named[-1] if named else Path("/etc/kiosk/site.toml")
    return site if site.exists() else None
