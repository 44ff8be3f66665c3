"""The questions of the declaration, in place of a code that declares: who is asked, and what the
answers mean.

Only who comes in is asked, with a code that is accepted and serves nothing that the door
needs: the policy's `more-needed`. Who leaves by such a code declared on the way in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kiosk.credentials.policy.rules import Finding, Policy, Questions
from kiosk.model import Declared, Outcome, Visit

RULE = "[questions]"
REASON = "declared"


def problems(
    formats: Collection[str], accept: Mapping[str, Any], needs: Collection[str]
) -> Iterator[str]:
    """Why nobody would ever be asked."""
    if "declaration" not in needs:
        yield (
            'policy: [questions] needs [needs] one_of with "declaration" in it: where the door'
            " does not ask for one, nobody is asked"
        )
    for name in formats:
        if name not in accept:
            yield f"policy: [questions] formats: {name} is not in [accept], so it is never asked of"
        elif isinstance(accept[name], dict) and set(needs).intersection(accept[name]["for"]):
            yield (
                f"policy: [questions] formats: [accept] takes {name} for what [needs] asks for,"
                " so it is never asked of"
            )


def found(format: str, policy: Policy, visit: Visit) -> Finding | None:
    """What the questions have to say about a code that serves nothing that the door needs;
    None: nothing. With a reason they are answered; without one they are to be asked."""
    questions = policy.questions
    if questions is None or format not in questions.formats:
        return None
    if visit.declared is not None:
        return _answered(questions, visit.declared)
    if visit.direction == "out":
        return Finding(RULE, "yes", "questions-out")
    facts = {
        "seconds": questions.timeout_s,
        "symptoms": questions.symptoms,
        "contact": questions.contact,
    }
    return Finding(RULE, "unknown", "questions", facts)


def _answered(questions: Questions, declared: Declared) -> Finding:
    yes: dict[str, Outcome] = {}
    if declared.symptoms:
        yes["symptoms"] = questions.symptoms
    if declared.contact:
        yes["contact"] = questions.contact
    if not yes:
        return Finding(RULE, "yes", "declared-nothing", {}, REASON)
    answer: Outcome = "fail" if "fail" in yes.values() else "warn"
    return Finding(RULE, "no", "declared", {"yes": tuple(yes)}, REASON, answer)
