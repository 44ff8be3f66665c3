"""Findings in words, Vietnamese and English."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from kiosk.credentials.policy.rules import REASONS, Finding, Truth

Language = Literal["vi", "en"]

HOLDS: dict[Truth, tuple[str, str]] = {
    "yes": ("đạt", "holds"),
    "no": ("không", "no"),
    "unknown": ("chưa rõ", "unsure"),
}

REASONS_VI: dict[str, str] = {
    "accepted": "Mã được chấp nhận.",
    "clock-unknown": "Máy chưa biết ngày giờ nên không kiểm được thời hạn.",
    "too-soon": "Người này vừa được ghi nhận tại đây, cùng một chiều.",
    "more-needed": "Mã được chấp nhận, nhưng cửa này cần thêm loại mã khác.",
    "declaration-too-old": "Khai báo đã quá lâu.",
    "declared": "Đã trả lời các câu hỏi khai báo tại cửa này.",
    "not-green": "Màu của chứng nhận dẫn đến câu trả lời này.",
    "full": "Bên trong đã đủ số người, theo số đếm của máy này.",
    "closed": "Nơi này đóng cửa vào giờ này.",
    "unknown-key": "Bên ký không có trong danh sách tin cậy của máy.",
    "not-yet-valid": "Chứng nhận, hoặc khóa đã ký nó, chưa có hiệu lực.",
    "expired": "Chứng nhận, hoặc khóa đã ký nó, đã hết hạn.",
    "revoked": "Chứng nhận, hoặc khóa đã ký nó, đã bị thu hồi.",
    "forged": "Chữ ký không khớp nội dung, hoặc bên ký không có quyền ký loại này.",
    "at-risk": "Người này có trong danh sách cần theo dõi.",
    "not-accepted": "Loại mã này không được chấp nhận tại đây.",
    "place-code": "Mã này là mã địa điểm; xin đưa mã cá nhân.",
    "unknown-code": "Máy không biết loại mã này.",
    "malformed": "Mã thuộc loại đã biết nhưng bị hỏng hoặc làm sai.",
}

PHRASES: dict[str, tuple[str, str]] = {
    "accepted": (
        "{format} được chấp nhận, dùng làm {purposes}: {answer}",
        "{format} is accepted, good for {purposes}: {answer}",
    ),
    "not-accepted": (
        "{format} không được liệt kê nên không được chấp nhận",
        "{format} is not listed, hence not accepted",
    ),
    "signature-none": ("loại mã này không có chữ ký", "codes of this kind are not signed"),
    "signature-valid": ("chữ ký đúng, bên ký được tin cậy", "holds, and the signer is trusted"),
    "forged": (
        "chữ ký không khớp nội dung, hoặc bên ký không có quyền ký loại này",
        "does not fit the content, or the signer may not sign such",
    ),
    "unknown-key": (
        "bên ký không có trong danh sách tin cậy",
        "the signer is not on the trust list",
    ),
    "revoked": ("mã hoặc khóa ký đã bị thu hồi", "the code or its signer's key was withdrawn"),
    "valid": ("trong thời hạn hiệu lực", "within its dates"),
    "undated": ("mã không ghi thời hạn", "the code has no dates"),
    "expired": ("đã hết hạn", "past its end"),
    "not-yet-valid": ("chưa có hiệu lực", "before its beginning"),
    "clock-unknown": (
        "phụ thuộc ngày giờ mà máy chưa biết chắc",
        "hangs on a date or hour that the kiosk does not know for sure",
    ),
    "enough": (
        "một trong các loại cửa này cần: {needs}",
        "one of what this door asks for: {needs}",
    ),
    "more-needed": ("cửa này cần thêm một trong: {needs}", "this door asks for one of: {needs}"),
    "declaration-undated": (
        "mã không ghi giờ khai báo nên không kiểm được mức {hours} giờ",
        "the code does not say when it was made, so {hours} h cannot be asked of it",
    ),
    "declaration-recent": (
        "khai báo cách đây {age} giờ, tối đa {hours}",
        "made {age} h ago, at most {hours}",
    ),
    "declaration-too-old": (
        "khai báo cách đây {age} giờ, tối đa {hours}",
        "made {age} h ago, at most {hours}",
    ),
    "questions": (
        "chưa có khai báo: máy hỏi hai câu, trả lời bằng nút, mỗi câu {seconds} giây;"
        " có triệu chứng: {symptoms}, có tiếp xúc: {contact}",
        "no declaration yet: two questions are asked, answered with the button, {seconds} s"
        " each; yes to symptoms: {symptoms}, to contact: {contact}",
    ),
    "questions-out": ("đã khai báo lúc vào", "who leaves declared on the way in"),
    "declared-nothing": (
        "đã trả lời: không triệu chứng, không tiếp xúc",
        "answered: neither symptoms nor contact",
    ),
    "declared": ("đã trả lời: có {yes}", "answered: yes to {yes}"),
    "colour-of-nobody": (
        "không xét màu: chữ ký chưa được xác nhận",
        "no colour: nobody believed vouches for what it attests",
    ),
    "colour-none": ("không có quy tắc màu cho {purposes}", "no rule is about {purposes}"),
    "rest": ("mọi trường hợp còn lại", "everything else"),
    "formats": ("mã là {format}, quy tắc cho {wanted}", "it is {format}, the rule is for {wanted}"),
    "doses-few": (
        "ghi nhận {have} mũi, cần {need} (vắc-xin: {products})",
        "attests {have} doses, needed {need} (products: {products})",
    ),
    "doses": (
        "ghi nhận {have} mũi; mũi {need} cách đây {age} ngày, cần ít nhất {days}"
        " (vắc-xin: {products})",
        "attests {have} doses; dose {need} was {age} days ago, needed {days} or more"
        " (products: {products})",
    ),
    "doses-undated": (
        "ghi nhận {have} mũi; chưa biết mũi {need} đã đủ {days} ngày chưa (vắc-xin: {products})",
        "attests {have} doses; whether dose {need} is {days} days ago is not known"
        " (products: {products})",
    ),
    "dose-last": (
        "mũi cuối cách đây {age} ngày, tối đa {days}",
        "the last dose was {age} days ago, at most {days}",
    ),
    "dose-last-undated": (
        "chưa biết mũi cuối có trong {days} ngày không",
        "whether the last dose is within {days} days is not known",
    ),
    "recovery-none": (
        "không ghi nhận khỏi bệnh (cần trong {days} ngày, từ ngày thứ {least})",
        "attests no recovery (needed within {days} days, from day {least})",
    ),
    "recovery": (
        "dương tính lần đầu cách đây {age} ngày, cần từ {least} đến {days}",
        "first positive {age} days ago, needed {least} to {days}",
    ),
    "recovery-undated": (
        "chưa biết đã khỏi bệnh từ {least} đến {days} ngày chưa",
        "whether the recovery is {least} to {days} days ago is not known",
    ),
    "test-none": (
        "không có xét nghiệm {result} (phương pháp: {methods}) trong {hours} giờ",
        "attests no {result} test (method: {methods}) within {hours} h",
    ),
    "test": (
        "xét nghiệm {result} (phương pháp: {methods}) cách đây {age} giờ, tối đa {hours}",
        "{result} test (method: {methods}) {age} h ago, at most {hours}",
    ),
    "test-undated": (
        "chưa biết xét nghiệm {result} (phương pháp: {methods}) có trong {hours} giờ không",
        "whether the {result} test (method: {methods}) is within {hours} h is not known",
    ),
    "colour": ("màu {colours}: {effects}", "colour {colours}: {effects}"),
    "open": ("bây giờ {now}, mở cửa {spans}", "it is {now}, open {spans}"),
    "closed": ("bây giờ {now}, mở cửa {spans}", "it is {now}, open {spans}"),
    "interval": (
        "lần ghi trước cách đây {since} giây, ít nhất {least}",
        "last recorded {since} s ago, at least {least}",
    ),
    "too-soon": (
        "lần ghi trước cách đây {since} giây, ít nhất {least}",
        "last recorded {since} s ago, at least {least}",
    ),
    "room": (
        "máy này đếm được {inside} người bên trong, tối đa {most}",
        "{inside} inside by the count of this kiosk, at most {most}",
    ),
    "full": (
        "máy này đếm được {inside} người bên trong, tối đa {most}",
        "{inside} inside by the count of this kiosk, at most {most}",
    ),
    "at-risk": ("người này có trong danh sách", "the person is on it"),
    "risk-none": ("máy không có danh sách, hoặc không tra ở đây", "there is none, or not here"),
    "risk-not-checked": (
        "có danh sách nhưng không tra được",
        "there is one, it could not be asked",
    ),
    "risk-clear": ("không có tên trong danh sách", "the person is not on it"),
    "leaving": ("đi ra: chỉ ghi nhận", "going out: recorded, whatever the code"),
    "place-code": ("mã địa điểm, không phải mã cá nhân", "a place's code instead of a person's"),
    "unknown-code": ("loại mã không biết", "of no kind that is known"),
    "malformed": ("mã bị hỏng hoặc làm sai: {problem}", "broken: {problem}"),
}

TERMS: dict[str, tuple[str, str]] = {
    "signature": ("chữ ký", "signature"),
    "validity": ("thời hạn", "validity"),
    "risk list": ("danh sách theo dõi", "risk list"),
    "identity": ("giấy tờ tùy thân", "identity"),
    "declaration": ("khai báo", "declaration"),
    "certificate": ("chứng nhận", "certificate"),
    "symptoms": ("triệu chứng", "symptoms"),
    "contact": ("tiếp xúc", "contact"),
    "pass": ("cho qua", "pass"),
    "warn": ("lưu ý", "warn"),
    "fail": ("mời chờ", "fail"),
    "record": ("chỉ ghi nhận", "record only"),
    "negative": ("âm tính", "negative"),
    "positive": ("dương tính", "positive"),
    "antigen": ("kháng nguyên", "antigen"),
    "pcr": ("PCR", "PCR"),
    "any": ("bất kỳ", "any"),
    "none": ("không lúc nào", "at no time"),
    "green": ("xanh", "green"),
    "yellow": ("vàng", "yellow"),
    "orange": ("cam", "orange"),
    "red": ("đỏ", "red"),
}


def sentence(finding: Finding, language: Language) -> str:
    """Why a rule holds or not."""
    facts = {name: term(value, language) for name, value in finding.facts.items()}
    return _in(PHRASES[finding.phrase], language).format(**facts)


def meaning(reason: str, language: Language) -> str:
    """What a reason says."""
    return REASONS_VI[reason] if language == "vi" else REASONS[reason]


def truth(holds: Truth, language: Language) -> str:
    """Whether a rule holds, in a word."""
    return _in(HOLDS[holds], language)


def term(value: object, language: Language) -> str:
    """A fact; words of the policy in plain language, a list with commas."""
    if isinstance(value, str):
        return _in(TERMS.get(value, (value, value)), language)
    if isinstance(value, Iterable):
        return ", ".join(term(one, language) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _in(both: tuple[str, str], language: Language) -> str:
    return both[0] if language == "vi" else both[1]
