"""Files that only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from kiosk.errors import ConfigError


def private_folder(folder: Path) -> None:
    """Makes it, for its owner alone; one that is there stays as it is. Raises ConfigError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError([f"{folder} cannot be made: {error.strerror}"]) from error


def private_file(file: Path) -> BinaryIO:
    """A new file, for its owner alone from its first moment. Raises ConfigError."""
    try:
        return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise ConfigError([f"{file} cannot be made: {error.strerror}"]) from error


def read(file: Path, hint: str = "") -> bytes:
    """What is in it. Raises ConfigError, with `hint` behind the reason."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read: {error.strerror}{hint}"]) from error
