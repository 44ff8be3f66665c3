"""What lies in `sealed/`, without listing it needlessly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kiosk.errors import OutboxError

LOOK_EVERY_S = 0.1
SHARE = 0.05  # of the time may go into listing a directory that holds very much


class SealedWatch:
    """Lists the directory when its modification time changed, and once more after that:
    a change within the same tick of the clock leaves the time as it was."""

    def __init__(
        self, directory: Path, waiting: Callable[[], list[str]], time: Callable[[], float]
    ) -> None:
        self._directory = directory
        self._waiting = waiting
        self._time = time
        self._next = 0.0
        self._listed = -1  # modification time before the last listing
        self._confirmed = False
        self._error: OutboxError | None = None

    @property
    def unsure(self) -> bool:
        """Whether it has to look once more, soon."""
        return not self._confirmed

    def doubt(self) -> None:
        """Something may have changed."""
        self._confirmed = False

    def look(self) -> list[str] | None:
        """All names, oldest first; None when nothing can have changed.

        Raises OutboxError, and the same again until the directory can be read."""
        began = self._time()
        if began >= self._next:
            try:
                names = self._look()
                self._error = None
            except OutboxError as error:
                names, self._error, self._listed = None, error, -1
            ended = self._time()
            self._next = ended + max(LOOK_EVERY_S, (ended - began) / SHARE)
            if self._error is None:
                return names
        if self._error is not None:
            raise self._error
        return None

    def _look(self) -> list[str] | None:
        modified = self._modified()
        if modified == self._listed and self._confirmed:
            return None
        names = self._waiting()
        self._confirmed = modified == self._listed
        self._listed = modified
        return names

    def _modified(self) -> int:
        try:
            return self._directory.stat().st_mtime_ns
        except OSError as error:
            raise OutboxError(
                f"cannot read {self._directory}: {error.strerror}; has the scanner made the"
                " outbox, may this user read it?"
            ) from error
