"""kioskctl: what a technician asks a kiosk, on the kiosk or on a desk."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from kiosk.errors import ConfigError, KioskError

EXIT_NO = 1
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h, as the daemons use it

# Name -> its module here, and what it tells.
COMMANDS = {
    "config": ("show", "the effective configuration, and where each value came from"),
    "doctor": ("doctor", "what is wrong with this kiosk, and what to do about it"),
    "scan": ("scan", "read the codes in pictures and judge them"),
    "verify": ("verify", "judge payloads from standard input"),
    "policy": ("policy", "check a policy, and explain the answer to a code rule by rule"),
    "trust": ("trust", "make one trust list of those that others publish"),
    "outbox": ("outbox", "what waits for the centre"),
    "cue": ("cue", "show an answer on the panel, marked as a trial, or a screen"),
}


# One option at each level: argparse forgets what was given above when it meets its like.
_CONFIGS = ("config", "more_config", "most_config")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. 0 = yes, 1 = no or failed, 2 = misused, 78 = configuration wrong."""
    words = sys.argv[1:] if argv is None else argv
    args = _parser(words).parse_args(words)
    named = (getattr(args, dest, None) or [] for dest in _CONFIGS)
    args.config = [path for paths in named for path in paths] or None
    try:
        answer: int = args.run(args)
        sys.stdout.flush()
        return answer
    except ConfigError as error:
        for problem in error.problems:
            print(f"kioskctl: configuration: {problem}", file=sys.stderr)
        return EXIT_CONFIG
    except KioskError as error:
        print(f"kioskctl: {error}", file=sys.stderr)
        return EXIT_NO
    except BrokenPipeError:
        # The reader (`| head`) left; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_NO


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kioskctl",
        description="Asks and tries a door kiosk. Ends with 0 when the answer is yes.",
    )
    config_option(parser, _CONFIGS[0])
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, what) in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=f"{name}: {what}.")
        config_option(command, _CONFIGS[1])
        # Only what is asked for is imported: handing over segments needs no numpy.
        if name in words:
            file = import_module(f"{__name__}.{module}")
            file.arguments(command)
            command.set_defaults(run=file.run)
    return parser


def config_option(parser: argparse.ArgumentParser, into: str = _CONFIGS[2]) -> None:
    """`--config`, for a command, or for one below it."""
    parser.add_argument(
        "--config",
        dest=into,
        type=Path,
        action="append",
        metavar="FILE",
        help="board or site file over the defaults, later ones win"
        " (default: those below /etc/kiosk)",
    )
