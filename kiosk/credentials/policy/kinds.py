"""What a value in a policy file may be: in words, as a test, and what would mend it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from kiosk.credentials.formats import FORMATS
from kiosk.credentials.policy.rules import PURPOSES, Policy, Purpose, Span, Words
from kiosk.credentials.products import CODES, product

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY_DAY = "every_day"
CODE = "code:"
"""Before the code of a product that has no name here."""
_SPAN = re.compile("([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_LOOSE_SPAN = re.compile("([0-9]{1,2})[:hg.]([0-9]{2})?-([0-9]{1,2})[:hg.]([0-9]{2})?")


class Kind(NamedTuple):
    """What a value may be. `hint`: what a wrong one was meant to be, if that can be told."""

    allowed: Words
    fits: Callable[[Any], bool]
    hint: Callable[[Any], str] = lambda value: ""


def toml(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {toml(v)}' for key, v in value.items())} }}"
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    return str(value)  # numbers and times print as they are written


def one_of(*values: str | bool) -> Kind:
    """One of these."""
    written = [toml(value) for value in values]
    return Kind(
        Words(" hoặc ".join(written), " or ".join(written)),
        lambda v: type(v) is type(values[0]) and v in values,
        lambda v: _near(v, [value for value in values if isinstance(value, str)]),
    )


def whole(low: int, high: int) -> Kind:
    """A whole number."""
    return Kind(
        Words(f"số nguyên từ {low} đến {high}", f"a whole number from {low} to {high}"),
        lambda v: type(v) is int and low <= v <= high,
    )


def some(each: Kind, most: int = 100) -> Kind:
    """A list that is not empty."""

    def hint(value: Any) -> str:
        wrong = [v for v in value if not each.fits(v)] if isinstance(value, list) else []
        return each.hint(wrong[0]) if wrong else ""

    return Kind(
        Words(
            f"danh sách [..] có 1 đến {most} mục, mỗi mục là {each.allowed.vi}",
            f"a list [..] of 1 to {most}, each {each.allowed.en}",
        ),
        lambda v: isinstance(v, list) and 1 <= len(v) <= most and all(map(each.fits, v)),
        hint,
    )


def _near(value: object, known: list[str]) -> str:
    near = difflib.get_close_matches(value, known, 1) if isinstance(value, str) else []
    return toml(near[0]) if near else ""


def _is_text(value: object, most: int) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= most


def _is_said(value: object) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and set(value) <= {"vi", "en"}
        and all(_is_text(text, 400) for text in value.values())
    )


def _is_product(value: object) -> bool:
    if not isinstance(value, str):
        return False
    code = value.removeprefix(CODE)
    return value in CODES or (code != value and _is_text(code, 100) and product(code) == code)


def _meant_product(value: object) -> str:
    """The name for a code or a brand; the explicit form of a code that is not known."""
    if not isinstance(value, str) or not value:
        return ""
    named = product(value.removeprefix(CODE), value)
    return toml(named) if named in CODES else _near(value, list(CODES)) or toml(f"{CODE}{value}")


def spans(written: object) -> list[Span] | None:
    """Minutes since midnight; None when it is no list of spans in order."""
    if not isinstance(written, list):
        return None
    found: list[Span] = []
    for text in written:
        match = _SPAN.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            return None
        hour, minute, to_hour, to_minute = map(int, match.groups())
        start, end = hour * 60 + minute, to_hour * 60 + to_minute
        last = found[-1][1] if found else 0
        if minute > 59 or to_minute > 59 or not last <= start < end <= 24 * 60:
            return None
        found.append((start, end))
    return found


def _meant_spans(written: object) -> str:
    """`["06:00-11:30"]` of `"6:00 - 11:30"` or `["6h-11h30"]`; a night, parted."""
    texts = written if isinstance(written, list) else [written]
    meant: list[str] = []
    for text in texts:
        plain = re.sub(r"\s", "", text).replace("–", "-") if isinstance(text, str) else ""
        found = _LOOSE_SPAN.fullmatch(plain)
        if found is None:
            return ""
        hour, minute, to_hour, to_minute = (int(part or 0) for part in found.groups())
        start, end = f"{hour:02}:{minute:02}", f"{to_hour:02}:{to_minute:02}"
        if end <= start:
            return ""
        meant.append(f"{start}-{end}")
    return toml(meant) if spans(meant) else ""


KINDS = [name for f in FORMATS for name in f.NAMES if name not in ("place", "unknown")]
"""Kinds of codes that name a person."""
ROLES: dict[str, Purpose] = {
    "vn_personal": "declaration",
    "hcmc": "declaration",
    **dict.fromkeys(("cccd", "can_cuoc_2024", "bhyt", "door_pass"), "identity"),
    **dict.fromkeys(("hc1", "shc", "nzcp", "vds_nc"), "certificate"),
}
"""What they are good for, if the policy says nothing else; only for telling of a policy."""
SAID = Kind(
    Words(
        '{ vi = "..", en = ".." } hoặc một trong hai, mỗi bên dài 1 đến 400 ký tự',
        '{ vi = "..", en = ".." } or one of the two, each text of 1 to 400 letters',
    ),
    _is_said,
)
NAME = Kind(
    Words("một từ gồm a-z, 0-9 và -, dài nhất 40 ký tự", "a word of a-z, 0-9 and -, at most 40"),
    lambda v: isinstance(v, str) and re.fullmatch("[a-z0-9-]{1,40}", v) is not None,
)
PRODUCT = Kind(
    Words(
        f'tên một vắc-xin ({", ".join(CODES)}), hoặc "{CODE}" và mã ghi trong chứng nhận',
        f'the name of a vaccine ({", ".join(CODES)}), or "{CODE}" and a code as certificates'
        " have it",
    ),
    _is_product,
    _meant_product,
)
PURPOSE = some(one_of(*PURPOSES), len(PURPOSES))
ANSWER = one_of("pass", "warn")
ACCEPT = Kind(
    Words(
        f'{ANSWER.allowed.vi}, hoặc {{ answer = "pass", for = ["identity", ..] }} với một số'
        f" trong {one_of(*PURPOSES).allowed.vi}",
        f'{ANSWER.allowed.en}, or {{ answer = "pass", for = ["identity", ..] }} with some of'
        f" {one_of(*PURPOSES).allowed.en}",
    ),
    lambda v: (
        ANSWER.fits(v)
        or (
            isinstance(v, dict)
            and set(v) == {"answer", "for"}
            and ANSWER.fits(v["answer"])
            and PURPOSE.fits(v["for"])
        )
    ),
)
EFFECT = one_of("pass", "warn", "fail", "record")
OUTCOME = one_of("pass", "warn", "fail")
YES_NO = one_of(True, False)
OPENING = Kind(
    Words(
        'danh sách các khoảng giờ theo thứ tự, như ["06:00-11:30", "13:00-24:00"], [] = nghỉ;'
        " ca đêm tách ở nửa đêm",
        'a list of spans in order, as ["06:00-11:30", "13:00-24:00"], [] = closed; a night is'
        " parted at midnight",
    ),
    lambda v: spans(v) is not None,
    _meant_spans,
)

_DAYS_AGO, _HOURS_AGO = whole(0, 3650), whole(1, 8760)
COLOUR: dict[str, Kind] = {
    "name": NAME,
    "for": PURPOSE,
    "formats": some(one_of(*KINDS)),
    "doses_at_least": whole(1, 10),
    "products": some(PRODUCT),
    "dose_days_at_least": _DAYS_AGO,
    "dose_days_at_most": _DAYS_AGO,
    "dose_gap_days": whole(0, 365),
    "recovered_within_days": _DAYS_AGO,
    "recovered_days_at_least": _DAYS_AGO,
    "test_negative_within_hours": _HOURS_AGO,
    "test_positive_within_hours": _HOURS_AGO,
    "test_methods": some(one_of("pcr", "antigen"), 2),
}
_DOSES = ("doses_at_least",)
BESIDE: dict[str, tuple[str, ...]] = {
    "products": _DOSES,
    "dose_days_at_least": _DOSES,
    "dose_days_at_most": _DOSES,
    "dose_gap_days": _DOSES,
    "recovered_days_at_least": ("recovered_within_days",),
    "test_methods": ("test_negative_within_hours", "test_positive_within_hours"),
}
"""Keys of a colour rule that mean nothing without one of these."""
LIMITS: dict[str, Kind] = {
    "min_interval_s": whole(1, 86_400),
    "max_occupancy": whole(1, 100_000),
    "declaration_max_age_h": _HOURS_AGO,
}

_YES = one_of("warn", "fail")
QUESTIONS: dict[str, Kind] = {
    "formats": some(one_of(*KINDS)),
    "symptoms": _YES,
    "contact": _YES,
    "timeout_s": whole(5, 120),
}


def good_for(kind: str, policy: Policy) -> tuple[Purpose, ...]:
    """What the codes of a kind serve as at this door; nothing when it is not accepted."""
    if kind not in policy.accept:
        return ()
    return policy.purposes.get(kind) or ((ROLES[kind],) if kind in ROLES else ())
