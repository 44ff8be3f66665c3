"""Hardware and its simulation. Knows nothing of the kiosk; one file per kind of device."""

from __future__ import annotations

import os
import stat
from importlib import import_module
from pathlib import Path
from types import ModuleType


def driver(kind: str, name: str) -> ModuleType:
    """The module `drivers.<kind>.<name>`: a file's name is its value in the configuration.

    Raises ValueError, naming what there is.
    """
    known = sorted(p.stem for p in (Path(__file__).parent / kind).glob("[!_]*.py"))
    if name not in known:
        raise ValueError(f"found {name!r}, expected one of {', '.join(known)}")
    return import_module(f"drivers.{kind}.{name}")


def missing(library: str, error: Exception, extra: str) -> str:
    """The sentence for a library that cannot be imported. It comes with an `extra` of this
    project, which no package index has: its name there may be a stranger's."""
    return (
        f"{library} cannot be imported ({error}); install it from a checkout of this project, as "
        f"docs/fleet.md says: /opt/kiosk/venv/bin/pip install 'SOURCE[{extra}]'"
    )


def device_problem(what: str, device: str, key: str, folder: str) -> str:
    """Why there is no device at `device`, in a sentence; empty when there is one. `what` it
    should be, the `key` that names it, a `folder` that has such devices by lasting names."""
    if not device:
        return f"{key} is empty; set it to one of {folder}"
    try:
        mode = os.stat(device).st_mode  # noqa: PTH116 - "" is no path
    except OSError as error:
        return (
            f"no {what} at {device}: {error.strerror}; is it plugged in? "
            f"ls {folder} shows what there is"
        )
    if stat.S_ISCHR(mode):
        return ""
    return f"{device} is no {what} device; set {key} to one of {folder}"
