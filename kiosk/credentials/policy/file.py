"""Reads a policy file: TOML, every mistake named at once with section, key, what was found and
what is allowed. All but [accept], [answer] and [record] may be left out."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from kiosk.credentials.formats import FORMATS
from kiosk.credentials.policy import questions as asked
from kiosk.credentials.policy.rules import (
    ELSEWHERE,
    OPTIONAL,
    PURPOSES,
    REASONS,
    VIETNAM,
    WITHOUT_RECORD,
    ColourRule,
    Policy,
    Purpose,
    Questions,
    Span,
    Words,
)
from kiosk.errors import ConfigError

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPAN = re.compile("([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_RULES_MAX = 100
_SHOWN_MAX = 80


class Kind(NamedTuple):
    """What a value may be: in words, and as a test."""

    allowed: str
    fits: Callable[[Any], bool]


def _one_of(*values: str | bool) -> Kind:
    return Kind(
        " or ".join(msgspec.json.encode(value).decode() for value in values),
        lambda v: type(v) is type(values[0]) and v in values,
    )


def _whole(low: int, high: int) -> Kind:
    return Kind(
        f"a whole number from {low} to {high}", lambda v: type(v) is int and low <= v <= high
    )


def _some(each: Kind, most: int = 100) -> Kind:
    return Kind(
        f"a list [..] of 1 to {most}, each {each.allowed}",
        lambda v: isinstance(v, list) and 1 <= len(v) <= most and all(map(each.fits, v)),
    )


def _is_text(value: object, most: int) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= most


_FORMATS = [name for f in FORMATS for name in f.NAMES if name not in ("place", "unknown")]
_TEXT = Kind("text of 1 to 400 letters", lambda v: _is_text(v, 400))
_BOTH = Kind(
    '{ vi = "..", en = ".." }, each text of 1 to 400 letters',
    lambda v: (
        isinstance(v, dict) and set(v) == {"vi", "en"} and all(_TEXT.fits(t) for t in v.values())
    ),
)
_NAME = Kind(
    "a word of a-z, 0-9 and -, at most 40",
    lambda v: isinstance(v, str) and re.fullmatch("[a-z0-9-]{1,40}", v) is not None,
)
_PRODUCT = Kind('a code as certificates have it, as "EU/1/20/1528"', lambda v: _is_text(v, 100))
_PURPOSE = _one_of(*PURPOSES)
_PURPOSES = _some(_PURPOSE, len(PURPOSES))
_ANSWER = _one_of("pass", "warn")
_ACCEPT = Kind(
    f'{_ANSWER.allowed}, or {{ answer = "pass", for = ["identity", ..] }} with some of'
    f" {_PURPOSE.allowed}",
    lambda v: (
        _ANSWER.fits(v)
        or (
            isinstance(v, dict)
            and set(v) == {"answer", "for"}
            and _ANSWER.fits(v["answer"])
            and _PURPOSES.fits(v["for"])
        )
    ),
)
_EFFECT = _one_of("pass", "warn", "fail", "record")
_RECORDED = _one_of(True, False)
_OUTCOME = _one_of("pass", "warn", "fail")
_AGO_DAYS, _AGO_HOURS = _whole(0, 3650), _whole(1, 8760)

_POLICY: dict[str, Kind] = {
    "version": _whole(1, 1_000_000),
    "title": _BOTH,
    "explanation": _BOTH,
    "time_zone": Kind(
        'the name of a time zone, as "Asia/Ho_Chi_Minh"', lambda v: _time_zone(v) is not None
    ),
}
_COLOUR: dict[str, Kind] = {
    "name": _NAME,
    "for": _PURPOSES,
    "formats": _some(_one_of(*_FORMATS)),
    "doses_at_least": _whole(1, 10),
    "products": _some(_PRODUCT),
    "dose_days_at_least": _AGO_DAYS,
    "dose_days_at_most": _AGO_DAYS,
    "dose_gap_days": _whole(0, 365),
    "recovered_within_days": _AGO_DAYS,
    "recovered_days_at_least": _AGO_DAYS,
    "test_negative_within_hours": _AGO_HOURS,
    "test_positive_within_hours": _AGO_HOURS,
    "test_methods": _some(_one_of("pcr", "antigen"), 2),
}
_DOSES, _RECOVERY = ("doses_at_least",), ("recovered_within_days",)
_BESIDE: dict[str, tuple[str, ...]] = {
    "products": _DOSES,
    "dose_days_at_least": _DOSES,
    "dose_days_at_most": _DOSES,
    "dose_gap_days": _DOSES,
    "recovered_days_at_least": _RECOVERY,
    "test_methods": ("test_negative_within_hours", "test_positive_within_hours"),
}
"""Keys that mean nothing without one of these."""
_OPENING = Kind(
    'a list of spans in order, as ["06:00-11:30", "13:00-24:00"], [] = closed; a night is'
    " parted at midnight",
    lambda v: _spans(v) is not None,
)
_LIMITS: dict[str, Kind] = {
    "min_interval_s": _whole(1, 86_400),
    "max_occupancy": _whole(1, 100_000),
    "declaration_max_age_h": _AGO_HOURS,
}
_YES = _one_of("warn", "fail")
_QUESTIONS: dict[str, Kind] = {
    "formats": _some(_one_of(*_FORMATS)),
    "symptoms": _YES,
    "contact": _YES,
    "timeout_s": _whole(5, 120),
}
_SECTIONS = (
    *("policy", "accept", "needs", "colour", "colours", "hours", "direction", "limits"),
    *("questions", "answer", "record"),
)


def parse_policy(data: bytes) -> Policy:
    """Policy from TOML. Raises ConfigError with every mistake found: unknown and missing
    keys, values that are not allowed, an answer "pass" of which no record would be made,
    colours without rule or answer, rules and questions that nothing can reach."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError([f"policy: not TOML in UTF-8: {error}"]) from error
    problems: list[str] = []
    accept = _section(table, "accept", dict.fromkeys(_FORMATS, _ACCEPT), problems, required=())
    answers = dict.fromkeys([r for r in REASONS if r not in ELSEWHERE], _OUTCOME)
    must = [reason for reason in answers if reason not in OPTIONAL]
    answer = _section(table, "answer", answers, problems, required=must)
    recorded = dict.fromkeys(WITHOUT_RECORD, _RECORDED)
    record = _section(table, "record", recorded, problems, required=recorded)
    about = _section(table, "policy", _POLICY, problems)
    needs = _section(table, "needs", {"one_of": _PURPOSES}, problems, required=("one_of",))
    rules = list(_rules(table.get("colour", []), problems))
    names = {rule.name: _EFFECT for rule in rules}
    colours = _section(table, "colours", names, problems, required=names)
    hours = _section(table, "hours", dict.fromkeys(_DAYS, _OPENING), problems, required=_DAYS)
    ways = {"out": _one_of("judge", "record")}
    direction = _section(table, "direction", ways, problems)
    limits = _section(table, "limits", _LIMITS, problems)
    must = ["formats", "symptoms", "contact"]
    questions = _section(table, "questions", _QUESTIONS, problems, required=must)
    _unknown(table, "", _SECTIONS, problems)
    problems += [
        f'policy: [answer] {reason} = "pass" needs [record] {reason} = true:'
        " green promises that a record was made"
        for reason in WITHOUT_RECORD
        if answer.get(reason) == "pass" and record.get(reason) is False
    ]
    if questions and not problems:
        problems += asked.problems(questions["formats"], accept, needs.get("one_of", ()))
    if problems:
        raise ConfigError(problems)
    plain: dict[str, Any] = {
        name: v if isinstance(v, str) else v["answer"] for name, v in accept.items()
    }
    purposes: dict[str, tuple[Purpose, ...]] = {
        name: tuple(v["for"]) for name, v in accept.items() if isinstance(v, dict)
    }
    opening = tuple(tuple(_spans(hours[day]) or ()) for day in _DAYS) if hours else None
    return Policy(
        accept=plain,
        answer=OPTIONAL | answer,
        record=record,
        version=about.get("version", 0),
        title=Words(**about.get("title", {})),
        explanation=Words(**about.get("explanation", {})),
        time_zone=_time_zone(about.get("time_zone")) or VIETNAM,
        purposes=purposes,
        needs=tuple(needs.get("one_of", PURPOSES)),
        colour=tuple(rules),
        colours=colours,
        hours=opening,
        out=direction.get("out", "judge"),
        questions=msgspec.convert(questions, Questions) if questions else None,
        **limits,
    )


