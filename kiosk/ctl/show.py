"""`kioskctl config`: the values in force, as TOML, each with the file it came from."""

from __future__ import annotations

import argparse
import json
from itertools import groupby
from pathlib import Path

from kiosk.config import DEFAULTS, effective


def arguments(_parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(args: argparse.Namespace) -> int:
    """Prints all sections. Raises ConfigError when something is wrong with them."""
    settings = effective(args.config)
    print(f"# default = {DEFAULTS}\n")
    for section, members in groupby(settings, lambda setting: setting.section):
        print(f"[{section}]")
        for _, key, value, source in members:
            origin = "default" if source == DEFAULTS else source
            print(f"{f'{key} = {_toml(value)}':<52}  # {origin}")
        print()
    return 0


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    # JSON's strings, numbers and booleans are TOML's as well.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
