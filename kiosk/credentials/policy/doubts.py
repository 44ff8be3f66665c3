"""What a policy may say, yet hardly means."""

from __future__ import annotations

from collections.abc import Iterator

from kiosk.credentials.policy.kinds import ROLES, good_for
from kiosk.credentials.policy.phrases import Both
from kiosk.credentials.policy.rules import PURPOSES, Policy
from kiosk.credentials.policy.sentences import SENTENCES
from kiosk.credentials.policy.words import Language, meaning, of, term

_DOUBTS: dict[str, Both] = {
    "no-version": (
        "Chưa có [policy] version: không ký được cho máy dùng.",
        "There is no [policy] version: it cannot be signed for a kiosk.",
    ),
    "nobody-passes": (
        "Không ai được cho qua: mã nào cũng bị lưu ý hoặc chưa cho vào.",
        "Nobody can pass: every code is answered with warn or fail.",
    ),
    "needs-nothing-accepted": (
        "Cửa cần {needs}, nhưng không loại mã nào được chấp nhận dùng làm việc đó.",
        "The door asks for {needs}, and no accepted kind is good for that.",
    ),
    "passes": ('{reason} = "pass" vẫn cho qua: {meaning}', '{reason} = "pass" lets in: {meaning}'),
    "no-dated-declaration": (
        "declaration_max_age_h không bao giờ có tác dụng: không mã khai báo nào ghi giờ khai báo.",
        "declaration_max_age_h never does anything: no declaration says when it was made.",
    ),
}


def doubts(policy: Policy, language: Language) -> list[str]:
    """One sentence each."""
    return [
        of(_DOUBTS[phrase], language).format(
            **{name: term(value, language) for name, value in facts.items()}
        )
        for phrase, facts in _doubts(policy, language)
    ]


_GRAVE = ("forged", "revoked", "expired", "not-yet-valid", "unknown-key", "not-accepted", "at-risk")
_UNDATED = ("vn_personal", "hcmc")
"""Declarations; no known one says when it was made."""


def _doubts(policy: Policy, language: Language) -> Iterator[tuple[str, dict[str, object]]]:
    if not policy.version:
        yield "no-version", {}
    if not any(_may_pass(kind, policy) for kind in policy.accept) or not _opens(policy):
        yield "nobody-passes", {}
    serving = {purpose for kind in policy.accept for purpose in good_for(kind, policy)}
    if policy.questions:
        serving.add("declaration")
    if policy.needs != PURPOSES and serving.isdisjoint(policy.needs):
        yield "needs-nothing-accepted", {"needs": policy.needs}
    for reason in _GRAVE:
        if policy.answer[reason] == "pass":
            yield "passes", {"reason": reason, "meaning": meaning(reason, language)}
    for risk, answer in policy.risk.items():
        if answer == "pass":
            said = of(SENTENCES["at-risk"], language).format(risk=term(risk, language))
            yield "passes", {"reason": risk, "meaning": said}
    declarations = [kind for kind in policy.accept if "declaration" in good_for(kind, policy)]
    if policy.declaration_max_age_h and all(kind in _UNDATED for kind in declarations):
        yield "no-dated-declaration", {}


def _opens(policy: Policy) -> bool:
    return policy.hours is None or any(policy.hours) or policy.answer["closed"] == "pass"


def _may_pass(kind: str, policy: Policy) -> bool:
    """Whether there can be a code of this kind that passes."""
    if policy.accept[kind] != "pass":
        return False
    if kind not in ROLES:
        return True
    purposes = set(good_for(kind, policy))
    if policy.questions and kind in policy.questions.formats:
        purposes.add("declaration")
    if purposes.isdisjoint(policy.needs) and policy.answer["more-needed"] != "pass":
        return False
    rules = [rule for rule in policy.colour if not purposes.isdisjoint(rule.purposes)]
    return not rules or any(
        policy.colours[rule.name] in ("pass", "record")
        and (not rule.formats or kind in rule.formats)
        for rule in rules
    )
