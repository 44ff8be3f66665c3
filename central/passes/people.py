"""Who is to get a pass, line by line of a table."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import NamedTuple

from central import dates, names
from central.passes import photos, tables
from central.passes.register import person
from central.passes.tables import Mistake
from central.words import Unfit

_GROUP_MAX = 40


class Person(NamedTuple):
    """Somebody who gets a pass. `birth` as in `Pass`; `last` is still valid."""

    line: int
    name: str
    birth: str
    group: str
    first: date
    last: date
    photo: Path | None


class People(NamedTuple):
    """What was read. `unused` and `skipped` as in `tables.Found`."""

    people: list[Person]
    mistakes: list[Mistake]
    unused: dict[int, str]
    skipped: list[int]


class Days(NamedTuple):
    """What holds for a line that names no days of its own; `last` None: each has to."""

    today: date
    first: date
    last: date | None


def read(data: bytes, folder: Path, days: Days, twice: bool = False) -> People:
    """The people of a table whose photos lie in `folder`. `twice`: the same name and birth may
    stand on two lines. Raises ConfigError when it is no table at all."""
    mistakes: list[Mistake] = []
    people: list[Person] = []
    table = tables.find(data, mistakes)
    if table is None:
        return People(people, mistakes, {}, [])
    seen: dict[str, int] = {}
    month_first: Counter[str] = Counter()
    for line, cells in table.rows:
        if any(cells[table.width :]):
            what = "nhiều ô hơn dòng tiêu đề", "more cells than headings"
            mistakes.append(Mistake(line, "", *what))
            continue
        given = {f: cells[at] if at < len(cells) else "" for f, at in table.columns.items()}
        reading = _Reading(line, given, mistakes, month_first)
        found = reading.person(folder, days)
        if found is None:
            continue
        who = person(found.name, found.birth, found.group)
        before = seen.setdefault(who, line)
        if before != line and not twice:
            reading.wrong(
                "name",
                f"cùng người với dòng {before}; nếu là hai người, dùng --twice",
                f"the same person as on line {before}; if they are two, use --twice",
            )
        people.append(found)
    mistakes += (_month_first(table.line, column, n) for column, n in month_first.items())
    if not people and not mistakes:
        what = "không có ai trong bảng", "nobody is in the table"
        mistakes.append(Mistake(table.line, "", *what))
    return People(people, mistakes, table.unused, table.skipped)


def _month_first(line: int, column: str, count: int) -> Mistake:
    return Mistake(
        line,
        column,
        f"{count} dòng chỉ đúng theo thứ tự tháng/ngày/năm: có lẽ cả cột như vậy, và các dòng khác"
        " đang bị đọc nhầm ngày với tháng; hãy định dạng cả cột thành ngày/tháng/năm",
        f"{count} lines are right only as month/day/year: perhaps the whole column is, and on the"
        " other lines day and month are mixed up unseen; format the whole column as day/month/year",
    )


class _Reading:
    """One line; what is wrong with it goes to `mistakes`."""

    def __init__(
        self,
        line: int,
        given: dict[str, str],
        mistakes: list[Mistake],
        month_first: Counter[str],
    ) -> None:
        self._line, self._given, self._mistakes = line, given, mistakes
        self._month_first = month_first
        self._sound = True

    def wrong(self, column: str, vietnamese: str, english: str) -> None:
        self._mistakes.append(Mistake(self._line, column, vietnamese, english))
        self._sound = False

    def person(self, folder: Path, days: Days) -> Person | None:
        name, group = self._name(), self._group()
        birth = self._birth(days.today)
        first = self._day("valid_from", days.first)
        last = self._day("valid_until", days.last)
        if last is not None and last < days.today:
            self.wrong("valid_until", "ngày đã qua", "the day is past")
        elif first is not None and last is not None and last < first:
            self.wrong("valid_until", "trước ngày bắt đầu", "before the first day")
        photo = self._photo(folder)
        if not self._sound or first is None or last is None:
            return None
        return Person(self._line, name, birth, group, first, last, photo)

    def _name(self) -> str:
        if "name" in self._given:
            return self._read_name("name", self._given["name"])
        given = self._read_name("given", self._given["given"])
        if not given or not self._given["family"]:
            return given
        return self._read_name("family", f"{self._given['family']} {given}")

    def _read_name(self, column: str, text: str) -> str:
        try:
            return names.person(text)
        except Unfit as problem:
            self.wrong(column, problem.vietnamese, problem.english)
            return ""

    def _group(self) -> str:
        try:
            return names.group(self._given["group"], _GROUP_MAX)
        except Unfit as problem:
            self.wrong("group", problem.vietnamese, problem.english)
            return ""

    def _birth(self, today: date) -> str:
        """Empty where it is not known."""
        given = self._given["birth"]
        if dates.is_year(given):
            birth = given
        else:
            day = self._read_day("birth", given) if given else None
            birth = day.isoformat() if day else ""
        if birth > today.isoformat():
            self.wrong("birth", "ngày ở tương lai", "in the future")
        return birth

    def _day(self, column: str, otherwise: date | None) -> date | None:
        given = self._given.get(column, "")
        if given:
            return self._read_day(column, given)
        if otherwise is None:
            self.wrong(column, "thiếu ngày; dùng --until", "no day; give --until")
        return otherwise

    def _read_day(self, column: str, given: str) -> date | None:
        try:
            return dates.read(given)
        except Unfit as problem:
            if isinstance(problem, dates.MonthFirst):
                self._month_first[column] += 1
            self.wrong(column, problem.vietnamese, problem.english)
            return None

    def _photo(self, folder: Path) -> Path | None:
        given = self._given.get("photo", "")
        if not given:
            return None
        try:
            photos.portrait(folder / given)
        except Unfit as problem:
            self.wrong("photo", problem.vietnamese, problem.english)
        return folder / given
