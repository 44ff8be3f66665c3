"""Cards for the benchmarks: an ext4 each on a block device of its own, whose writes the kernel
counts. The device is a file on the disk below, never memory."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType

SECTOR = 512  # of /sys/block/*/stat, whatever the device's are


class NoCard(RuntimeError):
    """This machine allows no such card; the message says why."""


class Card:
    """Use as a context manager; `folder` is where it is mounted then, with noatime, as Raspberry
    Pi OS has it, and other `options`. Raises NoCard."""

    def __init__(self, place: Path, name: str, size_mb: int, options: str = "") -> None:
        self.folder = place / name
        self._image = place / f"{name}.img"
        self._size = size_mb << 20
        self._options = ",".join(filter(None, ("loop,noatime", options)))

    @property
    def written(self) -> int:
        """Bytes that the device was told to write so far; what waits in memory comes first."""
        subprocess.run(["sync", "--file-system", self.folder], check=True)
        number = self.folder.stat().st_dev
        counts = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat").read_text()
        return int(counts.split()[6]) * SECTOR

    def forget(self, cold: bool = False) -> None:
        """Unmounts and mounts it: nothing of it is in the file system's memory any more. `cold`:
        nor in that of the disk below, from which all must be read then."""
        self._done("umount", self.folder)
        if cold:
            fd = os.open(self._image, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(fd)  # what was not written yet cannot be forgotten
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(fd)
        self._mount()

    def __enter__(self) -> Card:
        if os.geteuid():
            raise NoCard("mounting a file system of its own needs root")
        self.folder.mkdir(exist_ok=True)
        self._image.touch()
        os.truncate(self._image, self._size)
        # All at once: else the kernel goes on preparing it while we count.
        options = "lazy_itable_init=0,lazy_journal_init=0"
        self._done("mkfs.ext4", "-q", "-b", "4096", "-m", "0", "-E", options, self._image)
        if _kind(self._image) in ("tmpfs", "ramfs"):
            raise NoCard(f"{self._image.parent} is in memory; give a folder on a disk")
        self._mount()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        with suppress(NoCard):  # it was not mounted
            self._done("umount", self.folder)
        self._image.unlink(missing_ok=True)

    def _mount(self) -> None:
        self._done("mount", "-o", self._options, self._image, self.folder)

    def _done(self, *words: str | Path) -> None:
        try:
            subprocess.run(words, check=True, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise NoCard(f"{words[0]} is missing") from error
        except subprocess.CalledProcessError as error:
            raise NoCard(f"{words[0]}: {error.stderr.strip()}") from error


def _kind(path: Path) -> str:
    """Kind of the file system that a file is on."""
    found = subprocess.run(
        ["stat", "--file-system", "--format", "%T", path],
        check=True,
        capture_output=True,
        text=True,
    )
    return found.stdout.strip()
