"""`kioskctl config`: the values in force, as TOML, each with the file that it came from, or the
document of the centre."""

from __future__ import annotations

import argparse
import json
from itertools import groupby
from pathlib import Path

from kiosk.config import DEFAULTS, shown_value
from kiosk.config.desired import InForce, in_force


def arguments(_parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(args: argparse.Namespace) -> int:
    """Prints all sections. Raises ConfigError when something is wrong with them."""
    found = in_force(args.config)
    settings = found.settings
    print(f"# default = {DEFAULTS}")
    for problem in found.problems:
        print(f"# of the centre, passed over: {problem}")
    if found.version:
        trial = ", on trial" if found.on_trial else ""
        print(f"# of the centre: version {found.version}{trial}, below {found.files.folder}")
    print()
    for section, members in groupby(settings, lambda setting: setting.section):
        print(f"[{section}]")
        lines = [(f"{m.key} = {_toml(shown_value(m), m.key)}", m.source) for m in members]
        width = max(len(line) for line, _ in lines)
        for line, source in lines:
            print(f"{line:<{width}}  # {_named(source, found)}")
        print()
    return 0


def _named(source: Path, found: InForce) -> str:
    if source == DEFAULTS:
        return "default"
    if source in (found.files.trial, found.files.config):
        return f"of the centre, version {found.version}"
    return str(source)


def _toml(value: object, key: str = "") -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if key == "address":  # as i2cdetect shows it
        return f"{value:#04x}"
    # JSON's strings, numbers and booleans are TOML's as well.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
