"""Hardware and its simulation. Knows nothing of the kiosk; one file per kind of device."""

from __future__ import annotations

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
