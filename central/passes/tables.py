"""A table as an office keeps it: CSV from Excel or LibreOffice, with a row of headings somewhere
near its beginning, a title above and a sum below.

Mistakes are all told at once, by line and column, in Vietnamese and English. They never quote
what stands there, but for the headings.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from central.words import both
from kiosk.credentials.text import standard_name
from kiosk.errors import ConfigError

MAX_BYTES = 16 * 1024 * 1024
_HEADINGS_WITHIN = 30  # rows
_HEADING_SHOWN = 30  # characters

COLUMNS = {
    "name": ("Họ và tên", "Họ tên", "Name", "Full name"),
    "family": (
        *("Họ đệm", "Họ và đệm", "Họ và tên đệm", "Họ và chữ đệm", "Họ lót", "Họ và chữ lót", "Họ"),
        *("Family name", "Surname", "Last name"),
    ),
    "given": ("Tên", "Given name", "First name"),
    "birth": (
        *("Ngày sinh", "Ngày tháng năm sinh", "Năm sinh"),
        *("Birth", "Date of birth", "Birthday", "Birth date"),
    ),
    "group": (
        *("Lớp/Tổ", "Lớp", "Lớp học", "Tổ", "Tổ dân phố", "Khu phố", "Thôn", "Ấp", "Nhóm"),
        *("Phòng ban", "Group", "Class"),
    ),
    "valid_from": ("Từ ngày", "Giá trị từ", "Giá trị từ ngày", "Valid from"),
    "valid_until": ("Đến ngày", "Giá trị đến", "Giá trị đến ngày", "Valid until"),
    "photo": ("Ảnh", "Photo"),
}
"""Fields and their headings, of which the first is what the field is called in Vietnamese."""
_FIELD = {standard_name(heading): field for field, all in COLUMNS.items() for heading in all}
_OF_WHOM = re.compile("<(?:HOC<SINH|HS|SINH<VIEN|GIAO<VIEN|GV|NHAN<VIEN|NV|CAN<BO|NGUOI<DAN)$")
_REMARK = re.compile("\\([^)]*\\)")
# What stands below a list: sums, place and date, who signs. `standard_name` drops digits.
_BELOW = re.compile(
    "(?:TONG<(?:SO|CONG)|SI<SO|TOTAL|DANH<SACH|NGUOI<LAP|HIEU<TRUONG|THU<TRUONG|CHU<TICH"
    "|GIAO<VIEN|KY<TEN|KY<VA|KY<GHI)(?:<.*)?|(?:.*<)?NGAY<THANG<NAM|TONG|NAM|NU"
)


class Mistake(NamedTuple):
    """`line` counts from 1; `column` is a field's name, or empty."""

    line: int
    column: str
    vietnamese: str
    english: str

    def __str__(self) -> str:
        there = f", cột {COLUMNS[self.column][0]}" if self.column else ""
        here = f", column {self.column}" if self.column else ""
        return both(
            f"dòng {self.line}{there}: {self.vietnamese}", f"line {self.line}{here}: {self.english}"
        )


class Row(NamedTuple):
    """`cells` without white space around; `line` is the one on which the row begins."""

    line: int
    cells: Sequence[str]


class Found(NamedTuple):
    """A table by its headings, which stand on `line`. `columns`: where the fields are. `rows`
    are of people; `skipped` are lines that are not. `unused`: columns, counted from 1, with
    their headings."""

    line: int
    width: int
    columns: dict[str, int]
    rows: list[Row]
    skipped: list[int]
    unused: dict[int, str]


def find(data: bytes, mistakes: list[Mistake]) -> Found | None:
    """The table in a file. What is wrong with its headings is added to `mistakes`, and then
    there is none. Raises ConfigError when it is no table at all."""
    text = _text(data)
    separator, top = max(
        ((separator, _top(text, separator)) for separator in ",;\t"),
        key=lambda of: len(_fields(of[1].cells)) if of[1] else 0,
    )
    if top is None or not _fields(top.cells):
        mistakes.append(
            Mistake(
                1,
                "",
                "không thấy dòng tiêu đề; cần có các cột Họ và tên (hoặc Họ đệm và Tên), Ngày sinh,"
                " Lớp/Tổ",
                "no row of headings; needed are name (or family and given), birth, group",
            )
        )
        return None
    before = len(mistakes)
    columns = _columns(top, mistakes)
    if len(mistakes) > before:
        return None
    rows, skipped = [], []
    for row in _rows(text, separator):
        if not any(row.cells) or row.cells == top.cells:
            continue
        if row.line < top.line or _is_below(row.cells):
            skipped.append(row.line)
        else:
            rows.append(row)
    unused = {}
    for at, heading in enumerate(top.cells):
        filled = any(len(row.cells) > at and row.cells[at] for row in rows)
        if at in columns.values() or not (heading or filled):
            continue
        unused[at + 1] = heading
        if not heading and at - 1 in (columns.get("name"), columns.get("family")):
            mistakes.append(
                Mistake(
                    top.line,
                    "name",
                    "cột kế bên có chữ mà không có tiêu đề; nếu là tên thì đặt hai tiêu đề Họ đệm"
                    " và Tên",
                    "the column beside it is filled and has no heading; if it is the given name,"
                    " use the headings family and given",
                )
            )
    return Found(top.line, len(top.cells), columns, rows, skipped, unused)


