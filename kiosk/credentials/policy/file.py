"""Reads a policy file: TOML, every mistake named at once with section, key, what was found and
what is allowed. All but [accept], [answer] and [record] may be left out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from kiosk.credentials.policy import kinds
from kiosk.credentials.policy.checks import checked, unknown
from kiosk.credentials.policy.colour_rules import colour_rules
from kiosk.credentials.policy.kinds import Kind
from kiosk.credentials.policy.questions import unreached
from kiosk.credentials.policy.rules import (
    ELSEWHERE,
    OPTIONAL,
    PURPOSES,
    REASONS,
    WITHOUT_RECORD,
    Policy,
    Purpose,
    Questions,
    Words,
)
from kiosk.errors import ConfigError
from kiosk.model import RISKY

_MUST = ("accept", "answer", "record")
_SECTIONS = (
    *("policy", *_MUST, "needs", "questions", "colour", "colours", "hours", "direction", "limits"),
)
_STRANGE = {
    "“”„‟‘’‚‛": Words(
        'dấu nháy cong; hãy gõ dấu nháy thẳng "', 'curly quotes; type straight ones "'
    ),
    "\u00a0\u202f\u2007": Words(
        "dấu cách đặc biệt; hãy gõ dấu cách thường", "odd blanks; type plain ones"
    ),
}
"""What text programs put in by themselves, and TOML does not take."""


class PolicyError(ConfigError):
    """A policy is wrong; `mistakes` are the same as `problems`, in both languages."""

    def __init__(self, mistakes: list[Words]) -> None:
        super().__init__([f"policy: {mistake.en}" for mistake in mistakes])
        self.mistakes = mistakes


def parse_policy(data: bytes) -> Policy:
    """Policy from TOML. Raises PolicyError with every mistake found: unknown and missing
    keys, values that are not allowed, an answer "pass" of which no record would be made,
    colours without rule or answer, rules and questions that nothing can reach."""
    table = _table(data)
    mistakes: list[Words] = []
    for key in table:
        if key not in _SECTIONS:
            mistakes.append(unknown("", key, _SECTIONS))
    accept = _section(table, "accept", dict.fromkeys(kinds.KINDS, kinds.ACCEPT), mistakes)
    answers = dict.fromkeys([r for r in REASONS if r not in ELSEWHERE])
    must = [reason for reason in answers if reason not in OPTIONAL]
    answers |= dict.fromkeys(RISKY)
    answer = _section(table, "answer", dict.fromkeys(answers, kinds.OUTCOME), mistakes, must)
    recorded = dict.fromkeys(WITHOUT_RECORD, kinds.YES_NO)
    record = _section(table, "record", recorded, mistakes, recorded)
    said = {"version": kinds.whole(1, 1_000_000), "title": kinds.SAID, "explanation": kinds.SAID}
    about = _section(table, "policy", said, mistakes)
    asked = {"one_of": kinds.PURPOSE, "unmasked": kinds.YES_NO}
    needs = _section(table, "needs", asked, mistakes)
    if needs == {} and table.get("needs") == {}:
        mistakes.append(
            Words(
                "[needs] trống; cần one_of hoặc unmasked",
                "[needs] is empty; it needs one_of or unmasked",
            )
        )
    rules = list(colour_rules(table.get("colour", []), mistakes))
    names = {rule.name: kinds.EFFECT for rule in rules}
    colours = _section(table, "colours", names, mistakes, names)
    hours = _hours(table, mistakes)
    direction = _section(table, "direction", {"out": kinds.one_of("judge", "record")}, mistakes)
    limits = _section(table, "limits", kinds.LIMITS, mistakes)
    said_to = ("formats", "symptoms", "contact")
    questions = _section(table, "questions", kinds.QUESTIONS, mistakes, said_to)
    mistakes += [
        Words(
            f'[answer] {reason} = "pass" cần có [record] {reason} = true: màu xanh hứa rằng lượt'
            " này đã được ghi nhận",
            f'[answer] {reason} = "pass" needs [record] {reason} = true: green promises that a'
            " record was made",
        )
        for reason in WITHOUT_RECORD
        if answer.get(reason) == "pass" and record.get(reason) is False
    ]
    if questions and not mistakes:
        mistakes += unreached(questions["formats"], accept, needs.get("one_of", ()))
    if mistakes:
        raise PolicyError(mistakes)
    purposes: dict[str, tuple[Purpose, ...]] = {
        name: tuple(v["for"]) for name, v in accept.items() if isinstance(v, dict)
    }
    return Policy(
        accept={name: v["answer"] if isinstance(v, dict) else v for name, v in accept.items()},
        answer=OPTIONAL | {reason: answer[reason] for reason in answer if reason in REASONS},
        risk={risk: answer[risk] for risk in RISKY if risk in answer},
        record=record,
        version=about.get("version", 0),
        title=Words(**about.get("title", {})),
        explanation=Words(**about.get("explanation", {})),
        purposes=purposes,
        needs=tuple(needs.get("one_of", PURPOSES)),
        unmasked=needs.get("unmasked", False),
        colour=tuple(rules),
        colours=colours,
        hours=hours,
        out=direction.get("out", "judge"),
        questions=msgspec.convert(questions, Questions) if questions else None,
        **limits,
    )


def _table(data: bytes) -> dict[str, Any]:
    try:
        text = data.decode("utf-8-sig")  # Windows puts a mark before it
    except UnicodeDecodeError as error:
        raise PolicyError(
            [
                Words(
                    f"không phải UTF-8 (byte {error.start}); hãy lưu lại với bảng mã UTF-8",
                    f"not UTF-8 (byte {error.start}); save it with the encoding UTF-8",
                )
            ]
        ) from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([_not_toml(text, str(error))]) from error
    except RecursionError as error:
        said = Words("không phải TOML: lồng quá sâu", "not TOML: nested too deep")
        raise PolicyError([said]) from error


def _not_toml(text: str, why: str) -> Words:
    found = re.search(r" \(at line ([0-9]+), column ([0-9]+)\)", why)
    if found is None:
        return Words(f"không phải TOML ({why})", f"not TOML ({why})")
    number, column = map(int, found.groups())
    why = why.replace(found[0], "")
    line = set("".join(text.split("\n")[number - 1 : number]))
    hints = [said for letters, said in _STRANGE.items() if line.intersection(letters)]
    if not hints and why == "Invalid value":
        hints = [Words("chữ phải đặt trong dấu nháy", "text needs quotes")]
    return Words(
        ": ".join([f"không phải TOML, dòng {number}, cột {column}", *(h.vi for h in hints)])
        + f" ({why})",
        ": ".join([f"not TOML, line {number}, column {column}", *(h.en for h in hints)])
        + f" ({why})",
    )


def _section(
    table: Mapping[str, Any],
    name: str,
    allowed: Mapping[str, Kind],
    mistakes: list[Words],
    required: Collection[str] = (),
) -> dict[str, Any]:
    """What a section says, of the kinds that its keys may be."""
    section = table.get(name)
    if section is None and name not in _MUST:
        if name == "colours" and required:
            mistakes.append(
                Words(
                    "thiếu mục [colours], nơi ghi kết quả của từng màu",
                    "section [colours] is missing; it says what each colour does",
                )
            )
        return {}
    if not isinstance(section, dict):
        mistakes.append(Words(f"thiếu mục [{name}]", f"section [{name}] is missing"))
        return {}
    return checked(section, f"[{name}] ", allowed, mistakes, required)


def _hours(
    table: Mapping[str, Any], mistakes: list[Words]
) -> tuple[tuple[tuple[int, int], ...], ...] | None:
    """Spans a day, Monday first; a day that is not named is as `every_day` says."""
    keys = dict.fromkeys((*kinds.DAYS, kinds.EVERY_DAY), kinds.OPENING)
    hours = _section(table, "hours", keys, mistakes)
    if not isinstance(table.get("hours"), dict):
        return None
    usual = hours.get(kinds.EVERY_DAY)
    missing = [day for day in kinds.DAYS if day not in hours] if usual is None else []
    if missing:
        days = ", ".join(missing)
        mistakes.append(
            Words(
                f"[hours] thiếu {days}; ghi từng ngày, hoặc every_day cho mọi ngày còn lại",
                f"[hours] {days} is missing; name each day, or every_day for all others",
            )
        )
    return tuple(tuple(kinds.spans(hours.get(day, usual)) or ()) for day in kinds.DAYS)
