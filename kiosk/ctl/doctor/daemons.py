"""Whether the three daemons run, and hear each other."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from kiosk.config import Config
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.cues import MAY_SAY, Daemon, socket_path

BOOTED = Path("/run/systemd/system")  # sd_booted(3)
UNITS = ("kiosk-scanner", "kiosk-feedback", "kiosk-uplink")
START = "systemctl start kiosk.target"


def check(config: Config) -> Iterator[Finding]:
    """Units (where systemd runs them) and sockets."""
    if BOOTED.is_dir():
        yield from _units()
    for daemon, senders in MAY_SAY.items():
        if senders:
            yield _socket(config.paths.run, daemon)


def panel_in_use(run: Path) -> bool:
    """Whether kiosk-feedback is at work. On a booted kiosk systemd holds its socket even
    while it is not."""
    if not _socket(run, "feedback").ok:
        return False
    if not BOOTED.is_dir():
        return True
    command = ["systemctl", "is-active", "--quiet", "kiosk-feedback.service"]
    return subprocess.run(command, timeout=10, check=False).returncode == 0


def _units() -> Iterator[Finding]:
    asked = "--property=Id,LoadState,ActiveState,SubState,Result,StatusText"
    command = ["systemctl", "show", asked, *(f"{unit}.service" for unit in UNITS)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        yield wrong(f"systemd does not answer: {error}", "switch the kiosk off and on")
        return
    for block in done.stdout.strip().split("\n\n"):
        yield _unit(dict(line.partition("=")[::2] for line in block.splitlines()))


def _unit(shown: dict[str, str]) -> Finding:
    name = shown["Id"].removesuffix(".service")
    if shown["LoadState"] == "not-found":
        return wrong(f"{name} is not installed", "copy systemd/* where docs/operating.md says")
    if (shown["ActiveState"], shown["SubState"]) == ("active", "running"):
        return fine(f"{name} runs: {shown['StatusText'] or 'no status yet'}")
    why = shown["StatusText"] or shown["Result"]
    return wrong(
        f"{name} is {shown['ActiveState']} ({shown['SubState']}): {why}",
        f"journalctl -u {name} -n 20 tells more; then: {START}",
    )


def _socket(run: Path, daemon: Daemon) -> Finding:
    path = socket_path(run, daemon)
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        probe.connect(str(path))
    except FileNotFoundError:
        return wrong(f"the socket {path} is missing: kiosk-{daemon} does not run", START)
    except ConnectionRefusedError:
        return wrong(f"nobody listens on {path}: kiosk-{daemon} has died", START)
    except PermissionError:
        return wrong(f"this user may not write to {path}", "try with sudo")
    except OSError as error:
        return wrong(f"{path} cannot be used: {error.strerror or error}", START)
    finally:
        probe.close()
    return fine(f"kiosk-{daemon} listens")
