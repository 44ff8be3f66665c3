"""Folders and file names of an outbox, and how changes to them become durable."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

TABLE = "checkin"
_NAME = re.compile(r"([0-9a-f]{16})-([0-9]{16})\.seg")
_SEQ_MAX = 2**53  # model.Seq


class SegmentName(NamedTuple):
    """`<epoch>-<first sequence number>.seg`; sorts by sequence number within an epoch."""

    epoch: str
    first_seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.first_seq:016d}.seg"


def parse_name(name: str) -> SegmentName | None:
    """None when the file is no segment."""
    match = _NAME.fullmatch(name)
    if match is None or not 1 <= int(match[2]) <= _SEQ_MAX:
        return None
    return SegmentName(match[1], int(match[2]))


class Folders(NamedTuple):
    """The three folders of an outbox."""

    open: Path
    sealed: Path
    quarantine: Path


def folders(directory: Path) -> Folders:
    """Where they lie; nothing is touched."""
    return Folders(directory / "open", directory / "sealed", directory / "quarantine")


def sync_directory(path: Path) -> None:
    """Makes creations, renames and deletions in a directory durable (fsync(2))."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(path: Path) -> None:
    """Makes a file's content durable."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def quarantine(path: Path, into: Path) -> Path:
    """Moves a file aside under a name that is free; it is never deleted by us."""
    into.mkdir(exist_ok=True)
    target = into / path.name
    number = 0
    while target.exists():  # scanner and uplink have different names to move
        number += 1
        target = into / f"{path.name}.{number}"
    path.rename(target)
    return target
