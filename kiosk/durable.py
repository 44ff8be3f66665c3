"""Files that survive a power cut: each change is there as a whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def replace(path: Path, data: bytes) -> None:
    """Writes a file that everybody may read, whole or not at all, and durably. Raises OSError."""
    fresh = path.with_name(path.name + ".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(fd, 0o644)  # whatever the umask is
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(fd)
    finally:
        os.close(fd)
    move(fresh, path)


def make_folder(path: Path) -> None:
    """For everybody to read, unless it is there. Raises OSError."""
    if not path.is_dir():
        path.mkdir()
        path.chmod(0o755)  # whatever the umask is
        sync_folder(path.parent)


def move(old: Path, new: Path) -> None:
    """Renames within a folder, durably. Raises OSError."""
    old.replace(new)
    sync_folder(new.parent)


def remove(path: Path) -> None:
    """Durably; one that is not there is no mistake. Raises OSError."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes creations, renames and deletions in a folder durable (fsync(2)). Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
