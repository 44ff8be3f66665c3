"""What systemd tells of the three daemons, and what the scanner tells in its status line."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from typing import NamedTuple

from kiosk import wire
from kiosk.uplink.kernel import Kernel

DAEMONS = ("scanner", "feedback", "uplink")
PATIENCE_S = 10.0
_BOOTED = "run/systemd/system"  # sd_booted(3)
_ASKED = "--property=Id,ActiveState,SubState,NRestarts,MemoryCurrent,StatusText"
_COMMAND = ["systemctl", "show", _ASKED, *(f"kiosk-{name}.service" for name in DAEMONS)]
_STATE = re.compile(r"[a-z-]{1,30}")


class Shown(NamedTuple):
    """`status` are the figures of the scanner's status line, as they stand there."""

    units: dict[str, wire.Unit]
    status: Mapping[str, str]


NOTHING = Shown({}, {})


def ask(kernel: Kernel) -> Shown:
    """One call for all units; nothing where systemd does not run. Waits `PATIENCE_S` at most."""
    if not (kernel.root / _BOOTED).is_dir():
        kernel.note("systemctl", "systemd does not run here")
        return NOTHING
    try:
        done = subprocess.run(
            _COMMAND, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        kernel.note("systemctl", str(error))
        return NOTHING
    kernel.note("systemctl", "")
    return parse(done.stdout.decode(errors="replace"))


def parse(text: str) -> Shown:
    """What `systemctl show` printed; units that say nothing of their state are left out."""
    units, status = {}, {}
    for block in text.strip().split("\n\n"):
        shown = dict(line.partition("=")[::2] for line in block.splitlines())
        name = shown.get("Id", "").removeprefix("kiosk-").removesuffix(".service")
        active, sub = shown.get("ActiveState", ""), shown.get("SubState", "")
        if name not in DAEMONS or not _STATE.fullmatch(active) or not _STATE.fullmatch(sub):
            continue
        memory = whole(shown, "MemoryCurrent")
        units[name] = wire.Unit(
            state=f"{active}/{sub}",
            restarts=whole(shown, "NRestarts"),
            # All bits set, or "[not set]": the kernel does not count it.
            memory_kb=memory // 1024 if memory is not None and memory < 2**50 else None,
        )
        if name == "scanner" and active == "active":
            words = shown.get("StatusText", "").split()
            status = dict(word.partition("=")[::2] for word in words if "=" in word)
    return Shown(units, status)


def whole(shown: Mapping[str, str], key: str) -> int | None:
    """A figure that counts; None when there is none."""
    text = shown.get(key, "")
    return int(text) if re.fullmatch(r"[0-9]{1,20}", text) else None


def decimal(shown: Mapping[str, str], key: str) -> float | None:
    """A figure with decimals; None when there is none."""
    text = shown.get(key, "")
    return float(text) if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text) else None
