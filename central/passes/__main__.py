"""`python -m central.passes init|issue|list|revoke|trust|check`: see docs/passes.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from central import files
from central.passes import issuer, issuing, people
from central.passes.register import Entry
from kiosk.credentials.text import Malformed, clean
from kiosk.errors import ConfigError, KioskError
from kiosk.model import VIETNAM

_WHY_MAX = 200
_HEADINGS = ("number", "name", "birth", "group", "from", "until", "revoked")
_NO_WRAP = ("number", "birth", "from", "until")
_WIDE = 200  # characters, when nobody looks: a file, a pipe


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; exits 1 with one sentence per problem when it refuses."""
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except KioskError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m central.passes",
        description="Issues printed door passes. Thẻ ra vào: cấp, in, thu hồi.",
    )
    parser.add_argument(
        "--issuer",
        type=Path,
        default=Path("issuer"),
        metavar="DIR",
        help="the issuer's folder (default: issuer)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    init = commands.add_parser("init", help="make the issuer's key and register")
    init.add_argument("--name", required=True, help="what people call it; printed on every pass")
    init.set_defaults(run=_init)
    issue = commands.add_parser("issue", help="make passes for the people of a table")
    issue.add_argument("--csv", type=Path, required=True, metavar="FILE")
    issue.add_argument("--out", type=Path, required=True, metavar="DIR", help="for the PDF files")
    issue.add_argument(
        "--from", type=_day, dest="first", metavar="DAY", help="first day (default: today)"
    )
    issue.add_argument(
        "--until", type=_day, dest="last", metavar="DAY", help="last day, as 2027-05-31"
    )
    issue.add_argument(
        "--twice", action="store_true", help="one name and birth on two lines are two people"
    )
    issue.set_defaults(run=_issue)
    shown = commands.add_parser("list", help="show the register")
    shown.add_argument("--group", metavar="NAME", help="of this class or group alone")
    shown.add_argument("--json", action="store_true")
    shown.set_defaults(run=_list)
    revoke = commands.add_parser("revoke", help="end passes before their last day")
    revoke.add_argument("numbers", type=int, nargs="+", metavar="NUMBER")
    revoke.add_argument("--why", required=True, help="for the register alone")
    revoke.set_defaults(run=_revoke)
    trust = commands.add_parser("trust", help="write the trust list, for the fleet to sign")
    trust.add_argument("--out", type=Path, required=True, metavar="FILE", help="replaced if there")
    trust.set_defaults(run=_trust)
    check = commands.add_parser("check", help="what a trust list of another issuer says")
    check.add_argument("file", type=Path, metavar="FILE", help="as `trust` wrote it")
    check.set_defaults(run=_check)
    return parser


def _init(given: argparse.Namespace) -> None:
    made = issuer.create(given.issuer, given.name)
    print(f"{given.issuer}: made; keep a copy of the folder in a safe")
    _introduce(made.public)


def _introduce(who: issuer.Public) -> None:
    print(f"issuer       {who.name}\nkid          {who.kid}\nfingerprint  {who.fingerprint}")


def _issue(given: argparse.Namespace) -> None:
    signer = issuer.load(given.issuer)
    now = datetime.now(VIETNAM).replace(microsecond=0)
    days = people.Days(now.date(), given.first or now.date(), given.last)
    table = people.read(files.read(given.csv), given.csv.parent, days, given.twice)
    mistakes = sorted(table.mistakes + issuing.check(table.people, signer))
    if mistakes:
        told = "không cấp thẻ nào / nothing was issued"
        raise ConfigError([*map(str, mistakes), told])
    if table.unused:
        print(f"columns not used: {', '.join(map(str, table.unused))}", file=sys.stderr)
    console = Console(stderr=True)
    columns = (
        TextColumn("Đang làm thẻ · making passes"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with (
        issuer.register(given.issuer) as register,
        Progress(*columns, console=console, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("", total=len(table.people))
        made = issuing.issue(
            table.people, signer, register, given.out, now, lambda: progress.advance(task)
        )
    for one in made.written:
        count = len(one.numbers)
        print(f"{one.file}: {one.group}, {count} {'pass' if count == 1 else 'passes'}")
    for again in made.again:
        before = ", ".join(map(str, again.earlier))
        print(
            f"line {again.line}: new number {again.number}; the same person has {before},"
            " which stays valid until you revoke it"
        )


def _list(given: argparse.Namespace) -> None:
    with issuer.register(given.issuer) as register:
        if given.json:
            print(msgspec.json.encode(list(register.entries(given.group))).decode())
            return
        table = Table(box=None, pad_edge=False)
        for heading in _HEADINGS:
            table.add_column(heading, no_wrap=heading in _NO_WRAP)
        for entry in register.entries(given.group):
            table.add_row(*map(Text, _row(entry)))
    console = Console()
    if not console.is_terminal:
        console.width = _WIDE
    console.print(table)


def _row(entry: Entry) -> list[str]:
    revoked = f"{entry.revoked_at[:10]} {entry.revoked_why}" if entry.revoked_at else ""
    shown = [str(entry.number), entry.name, entry.birth, entry.group, entry.valid_from]
    return [*shown, entry.valid_until, revoked]


def _revoke(given: argparse.Namespace) -> None:
    try:
        why = clean(given.why, "--why", _WHY_MAX)
    except Malformed as problem:
        raise ConfigError([str(problem)]) from None
    if not why:
        raise ConfigError(["--why is empty; somebody will ask"])
    with issuer.register(given.issuer) as register:
        before = register.revoke(given.numbers, why, datetime.now(VIETNAM).replace(microsecond=0))
    for number in dict.fromkeys(given.numbers):
        print(f"{number}: {'was revoked before' if number in before else 'revoked'}")
    print("doors know it when they have the new trust list: trust --out FILE, to be signed")


def _trust(given: argparse.Namespace) -> None:
    signer = issuer.load(given.issuer)
    with issuer.register(given.issuer) as register:
        revoked = register.revoked()
    try:
        given.out.write_bytes(signer.trust(revoked))
    except OSError as error:
        raise ConfigError([f"{given.out} cannot be written: {error.strerror}"]) from error
    print(f"{given.out}: this issuer, {len(revoked)} revoked; no names. The fleet signs it")
    _introduce(signer.public)


def _check(given: argparse.Namespace) -> None:
    who, revoked = issuer.inspect(files.read(given.file))
    _introduce(who)
    print(f"revoked      {revoked}")


def _day(text: str) -> date:
    return date.fromisoformat(text)


if __name__ == "__main__":
    main()
