"""What the centre wants of this kiosk, as it lies on the card, in `<paths.state>/desired/`.

    config.signed   the configuration that is known to do, on top of board and site
    trial.signed    a newer one, in force until it has stood its trial: then it is renamed to
                    config.signed, or removed
    policy.signed trust.signed risk.signed
    <kind>.part     a document on its way
    state.json      what the uplink has to remember of them: `State`

The uplink alone writes here, and each step is one rename or one removal, so that a power cut
leaves the one state or the other. Whoever reads a document checks its signature.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import msgspec

from kiosk.errors import DocumentError

DocumentKind = Literal["policy", "trust", "risk"]
DOCUMENTS: tuple[DocumentKind, ...] = get_args(DocumentKind)
"""Those that are the same for all kiosks, which the centre announces."""
CONFIG_BYTES = 512 * 1024
DOCUMENT_BYTES = 32 * 1024 * 1024
"""More is not read; both leave room beyond what a document may have."""
STATE_BYTES = 64 * 1024
Stamp = tuple[int, int, int]
"""Differs after a file was replaced or changed; stays when it is renamed."""


def mark(run: Path, daemon: str) -> Path:
    """Locked by a daemon while it works; holds the version of the configuration of the centre that
    it works by, 0 = none."""
    return run / f"{daemon}.config"


class Seen(msgspec.Struct, frozen=True):
    """The highest version of a kind that was ever taken, and which content it had."""

    version: int
    sha512: str


class Verdict(msgspec.Struct, frozen=True):
    """Why the configuration that the centre wants is not in force."""

    version: int
    sha512: str
    status: Literal["refused", "rolled-back"]
    why: str


class Trial(msgspec.Struct, frozen=True):
    """The trial of a configuration: how often the uplink has started with it, which daemons were
    well before, and which grave faults stood already."""

    version: int
    starts: int = 0
    daemons: list[str] = []
    faults: list[str] = []


class State(msgspec.Struct, frozen=True):
    """state.json; `seen` by kind, `verdict` on what was wanted last. `failed` is the last one that
    did not stand its trial: whatever is wanted in between, it is not tried again."""

    seen: dict[str, Seen] = {}
    verdict: Verdict | None = None
    failed: Verdict | None = None
    trial: Trial | None = None

    def at_least(self, kind: str) -> int:
        """No version below this one is taken."""
        return self.seen[kind].version if kind in self.seen else 0


class Files(NamedTuple):
    """The folder, and what lies in it."""

    folder: Path

    @classmethod
    def below(cls, state: Path) -> Files:
        """`state` is `paths.state` of the configuration."""
        return cls(state / "desired")

    @property
    def config(self) -> Path:
        return self.folder / "config.signed"

    @property
    def trial(self) -> Path:
        return self.folder / "trial.signed"

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    def document(self, kind: DocumentKind) -> Path:
        """A list or policy that came from the centre."""
        return self.folder / f"{kind}.signed"

    def part(self, kind: DocumentKind) -> Path:
        """The same while it is on its way."""
        return self.folder / f"{kind}.part"

    def configuration(self) -> Stamp | None:
        """Identity of the configuration that is in force, on trial or not; None when there is
        none. Raises OSError when the card does not tell."""
        found = stamp(self.trial)
        return stamp(self.config) if found is None else found

    def read_state(self) -> State:
        """What the uplink wrote last; nothing when it never did. Raises OSError, and DocumentError
        when it cannot be understood."""
        try:
            return msgspec.json.decode(read(self.state, STATE_BYTES), type=State)
        except (FileNotFoundError, NotADirectoryError):
            return State()
        except (msgspec.MsgspecError, UnicodeDecodeError, DocumentError) as error:
            raise DocumentError(f"{self.state}: {error}; it is made anew") from error


def read(path: Path, most: int, beginning: int = -1) -> bytes:
    """A document, or `beginning` bytes of it. Whatever took its place, nobody
    waits for it, nor reads without end: one user writes here, and others, root among them, read.
    Raises OSError and DocumentError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise DocumentError("it is no file; put the document in its place")
        if found.st_size > most:
            raise DocumentError(f"it has {found.st_size} bytes, at most {most} are read")
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read(most if beginning < 0 else beginning)
    finally:
        os.close(fd)


def stamp(path: Path) -> Stamp | None:
    """None when there is no such file. Raises OSError."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
