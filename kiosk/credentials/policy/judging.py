"""Judges a credential: what the door says, whether a record is made, and why.

The verdict is read off the findings, so that an explanation cannot differ from it. What is
made of a clock that is not set, for everything that depends on the date:

    clock     validity                          opening hours    colour, age of a declaration
    synced    checked                           checked          checked
    floor     "expired" if it is past by the    clock-unknown    what is certain all the same
              floor; a start that is past is             (`colour`), else clock-unknown
              past; else clock-unknown
    unknown   clock-unknown                     clock-unknown    the same, by no date at all

and `clock-unknown` is answered as the policy says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kiosk.credentials.policy import colour
from kiosk.credentials.policy.colour import Code, Moment
from kiosk.credentials.policy.rules import NO_PERSON, PURPOSES, REASONS, Finding, Policy, Truth
from kiosk.errors import CredentialError
from kiosk.model import RISKY, Credential, Instant, Outcome, Risk, Verdict, Visit

_SEVERITY: dict[Outcome, int] = {"pass": 0, "warn": 1, "fail": 2}
_ORDER = {reason: place for place, reason in enumerate(REASONS)}
_TRUTH: dict[str, Truth] = {"": "yes", "clock-unknown": "unknown"}
_STRANGER = Visit()


class Explained(NamedTuple):
    """A verdict and every rule that was asked for it, in order."""

    verdict: Verdict
    findings: list[Finding]


def judge(
    shown: Credential | CredentialError,
    policy: Policy,
    now: Instant,
    risk: Risk = "none",
    visit: Visit = _STRANGER,
) -> Verdict:
    """The verdict on a credential shown at `now`, or on what `parse` refused with an error:
    the worst of all that is to be said. `risk` is what the risk list says of its subject.

    Every person makes a record, whatever the outcome.
    """
    return explain(shown, policy, now, risk, visit).verdict


def explain(
    shown: Credential | CredentialError,
    policy: Policy,
    now: Instant,
    risk: Risk = "none",
    visit: Visit = _STRANGER,
) -> Explained:
    """The verdict, and how it came about."""
    if isinstance(shown, CredentialError):
        return _without_person("malformed", policy, {"problem": shown.problem})
    if shown.role in NO_PERSON:
        return _without_person(NO_PERSON[shown.role], policy, {})
    findings, shade = [_accepted(shown, policy)], ""
    if shown.format in policy.accept:
        findings += _of_code(shown, policy, now)
        shade, found = _colour(shown, policy, now)
        findings += found
    findings += _of_place(policy, now, visit)
    findings.append(_risk(risk, policy))
    if visit.direction == "out" and policy.out == "record":
        findings.append(Finding("[direction] out", "yes", "leaving"))
        findings = [_eased(finding) for finding in findings]
    first, *others = findings
    outcome, reason = first.answer, first.reason or "accepted"
    for finding in sorted((f for f in others if f.reason), key=lambda f: _ORDER[f.reason]):
        if _SEVERITY[finding.answer] >= _SEVERITY[outcome]:
            outcome, reason = finding.answer, finding.reason
    return Explained(Verdict(outcome, reason, True, shade), findings)


def is_valid(credential: Credential, now: Instant) -> bool:
    """Whether it names a person, its signature is valid where it must have one, and `now`
    lies within its validity beyond doubt. What the door says of it is the policy's."""
    if credential.role in NO_PERSON:
        return False
    return credential.signed in _GOOD and not _date_reason(credential, now)


def _without_person(reason: str, policy: Policy, facts: Mapping[str, str]) -> Explained:
    answer, recorded = policy.answer[reason], policy.record[reason]
    finding = Finding(f"[answer] {reason}", "no", reason, facts, reason, answer)
    return Explained(Verdict(answer, reason, recorded), [finding])


def _accepted(credential: Credential, policy: Policy) -> Finding:
    facts = {"format": credential.format, "purposes": _purposes(credential, policy)}
    answer = policy.accept.get(credential.format)
    if answer is not None:
        facts["answer"] = answer
        return Finding("[accept]", "yes", "accepted", facts, "", answer)
    return _said("[accept]", "not-accepted", facts, policy)


def _of_code(credential: Credential, policy: Policy, now: Instant) -> Iterator[Finding]:
    reason = _SIGNATURES.get(credential.signed, "")
    yield _said("signature", reason, {}, policy, fine=f"signature-{credential.signed}")
    has_dates = credential.valid_from is not None or credential.valid_until is not None
    reason = _date_reason(credential, now)
    yield _said("validity", reason, {}, policy, fine="valid" if has_dates else "undated")
    purposes = _purposes(credential, policy)
    if policy.needs != PURPOSES:
        reason = "" if set(purposes).intersection(policy.needs) else "more-needed"
        yield _said("[needs]", reason, {"needs": policy.needs}, policy, fine="enough")
    if policy.declaration_max_age_h and "declaration" in purposes:
        yield _declaration_age(credential, policy, now)


