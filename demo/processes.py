"""Child processes of the town: started with a log file each, killed when asked."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path


class Failed(RuntimeError):
    """A process of the town did not start or ended by itself; the message says where its
    log is."""


class Process:
    """One program with its log file, which keeps the output of all its starts."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name = name
        self.command = command
        self.log = log
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; a running one is left alone."""
        if self.running:
            return
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # The terminal's Ctrl-C is for us alone; we end the others in order.
                start_new_session=True,
                env=_environment(),
            )

    @property
    def pid(self) -> int:
        """Process id; Failed when it is not running."""
        if self._child is None:
            raise Failed(f"{self.name} was never started")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it is alive now."""
        return self._child is not None and self._child.poll() is None

    def check(self) -> None:
        """Raises Failed when it has ended."""
        if not self.running:
            raise Failed(f"{self.name} ended by itself; {self.log} says why:\n{self.last_words()}")

    def last_words(self, lines: int = 5) -> str:
        """The end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def kill(self) -> None:
        """As a power cut or the OOM killer would: SIGKILL, no last word."""
        self._signal(signal.SIGKILL, 5)

    def stop(self) -> int:
        """Asks it to end and waits; its exit status."""
        return self._signal(signal.SIGTERM, 15)

    def _signal(self, number: int, patience_s: float) -> int:
        if self._child is None:
            return 0
        if self.running:
            self._child.send_signal(number)
        try:
            return self._child.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            raise Failed(f"{self.name} did not end within {patience_s:.0f} s") from None


def _environment() -> dict[str, str]:
    """Ours, as the units set it: from byte code, and with a heap that gives memory back
    (mallopt(3)) instead of keeping the room of a few large pictures for ever."""
    ours = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {
        **ours,
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": "131072",
        "MALLOC_TRIM_THRESHOLD_": "131072",
    }


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: Process, patience_s: float = 15.0) -> None:
    """Until somebody listens on `port`. Raises Failed when `process` ends or it takes long."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        process.check()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Failed(f"{process.name} does not listen on port {port} after {patience_s:.0f} s")