def _section(
    table: Mapping[str, Any],
    name: str,
    kinds: Mapping[str, Kind],
    problems: list[str],
    *,
    required: Collection[str] = (),
) -> dict[str, Any]:
    """What a section says, of the kinds that its keys may be."""
    section = table.get(name)
    if section is None and name not in ("accept", "answer", "record"):
        if name == "colours" and required:
            problems.append("policy: section [colours] is missing; it says what each colour does")
        return {}
    if not isinstance(section, dict):
        problems.append(f"policy: section [{name}] is missing")
        return {}
    return _checked(section, f"[{name}] ", kinds, problems, required)


def _checked(
    section: Mapping[str, Any],
    where: str,
    kinds: Mapping[str, Kind],
    problems: list[str],
    required: Collection[str],
) -> dict[str, Any]:
    _unknown(section, where, kinds, problems)
    for key, kind in kinds.items():
        if key not in section:
            if key in required:
                problems.append(f"policy: {where}{key} is missing; expected {kind.allowed}")
        elif not kind.fits(section[key]):
            shown = repr(section[key])
            shown = shown if len(shown) <= _SHOWN_MAX else f"{shown[:_SHOWN_MAX]}.."
            problems.append(f"policy: {where}{key} = {shown}; expected {kind.allowed}")
    return {key: value for key, value in section.items() if key in kinds}


