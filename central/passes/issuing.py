"""From people to numbered passes on sheets: all of them or none."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from central import files
from central.passes import sheets
from central.passes.issuer import Issuer
from central.passes.people import Mistake, Person
from central.passes.register import Register, person
from kiosk.credentials.formats.door_pass import Pass, encode
from kiosk.errors import ConfigError, CredentialError

_PAGES_A_FILE = 50  # what is in memory at a time
_ANY_NUMBER = 2**40


class Written(NamedTuple):
    """A file of sheets, and the numbers in it."""

    file: Path
    group: str
    numbers: Sequence[int]


class Again(NamedTuple):
    """The person of a line got `number`, and has `earlier` ones that are still valid."""

    line: int
    number: int
    earlier: Sequence[int]


class Issued(NamedTuple):
    """What `issue` did."""

    written: list[Written]
    again: list[Again]


def check(people: Sequence[Person], issuer: Issuer) -> list[Mistake]:
    """What a pass cannot hold, or paper not show."""
    mistakes = []
    for who in people:
        for column, words in (("name", who.name), ("group", who.group)):
            if sheets.lacking(words):
                what = "ký tự không in được", "a character that the font does not have"
                mistakes.append(Mistake(who.line, column, *what))
        try:
            payload = _payload(who, _ANY_NUMBER, issuer)
        except CredentialError as error:
            mistakes.append(Mistake(who.line, "", "không làm được thẻ", error.problem))
            continue
        if len(payload) > sheets.PAYLOAD_MAX:
            what = "tên và lớp/tổ quá dài cho mã", "name and group are too long for the code"
            mistakes.append(Mistake(who.line, "name", *what))
    return mistakes


def issue(
    people: Sequence[Person],
    issuer: Issuer,
    register: Register,
    out: Path,
    at: datetime,
    done: Callable[[], None],
) -> Issued:
    """Enters `people` into the register and writes their sheets into the folder `out`, by group.

    `done` is called after each pass is drawn. Raises ConfigError and PhotoError; then nothing
    is issued and no file is left.
    """
    files.private_folder(out)
    written: list[Written] = []
    again: list[Again] = []
    with ExitStack() as undo:
        with register.changing():
            for group, members in _by_group(people):
                pages = -(-len(members) // sheets.PER_PAGE)
                for page in range(0, pages, _PAGES_A_FILE):
                    start = page * sheets.PER_PAGE
                    some = members[start : start + _PAGES_A_FILE * sheets.PER_PAGE]
                    cards = [_enter(who, issuer, register, at, again) for who in some]
                    drawn = sheets.Sheets(issuer.name, group, page + 1, pages, cards)
                    numbers = [card.number for card in cards]
                    file = out / f"passes-{numbers[0]}-{numbers[-1]}.pdf"
                    undo.callback(_part(file).unlink, missing_ok=True)
                    _draw(drawn, file, done)
                    written.append(Written(file, group, numbers))
        undo.pop_all()
    # Only now: a pass that is out and not in the register could never be revoked.
    for one in written:
        try:
            _part(one.file).rename(one.file)
        except OSError as error:
            what = f"{_part(one.file)} cannot be renamed: {error.strerror}; its passes are issued"
            raise ConfigError([what]) from error
    return Issued(written, again)


def _part(file: Path) -> Path:
    return file.with_name(f".{file.name}.part")


def _draw(drawn: sheets.Sheets, file: Path, done: Callable[[], None]) -> None:
    if file.exists():
        raise ConfigError([f"{file} exists already and is not overwritten"])
    _part(file).unlink(missing_ok=True)
    try:
        with files.private_file(_part(file)) as made:
            sheets.write(drawn, made, done)
    except OSError as error:
        raise ConfigError([f"{file} cannot be written: {error.strerror}"]) from error


def _by_group(people: Sequence[Person]) -> Iterator[tuple[str, Sequence[Person]]]:
    """Groups in the order in which they first come, people in that of the table."""
    order = {group: at for at, group in enumerate(dict.fromkeys(who.group for who in people))}
    together = sorted(people, key=lambda who: order[who.group])
    for group, members in itertools.groupby(together, lambda who: who.group):
        yield group, list(members)


def _enter(
    who: Person, issuer: Issuer, register: Register, at: datetime, again: list[Again]
) -> sheets.Card:
    key = person(who.name, who.birth, who.group)
    earlier = register.earlier(key, at.date().isoformat())
    days = who.first.isoformat(), who.last.isoformat()
    number = register.add(who.name, who.birth, who.group, days, at)
    if earlier:
        again.append(Again(who.line, number, earlier))
    payload = _payload(who, number, issuer)
    return sheets.Card(number, who.name, who.group, who.first, who.last, payload, who.photo)


def _payload(who: Person, number: int, issuer: Issuer) -> bytes:
    made = Pass(
        id=number, name=who.name, birth=who.birth, group=who.group, first=who.first, last=who.last
    )
    return encode(made, issuer.key)
