"""Who is to get a pass, from a table as people keep it: CSV from Excel or LibreOffice.

Mistakes are all told at once, by line and column, in Vietnamese and English. They never quote
what stands there.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from central.passes import photos
from central.passes.register import person
from kiosk.credentials.text import (
    NAME_MAX,
    Malformed,
    calendar,
    clean,
    standard_name,
)
from kiosk.errors import ConfigError

MAX_BYTES = 16 * 1024 * 1024
_GROUP_MAX = 40

# Headings as `standard_name` has them: letters only, without diacritics.
_HEADINGS = {
    "name": ("NAME", "FULL<NAME", "HO<VA<TEN", "HO<TEN", "HO<TEN<HOC<SINH"),
    "birth": ("BIRTH", "DATE<OF<BIRTH", "NGAY<SINH", "NGAY<THANG<NAM<SINH", "NAM<SINH"),
    "group": ("GROUP", "CLASS", "LOP", "TO", "LOP<TO", "NHOM"),
    "valid_from": ("VALID<FROM", "TU<NGAY", "GIA<TRI<TU", "GIA<TRI<TU<NGAY"),
    "valid_until": ("VALID<UNTIL", "DEN<NGAY", "GIA<TRI<DEN", "GIA<TRI<DEN<NGAY"),
    "photo": ("PHOTO", "ANH"),
}
_VIETNAMESE = {
    "name": "Họ và tên",
    "birth": "Ngày sinh",
    "group": "Lớp/Tổ",
    "valid_from": "Từ ngày",
    "valid_until": "Đến ngày",
    "photo": "Ảnh",
}
_NEEDED = ("name", "birth", "group")
_FIELD = {heading: field for field, all in _HEADINGS.items() for heading in all}
_YEAR_FIRST = re.compile("([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_DAY_FIRST = re.compile("([0-9]{1,2})([./-])([0-9]{1,2})\\2([0-9]{4})")
_YEAR = re.compile("[0-9]{4}")


class Person(NamedTuple):
    """Somebody who gets a pass. `birth` as in `Pass`; `last` is still valid."""

    line: int
    name: str
    birth: str
    group: str
    first: date
    last: date
    photo: Path | None


class Mistake(NamedTuple):
    """`line` counts from 1 with the headings; `column` is a field's name, or empty."""

    line: int
    column: str
    vietnamese: str
    english: str

    def __str__(self) -> str:
        there = f", cột {_VIETNAMESE[self.column]}" if self.column else ""
        here = f", column {self.column}" if self.column else ""
        return (
            f"dòng {self.line}{there}: {self.vietnamese} / line {self.line}{here}: {self.english}"
        )


class Table(NamedTuple):
    """What was read. `unused`: columns with another heading, counted from 1."""

    people: list[Person]
    mistakes: list[Mistake]
    unused: list[int]


class Days(NamedTuple):
    """What holds for a line that names no days of its own; `last` None: each has to."""

    today: date
    first: date
    last: date | None


def read(data: bytes, folder: Path, days: Days, twice: bool = False) -> Table:
    """The people of a table whose photos lie in `folder`. `twice`: the same name and birth may
    stand on two lines. Raises ConfigError when it is no table at all."""
    rows = _rows(_text(data))
    line, headings = next(rows, (1, []))
    columns: dict[str, int] = {}
    mistakes, unused = [], []
    for at, heading in enumerate(headings):
        field = _FIELD.get(standard_name(heading))
        if field is None:
            unused.append(at + 1)
        elif field in columns:
            mistakes.append(Mistake(line, field, "cột có hai lần", "the column is there twice"))
        else:
            columns[field] = at
    for field in _NEEDED:
        if field not in columns:
            mistakes.append(Mistake(line, field, "thiếu cột này", "the column is missing"))
    people: list[Person] = []
    if mistakes:
        return Table(people, mistakes, unused)
    seen: dict[str, int] = {}
    for line, cells in rows:
        if not any(cells):
            continue
        if any(cells[len(headings) :]):
            mistakes.append(
                Mistake(line, "", "nhiều ô hơn dòng tiêu đề", "more cells than headings")
            )
            continue
        given = {f: cells[at] if at < len(cells) else "" for f, at in columns.items()}
        reading = _Reading(line, given, mistakes)
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
    if not people and not mistakes:
        mistakes.append(Mistake(line, "", "không có ai trong bảng", "nobody is in the table"))
    return Table(people, mistakes, unused)


