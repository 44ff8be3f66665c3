"""`python -m central.fleet --help`: asks kiosks over the broker, as one of the operators.

Each command below is one module with `arguments(parser)` and `run(given, line)`; one that
must not connect calls `given.line()` itself, never, or late.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

import msgspec

from central.command import ending
from central.fleet.line import Line
from central.words import both
from kiosk.config import Host

HERE = Path("/etc/kiosk-central")
COMMANDS = {
    "command": ("commanding", both("ra lệnh cho máy ở cửa", "command kiosks")),
    "publish": ("publishing", both("ban hành tài liệu đã ký", "publish signed documents")),
    "config": ("publishing", both("gửi cấu hình đã ký", "give a kiosk its configuration")),
    "serve": ("serving", both("phát tài liệu cho các máy", "serve documents to kiosks")),
    "status": (
        "reporting",
        both("các máy ra sao, đang dùng bản nào", "how each kiosk is, what it works by"),
    ),
}
"""Name of a command -> its module, and what it does."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; exits 1 with one sentence per problem when it refuses."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="python -m central.fleet",
        description="Hỏi và ra lệnh cho các máy ở cửa. Asks and commands kiosks.",
    )
    parser.add_argument(
        "--broker",
        type=_host,
        default="localhost:8883",
        metavar="HOST:PORT",
        help="(default: %(default)s)",
    )
    parser.add_argument(
        "--identity",
        type=Path,
        default=HERE,
        metavar="DIR",
        help="ca.crt, _fleet-N.crt, _fleet-N.key (default: %(default)s)",
    )
    parser.add_argument(
        "--name", default="", metavar="_fleet-N", help="if several lie there: which one"
    )
    commands = parser.add_subparsers(dest="asked", required=True, metavar="COMMAND")
    for name, (module, what) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=what,
            description=what,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in words:  # only what is asked for is imported
            file = import_module(f"central.fleet.{module}")
            file.arguments(command)
            command.set_defaults(run=file.run)
    given = parser.parse_args(words)
    given.line = partial(Line, given.broker, given.identity, given.name)
    status: list[int] = []
    ending(lambda: status.append(given.run(given)))
    sys.exit(status[0])


def _host(text: str) -> str:
    try:
        return msgspec.convert(text, Host)
    except msgspec.ValidationError:
        raise argparse.ArgumentTypeError(f"{text!r}; expected host:port") from None


if __name__ == "__main__":
    main()
