"""The centre's side of the risk list: `python -m central.risk --help`.

Makes the key of a list, and the list from two files of subjects, one a line, as they stand in
`check_in.subject`. The fleet's authority signs the list; the ingest workers hand out the key.
"""

from __future__ import annotations

import argparse
import re
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from central import files
from kiosk.credentials.risk import KEY_BYTES, build, key_id
from kiosk.errors import ConfigError

_KEY = re.compile(rb"[0-9a-f]{64}\n?")


def new_key(file: Path) -> str:
    """Writes a new key into `file`, which must not exist; its name. Raises ConfigError."""
    key = secrets.token_bytes(KEY_BYTES)
    with files.private_file(file) as made:
        made.write(key.hex().encode() + b"\n")
    return key_id(key)


def load_key(file: Path) -> bytes:
    """A key that `new_key` wrote. Raises ConfigError."""
    data = files.read(file)
    if not _KEY.fullmatch(data):
        raise ConfigError([f"{file}: not the key of a risk list; make one with new-key"])
    return bytes.fromhex(data.decode())


def build_list(quarantine: Path, follow_up: Path, key: Path, out: Path) -> int:
    """Writes the list into `out`; how many bytes. Of each person all known subjects belong in
    the files. Raises ConfigError, which quotes no subject."""
    who = [_subjects(file) for file in (quarantine, follow_up)]
    content = build(who[0], who[1], load_key(key), int(time.time() * 1000))
    try:
        return out.write_bytes(content)
    except OSError as error:
        raise ConfigError([f"{out} cannot be written: {error.strerror}"]) from error


def _subjects(file: Path) -> list[str]:
    try:
        lines = files.read(file).decode().split("\n")
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file}: not UTF-8 text at byte {error.start}"]) from error
    return [line for line in (line.strip() for line in lines) if line]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; exits 1 with one sentence when it refuses."""
    parser = argparse.ArgumentParser(
        prog="python -m central.risk", description="Makes risk lists and their keys."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    key = commands.add_parser("new-key", help="make the key of a list")
    key.add_argument("file", type=Path, metavar="FILE", help="must not exist yet")
    made = commands.add_parser("build", help="make a list, for the authority to sign")
    for name in ("quarantine", "follow-up", "key", "out"):
        made.add_argument(f"--{name}", type=Path, required=True, metavar="FILE")
    given = parser.parse_args(arguments)
    try:
        if given.command == "new-key":
            print(f"{given.file}: key {new_key(given.file)}; it never goes onto a kiosk's card")
        else:
            size = build_list(given.quarantine, given.follow_up, given.key, given.out)
            print(f"{given.out}: {size} bytes; sign it: python -m provisioning.authority sign")
    except ConfigError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