class _Reading:
    """One line; what is wrong with it goes to `mistakes`."""

    def __init__(self, line: int, given: dict[str, str], mistakes: list[Mistake]) -> None:
        self._line, self._given, self._mistakes = line, given, mistakes
        self._sound = True

    def wrong(self, column: str, vietnamese: str, english: str) -> None:
        self._mistakes.append(Mistake(self._line, column, vietnamese, english))
        self._sound = False

    def person(self, folder: Path, days: Days) -> Person | None:
        name, group = self._words("name", NAME_MAX), self._words("group", _GROUP_MAX)
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

    def _words(self, column: str, longest: int) -> str:
        try:
            words = clean(self._given[column], column, longest)
        except Malformed:
            self.wrong(column, f"dài hơn {longest} ký tự", f"longer than {longest} characters")
            return ""
        if not words:
            self.wrong(column, "ô trống", "empty")
        return words

    def _birth(self, today: date) -> str:
        """Empty where it is not known."""
        given = self._given["birth"]
        if not given:
            return ""
        try:
            if _YEAR.fullmatch(given):
                birth = calendar(given, "", "", "birth")
            else:
                date(*(int(part) for part in _parts(given)))  # no day 0, which means unknown
                birth = calendar(*_parts(given), "birth")
        except (ValueError, Malformed):
            self.wrong(
                "birth",
                "không phải ngày/tháng/năm, năm-tháng-ngày hay năm",
                "not a date as day/month/year, year-month-day, or a year",
            )
            return ""
        if birth > today.isoformat():
            self.wrong("birth", "ngày ở tương lai", "in the future")
        return birth

    def _day(self, column: str, otherwise: date | None) -> date | None:
        given = self._given.get(column, "")
        if given:
            try:
                return date(*(int(part) for part in _parts(given)))
            except ValueError:
                self.wrong(
                    column,
                    "không phải ngày/tháng/năm hay năm-tháng-ngày",
                    "not a date as day/month/year or year-month-day",
                )
                return None
        if otherwise is None:
            self.wrong(column, "thiếu ngày; dùng --until", "no day; give --until")
        return otherwise

    def _photo(self, folder: Path) -> Path | None:
        given = self._given.get("photo", "")
        if not given:
            return None
        try:
            photos.portrait(folder / given)
        except photos.PhotoError as error:
            self.wrong("photo", error.vietnamese, error.english)
        return folder / given


def _parts(given: str) -> tuple[str, str, str]:
    """Year, month and day with all their digits; empty when it is no date."""
    found = _YEAR_FIRST.fullmatch(given)
    if found is not None:
        year, month, day = found.groups()
    else:
        found = _DAY_FIRST.fullmatch(given)
        if found is None:
            return "", "", ""
        day, _, month, year = found.groups()
    return year, month.zfill(2), day.zfill(2)


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise ConfigError([f"the table has {len(data)} bytes, at most {MAX_BYTES}"])
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UnicodeDecodeError("utf-8", data, 0, 1, "UTF-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        vietnamese = "không phải UTF-8; trong Excel hãy lưu dạng “CSV UTF-8”"
        english = 'not UTF-8; in Excel save it as "CSV UTF-8"'
        raise ConfigError([str(Mistake(line, "", vietnamese, english))]) from None


def _rows(text: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Each row with the line on which it begins, its cells without white space around."""
    skipped = 0
    if text[:4].lower() == "sep=":  # Excel's own line about the separator
        text, skipped = text.partition("\n")[2], 1
    heading = text.partition("\n")[0]
    separator = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader, None)
        except csv.Error:
            mistake = Mistake(line, "", "dấu ngoặc kép bị lỗi", "a quotation mark is out of place")
            raise ConfigError([str(mistake)]) from None
        if cells is None:
            return
        yield line, [cell.strip() for cell in cells]
