"""What formats find wrong with a payload, in Vietnamese: what a clerk can make use of in words,
all else as a structure that is not what it should be."""

from __future__ import annotations

import re

_WHAT = {
    "name": "tên",
    "parent's name": "tên cha mẹ",
    "date of birth": "ngày sinh",
    "birth": "ngày sinh",
    "sex": "giới tính",
    "address": "địa chỉ",
    "document number": "số giấy tờ",
    "old number": "số giấy tờ cũ",
    "kind of declaration": "loại khai báo",
    "platform id": "mã định danh",
    "group": "nhóm",
    "date of issue": "ngày cấp",
    "issue time": "thời điểm cấp",
    "start": "ngày bắt đầu hiệu lực",
    "expiry": "ngày hết hạn",
    "start of insurance": "ngày bắt đầu bảo hiểm",
    "end of insurance": "ngày hết hạn bảo hiểm",
    "date of vaccination": "ngày tiêm",
    "time of sampling": "giờ lấy mẫu",
    "date of first positive result": "ngày dương tính lần đầu",
}
_OF_WHAT = r"([a-z' ]+?)(?: \([a-z]+\))? "
_SAID = [
    (re.compile(_OF_WHAT + written), said)
    for written, said in (
        ("is not a date of the calendar", "{} không có trong lịch"),
        ("is outside the years ([0-9]+) to ([0-9]+)", "{} nằm ngoài các năm {} đến {}"),
        ("has ([0-9]+) characters, at most ([0-9]+)", "{} dài {} ký tự, tối đa {}"),
        ("is (?:empty|absent or not .+)", "thiếu {}"),
        ("is (?:not|neither|none of) .+", "{} sai định dạng"),
    )
]
_ALONE = [
    (re.compile(written), said)
    for written, said in (
        ("([0-9]+) members, expected (.+)", "có {} trường, cần {}"),
        ("no full date of birth", "không ghi đủ ngày sinh"),
        ("the patient has no name", "thiếu tên"),
        ("no (?:expiry|start) .+", "không ghi thời hạn"),
        ("expected one entry: .+", "phải ghi đúng một việc: tiêm, xét nghiệm hoặc khỏi bệnh"),
        ("([0-9]+) of the ([0-9]+) parts .+", "mới có {} trong {} phần của thẻ"),
        ("its parts are of different cards.*", "các phần thuộc những thẻ khác nhau"),
        ("compressed data is cut.*", "dữ liệu bị cắt hoặc thừa"),
        ("byte ([0-9]+) is not UTF-8", "byte {} không phải UTF-8"),
        ("not a base45 character at position ([0-9]+)", "ký tự thứ {} không thuộc base45"),
        ("empty payload.*", "mã rỗng"),
        ("([0-9]+) bytes.*, at most ([0-9]+)", "{} byte, tối đa {}"),
    )
]
_OTHER = "cấu trúc không đúng chuẩn của loại mã này"


def in_vietnamese(problem: str) -> str:
    """The same; quotes no more of the payload than `problem` does."""
    for pattern, said in _SAID:
        found = pattern.fullmatch(problem)
        if found is not None and found[1] in _WHAT:
            return said.format(_WHAT[found[1]], *found.groups()[1:])
    for pattern, said in _ALONE:
        if (found := pattern.fullmatch(problem)) is not None:
            return said.format(*(part.replace(" or ", " hoặc ") for part in found.groups()))
    return _OTHER
