"""The documents by which a door judges: of what is configured and what came from the centre, the
newer one."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

from kiosk import signed
from kiosk.config import Config, Judge
from kiosk.desired import DocumentKind, Files, Stamp, stamp
from kiosk.errors import DocumentError

log = logging.getLogger("kiosk")

BEGINNING = 1024
"""Bytes that hold the two lines before a document's content."""


Configured = dict[DocumentKind, Path | Literal[""]]


def configured(judge: Judge) -> Configured:
    """The files that the configuration names."""
    return {"policy": judge.policy, "trust": judge.trust, "risk": judge.risk}


def newest(config: Config, kind: DocumentKind, keys: signed.Keys) -> Newest:
    """Of the kiosk with this configuration."""
    judge, files = config.judge, Files.below(config.paths.state)
    return Newest(kind, configured(judge)[kind], files, keys, kind in judge.from_centre)


class Newest:
    """One kind. Without `keys`, what comes from the centre could not be checked, and the configured
    file alone counts; likewise unless `from_centre`."""

    def __init__(
        self,
        kind: DocumentKind,
        configured: Path | Literal[""],
        files: Files,
        keys: signed.Keys,
        from_centre: bool = True,
    ) -> None:
        self.kind = kind
        self._configured = configured or None
        self._files = files
        self._fetched = files.document(kind) if keys and from_centre else None
        self._keys = keys
        self._stamps: list[Stamp | None] | None = None

    @property
    def paths(self) -> list[Path]:
        """Where it may lie, the centre's first; empty when there can be none."""
        return [path for path in (self._fetched, self._configured) if path is not None]

    @property
    def is_there(self) -> bool:
        """Whether there should be one: it is configured, or came from the centre."""
        return self._configured is not None or (
            self._fetched is not None and self._fetched.exists()
        )

    def changed(self) -> bool:
        """Whether a file is another than at the last `read`. Raises OSError."""
        return [stamp(path) for path in self.paths] != self._stamps

    def read(self, at_least: int = 0) -> tuple[Path, signed.Signed]:
        """The newest one that is whole and signed as it must be, neither older than `at_least` nor
        than what was in force before a restart.

        Raises DocumentError and OSError, for the one that claims to be the newest."""
        self._stamps = None
        stamps = [stamp(path) for path in self.paths]
        at_least = max(at_least, self._seen())
        failures: list[DocumentError | OSError] = []
        for path in sorted(self._existing(), key=self._claimed, reverse=True):
            try:
                found = signed.take(path.read_bytes(), self.kind, self._keys, at_least)
            except DocumentError as error:
                failures.append(DocumentError(f"{path}: {error}"))
            except OSError as error:
                failures.append(error)
            else:
                self._stamps = stamps
                for failure in failures:
                    log.error("%s, passed over: %s", self.kind, failure)
                return path, found
        if not failures:
            raise DocumentError(f"no {self.kind} is configured, and none came from the centre")
        if isinstance(failures[0], DocumentError):
            self._stamps = stamps  # the same files would be refused again
        raise failures[0]

    def _existing(self) -> list[Path]:
        """A configured file that is missing is told as missing."""
        return [path for path in self.paths if path == self._configured or path.exists()]

    def _claimed(self, path: Path) -> int:
        """What it says of itself; its signature is looked at when it is read."""
        try:
            with path.open("rb") as file:
                return signed.unchecked(file.read(BEGINNING), self.kind).version
        except (OSError, DocumentError):
            return 0

    def _seen(self) -> int:
        if not self._keys:
            return 0
        try:
            return self._files.read_state().at_least(self.kind)
        except (OSError, DocumentError):  # the uplink says so, and makes it anew
            return 0