def _columns(top: Row, mistakes: list[Mistake]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for at, field in _fields(top.cells):
        if field in columns:
            two = f"{top.cells[columns[field]]}, {top.cells[at]}"
            what = f"hai cột cùng nghĩa: {two}", f"two columns mean the same: {two}"
            mistakes.append(Mistake(top.line, field, *what))
        columns.setdefault(field, at)
    if "name" in columns:  # whatever else there is of a name is not needed
        columns.pop("family", None)
        columns.pop("given", None)
    halves = [half for half in ("family", "given") if half in columns]
    needed = ("family", "given") if halves else ("name",)
    for field in (*needed, "birth", "group"):
        if field not in columns:
            there = ", ".join(heading[:_HEADING_SHOWN] for heading in top.cells if heading)
            allowed = ", ".join(COLUMNS[field])
            mistakes.append(
                Mistake(
                    top.line,
                    field,
                    f"thiếu cột này; bảng có: {there}; tiêu đề được dùng: {allowed}",
                    f"the column is missing; the table has: {there}; allowed: {allowed}",
                )
            )
    return columns


def _fields(cells: Sequence[str]) -> list[tuple[int, str]]:
    """Columns whose headings are known."""
    found = []
    for at, heading in enumerate(cells):
        plain = standard_name(_REMARK.sub(" ", heading))
        field = _FIELD.get(plain) or _FIELD.get(_OF_WHOM.sub("", plain))
        if field is not None:
            found.append((at, field))
    return found


def _top(text: str, separator: str) -> Row | None:
    """Of the first rows the one with the most headings."""
    best: Row | None = None
    try:
        for row in islice(_rows(text, separator), _HEADINGS_WITHIN):
            if best is None or len(_fields(row.cells)) > len(_fields(best.cells)):
                best = row
    except ConfigError:  # by another separator all may be well; by this one it is told later
        return best
    return best


def _is_below(cells: Sequence[str]) -> bool:
    words = [word for word in map(standard_name, cells) if word]
    return bool(words) and all(_BELOW.fullmatch(word) for word in words)


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        what = f"bảng có {len(data)} byte, nhiều nhất", f"the table has {len(data)} bytes, at most"
        raise ConfigError([f"{both(*what)} {MAX_BYTES}"])
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        what = "là tệp Excel; hãy lưu dạng “CSV UTF-8”", 'a workbook; save it as "CSV UTF-8"'
        raise ConfigError([str(Mistake(1, "", *what))])
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise UnicodeDecodeError("utf-8", data, 0, 1, "UTF-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        vietnamese = "không phải UTF-8; trong Excel hãy lưu dạng “CSV UTF-8”"
        english = 'not UTF-8; in Excel save it as "CSV UTF-8"'
        raise ConfigError([str(Mistake(line, "", vietnamese, english))]) from None


def _rows(text: str, separator: str) -> Iterator[Row]:
    skipped = 0
    if text[:4].lower() == "sep=":  # Excel's own line about the separator
        text, skipped = text.partition("\n")[2], 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader, None)
        except csv.Error as error:
            what = "dấu ngoặc kép bị lỗi", "a quotation mark is out of place"
            if "larger than field limit" in str(error):
                longest = csv.field_size_limit()
                what = (
                    f"có ô dài hơn {longest} ký tự; thiếu dấu ngoặc kép?",
                    f"a cell of more than {longest} characters; is a quotation mark missing?",
                )
            raise ConfigError([str(Mistake(line, "", *what))]) from None
        if cells is None:
            return
        yield Row(line, [cell.strip() for cell in cells])
