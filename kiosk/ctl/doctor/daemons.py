"""Whether the three daemons run, and hear each other."""

from __future__ import annotations

import errno
import fcntl
import socket
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

from kiosk.config import Config
from kiosk.ctl.doctor import standing
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.cues import MAY_SAY, Daemon, socket_path
from kiosk.outbox import scanner_at_work

TOLD = "the sentence says what is wrong; outbox, above, and the scanner's log tell more"
BOOTED = Path("/run/systemd/system")  # sd_booted(3)
UNITS = ("kiosk-scanner", "kiosk-feedback", "kiosk-uplink")
COMMANDS = "kiosk-commands.socket"
PATIENCE_S = 10.0
"""Longer than any turn of a daemon: the uplink waits 5 s for a broker that is silent."""


def check(config: Config, advice: Advice) -> Iterator[Finding]:
    """Units (where systemd runs them), sockets, and what the scanner says is wrong, but for
    camera and external scanner."""
    if advice.has_units and BOOTED.is_dir():
        yield from _units(advice)
    for daemon, senders in MAY_SAY.items():
        if senders:
            deaf = _deaf(config.paths.run, daemon, advice.start(daemon))
            yield deaf or fine(f"kiosk-{daemon} reads what it is sent")
    if scanner_at_work(config.paths.outbox):
        yield from standing.others(config.paths.run, "scanner", TOLD)


def panel_in_use(run: Path, advice: Advice) -> bool:
    """Whether kiosk-feedback is at work. On a booted kiosk systemd holds its socket even
    while it is not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        state = probe.connect_ex(str(socket_path(run, "feedback")))
    if state in (errno.ENOENT, errno.ECONNREFUSED):
        return False
    if not (advice.has_units and BOOTED.is_dir()):
        return True
    command = ["systemctl", "is-active", "--quiet", "kiosk-feedback.service"]
    return subprocess.run(command, timeout=10, check=False).returncode == 0


def _units(advice: Advice) -> Iterator[Finding]:
    asked = "--property=Id,LoadState,ActiveState,SubState,Result,StatusText"
    command = ["systemctl", "show", asked, *(f"{unit}.service" for unit in UNITS), COMMANDS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        yield wrong(f"systemd does not answer: {error}", "switch the kiosk off and on")
        return
    for block in done.stdout.strip().split("\n\n"):
        yield _unit(dict(line.partition("=")[::2] for line in block.splitlines()), advice)


def _unit(shown: dict[str, str], advice: Advice) -> Finding:
    name = shown["Id"].removesuffix(".service")
    if shown["LoadState"] == "not-found":
        return wrong(f"{name} is not installed", "copy systemd/* where docs/fleet.md says")
    if name == COMMANDS and shown["ActiveState"] == "active":
        return fine("commands of the centre are listened for")
    if (shown["ActiveState"], shown["SubState"]) == ("active", "running"):
        return fine(f"{name} runs: {shown['StatusText'] or 'no status yet'}")
    why = shown.get("StatusText") or shown["Result"]  # a socket has none
    return wrong(
        f"{name} is {shown['ActiveState']} ({shown['SubState']}): {why}",
        f"journalctl -u {name} -n 20 tells more; then: {advice.start(name)}",
    )


def _deaf(run: Path, daemon: Daemon, start: str) -> Finding | None:
    """What keeps a daemon from hearing; None when it reads what it is sent.

    A process that hangs has its socket bound all the same, so it is sent an empty datagram,
    which every daemon takes from its queue and drops.
    """
    path = socket_path(run, daemon)
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    probe.setblocking(False)
    try:
        probe.connect(str(path))
        probe.send(b"")
        read = _is_read(probe)
    except FileNotFoundError:
        return wrong(f"the socket {path} is missing: kiosk-{daemon} does not run", start)
    except ConnectionRefusedError:
        return wrong(f"nobody listens on {path}: kiosk-{daemon} has died", start)
    except PermissionError:
        return wrong(f"this user may not write to {path}", "try with sudo")
    except BlockingIOError:
        read = False  # its queue is full already
    except OSError as error:
        return wrong(f"{path} cannot be used: {error.strerror or error}", start)
    finally:
        probe.close()
    if not read:
        return wrong(
            f"kiosk-{daemon} hangs: it does not read what it is sent within {PATIENCE_S:.0f} s",
            f"end it (kill -KILL), then: {start}",
        )
    return None


def _is_read(probe: socket.socket) -> bool:
    """Whether the receiver takes what `probe` sent from its queue, in time. SIOCOUTQ, which
    has the number of TIOCOUTQ, tells the bytes of memory that still wait there."""
    deadline = time.monotonic() + PATIENCE_S
    while fcntl.ioctl(probe, termios.TIOCOUTQ, bytes(4)) != bytes(4):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
