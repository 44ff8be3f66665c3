"""`kioskctl config`: the values in force, as TOML, each with the file it came from."""

from __future__ import annotations

import argparse
import json
from itertools import groupby
from pathlib import Path

from kiosk.config import DEFAULTS, effective, shown_value


def arguments(_parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(args: argparse.Namespace) -> int:
    """Prints all sections. Raises ConfigError when something is wrong with them."""
    settings = effective(args.config)
    print(f"# default = {DEFAULTS}\n")
    for section, members in groupby(settings, lambda setting: setting.section):
        print(f"[{section}]")
        lines = [(f"{m.key} = {_toml(shown_value(m), m.key)}", m.source) for m in members]
        width = max(len(line) for line, _ in lines)
        for line, source in lines:
            print(f"{line:<{width}}  # {'default' if source == DEFAULTS else source}")
        print()
    return 0


def _toml(value: object, key: str = "") -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if key == "address":  # as i2cdetect shows it
        return f"{value:#04x}"
    # JSON's strings, numbers and booleans are TOML's as well.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
