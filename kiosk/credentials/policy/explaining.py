"""The verdict on a credential with every rule of the policy, those that were not asked too."""

from __future__ import annotations

from kiosk.credentials.policy.colour import is_about
from kiosk.credentials.policy.judging import STRANGER, Explained, purposes_of, weigh
from kiosk.credentials.policy.rules import NO_PERSON, PURPOSES, Finding, Policy, rule_name
from kiosk.errors import CredentialError
from kiosk.model import Credential, Instant, Risk, Visit

RULES = (
    "[accept]",
    "signature",
    "validity",
    "[needs] one_of",
    "[needs] unmasked",
    "[questions]",
    "[limits] declaration_max_age_h",
    "[[colour]]",
    "[colours]",
    "[hours]",
    "[limits] min_interval_s",
    "[limits] max_occupancy",
    "risk list",
    "[direction] out",
)
"""All rules, in the order in which they are told."""


def explain(
    shown: Credential | CredentialError,
    policy: Policy,
    now: Instant,
    risk: Risk = "none",
    visit: Visit = STRANGER,
) -> Explained:
    """Like `judge`, and how the verdict came about. Of a code without a person nothing more is
    asked, and told."""
    verdict, found = weigh(shown, policy, now, risk, visit)
    if isinstance(shown, CredentialError) or shown.role in NO_PERSON:
        return Explained(verdict, found)
    asked = {finding.rule for finding in found}
    rest = [finding for finding in _unasked(shown, policy, visit) if finding.rule not in asked]
    if "[[colour]]" in asked:  # that no colour was looked for is told already
        rest = [finding for finding in rest if not finding.rule.startswith("[[colour]]")]
    return Explained(verdict, sorted([*found, *rest], key=_place))


def _place(finding: Finding) -> tuple[int, int]:
    """In the order of `RULES`, colour rules in their own."""
    section, _, rest = finding.rule.partition(" ")
    if section == "[[colour]]":
        return RULES.index(section), int(rest.partition(" ")[0] or 0)
    return RULES.index(finding.rule), 0


def _unasked(shown: Credential, policy: Policy, visit: Visit) -> list[Finding]:
    """Why each rule would not be asked, were it not."""
    purposes = purposes_of(shown, policy)
    leaving = visit.direction == "out"

    def because(rule: str, is_set: object, phrase: str) -> Finding:
        return Finding(rule, "not-asked", phrase if is_set else "unset")

    whole = [
        because("[needs] one_of", policy.needs != PURPOSES, ""),
        because("[needs] unmasked", policy.unmasked, ""),
        because("[questions]", policy.questions, "questions-none"),
        because("[limits] declaration_max_age_h", policy.declaration_max_age_h, "no-declaration"),
        because("[hours]", policy.hours is not None, "coming-only"),
        because("[limits] min_interval_s", policy.min_interval_s, "not-seen"),
        because("[limits] max_occupancy", policy.max_occupancy, "coming-only"),
        because("[direction] out", policy.out == "record", "leaving-only"),
    ]
    if leaving and policy.out == "judge":
        whole[-1] = Finding("[direction] out", "not-asked", "leaving-judged")
    if not policy.colour or not purposes:
        return [*whole, because("[[colour]]", policy.colour, "colour-unlisted")]
    for number, rule in enumerate(policy.colour, 1):
        phrase = "rule-above" if is_about(rule, purposes) else "rule-of-others"
        facts = {"purposes": rule.purposes}
        whole.append(Finding(rule_name(number, rule), "not-asked", phrase, facts))
    return whole
