"""The questions of the declaration, in place of a code that declares: who is asked, and what the
answers mean.

Only who comes in is asked, with a code that is accepted and serves nothing that the door
needs: the policy's `more-needed`. Who leaves by such a code declared on the way in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from kiosk.credentials.policy.kinds import ROLES
from kiosk.credentials.policy.rules import Finding, Policy, Questions, Words
from kiosk.model import Declared, Outcome, Visit

RULE = "[questions]"
REASON = "declared"
"""One for all answers: it stands in the clear beside the sealed record."""


def unreached(
    formats: Collection[str], accept: Mapping[str, Any], needs: Collection[str]
) -> Iterator[Words]:
    """Why nobody would ever be asked, or not after some code."""
    if "declaration" not in needs:
        yield Words(
            '[questions] cần [needs] one_of có "declaration": cửa không cần khai báo thì không hỏi'
            " ai",
            '[questions] needs [needs] one_of with "declaration" in it: where the door does not ask'
            " for one, nobody is asked",
        )
    for name in formats:
        if name not in accept:
            yield Words(
                f"[questions] formats: {name} không có trong [accept], nên không bao giờ được hỏi",
                f"[questions] formats: {name} is not in [accept], so it is never asked of",
            )
            continue
        named = accept[name]["for"] if isinstance(accept[name], dict) else (ROLES[name],)
        if not set(needs).isdisjoint(named):
            yield Words(
                f"[questions] formats: {name} đã đủ cho [needs], nên không bao giờ được hỏi",
                f"[questions] formats: {name} is what [needs] asks for, so it is never asked of",
            )


def found(format: str, policy: Policy, visit: Visit) -> Finding | None:
    """What the questions have to say about a code that serves nothing that the door needs;
    None: nothing. With a reason they are answered; without one they are to be asked."""
    questions = policy.questions
    if questions is None or format not in questions.formats:
        return None
    if visit.declared is not None:
        return _answered(questions, visit.declared, policy.accept[format])
    if visit.direction == "out":
        return Finding(RULE, "not-asked", "questions-out")
    facts = {
        "seconds": questions.timeout_s,
        "symptoms": questions.symptoms,
        "contact": questions.contact,
    }
    return Finding(RULE, "unknown", "questions", facts)


def _answered(questions: Questions, declared: Declared, accept: Outcome) -> Finding:
    """`accept` is the answer to the code itself. The reason is the same whatever was answered."""
    yes: dict[str, Outcome] = {}
    if declared.symptoms:
        yes["symptoms"] = questions.symptoms
    if declared.contact:
        yes["contact"] = questions.contact
    if not yes:
        return Finding(RULE, "yes", "declared-nothing", {}, REASON, accept)
    answer: Outcome = "fail" if "fail" in yes.values() else "warn"
    return Finding(RULE, "no", "declared", {"yes": tuple(yes)}, REASON, answer)


def would_do(findings: Iterable[Finding]) -> bool:
    """Whether the door needs nothing but what they are about, and they are to be asked."""
    more = {finding.phrase for finding in findings if finding.reason == "more-needed"}
    return more == {"more-needed"} and any(f.phrase == "questions" for f in findings)
