"""Findings, reasons and names in words, Vietnamese and English."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from kiosk.credentials.policy import problems
from kiosk.credentials.policy.phrases import PHRASES, Both
from kiosk.credentials.policy.rules import REASONS, Ago, Among, Finding, Hours, Mark, Problem, Span

Language = Literal["vi", "en"]

MARKS: dict[Mark, Both] = {
    "yes": ("đạt", "holds"),
    "no": ("không đạt", "no"),
    "unknown": ("chưa rõ", "unknown"),
    "not-asked": ("không xét", "not asked"),
}

REASONS_VI: dict[str, str] = {
    "accepted": "Mã được chấp nhận.",
    "clock-unknown": "Máy chưa biết ngày giờ nên không kiểm được thời hạn.",
    "too-soon": "Người này vừa được ghi nhận tại đây, cùng một chiều.",
    "more-needed": "Mã được chấp nhận, nhưng cửa này cần thêm loại mã khác.",
    "declaration-too-old": "Khai báo đã quá lâu.",
    "declared": "Đã trả lời các câu hỏi khai báo tại cửa này.",
    "not-green": "Kết quả theo màu của chứng nhận.",
    "full": "Bên trong đã đủ số người, theo số đếm của máy này.",
    "closed": "Nơi này đóng cửa vào giờ này.",
    "unknown-key": "Bên ký không có trong danh sách tin cậy của máy.",
    "not-yet-valid": "Chứng nhận, hoặc khóa ký chứng nhận, chưa có hiệu lực.",
    "expired": "Chứng nhận, hoặc khóa ký chứng nhận, đã hết hạn.",
    "revoked": "Chứng nhận, hoặc khóa ký chứng nhận, đã bị thu hồi.",
    "not-accepted": "Loại mã này không được chấp nhận tại đây.",
    "forged": "Chữ ký không khớp nội dung, hoặc bên ký không được quyền ký loại này.",
    "at-risk": "Người này có trong danh sách theo dõi.",
    "place-code": "Mã này là mã địa điểm; xin đưa mã cá nhân.",
    "unknown-code": "Không nhận dạng được loại mã; xin đưa thẻ căn cước.",
    "malformed": "Mã thuộc loại đã biết nhưng bị hỏng hoặc sai định dạng.",
}

FORMATS: dict[str, Both] = {
    "vn_personal": ("mã QR cá nhân quốc gia", "national personal QR"),
    "cccd": ("thẻ căn cước công dân (CCCD)", "identity card of 2021 (CCCD)"),
    "can_cuoc_2024": ("thẻ căn cước 2024", "identity card of 2024"),
    "bhyt": ("thẻ bảo hiểm y tế (BHYT)", "health-insurance card (BHYT)"),
    "door_pass": ("thẻ ra vào in giấy", "printed door pass"),
    "hcmc": ("mã khai báo y tế TP.HCM", "declaration in HCMC's system"),
    "hc1": (
        "chứng nhận HC1 (hộ chiếu vắc-xin Việt Nam, EU)",
        "HC1 certificate (Vietnam's vaccine passport, EU)",
    ),
    "shc": ("thẻ sức khỏe SMART", "SMART Health Card"),
    "nzcp": ("thẻ COVID của New Zealand", "New Zealand's COVID pass"),
    "vds_nc": ("chứng nhận VDS-NC của ICAO", "ICAO's VDS-NC proof"),
    "place": ("mã địa điểm", "code of a place"),
    "unknown": ("loại mã không rõ", "code of no known kind"),
}
"""Kinds of codes, by the names that `[accept]` has for them."""

RULES: dict[str, Both] = {
    "[accept]": ("Loại mã [accept]", "kind of code [accept]"),
    "signature": ("Chữ ký", "signature"),
    "validity": ("Thời hạn", "validity"),
    "[needs] one_of": ("Loại mã cửa cần [needs]", "kinds the door asks for [needs]"),
    "[needs] unmasked": ("Mã không che [needs]", "nothing masked [needs]"),
    "[questions]": ("Câu hỏi khai báo [questions]", "questions of a declaration [questions]"),
    "[limits] declaration_max_age_h": ("Giờ khai báo [limits]", "age of the declaration [limits]"),
    "[[colour]]": ("Màu [[colour]]", "colour [[colour]]"),
    "[colours]": ("Kết quả màu [colours]", "what the colour does [colours]"),
    "[hours]": ("Giờ mở cửa [hours]", "opening hours [hours]"),
    "[limits] min_interval_s": ("Cách lượt trước [limits]", "since the last time [limits]"),
    "[limits] max_occupancy": ("Số người bên trong [limits]", "people inside [limits]"),
    "risk list": ("Danh sách theo dõi", "risk list"),
    "[direction] out": ("Lượt ra [direction]", "going out [direction]"),
}

TERMS: dict[str, Both] = FORMATS | {
    "place-code": ("mã địa điểm", "codes of places"),
    "unknown-code": ("mã không nhận dạng được", "codes of no known kind"),
    "malformed": ("mã hỏng hoặc sai định dạng", "codes that are damaged or badly made"),
    "identity": ("giấy tờ tùy thân", "identity"),
    "declaration": ("khai báo", "declaration"),
    "certificate": ("chứng nhận", "certificate"),
    "symptoms": ("triệu chứng", "symptoms"),
    "contact": ("tiếp xúc", "contact"),
    "nothing": ("không loại nào", "nothing"),
    "pass": ("cho qua", "pass"),
    "warn": ("lưu ý", "warn"),
    "fail": ("chưa cho vào", "fail"),
    "record": ("chỉ ghi nhận", "record only"),
    "negative": ("âm tính", "negative"),
    "positive": ("dương tính", "positive"),
    "antigen": ("kháng nguyên", "antigen"),
    "pcr": ("PCR", "PCR"),
    "unnamed": ("không ghi tên", "not named"),
    "quarantine": ("cách ly", "quarantine"),
    "follow-up": ("theo dõi sức khỏe", "follow-up"),
    "green": ("xanh", "green"),
    "blue": ("xanh dương", "blue"),
    "yellow": ("vàng", "yellow"),
    "orange": ("cam", "orange"),
    "red": ("đỏ", "red"),
    "grey": ("xám", "grey"),
    "purple": ("tím", "purple"),
    "white": ("trắng", "white"),
    "black": ("đen", "black"),
}

DAYS: dict[Language, tuple[str, ...]] = {
    "vi": ("Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ nhật"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}


def sentence(finding: Finding, language: Language) -> str:
    """Why a rule holds or not."""
    facts = {name: term(value, language) for name, value in finding.facts.items()}
    return of(PHRASES[finding.phrase], language).format(**facts)


def rule(finding: Finding, language: Language) -> str:
    """Which rule it is, with its section in the file."""
    section, _, rest = finding.rule.partition(" ")
    if section == "[[colour]]" and rest:
        number, _, colour = rest.partition(" ")
        return f"{of(('Màu', 'colour'), language)} {number}, {term(colour, language)}"
    return of(RULES.get(finding.rule, RULES["[accept]"]), language)


def meaning(reason: str, language: Language, colour: str = "") -> str:
    """What a reason says."""
    said = REASONS_VI[reason] if language == "vi" else REASONS[reason]
    if reason == "not-green" and colour:
        said = f"{said[:-1]}: {term(colour, language)}."
    return said


def mark(holds: Mark, language: Language) -> str:
    """Whether a rule holds, in a word or two."""
    return of(MARKS[holds], language)


def term(value: object, language: Language) -> str:
    """A fact; words of the policy in plain language, a list with commas."""
    match value:
        case str():
            return of(TERMS.get(value, (value, value)), language)
        case datetime():
            return _time(value, language)
        case float():
            return decimal(value, language)
        case Ago(least=0, most=most):
            return f"{of(('tối đa', 'at most'), language)} {most} {of(('ngày', 'days'), language)}"
        case Ago(least=least, most=most):
            return (
                f"{least}{of((' đến ', ' to '), language)}{most} {of(('ngày', 'days'), language)}"
            )
        case Among(what=()):
            return ""
        case Among(what=what):
            return f" ({term(what, language)})"
        case Problem(text=text):
            return problems.in_vietnamese(text) if language == "vi" else text
        case Hours(spans=spans):
            return ", ".join(map(span, spans))
        case Iterable():
            return ", ".join(term(one, language) for one in value)
    return str(value)


def span(minutes: Span) -> str:
    """`06:00-11:30`."""
    return "-".join(f"{m // 60:02}:{m % 60:02}" for m in minutes)


def decimal(value: float, language: Language) -> str:
    """A number, with the comma of Vietnamese."""
    return f"{value:g}".replace(".", "," if language == "vi" else ".")


def _time(at: datetime, language: Language) -> str:
    day = DAYS[language][at.weekday()]
    date = f"{at.day}/{at.month}/{at.year}" if language == "vi" else f"{at.day} {at:%B %Y}"
    return f"{day} {date}, {at:%H:%M}"


def of(both: Both, language: Language) -> str:
    """One of the two."""
    return both[0] if language == "vi" else both[1]
