"""Files of the centre, most of them for their owner alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from central.words import both
from kiosk.errors import ConfigError


def private_folder(folder: Path) -> None:
    """Makes it, for its owner alone; one that is there stays as it is. Raises ConfigError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(folder, "không tạo được", "cannot be made", error) from error


def private_file(file: Path) -> BinaryIO:
    """A new file, for its owner alone from its first moment. Raises ConfigError."""
    try:
        return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise _refused(file, "không tạo được", "cannot be made", error) from error


def read(file: Path, hint: str = "") -> bytes:
    """What is in it. Raises ConfigError, with `hint` behind the reason."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise _refused(file, "không đọc được", "cannot be read", error, hint) from error


def write(file: Path, content: bytes) -> None:
    """For everybody to read, in place of what was there. Raises ConfigError."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise _refused(file, "không ghi được", "cannot be written", error) from error


def _refused(
    at: Path, vietnamese: str, english: str, error: OSError, hint: str = ""
) -> ConfigError:
    return ConfigError([f"{at}: {both(vietnamese, english)}: {error.strerror}{hint}"])
