"""systemd's journal on a card of its own: the real journald, in a mount namespace, fed with what
daemons say in their logs."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

JOURNALD = Path("/lib/systemd/systemd-journald")
PATIENCE_S = 10.0
_SCRIPT = """
set -e
mount -t tmpfs none /run && mkdir -p /run/systemd/journal
mount -t tmpfs none /var/log && mkdir /var/log/journal
printf '[Journal]\nReadKMsg=no\nAudit=no\n' > /run/journald.conf  # of this machine's kernel
mount --bind /run/journald.conf /etc/systemd/journald.conf
mount --bind "$1" /run/systemd/journal
mount --bind "$2" /var/log/journal
touch /run/systemd/journal/flushed  # keep it on the card, as after boot
exec "$3"
"""


def why_not() -> str:
    """Why it cannot run here; empty when it can."""
    if not JOURNALD.exists() or shutil.which("unshare") is None:
        return f"{JOURNALD} or unshare is missing"
    return ""


class Journal:
    """Keeps what is said in the folder `card`, as Debian does it. `run`: a folder for its
    sockets. Both are made."""

    def __init__(self, card: Path, run: Path) -> None:
        card.mkdir()
        run.mkdir()
        script = ["sh", "-c", _SCRIPT, "sh", str(run), str(card), str(JOURNALD)]
        self._child = subprocess.Popen(["unshare", "--mount", *script])
        deadline = time.monotonic() + PATIENCE_S
        while not (run / "socket").exists() or not list(card.glob("*/system.journal")):
            if time.monotonic() > deadline:
                self.close()
                raise RuntimeError("journald did not start")
            time.sleep(0.1)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.connect(str(run / "socket"))
        self._logs: dict[Path, int] = {}

    def follow(self, log: Path) -> None:
        """What is in this file already is not said again."""
        self._logs[log] = log.stat().st_size

    def turn(self) -> None:
        """Says what daemons have said since the last turn."""
        for log, seen in self._logs.items():
            with log.open("rb") as file:
                file.seek(seen)
                whole, _, _ = file.read().rpartition(b"\n")
            self._logs[log] = seen + len(whole) + 1 if whole else seen
            for line in whole.splitlines():
                self._say(log.stem, line)

    def _say(self, daemon: str, line: bytes) -> None:
        """With the fields that systemd.journal.JournalHandler adds."""
        fields = {
            "MESSAGE": line.decode(errors="replace"),
            "PRIORITY": "6",
            "SYSLOG_IDENTIFIER": f"kiosk-{daemon}",
            "LOGGER": f"kiosk.{daemon}",
            "THREAD_NAME": "MainThread",
            "PROCESS_NAME": "MainProcess",
            "CODE_FILE": f"/opt/kiosk/venv/lib/python3.11/site-packages/kiosk/{daemon}/x.py",
            "CODE_LINE": "100",
            "CODE_FUNC": "turn",
        }
        self._socket.send("".join(f"{k}={v}\n" for k, v in fields.items()).encode())

    def close(self) -> None:
        """Ends it."""
        self._child.terminate()
        self._child.wait()
