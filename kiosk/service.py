"""What every daemon shares: arguments, journal, sd_notify, SIGTERM.

Off systemd the same program runs on a desk: log lines go to standard error and
notifications go nowhere.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from systemd import daemon, journal

from kiosk.config import Config, config_of
from kiosk.config.desired import InForce, in_force
from kiosk.desired import mark
from kiosk.errors import ConfigError, KioskError

log = logging.getLogger("kiosk")

EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: restarting does not help, see the units
EXIT_FAILURE = 1
LOOK_EVERY_S = 1.0


class Stop:
    """Set once, by a signal. A `threading.Event` may not be set in a signal handler: it
    takes a lock that the interrupted `wait` may hold."""

    def __init__(self) -> None:
        self._set = False
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def set(self) -> None:
        """Ends every `wait`, now and from now on."""
        if not self._set:
            self._set = True
            os.write(self._write, b"!")

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._set

    def wait(self, seconds: float) -> bool:
        """Waits until it is set, at most so long; whether it is."""
        select.select([self._read], [], [], seconds)
        return self._set


class Service:
    """One daemon's tie to systemd. `stopping` is set by SIGTERM or SIGINT, and when another
    configuration of the centre is in force than `desired`, by which the daemon began: started
    again, it reads that one. `paths` are the files that were named, None = those below /etc."""

    def __init__(
        self,
        name: str = "",
        run: Path | None = None,
        desired: InForce | None = None,
        paths: Sequence[Path] | None = None,
    ) -> None:
        self.stopping = Stop()
        self.desired = desired
        self.paths = paths
        self._mark = mark(run, name) if run is not None else None
        self._locked: int | None = None
        self._looked_at = 0.0
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping.set()

    def ready(self, status: str) -> None:
        """Start-up is complete."""
        daemon.notify(f"READY=1\nSTATUS={status}")
        if self._mark is not None and self._locked is None:
            self._lock(self._mark)

    def _lock(self, file: Path) -> None:
        version = self.desired.version if self.desired else 0
        try:
            # Others may write in this folder, and one of us is root.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._locked = os.open(file, flags, 0o644)
            fcntl.flock(self._locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._locked, os.write(self._locked, f"{version}\n".encode()))
        except OSError as error:  # a trial of a configuration would miss this daemon, and say so
            log.warning("cannot mark %s: %s", file, error.strerror)

    def alive(self, *, busy: bool = False) -> None:
        """Feeds the watchdog; called once per completed turn of the main loop. `busy`: with
        something that may not be broken off for another configuration."""
        daemon.notify("WATCHDOG=1")
        if busy or self.desired is None or time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = time.monotonic()
        try:
            changed = self.desired.changed
        except OSError as error:
            log.debug("the configuration of the centre cannot be looked at: %s", error)
            return
        if changed and not self.stopping.is_set():
            log.info("another configuration of the centre is in force; starting again")
            self.stopping.set()

    def status(self, **figures: object) -> None:
        """The line that `systemctl status` shows: `scans=120 rejected=3`."""
        daemon.notify("STATUS=" + " ".join(f"{k}={v}" for k, v in figures.items()))


def run(name: str, what: str, main: Callable[[Config, Service], None]) -> None:
    """Entry point of a daemon: reads the configuration, runs `main` until it returns.

    Exits 78 when the configuration is wrong, 1 on any other error of ours, with one sentence per
    problem in the journal; 1, too, while a configuration of the centre is on trial, since the one
    before it may soon be back. An unexpected exception ends the process: a
    daemon is never half alive.
    """
    sys.excepthook = lambda _kind, error, _trace: _unexpected(error)
    sys.unraisablehook = lambda met: _unexpected(met.exc_value)
    threading.excepthook = lambda met: _unexpected(met.exc_value)
    parser = argparse.ArgumentParser(prog=f"kiosk-{name}", description=what)
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        metavar="FILE",
        help="board or site file over the defaults, later ones win"
        " (default: those below /etc/kiosk)",
    )
    given = parser.parse_args().config
    _log_to_journal_or_stderr(name)
    log = logging.getLogger(f"kiosk.{name}")
    on_trial = False
    try:
        desired = in_force(given)
        on_trial, config = desired.on_trial, config_of(desired.settings)
        logging.getLogger().setLevel(config.log.level.upper())
        for problem in desired.problems:
            log.error("configuration of the centre is passed over: %s", problem)
        main(config, Service(name, config.paths.run, desired, given))
    except ConfigError as error:
        for problem in error.problems:
            log.error("configuration: %s", problem)
        daemon.notify(f"STATUS=configuration wrong: {error.problems[0]}")
        sys.exit(EXIT_FAILURE if on_trial else EXIT_CONFIG)
    except KioskError as error:
        log.error("%s", error)
        daemon.notify(f"STATUS={error}")
        sys.exit(EXIT_FAILURE)
    daemon.notify("STOPPING=1")


def _unexpected(error: BaseException | None) -> None:
    """Says where it happened. What a foreign error says may quote what a visitor showed, as
    "invalid literal for int() with base 10: '0990..." does; those of the system do not."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.insert(0, error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for one in chain:
        frames = "".join(traceback.format_tb(one.__traceback__))
        says = f": {one}" if isinstance(one, KioskError | OSError | ImportError) else ""
        logging.getLogger("kiosk").critical(
            "unexpected %s%s\n%s", type(one).__qualname__, says, frames
        )


def _log_to_journal_or_stderr(name: str) -> None:
    handler: logging.Handler
    if _stderr_is_the_journal():
        handler = journal.JournalHandler(SYSLOG_IDENTIFIER=f"kiosk-{name}")
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler])


def _stderr_is_the_journal() -> bool:
    """JOURNAL_STREAM names device and inode of the journal's socket; it is inherited, so
    its presence alone says nothing (systemd.exec(5))."""
    try:
        stderr = os.fstat(2)
    except OSError:  # closed
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stderr.st_dev}:{stderr.st_ino}"