def _declaration_age(credential: Credential, policy: Policy, now: Instant) -> Finding:
    where, most = "[limits] declaration_max_age_h", policy.declaration_max_age_h
    if credential.valid_from is None:
        return Finding(where, "yes", "declaration-undated", {"hours": most})
    age = (now.wall_ms / 1000 - credential.valid_from) / 3600
    facts = {"hours": most, "age": round(age, 1)}
    if now.clock == "unknown" or (now.clock == "floor" and age <= most):
        return _said(where, "clock-unknown", facts, policy)
    reason = "declaration-too-old" if age > most else ""
    return _said(where, reason, facts, policy, fine="declaration-recent")


def _colour(credential: Credential, policy: Policy, now: Instant) -> tuple[str, list[Finding]]:
    """The colour, if it is certain. What is attested by nobody known gives none."""
    if not policy.colour:
        return "", []
    if credential.signed not in _GOOD:
        return "", [Finding("[[colour]]", "no", "colour-of-nobody")]
    code = Code(credential.format, _purposes(credential, policy), credential.events)
    possible, findings = colour.find(policy.colour, code, Moment.of(now, policy.time_zone))
    if not possible:
        return "", [Finding("[[colour]]", "no", "colour-none", {"purposes": code.purposes})]
    shade = possible[0] if len(possible) == 1 else ""
    # "record" and "pass" both leave the answer to the other rules.
    effects = {policy.colours[name] for name in possible}
    answers = {"pass" if effect == "record" else effect for effect in effects}
    facts = {"colours": possible, "effects": sorted(effects)}
    if len(answers) > 1:
        return shade, [*findings, _said("[colours]", "clock-unknown", facts, policy)]
    answer = answers.pop()
    reason = "" if answer == "pass" else "not-green"
    holds: Truth = "no" if reason else "yes"
    return shade, [*findings, Finding("[colours]", holds, "colour", facts, reason, answer)]


def _of_place(policy: Policy, now: Instant, visit: Visit) -> Iterator[Finding]:
    coming = visit.direction != "out"
    if policy.hours is not None and coming:
        yield _hours(policy, policy.hours, Moment.of(now, policy.time_zone))
    if policy.min_interval_s and visit.since_s is not None:
        reason = "too-soon" if visit.since_s < policy.min_interval_s else ""
        facts = {"since": int(visit.since_s), "least": policy.min_interval_s}
        yield _said("[limits] min_interval_s", reason, facts, policy, fine="interval")
    if policy.max_occupancy and coming:
        reason = "full" if visit.inside >= policy.max_occupancy else ""
        facts = {"inside": visit.inside, "most": policy.max_occupancy}
        yield _said("[limits] max_occupancy", reason, facts, policy, fine="room")


def _hours(policy: Policy, hours: tuple[tuple[tuple[int, int], ...], ...], at: Moment) -> Finding:
    if at.local is None or at.clock != "synced":
        return _said("[hours]", "clock-unknown", {}, policy)
    minute = at.local.hour * 60 + at.local.minute
    spans = hours[at.local.weekday()]
    facts = {
        "now": f"{at.local:%H:%M}",
        "spans": [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in spans] or "none",
    }
    is_open = any(start <= minute < end for start, end in spans)
    return _said("[hours]", "" if is_open else "closed", facts, policy, fine="open")


def _risk(risk: Risk, policy: Policy) -> Finding:
    return _said("risk list", "at-risk" if risk in RISKY else "", {}, policy, fine=f"risk-{risk}")


def _said(
    rule: str, reason: str, facts: Mapping[str, object], policy: Policy, *, fine: str = ""
) -> Finding:
    """That `reason` is to be said, with the policy's answer to it; or that all is `fine`."""
    if not reason:
        return Finding(rule, "yes", fine, facts)
    return Finding(rule, _TRUTH.get(reason, "no"), reason, facts, reason, policy.answer[reason])


def _eased(finding: Finding) -> Finding:
    """For whoever leaves: only who is at risk is kept."""
    if finding.reason == "at-risk" or finding.answer == "pass":
        return finding
    return Finding(finding.rule, finding.holds, finding.phrase, finding.facts, finding.reason)


def _purposes(credential: Credential, policy: Policy) -> tuple[str, ...]:
    return policy.purposes.get(credential.format, (credential.role,))


_GOOD = ("none", "valid")
_SIGNATURES = {"invalid": "forged", "unknown-key": "unknown-key", "revoked": "revoked"}


def _date_reason(credential: Credential, now: Instant) -> str:
    """`valid_from` is the first moment of validity, `valid_until` the first one after it
    (RFC 8392 section 3.1.4). A clock at its floor may be late, never early: what is past by
    it is past."""
    start, end = credential.valid_from, credential.valid_until
    if start is None and end is None:
        return ""
    if now.clock == "unknown":
        return "clock-unknown"
    seconds = now.wall_ms / 1000
    if end is not None and seconds >= end:
        return "expired"
    if now.clock == "floor":
        return "clock-unknown" if end is not None or seconds < (start or 0) else ""
    return "not-yet-valid" if start is not None and seconds < start else ""
