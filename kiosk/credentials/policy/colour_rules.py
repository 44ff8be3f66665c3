"""Reads the colour rules of a policy file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kiosk.credentials.policy import kinds
from kiosk.credentials.policy.checks import checked
from kiosk.credentials.policy.rules import ColourRule, Words

_RULES_MAX = 100


def colour_rules(written: object, mistakes: list[Words]) -> Iterator[ColourRule]:
    """The rules that are right; what is wrong goes to `mistakes`."""
    if not isinstance(written, list) or not all(isinstance(rule, dict) for rule in written):
        mistakes.append(
            Words(
                "colour không phải danh sách quy tắc; mỗi quy tắc bắt đầu bằng dòng [[colour]]",
                "colour is no list of rules; each begins with a line [[colour]]",
            )
        )
        return
    if len(written) > _RULES_MAX:
        mistakes.append(
            Words(
                f"[[colour]] có {len(written)} quy tắc, tối đa {_RULES_MAX}",
                f"[[colour]] {len(written)} rules, at most {_RULES_MAX}",
            )
        )
        return
    before = len(mistakes)
    complete: dict[str, int] = {}
    named: dict[str, None] = {}
    for number, section in enumerate(written, 1):
        where = f"[[colour]] {number} "
        so_far = len(mistakes)
        rule = checked(section, where, kinds.COLOUR, mistakes, ("name",))
        if len(mistakes) == so_far:
            mistakes += _senseless(rule, where)
        if len(mistakes) > so_far:
            if kinds.NAME.fits(rule.get("name")):
                yield ColourRule(name=rule["name"])  # its colour is known, and looked for
            continue
        products = [name.removeprefix(kinds.CODE) for name in rule.get("products", ())]
        made = msgspec.convert(rule | {"products": products}, ColourRule)
        named |= dict.fromkeys(made.purposes)
        if all(purpose in complete for purpose in made.purposes):
            above = max(complete[purpose] for purpose in made.purposes)
            mistakes.append(
                Words(
                    f"{where}{made.name} không bao giờ được xét: quy tắc {above} đã nhận mọi"
                    " trường hợp trước nó",
                    f"{where}{made.name} is never reached: rule {above} holds for everything"
                    " before it",
                )
            )
        if made.is_rest:
            complete = dict.fromkeys(made.purposes, number) | complete
        yield made
    if len(mistakes) == before:
        for purpose in named:
            if purpose not in complete:
                keys = "name" if purpose == "certificate" else "name và for"
                mistakes.append(
                    Words(
                        f"[[colour]] chưa có quy tắc cho phần còn lại của {purpose}; kết thúc"
                        f" bằng một quy tắc chỉ có {keys}",
                        f"[[colour]] no rule for the rest of {purpose}; end with one that has"
                        f" only {keys.replace('và', 'and')}",
                    )
                )


def _senseless(rule: Mapping[str, Any], where: str) -> Iterator[Words]:
    """Keys that mean nothing without another, and what can never hold."""
    for key, beside in kinds.BESIDE.items():
        if key in rule and not any(other in rule for other in beside):
            yield Words(
                f"{where}{key} phải đi cùng {' hoặc '.join(beside)}",
                f"{where}{key} needs {' or '.join(beside)} beside it",
            )
    least, most = rule.get("recovered_days_at_least", 0), rule.get("recovered_within_days")
    if most is not None and least > most:
        found = f"recovered_days_at_least = {least}", f"recovered_within_days = {most}"
        yield Words(
            f"{where}không ai đạt được: {found[0]} lớn hơn {found[1]}",
            f"{where}nobody can meet it: {found[0]} is more than {found[1]}",
        )
