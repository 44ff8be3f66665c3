"""From people to numbered passes on sheets: all of them or none."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from central import files
from central.passes import sheets
from central.passes.issuer import Issuer
from central.passes.people import Person
from central.passes.register import Entry, Register, person
from central.passes.tables import Mistake
from central.words import both
from kiosk.credentials.formats.door_pass import Pass, encode
from kiosk.credentials.text import person_key
from kiosk.errors import ConfigError, CredentialError

_PAGES_A_FILE = 50  # what is in memory at a time
_ANY_NUMBER = 2**40


class Written(NamedTuple):
    """A file of sheets, and the numbers in it."""

    file: Path
    group: str
    numbers: Sequence[int]


class Alike(NamedTuple):
    """The person of a line has name (but for diacritics) and birth in common with those on
    other `lines`, and with holders of valid `passes`."""

    line: int
    lines: Sequence[int]
    passes: Sequence[int]


class Issued(NamedTuple):
    """What was done. `numbers`: the new ones by line; `earlier`: lines of people who keep other
    valid passes, and those."""

    written: list[Written]
    numbers: dict[int, int]
    earlier: dict[int, list[int]]
    alike: list[Alike]


class Desk(NamedTuple):
    """Where passes are made: by whom, into which folder, at which moment. `done` is called
    after each one is drawn."""

    issuer: Issuer
    register: Register
    out: Path
    at: datetime
    done: Callable[[], None]

    @property
    def today(self) -> str:
        """The day as the register writes it."""
        return self.at.date().isoformat()


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


def issue(people: Sequence[Person], desk: Desk, again: bool = False) -> Issued:
    """Enters `people` into the register and writes their sheets into the folder, by group.
    `again`: also for those who have a valid pass.

    Raises ConfigError, also for them, and Unfit for a photo; then nothing is issued and no
    file is left.
    """
    with _all_or_none(desk) as written:
        held = {
            who.line: desk.register.earlier(person(who.name, who.birth, who.group), desk.today)
            for who in people
        }
        earlier = {line: numbers for line, numbers in held.items() if numbers}
        if earlier and not again:
            raise ConfigError(
                [
                    *(str(_has_one(line, numbers)) for line, numbers in earlier.items()),
                    both(
                        "mất thẻ thì dùng replace; muốn cấp thêm thẻ thì thêm --again",
                        "for a lost pass use replace; for a further one add --again",
                    ),
                    both("không cấp thẻ nào", "nothing was issued"),
                ]
            )
        alike = _alike(people, desk)
        numbers = _make(people, desk, written)
    return Issued(written, numbers, earlier, alike)


def replace(
    numbers: Sequence[int],
    why: str,
    desk: Desk,
    last: date | None = None,
    photo: Path | None = None,
    again: bool = False,
) -> Issued:
    """Revokes passes and issues new ones for the same people, from today; `last`: until another
    day than before. In what it returns, the numbers replaced stand for lines. Raises like `issue`,
    and then nothing is revoked either."""
    with _all_or_none(desk) as written:
        people = [_heir(desk, number, last, photo, again) for number in dict.fromkeys(numbers)]
        if mistakes := check(people, desk.issuer):
            raise ConfigError([f"{m.line}: {both(m.vietnamese, m.english)}" for m in mistakes])
        desk.register.revoke(numbers, why, desk.at)
        made = _make(people, desk, written)
    return Issued(written, made, {}, [])


def _heir(desk: Desk, number: int, last: date | None, photo: Path | None, again: bool) -> Person:
    old = desk.register.entry(number)
    others = desk.register.earlier(person(old.name, old.birth, old.group), desk.today)
    others = [other for other in others if other != number]
    if others and not again:
        has = ", ".join(map(str, others))
        raise _refused(
            number,
            f"người này còn thẻ {has} có giá trị; hãy thay thẻ đó, hoặc thêm --again",
            f"the same person has {has}, still valid; replace that one, or add --again",
        )
    first = max(desk.at.date(), date.fromisoformat(old.valid_from))
    if last is None and old.valid_until < desk.today:
        raise _refused(number, "thẻ đã hết hạn; thêm --until", "its last day is past; add --until")
    last = last or date.fromisoformat(old.valid_until)
    if last < first:
        raise _refused(number, "--until trước ngày đầu", "--until is before its first day")
    return Person(number, old.name, old.birth, old.group, first, last, photo)


def _refused(number: int, vietnamese: str, english: str) -> ConfigError:
    nothing = both("chưa thay đổi gì", "nothing was changed")
    return ConfigError([both(f"thẻ {number}: {vietnamese}", f"{number}: {english}"), nothing])


def _has_one(line: int, numbers: Sequence[int]) -> Mistake:
    has = ", ".join(map(str, numbers))
    what = f"đã có thẻ {has} còn giá trị", f"has pass {has}, which is still valid"
    return Mistake(line, "", *what)


def _alike(people: Sequence[Person], desk: Desk) -> list[Alike]:
    """By the key under which a risk list may have both."""
    lines: dict[str, list[Person]] = defaultdict(list)
    for who in people:
        if key := person_key(who.name, who.birth):
            lines[key].append(who)
    passes: dict[str, list[Entry]] = defaultdict(list)
    for entry in desk.register.valid(desk.today):
        if (key := person_key(entry.name, entry.birth)) in lines:
            passes[key].append(entry)
    found = []
    for key, same in lines.items():
        for who in same:
            others = [other.line for other in same if other is not who]
            mine = person(who.name, who.birth, who.group)
            held = [e.number for e in passes[key] if person(e.name, e.birth, e.group) != mine]
            if others or held:
                found.append(Alike(who.line, others, held))
    return sorted(found)


@contextmanager
def _all_or_none(desk: Desk) -> Iterator[list[Written]]:
    """What is entered and drawn within is issued once it has ended well, or nothing of it."""
    files.private_folder(desk.out)
    written: list[Written] = []
    try:
        with desk.register.changing():
            yield written
    except BaseException:
        for one in written:
            _part(one.file).unlink(missing_ok=True)
        raise
    # Only now: a pass that is out and not in the register could never be revoked.
    for one in written:
        try:
            _part(one.file).rename(one.file)
        except OSError as error:
            what = both(
                "không đổi tên được; thẻ trong đó đã cấp",
                "cannot be renamed; its passes are issued",
            )
            raise ConfigError([f"{_part(one.file)}: {what}: {error.strerror}"]) from error


def _make(people: Sequence[Person], desk: Desk, written: list[Written]) -> dict[int, int]:
    """Enters and draws them; their numbers by line."""
    made: dict[int, int] = {}
    for group, members in _by_group(people):
        pages = -(-len(members) // sheets.PER_PAGE)
        for page in range(0, pages, _PAGES_A_FILE):
            start = page * sheets.PER_PAGE
            some = members[start : start + _PAGES_A_FILE * sheets.PER_PAGE]
            cards = [_enter(who, desk) for who in some]
            numbers = [card.number for card in cards]
            made |= dict(zip((who.line for who in some), numbers, strict=True))
            drawn = sheets.Sheets(desk.issuer.name, group, page + 1, pages, cards)
            one = Written(desk.out / f"passes-{numbers[0]}-{numbers[-1]}.pdf", group, numbers)
            written.append(one)
            _draw(drawn, one.file, desk.done)
    return made


def _part(file: Path) -> Path:
    return file.with_name(f".{file.name}.part")


def _draw(drawn: sheets.Sheets, file: Path, done: Callable[[], None]) -> None:
    if file.exists():
        what = both("đã có, không ghi đè", "exists already and is not overwritten")
        raise ConfigError([f"{file}: {what}"])
    _part(file).unlink(missing_ok=True)
    try:
        with files.private_file(_part(file)) as made:
            sheets.write(drawn, made, done)
    except OSError as error:
        what = both("không ghi được", "cannot be written")
        raise ConfigError([f"{file}: {what}: {error.strerror}"]) from error


def _by_group(people: Sequence[Person]) -> Iterator[tuple[str, Sequence[Person]]]:
    """Groups in the order in which they first come, people in that of the table."""
    order = {group: at for at, group in enumerate(dict.fromkeys(who.group for who in people))}
    together = sorted(people, key=lambda who: order[who.group])
    for group, members in itertools.groupby(together, lambda who: who.group):
        yield group, list(members)


def _enter(who: Person, desk: Desk) -> sheets.Card:
    days = who.first.isoformat(), who.last.isoformat()
    number = desk.register.add(who.name, who.birth, who.group, days, desk.at)
    payload = _payload(who, number, desk.issuer)
    return sheets.Card(number, who.name, who.group, who.first, who.last, payload, who.photo)


def _payload(who: Person, number: int, issuer: Issuer) -> bytes:
    made = Pass(
        id=number, name=who.name, birth=who.birth, group=who.group, first=who.first, last=who.last
    )
    return encode(made, issuer.key)
