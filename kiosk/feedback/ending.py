"""Whether the whole machine is being switched off, and not this daemon alone."""

from __future__ import annotations

import logging
import subprocess

log = logging.getLogger("kiosk.feedback")

_COMMAND = ["systemctl", "is-system-running"]
_PATIENCE_S = 3.0


def machine_stops() -> bool:
    """As systemd tells (systemctl(1), `stopping`: also before a restart). False where it does not
    run or tell: then nobody knows."""
    try:
        done = subprocess.run(
            _COMMAND,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,  # 0 is `running` alone
        )
    except (OSError, subprocess.SubprocessError) as error:
        log.info("cannot tell whether the machine stops: %s", error)
        return False
    return done.stdout.strip() == b"stopping"
