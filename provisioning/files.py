"""Files of the authority: never overwritten by accident, private from their first moment."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from kiosk.errors import ConfigError

PRIVATE = 0o600
PUBLIC = 0o644
INIT = "is this the folder that `init` made?"
_HELP = {"fleet-sign": "an older fleet gets it with `add-signer`"}


def read(path: Path) -> bytes:
    """What is in it. Raises ConfigError, with what may help."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}; {_HELP.get(path.stem, INIT)}"]) from error


def make_folder(folder: Path) -> None:
    """With those above it; may be there already. Raises ConfigError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError([f"{folder} cannot be made: {error.strerror}"]) from error


def refuse_existing(paths: Iterable[Path]) -> None:
    """Before anything is written, so that a refusal leaves nothing behind."""
    there = [f"{path} exists already and is not overwritten" for path in paths if path.exists()]
    if there:
        raise ConfigError(there)


def write_new(path: Path, data: bytes, mode: int) -> None:
    """Creates `path` with `mode` from its first moment; never overwrites."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
    except FileExistsError as error:
        raise ConfigError([f"{path} exists already and is not overwritten"]) from error
    except OSError as error:
        raise ConfigError([f"{path} cannot be written: {error.strerror}"]) from error


def replace(path: Path, data: bytes) -> None:
    """Old or new is there at any moment, and whole."""
    staged = path.with_name(f".{path.name}.new")
    try:
        staged.unlink(missing_ok=True)
        write_new(staged, data, PUBLIC)
        staged.replace(path)
    except OSError as error:
        raise ConfigError([f"{path} cannot be replaced: {error.strerror}"]) from error
