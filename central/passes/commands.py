"""What the commands do, and what they say: Vietnamese first."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from central import files, names
from central.passes import issuer, issuing, people
from central.passes.register import Entry, Register
from central.words import Unfit, both
from kiosk.errors import ConfigError
from kiosk.model import VIETNAM

_WHY_MAX = 200
_HEADINGS = (
    *("số\nnumber", "họ tên\nname", "ngày sinh\nbirth", "lớp/tổ\ngroup"),
    *("từ ngày\nfrom", "đến ngày\nuntil", "thu hồi\nrevoked"),
)
_NO_WRAP = (0, 2, 4, 5)
_WIDE = 200  # characters, when nobody looks: a file, a pipe
_NEWS = both(
    "Cửa chỉ biết khi có danh sách tin cậy mới: chạy trust --out FILE, gửi cho nơi quản lý cửa ký",
    "doors know it when they have the new trust list: trust --out FILE, to be signed",
)


def init(given: argparse.Namespace) -> None:
    """Makes the folder of an issuer."""
    made = issuer.create(given.issuer, given.name)
    what = both(
        "đã tạo; cất một bản sao của thư mục trong két", "made; keep a copy of the folder in a safe"
    )
    print(f"{given.issuer}: {what}")
    _introduce(made.public)


def _introduce(who: issuer.Public) -> None:
    _line("đơn vị", "issuer", who.name)
    _line("mã khóa", "kid", who.kid)
    _line("vân tay", "fingerprint", who.fingerprint)


def _line(vietnamese: str, english: str, value: object) -> None:
    print(f"{both(vietnamese, english):<21} {value}")


def issue(given: argparse.Namespace) -> None:
    """Passes for the people of a table."""
    signer = issuer.load(given.issuer)
    now = _now()
    days = people.Days(now.date(), given.first or now.date(), given.last)
    table = people.read(files.read(given.csv), given.csv.parent, days, given.twice)
    mistakes = sorted(table.mistakes + issuing.check(table.people, signer))
    if mistakes:
        raise ConfigError([*map(str, mistakes), both("không cấp thẻ nào", "nothing was issued")])
    _tell_left_out(table)
    with _desk(given, signer, now, len(table.people)) as desk:
        made = issuing.issue(table.people, desk, given.again)
    _tell_files(made)
    for line, earlier in made.earlier.items():
        has = ", ".join(map(str, earlier))
        print(
            both(
                f"dòng {line}: số mới {made.numbers[line]}; người này còn thẻ {has} có giá trị",
                f"line {line}: new number {made.numbers[line]}; the same person has {has}, still"
                " valid until you revoke it",
            )
        )
    for alike in made.alike:
        _tell_alike(alike)
    if 1 in made.numbers.values():
        print(
            both(
                "Lần đầu cấp thẻ: cửa chưa biết đơn vị này. Chạy trust --out FILE, gửi cho nơi quản"
                " lý cửa ký và đưa đến các cửa; sau đó thử một thẻ",
                "first passes of this issuer: no door knows it yet. Run trust --out FILE, have the"
                " list signed and brought to the doors; then try a pass",
            )
        )


def _tell_left_out(table: people.People) -> None:
    unused = [f"{at} ({heading})" if heading else str(at) for at, heading in table.unused.items()]
    skipped = list(map(str, table.skipped))
    for what, which in (
        (both("cột không dùng", "columns not used"), unused),
        (both("dòng không phải là người", "lines that are no people"), skipped),
    ):
        if which:
            print(f"{what}: {', '.join(which)}", file=sys.stderr)


def _tell_files(made: issuing.Issued) -> None:
    for one in made.written:
        count = len(one.numbers)
        passes = both(f"{count} thẻ", f"{count} {'pass' if count == 1 else 'passes'}")
        print(f"{one.file}: {one.group}, {passes}")


def _tell_alike(alike: issuing.Alike) -> None:
    lines, passes = ", ".join(map(str, alike.lines)), ", ".join(map(str, alike.passes))
    vietnamese = [f"dòng {lines}"] * bool(lines) + [f"thẻ {passes}"] * bool(passes)
    english = [f"line {lines}"] * bool(lines) + [f"pass {passes}"] * bool(passes)
    print(
        both(
            f"dòng {alike.line}: trùng ngày sinh và tên không dấu với {', '.join(vietnamese)}; cửa"
            " phân biệt bằng số thẻ, danh sách y tế ghi theo tên thì trúng cả hai",
            f"line {alike.line}: same birth, and same name but for diacritics, as"
            f" {', '.join(english)}; doors tell them apart by number, a risk list by name does not",
        )
    )


def replace(given: argparse.Namespace) -> None:
    """New passes for the people of some, which are revoked."""
    numbers = list(dict.fromkeys(chain(*given.numbers)))
    if given.photo is not None and len(numbers) > 1:
        raise ConfigError([both("--photo chỉ cho một thẻ", "--photo is for a single pass")])
    signer, why = issuer.load(given.issuer), _why(given)
    with _desk(given, signer, _now(), len(numbers)) as desk:
        made = issuing.replace(numbers, why, desk, given.last, given.photo, given.again)
    _tell_files(made)
    for old, new in made.numbers.items():
        print(both(f"thẻ {old}: đã thu hồi, thay bằng thẻ {new}", f"{old}: revoked, now {new}"))
    print(_NEWS)


def show(given: argparse.Namespace) -> None:
    """The register."""
    with issuer.register(given.issuer) as register:
        entries = list(register.entries(given.group))
        if given.group is not None and not entries:
            raise _no_group(register, given.group)
    if given.json:
        print(msgspec.json.encode(entries).decode())
        return
    table = Table(box=None, pad_edge=False)
    for at, heading in enumerate(_HEADINGS):
        table.add_column(heading, no_wrap=at in _NO_WRAP)
    for entry in entries:
        table.add_row(*map(Text, _row(entry)))
    console = Console()
    if not console.is_terminal:
        console.width = _WIDE
    console.print(table)


def _row(entry: Entry) -> list[str]:
    revoked = f"{entry.revoked_at[:10]} {entry.revoked_why}" if entry.revoked_at else ""
    shown = [str(entry.number), entry.name, entry.birth, entry.group, entry.valid_from]
    return [*shown, entry.valid_until, revoked]


def _no_group(register: Register, group: str) -> ConfigError:
    there = ", ".join(register.groups()) or "-"
    return ConfigError(
        [
            both(
                f"không có thẻ (còn giá trị) của {group}; trong sổ có: {there}",
                f"no (valid) pass of {group}; the register has: {there}",
            )
        ]
    )


def revoke(given: argparse.Namespace) -> None:
    """Ends passes, by number or all of a group."""
    if bool(given.numbers) == (given.group is not None):
        what = "cần số thẻ, hoặc --group, không cả hai", "expected numbers, or --group, not both"
        raise ConfigError([both(*what)])
    why, now = _why(given), _now()
    with issuer.register(given.issuer) as register:
        numbers: Sequence[int] = list(dict.fromkeys(chain(*given.numbers)))
        if given.group is not None:
            today = now.date().isoformat()
            numbers = [entry.number for entry in register.valid(today, given.group)]
            if not numbers:
                raise _no_group(register, given.group)
        before = register.revoke(numbers, why, now)
    for number in numbers:
        told = ("đã thu hồi trước đây", "was revoked before") if number in before else None
        print(f"{number}: {both(*(told or ('đã thu hồi', 'revoked')))}")
    print(_NEWS)


def trust(given: argparse.Namespace) -> None:
    """Writes the trust list."""
    signer = issuer.load(given.issuer)
    with issuer.register(given.issuer) as register:
        revoked = register.revoked()
    files.write(given.out, signer.trust(revoked))
    what = both(
        f"đơn vị này, {len(revoked)} thẻ thu hồi; không có tên ai. Gửi cho nơi quản lý cửa ký",
        f"this issuer, {len(revoked)} revoked; no names. The fleet signs it",
    )
    print(f"{given.out}: {what}")
    _introduce(signer.public)


def check(given: argparse.Namespace) -> None:
    """What a trust list says."""
    who, revoked = issuer.inspect(files.read(given.file))
    _introduce(who)
    _line("thu hồi", "revoked", both("tất cả", "all") if revoked is None else revoked)


@contextmanager
def _desk(
    given: argparse.Namespace, signer: issuer.Issuer, now: datetime, total: int
) -> Iterator[issuing.Desk]:
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
        task = progress.add_task("", total=total)
        yield issuing.Desk(signer, register, given.out, now, lambda: progress.advance(task))


def _why(given: argparse.Namespace) -> str:
    try:
        return names.words(given.why, _WHY_MAX)
    except Unfit as problem:
        raise ConfigError([f"--why: {problem}"]) from None


def _now() -> datetime:
    return datetime.now(VIETNAM).replace(microsecond=0)
