"""`python -m central.passes init|issue|replace|list|revoke|trust|check`: see docs/passes.md."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from central import dates
from central.command import ending
from central.passes import commands
from central.words import Unfit, both

_RANGE = re.compile("([0-9]{1,12})(?:-([0-9]{1,12}))?")
_RANGE_MAX = 10_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; exits 1 with one sentence per problem when it refuses."""
    given = _parser().parse_args(arguments)
    ending(lambda: given.run(given))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m central.passes",
        description="Thẻ ra vào: cấp, in, thay, thu hồi. Issues printed door passes.",
    )
    parser.add_argument(
        "--issuer",
        type=Path,
        default=Path("issuer"),
        metavar="DIR",
        help=both("thư mục của đơn vị (mặc định: issuer)", "the issuer's folder (default: issuer)"),
    )
    of = parser.add_subparsers(required=True, metavar="COMMAND")
    init = of.add_parser("init", help=both("tạo khóa và sổ thẻ", "make the key and the register"))
    init.add_argument(
        "--name", required=True, help=both("tên in trên mọi thẻ", "printed on every pass")
    )
    init.set_defaults(run=commands.init)

    issue = of.add_parser("issue", help=both("cấp thẻ theo bảng", "make passes for a table"))
    issue.add_argument(
        "--csv", type=Path, required=True, metavar="FILE", help=both("bảng", "the table")
    )
    _out(issue)
    issue.add_argument(
        "--from",
        type=_day,
        dest="first",
        metavar="DAY",
        help=both("ngày đầu (mặc định: hôm nay)", "first day (default: today)"),
    )
    issue.add_argument(
        "--until",
        type=_day,
        dest="last",
        metavar="DAY",
        help=both("ngày cuối, như 31/5/2027", "last day, as 31/5/2027 or 2027-05-31"),
    )
    issue.add_argument(
        "--twice",
        action="store_true",
        help=both(
            "trùng tên và ngày sinh trên hai dòng là hai người",
            "one name and birth on two lines are two people",
        ),
    )
    issue.add_argument(
        "--again",
        action="store_true",
        help=both("cấp thêm cho người đang có thẻ", "also for people who have a valid pass"),
    )
    issue.set_defaults(run=commands.issue)

    replace = of.add_parser(
        "replace",
        help=both(
            "thay thẻ mất, hỏng: thu hồi và in thẻ mới", "revoke and print anew: lost, damaged"
        ),
    )
    _numbers(replace, "+")
    _why(replace)
    _out(replace)
    replace.add_argument(
        "--until",
        type=_day,
        dest="last",
        metavar="DAY",
        help=both("ngày cuối khác trước", "another last day than before"),
    )
    replace.add_argument(
        "--photo", type=Path, metavar="FILE", help=both("ảnh, cho một thẻ", "for a single pass")
    )
    replace.add_argument(
        "--again",
        action="store_true",
        help=both("dù người đó còn thẻ khác", "though the person has another valid pass"),
    )
    replace.set_defaults(run=commands.replace)

    shown = of.add_parser("list", help=both("xem sổ thẻ", "show the register"))
    _group(shown)
    shown.add_argument("--json", action="store_true", help=both("cho phần mềm", "for programs"))
    shown.set_defaults(run=commands.show)

    revoke = of.add_parser(
        "revoke", help=both("thu hồi trước ngày cuối", "end passes before their last day")
    )
    _numbers(revoke, "*")
    _group(revoke)
    _why(revoke)
    revoke.set_defaults(run=commands.revoke)

    trust = of.add_parser(
        "trust", help=both("ghi danh sách tin cậy", "write the trust list, for the fleet to sign")
    )
    trust.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help=both("có rồi thì thay", "replaced if there"),
    )
    trust.set_defaults(run=commands.trust)

    check = of.add_parser(
        "check", help=both("xem danh sách của đơn vị khác", "what another issuer's list says")
    )
    check.add_argument(
        "file", type=Path, metavar="FILE", help=both("do `trust` ghi", "as `trust` wrote it")
    )
    check.set_defaults(run=commands.check)
    return parser


def _out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help=both("thư mục cho tệp PDF", "folder for the PDF files"),
    )


def _group(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--group", metavar="NAME", help=both("chỉ lớp/tổ này", "of this class or group alone")
    )


def _why(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--why", required=True, help=both("lý do, chỉ ghi vào sổ", "for the register alone")
    )


def _numbers(parser: argparse.ArgumentParser, how_many: str) -> None:
    parser.add_argument(
        "numbers",
        type=_range,
        nargs=how_many,
        metavar="NUMBER",
        help=both("số thẻ: 12, hay từ số đến số: 14-20", "12, or a range: 14-20"),
    )


def _day(text: str) -> date:
    try:
        return dates.read(text)
    except Unfit as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _range(text: str) -> range:
    found = _RANGE.fullmatch(text)
    if found is not None:
        first, last = int(found[1]), int(found[2] or found[1])
        if 0 <= last - first < _RANGE_MAX:
            return range(first, last + 1)
    raise argparse.ArgumentTypeError(
        both(
            f"{text} không phải số thẻ như 12, hay dãy số như 14-20",
            f"{text} is neither a number as 12 nor a range as 14-20",
        )
    )


if __name__ == "__main__":
    main()
