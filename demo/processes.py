"""Child processes of the town: started with a log file each, killed when asked, and never
left behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

STOP_S = 15.0
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# PR_SET_PDEATHSIG ends a child when the *thread* that started it ends (prctl(2)), so one
# thread that lives as long as we do starts them all.
_starter = ThreadPoolExecutor(1, "starter")


class Failed(RuntimeError):
    """Something of the town could not be started or ended by itself; the message says
    what to do, or where a log says why."""


class Process:
    """One program with its log file, which keeps the output of all its starts. `environment`
    is set beside our own."""

    def __init__(
        self,
        name: str,
        command: list[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._environment = environment or {}
        self.name = name
        self.command = command
        self.log = log
        self._child: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    def start(self) -> None:
        """Starts it; a running one is left alone. It ends when we do, whatever ends us."""
        if self.running:
            return
        self._started_at = time.monotonic()
        starting = _starter.submit(self._spawn)
        try:
            starting.result()
        finally:
            wait([starting])  # interrupted or not: no child that nobody knows of

    def _spawn(self) -> None:
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                [needed("setpriv", "util-linux"), "--pdeathsig", "TERM", "--", *self.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # The terminal's Ctrl-C is for us alone; we end the others in order.
                start_new_session=True,
                env=_environment(self._environment),
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

    def ended(self) -> str:
        """How it ended by itself, in words; empty while it runs or was never started."""
        if self._child is None or self.running:
            return ""
        status = self._child.returncode
        if status < 0:
            return f"{self.name} was killed by signal {-status}"
        return f"{self.name} ended with status {status}"

    @property
    def age_s(self) -> float:
        """Seconds since it was last started."""
        return time.monotonic() - self._started_at

    def check(self) -> None:
        """Raises Failed when it has ended."""
        if words := self.ended():
            raise Failed(f"{words}; {self.log} says why:\n{self.last_words()}")

    def last_words(self, lines: int = 5) -> str:
        """The end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def kill(self) -> None:
        """As a power cut or the OOM killer would: SIGKILL, no last word."""
        self.signal(signal.SIGKILL)
        self.wait(5)

    def stop(self) -> None:
        """Asks it to end, and waits. Raises Failed when it had to be killed."""
        end_all([self])

    def signal(self, number: int) -> None:
        """Sends it a signal, if it runs."""
        if self._child is not None and self.running:
            self._child.send_signal(number)

    def wait(self, patience_s: float) -> bool:
        """Whether it ends within so many seconds."""
        if self._child is not None:
            try:
                self._child.wait(patience_s)
            except subprocess.TimeoutExpired:
                return False
        return True


def end_all(processes: Iterable[Process], patience_s: float = STOP_S) -> None:
    """Asks all of them to end, then waits for all. Raises Failed, after everything has ended,
    when some had to be killed."""
    processes = list(processes)
    deadline = time.monotonic() + patience_s
    for process in processes:
        process.signal(signal.SIGTERM)
    stubborn = [p for p in processes if not p.wait(max(0.0, deadline - time.monotonic()))]
    for process in stubborn:
        process.kill()
    if stubborn:
        names = ", ".join(process.name for process in stubborn)
        raise Failed(f"{names} did not end within {patience_s:.0f} s and had to be killed")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Meanwhile Ctrl-C and its like are ignored: for cleaning up, once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are handled elsewhere
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def needed(program: str, package: str) -> str:
    """Path of a program. Raises Failed, naming the Debian package that has it."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/usr/bin"
    found = shutil.which(program, path=path)
    if found is None:
        raise Failed(f"{program} is not installed: apt-get install {package}")
    return found


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours, but from byte code, and `more`."""
    ours = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**ours, "PYTHONUNBUFFERED": "1", **more}


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
