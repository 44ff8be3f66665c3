"""From what a health officer writes down of a person to the key by which doors know them.

A line is a number as it stands on a card, or name and full date of birth, or a whole key as
docs/subjects.md has it. Spaces, capitals, diacritics and what cannot be seen do not matter.
"""

from __future__ import annotations

import re
from datetime import date

from central import dates, names
from central.words import Unfit
from kiosk.credentials.subjects import FORMS, document_key, insurance_key, number_key
from kiosk.credentials.text import person_key

_LONGEST = 500
_BETWEEN = re.compile("[ .-]")
_PASSPORT = re.compile("[A-Z]{1,2}[0-9]{6,8}")
_INSURANCE = re.compile("[A-Z]{2}[0-9]{13}")
_NAME_AND_BIRTH = re.compile("(?P<name>[^0-9]+?)[ ,;|:]+(?P<birth>[0-9][0-9 ./:-]*)")
_KIND = re.compile("[0-9a-z_-]+")
_NUMBERS = ("vn-id", "vn-cmnd", "vn-bhyt", "passport")


def subject(line: str, today: date) -> str:
    """The key of whoever the line names. Raises Unfit."""
    text = names.words(line, _LONGEST)
    kind, colon, rest = text.partition(":")
    kind, rest = kind.strip().lower(), rest.strip()
    if colon and kind == "name":
        return _by_name(rest, today)
    if colon and kind in FORMS:
        return _whole(kind, rest)
    if colon and _KIND.fullmatch(kind):
        raise Unfit(
            f"trước dấu hai chấm phải là một trong: {', '.join(FORMS)}",
            f"before the colon must stand one of: {', '.join(FORMS)}",
        )
    number = _BETWEEN.sub("", text).upper()
    if number.isascii() and number.isdecimal():
        return _by_number(number)
    if _PASSPORT.fullmatch(number):
        return number_key("passport", number)
    if _INSURANCE.fullmatch(number):
        return _of_somebody(insurance_key(number))
    return _by_name(text, today)


def _whole(kind: str, rest: str) -> str:
    plain = _BETWEEN.sub("", rest) if kind in _NUMBERS else rest
    if kind == "vn-bhyt" and _INSURANCE.fullmatch(plain.upper()):
        return _of_somebody(insurance_key(plain))
    for written in (plain, plain.upper(), plain.lower(), rest.upper()):
        if re.fullmatch(FORMS[kind], written):
            return f"{kind}:{written}"
    raise Unfit(
        f"sau “{kind}:” không đúng dạng, xem docs/subjects.md",
        f"what follows {kind}: has not its form, see docs/subjects.md",
    )


def _of_somebody(key: str) -> str:
    if not key:
        raise Unfit(
            "số này không của ai (toàn một chữ số)", "nobody's number: one digit over and over"
        )
    return key


def _by_number(number: str) -> str:
    if len(number) in (9, 12):
        return _of_somebody(document_key(number, ""))
    if len(number) == 10:
        raise Unfit(
            "mười chữ số: nếu là số bảo hiểm y tế, hãy viết vn-bhyt: ở trước; số định danh có"
            " 12 chữ số, và Excel bỏ các số 0 ở đầu",
            "ten digits: if it is a health-insurance number, write vn-bhyt: before it; an identity"
            " number has 12, and Excel drops zeros at the beginning",
        )
    raise Unfit(
        f"{len(number)} chữ số; số định danh có 12, CMND có 9 (Excel bỏ các số 0 ở đầu)",
        f"{len(number)} digits; an identity number has 12, an earlier one 9 (Excel drops zeros at"
        " the beginning)",
    )


def _by_name(text: str, today: date) -> str:
    found = _NAME_AND_BIRTH.fullmatch(text)
    if found is None:
        raise Unfit(
            "không phải số giấy tờ, cũng không phải họ tên và ngày sinh (Nguyễn Văn A, 18/01/1987)",
            "neither the number of a document nor name and date of birth"
            " (Nguyễn Văn A, 18/01/1987)",
        )
    if re.fullmatch("[0-9]{4}", found["birth"]):
        raise Unfit(
            "cần đủ ngày, tháng, năm sinh: cùng tên và năm thì có quá nhiều người",
            "day, month and year of birth are needed: name and year fit too many people",
        )
    birth = dates.read(found["birth"])
    if birth > today:
        raise Unfit("ngày sinh ở tương lai", "the date of birth is in the future")
    # In a key, names have `<` for the spaces.
    key = person_key(names.person(found["name"].replace("<", " ")), birth.isoformat())
    if not key:
        raise Unfit(
            "tên có chữ không phải chữ La-tinh: hãy ghi như trên hộ chiếu",
            "a letter of the name is not Latin: write it as in the passport",
        )
    return key
