"""Folders and file names of an outbox, and how its files are written and set aside."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from kiosk.durable import sync_folder
from kiosk.errors import OutboxError, OutboxFull

TABLE = "checkin"
OPEN = ".open"
"""Ends the names in `open/`: which numbers a segment holds is known when it is handed over."""
TORN = ".torn"
"""Ends the names of what was set aside and holds nothing that anybody was promised."""
_OWN, _SHARED = 0o700, 0o770
SEGMENT_NAME = re.compile(r"[0-9a-f]{24}-[0-9]{16}(?:-([0-9]{2,6}))?\.seg")
"""Of a sealed one; the count of green records is absent from older ones."""


def segment_key(epoch: str, first_seq: int) -> str:
    """How the name of a sealed one begins; sorts by time, as far as the clock knows it, and
    sequence number."""
    return f"{epoch}-{first_seq:016d}"


def segment_name(epoch: str, first_seq: int, green: int) -> str:
    """Of a sealed one. At least `green` records in it were synced: where fewer can be read,
    the card has lost some."""
    return f"{segment_key(epoch, first_seq)}-{green:02d}.seg"


def green_in(name: str) -> int:
    """What the name of a segment says, also in quarantine; 0 when it does not."""
    match = SEGMENT_NAME.match(name)
    return int(match[1] or 0) if match else 0


def new_epoch(after: str = "") -> str:
    """Never drawn before or elsewhere: 64 random bits, behind the second in which it began, by
    which epochs sort. 24 hex digits. It sorts behind `after`, whatever the clock says."""
    second = int(time.time()) % 2**32
    if after:
        second = max(second, min(int(after[:8], 16) + 1, 2**32 - 1))
    return f"{second:08x}{secrets.token_hex(8)}"


def is_segment(name: str) -> bool:
    """Whether it is the name of one."""
    return SEGMENT_NAME.fullmatch(name) is not None


class Folders(NamedTuple):
    """The three folders of an outbox."""

    open: Path
    sealed: Path
    quarantine: Path


def folders(directory: Path) -> Folders:
    """Where they lie; nothing is touched."""
    return Folders(directory / "open", directory / "sealed", directory / "quarantine")


def make_folders(directory: Path) -> Folders:
    """Those that are missing, durably. Raises OSError."""
    places = folders(directory)
    make_folder(places.open, _OWN)
    for shared in (places.sealed, places.quarantine):
        make_folder(shared, _SHARED)
    sync_folder(directory)  # whoever made them may not have come so far
    return places


def make_folder(path: Path, mode: int) -> None:
    """As systemd/tmpfiles.d/kiosk.conf has it, as far as the folder above and our rights allow;
    nothing is done to one that is there. Group and setgid bit come down from above where that
    has the bit: the unit's sandbox refuses chown(2), and chmod(2) with the bit."""
    if path.is_dir():
        return
    mask = os.umask(0)
    try:
        path.mkdir(mode, exist_ok=True)
    finally:
        os.umask(mask)
    above = path.parent.stat()
    with suppress(PermissionError):
        os.chown(path, above.st_uid if os.geteuid() == 0 else -1, above.st_gid)
    if not path.stat().st_mode & stat.S_ISGID:
        with suppress(PermissionError):
            path.chmod(stat.S_ISGID | mode)


def write_all(fd: int, data: bytes, offset: int) -> None:
    """pwrite(2) until nothing is left."""
    while data:
        written = os.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written


def give(fd: int, folder: Path) -> None:
    """What root makes in a folder belongs to the folder's owner, who could not use it otherwise."""
    if os.geteuid() == 0:
        owner = folder.stat()
        with suppress(PermissionError):  # a sandbox without CAP_CHOWN: then we are the owner
            os.fchown(fd, owner.st_uid, owner.st_gid)


def quarantine(path: Path, into: Path, ending: str = "") -> Path:
    """Moves a file aside under a name that is free; it is never deleted by us."""
    make_folder(into, _SHARED)
    target = into / f"{path.name}{ending}"
    number = 0
    while target.exists():  # scanner and uplink have different names to move
        number += 1
        target = into / f"{path.name}.{number}{ending}"
    path.rename(target)
    return target


@contextmanager
def explained() -> Iterator[None]:
    """What the system refuses inside is raised as an OutboxError that says what to do."""
    try:
        yield
    except OutboxError:  # as its own cause it would live on, with whom the caller serves
        raise
    except OSError as error:
        raise explanation(error) from error


def explanation(error: OSError) -> OutboxError:
    """What the system refused, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutboxFull(f"card full: {error}; connect the kiosk or free space")
    if error.errno in (errno.EACCES, errno.EPERM):
        return OutboxError(
            f"outbox: {error}; its folders must belong to the user of the scanner"
            " (on a kiosk: systemd-tmpfiles --create)"
        )
    if error.errno == errno.EROFS:
        return OutboxError(
            f"outbox: {error}; mount it for writing, and change the card if it is worn out; if the"
            " outbox was made anew under the daemons, start them again (systemctl restart"
            " kiosk.target)"
        )
    return OutboxError(f"outbox: {error}; if it lasts, the card may be worn out: change it")
