"""What lies in `sealed/`: listed once, and from then on told by the kernel."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kiosk.errors import OutboxError
from kiosk.outbox.layout import is_segment
from kiosk.uplink.inotify import Inotify, Lost

log = logging.getLogger("kiosk.uplink")

LOOK_EVERY_S = 0.1
SHARE = 0.05  # of the time may go into listing, where the kernel does not tell


class Changes(NamedTuple):
    """Names that came and that went, since the last look; `listed`: of all names, and those that
    came are all there are."""

    came: list[str]
    went: list[str]
    listed: bool = False


class SealedWatch:
    """`names` are all segments, oldest first; those that came since the listing, last."""

    def __init__(
        self, directory: Path, waiting: Callable[[], list[str]], time: Callable[[], float]
    ) -> None:
        self.names: dict[str, None] = {}
        self._directory = directory
        self._waiting = waiting
        self._time = time
        self._next = 0.0
        self._kernel: Inotify | None = None
        self._place = (0, 0)
        self._error: OutboxError | None = None
        self._logged = False

    @property
    def wakers(self) -> tuple[Inotify, ...]:
        """What a select may wait on: readable when something changed. Empty where the kernel does
        not tell, and `look` has to be asked again and again."""
        return () if self._kernel is None else (self._kernel,)

    def look(self) -> Changes | None:
        """None when nothing changed.

        Raises OutboxError, and the same again until the directory can be read."""
        try:
            if self._kernel is not None and self._where() == self._place:
                return self._told(self._kernel)
        except Lost:
            log.info("more happened in %s than could be told, it is listed", self._directory)
        except OutboxError as error:
            self._error = error
        self._forget()
        began = self._time()
        if began >= self._next:
            try:
                found = self._listed(self._where())
                self._error = None
                return found
            except OutboxError as error:
                self._error = error
                self._forget()
            finally:
                ended = self._time()
                self._next = ended + max(LOOK_EVERY_S, (ended - began) / SHARE)
        if self._error is not None:
            raise self._error
        return None

    def _told(self, kernel: Inotify) -> Changes | None:
        came: dict[str, None] = {}
        went: dict[str, None] = {}
        for name, there in kernel.changes():
            if there and not is_segment(name):
                raise Lost  # listing sets it aside
            (came if there else went)[name] = None
            (went if there else came).pop(name, None)
        for name in went:
            self.names.pop(name, None)
        new = [name for name in came if name not in self.names]
        self.names.update(came)
        return Changes(new, list(went)) if new or went else None

    def _listed(self, place: tuple[int, int]) -> Changes:
        """The kernel tells from before the listing on: nothing falls in between."""
        try:
            self._kernel, self._place = Inotify(self._directory), place
        except OSError as error:
            if not self._logged:
                log.warning(
                    "the kernel does not watch %s (inotify: %s); it is listed each time instead",
                    self._directory,
                    error,
                )
                self._logged = True
        self.names = dict.fromkeys(self._waiting())
        return Changes(list(self.names), [], listed=True)

    def _forget(self) -> None:
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None

    def _where(self) -> tuple[int, int]:
        """Which directory has that name now."""
        try:
            status = self._directory.stat()
        except OSError as error:
            raise OutboxError(
                f"cannot read {self._directory}: {error.strerror}; has the scanner made the"
                " outbox, may this user read it?"
            ) from error
        return status.st_dev, status.st_ino
