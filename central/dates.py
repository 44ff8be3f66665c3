"""Days as people and spreadsheets write them: the day before the month, or the year first."""

from __future__ import annotations

import re
from datetime import date

from central.words import Unfit

_MIDNIGHT = "(?:[ T](?:0?0:00(?::00(?:[.,]0+)?)?|12:00(?::00)? ?(?:AM|SA)))?"
_YEAR_FIRST = re.compile("([0-9]{4}) ?([-./]) ?([0-9]{1,2}) ?\\2 ?([0-9]{1,2})" + _MIDNIGHT)
_DAY_FIRST = re.compile("([0-9]{1,2}) ?([-./]) ?([0-9]{1,2}) ?\\2 ?([0-9]{4})" + _MIDNIGHT)
_SHORT_YEAR = re.compile("[0-9]{1,2}([-./])[0-9]{1,2}\\1[0-9]{2}" + _MIDNIGHT)
_YEAR = re.compile("18[5-9][0-9]|19[0-9]{2}|20[0-9]{2}|21[0-9]{2}")
_SERIAL = re.compile("[0-9]{5}(?:[.,]0*)?")  # 1927 to 2173


class MonthFirst(Unfit):
    """There is no such day, but there would be with the month before the day."""


def is_year(text: str) -> bool:
    """Whether it is a year that people may be born in, and nothing more."""
    return _YEAR.fullmatch(text) is not None


def read(text: str) -> date:
    """The day of `31/5/2027`, `31-05-2027`, `31.5.2027` or `2027-05-31`, with or without a
    midnight behind. Raises Unfit."""
    found = _YEAR_FIRST.fullmatch(text)
    if found is not None:
        year, _, month, day = found.groups()
        return _day(year, month, day)
    found = _DAY_FIRST.fullmatch(text)
    if found is not None:
        day, _, month, year = found.groups()
        try:
            return _day(year, month, day)
        except Unfit:
            _day(year, day, month)
            raise MonthFirst(
                "không có ngày này theo thứ tự ngày/tháng/năm; có lẽ tháng đứng trước",
                "no such day as day/month/year; perhaps the month comes first",
            ) from None
    if _SHORT_YEAR.fullmatch(text):
        raise Unfit("năm phải đủ bốn chữ số", "the year must have four digits")
    if _SERIAL.fullmatch(text):
        raise Unfit(
            "là số ngày của Excel; hãy định dạng ô thành ngày/tháng/năm rồi lưu lại",
            "a day number of Excel; format the cell as a date and save again",
        )
    raise Unfit(
        "không phải ngày/tháng/năm hay năm-tháng-ngày",
        "not a date as day/month/year or year-month-day",
    )


def _day(year: str, month: str, day: str) -> date:
    try:
        if is_year(year):
            return date(int(year), int(month), int(day))
        raise ValueError(year)
    except ValueError:
        raise Unfit("không có ngày này trong lịch", "no such day in the calendar") from None
