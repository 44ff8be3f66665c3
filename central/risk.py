"""The centre's side of the risk list: `python -m central.risk --help`.

Makes the key of a list, and the list from two files that name one person a line, see
docs/subjects.md. The fleet's authority signs the list; the ingest workers hand out the key.
"""

from __future__ import annotations

import argparse
import io
import secrets
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from central import files, listed
from central.command import ending
from central.words import Unfit, both
from kiosk.credentials.risk import KEY_BYTES, build, key_id, read_key, write_key
from kiosk.errors import ConfigError
from kiosk.model import VIETNAM

_TOLD = 20  # wrong lines of a file; there may be a million


class Built(NamedTuple):
    """How many keys are in a list, and how many bytes it has."""

    quarantine: int
    follow_up: int
    size: int


def new_key(file: Path) -> str:
    """Writes a new key into `file`, which must not exist; its name. Raises ConfigError."""
    key = secrets.token_bytes(KEY_BYTES)
    with files.private_file(file) as made:
        made.write(write_key(key))
    return key_id(key)


def load_key(file: Path) -> bytes:
    """A key that `new_key` wrote. Raises ConfigError."""
    try:
        return read_key(files.read(file))
    except ConfigError as error:
        raise ConfigError([f"{file}: {problem}" for problem in error.problems]) from error


def build_list(
    quarantine: Path, follow_up: Path, key: Path, out: Path, empty: bool = False
) -> Built:
    """Writes the list into `out`. Of each person all known keys belong in the files; who is in
    both is in quarantine. `empty`: a list of nobody is meant.

    Raises ConfigError, with every line that names nobody by its number, and quotes none.
    """
    problems: list[str] = []
    strict, mild = (_subjects(file, problems) for file in (quarantine, follow_up))
    if problems:
        raise ConfigError([*problems, both("chưa lập danh sách", "no list was made")])
    mild -= strict
    if not strict and not mild and not empty:
        raise ConfigError(
            [
                both(
                    "cả hai tệp đều trống: danh sách này sẽ cho mọi người qua; nếu đúng ý, thêm"
                    " --empty",
                    "both files are empty: nobody would be found by this list; if that is meant,"
                    " add --empty",
                )
            ]
        )
    content = build(strict, mild, load_key(key), int(time.time() * 1000))
    files.write(out, content)
    return Built(len(strict), len(mild), len(content))


def _subjects(file: Path, problems: list[str]) -> set[str]:
    data = files.read(file)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(
            f"{file}: "
            + both(
                f"dòng {line}: không phải UTF-8; hãy lưu tệp dạng “UTF-8”",
                f'line {line}: not UTF-8 text; save the file as "UTF-8"',
            )
        )
        return set()
    today = datetime.now(VIETNAM).date()
    found, wrong = set(), []
    for number, written in enumerate(io.StringIO(text, newline=None), 1):
        if not written.strip().strip(",; \ufeff"):
            continue
        try:
            found.add(listed.subject(written, today))
        except Unfit as problem:
            wrong.append(
                both(f"dòng {number}: {problem.vietnamese}", f"line {number}: {problem.english}")
            )
    problems += [f"{file}: {what}" for what in wrong[:_TOLD]]
    if (rest := len(wrong) - _TOLD) > 0:
        problems.append(f"{file}: " + both(f"và {rest} dòng sai nữa", f"and {rest} more lines"))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; exits 1 with one sentence per problem when it refuses."""
    parser = argparse.ArgumentParser(
        prog="python -m central.risk",
        description="Lập danh sách người cần theo dõi. Makes risk lists and their keys.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    key = commands.add_parser("new-key", help=both("tạo khóa", "make the key of a list"))
    key.add_argument("file", type=Path, metavar="FILE", help="must not exist yet")
    key.set_defaults(run=_new_key)
    made = commands.add_parser(
        "build", help=both("lập danh sách", "make a list, for the authority to sign")
    )
    each = both("mỗi dòng một người", "one person a line")
    made.add_argument("--quarantine", type=Path, required=True, metavar="FILE", help=each)
    made.add_argument("--follow-up", type=Path, required=True, metavar="FILE", help=each)
    made.add_argument("--key", type=Path, required=True, metavar="FILE", help="as new-key made it")
    made.add_argument("--out", type=Path, required=True, metavar="FILE", help="the list")
    made.add_argument(
        "--empty",
        action="store_true",
        help=both("không có ai trong danh sách", "nobody is on the list, and that is meant"),
    )
    made.set_defaults(run=_build)
    given = parser.parse_args(arguments)
    ending(lambda: given.run(given))


def _new_key(given: argparse.Namespace) -> None:
    name = new_key(given.file)
    print(
        f"{given.file}: "
        + both(
            f"khóa {name}; không bao giờ chép vào thẻ nhớ của máy ở cửa",
            f"key {name}; it never goes onto a kiosk's card",
        )
    )


def _build(given: argparse.Namespace) -> None:
    built = build_list(given.quarantine, given.follow_up, given.key, given.out, given.empty)
    print(
        f"{given.out}: "
        + both(
            f"{built.quarantine} khóa cách ly, {built.follow_up} khóa theo dõi",
            f"{built.quarantine} under quarantine, {built.follow_up} under follow-up",
        )
    )
    print(f"{built.size} bytes; sign it: python -m provisioning.authority sign FLEET risk ...")


if __name__ == "__main__":
    main()