def _rules(written: object, problems: list[str]) -> Iterator[ColourRule]:
    """The rules that are right; what is wrong goes to `problems`."""
    if not isinstance(written, list) or not all(isinstance(rule, dict) for rule in written):
        problems.append("policy: colour is no list of rules; each begins with a line [[colour]]")
        return
    if len(written) > _RULES_MAX:
        problems.append(f"policy: [[colour]] {len(written)} rules, at most {_RULES_MAX}")
        return
    before = len(problems)
    complete: dict[str, int] = {}
    named: dict[str, None] = {}
    for number, section in enumerate(written, 1):
        where = f"[[colour]] {number} "
        so_far = len(problems)
        rule = _checked(section, where, _COLOUR, problems, ("name",))
        problems += [
            f"policy: {where}{key} needs {' or '.join(beside)} beside it"
            for key, beside in _BESIDE.items()
            if key in rule and not any(other in rule for other in beside)
        ]
        if len(problems) > so_far:
            if _NAME.fits(rule.get("name")):
                yield ColourRule(name=rule["name"])  # its colour is known, and looked for
            continue
        made = msgspec.convert(rule, ColourRule)
        named |= dict.fromkeys(made.purposes)
        if all(purpose in complete for purpose in made.purposes):
            problems.append(
                f"policy: {where}{made.name} is never reached: rule"
                f" {max(complete[p] for p in made.purposes)} holds for everything before it"
            )
        if made.is_rest:
            complete = dict.fromkeys(made.purposes, number) | complete
        yield made
    if len(problems) == before:
        problems += [
            f"policy: [[colour]] no rule for the rest of {purpose}; end with one that has only"
            f" name{'' if purpose == 'certificate' else ' and for'}"
            for purpose in named
            if purpose not in complete
        ]


def _unknown(
    table: Mapping[str, Any], where: str, keys: Collection[str], problems: list[str]
) -> None:
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            known = f"known are {', '.join(keys)}" if keys else "no rule [[colour]] gives any"
            hint = f'did you mean "{near[0]}"?' if near else known
            problems.append(f"policy: {where}{key[:_SHOWN_MAX]} is not known; {hint}")


def _time_zone(name: object) -> tzinfo | None:
    if not isinstance(name, str):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found, no name, a folder of zones
        return None


def _spans(written: object) -> list[Span] | None:
    """Minutes since midnight; None when it is no list of spans in order."""
    if not isinstance(written, list):
        return None
    spans: list[Span] = []
    for text in written:
        found = _SPAN.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            return None
        hour, minute, to_hour, to_minute = map(int, found.groups())
        start, end = hour * 60 + minute, to_hour * 60 + to_minute
        last = spans[-1][1] if spans else 0
        if minute > 59 or to_minute > 59 or not last <= start < end <= 24 * 60:
            return None
        spans.append((start, end))
    return spans
