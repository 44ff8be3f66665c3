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

from kiosk.credentials.policy import colour, questions
from kiosk.credentials.policy.colour import Code, Moment
from kiosk.credentials.policy.rules import (
    NO_PERSON,
    PURPOSES,
    REASONS,
    Finding,
    Hours,
    Mark,
    Policy,
    Problem,
    Purpose,
)
from kiosk.errors import CredentialError
from kiosk.model import RISKY, Credential, Instant, Outcome, Risk, Verdict, Visit

_SEVERITY: dict[Outcome, int] = {"pass": 0, "warn": 1, "fail": 2}
_ORDER = {reason: place for place, reason in enumerate(REASONS)}
_BY_ROLE: dict[str, tuple[Purpose, ...]] = {purpose: (purpose,) for purpose in PURPOSES}
STRANGER = Visit()


class Explained(NamedTuple):
    """A verdict, and what was found for it, in order."""

    verdict: Verdict
    findings: list[Finding]


def judge(
    shown: Credential | CredentialError,
    policy: Policy,
    now: Instant,
    risk: Risk = "none",
    visit: Visit = STRANGER,
) -> Verdict:
    """The verdict on a credential shown at `now`, or on what `parse` refused with an error:
    the worst of all that is to be said. `risk` is what the risk list says of its subject.

    Every person makes a record, whatever the outcome.
    """
    return weigh(shown, policy, now, risk, visit).verdict


def weigh(
    shown: Credential | CredentialError, policy: Policy, now: Instant, risk: Risk, visit: Visit
) -> Explained:
    """The verdict, and what was found for it."""
    if isinstance(shown, CredentialError):
        return _without_person("malformed", policy, {"problem": Problem(shown.problem)})
    if shown.role in NO_PERSON:
        return _without_person(NO_PERSON[shown.role], policy, {})
    purposes = purposes_of(shown, policy)
    findings = [_accepted(shown, purposes, policy), *_of_code(shown, purposes, policy, now)]
    findings += _of_needs(shown, purposes, policy, visit)
    shade, found = _colour(shown, purposes, policy, now)
    findings += found
    findings += _of_place(policy, now, visit)
    findings.append(_risk(risk, policy))
    if visit.direction == "out" and policy.out == "record":
        findings = [_eased(finding) for finding in findings]
        findings.append(Finding("[direction] out", "yes", "leaving"))
    outcome, reason = ("pass" if findings[0].reason else findings[0].answer), "accepted"
    for finding in sorted((f for f in findings if f.reason), key=lambda f: _ORDER[f.reason]):
        if _SEVERITY[finding.answer] >= _SEVERITY[outcome]:
            outcome, reason = finding.answer, finding.reason
    asking = reason == "more-needed" and questions.would_do(findings)
    return Explained(Verdict(outcome, reason, True, shade, asking), findings)


def is_valid(credential: Credential, now: Instant) -> bool:
    """Whether it names a person, its signature is valid where it must have one, and `now`
    lies within its validity beyond doubt. What the door says of it is the policy's."""
    if credential.role in NO_PERSON:
        return False
    return _is_believed(credential) and not _date_reason(credential, now)


def purposes_of(credential: Credential, policy: Policy) -> tuple[Purpose, ...]:
    """What a code is good for at this door: nothing when its kind is not accepted."""
    if credential.format not in policy.accept:
        return ()
    return policy.purposes.get(credential.format) or _BY_ROLE.get(credential.role, ())


def _without_person(reason: str, policy: Policy, facts: Mapping[str, object]) -> Explained:
    answer, recorded = policy.answer[reason], policy.record[reason]
    finding = Finding(f"[answer] {reason}", "no", reason, facts, reason, answer)
    return Explained(Verdict(answer, reason, recorded), [finding])


def _accepted(credential: Credential, purposes: tuple[Purpose, ...], policy: Policy) -> Finding:
    answer = policy.accept.get(credential.format)
    if answer is not None:
        facts = {"format": credential.format, "purposes": purposes, "answer": answer}
        return Finding("[accept]", "yes", "accepted", facts, "", answer)
    return _said("[accept]", "not-accepted", {"format": credential.format}, policy)


def _of_code(
    credential: Credential, purposes: tuple[Purpose, ...], policy: Policy, now: Instant
) -> Iterator[Finding]:
    if credential.signed == "none":
        yield Finding("signature", "not-asked", "signature-none")
    else:
        reason = "revoked" if credential.revoked else _SIGNATURES.get(credential.signed, "")
        yield _said("signature", reason, {}, policy, fine="signature-valid")
    if credential.valid_from is None and credential.valid_until is None:
        yield Finding("validity", "not-asked", "undated")
    else:
        yield _said("validity", _date_reason(credential, now), {}, policy, fine="valid")
    if policy.declaration_max_age_h and "declaration" in purposes:
        yield _declaration_age(credential, policy, now)


def _of_needs(
    credential: Credential, purposes: tuple[Purpose, ...], policy: Policy, visit: Visit
) -> Iterator[Finding]:
    if policy.needs != PURPOSES:
        lacking = set(purposes).isdisjoint(policy.needs)
        asked = questions.found(credential.format, policy, visit) if lacking else None
        if asked is not None:
            yield asked
        if asked is not None and asked.holds != "unknown":
            yield Finding("[needs] one_of", "yes", "questions-do")
        else:
            facts = {"needs": policy.needs, "purposes": purposes or ("nothing",)}
            reason = "more-needed" if lacking else ""
            yield _said("[needs] one_of", reason, facts, policy, fine="enough")
    if policy.unmasked:
        masked = any(credential.claims.get(f"{what}_masked") for what in ("document", "birth"))
        reason = "more-needed" if masked else ""
        yield _said("[needs] unmasked", reason, {}, policy, fine="unmasked", wrong="masked")


def _declaration_age(credential: Credential, policy: Policy, now: Instant) -> Finding:
    where, most = "[limits] declaration_max_age_h", policy.declaration_max_age_h
    if credential.valid_from is None:
        return Finding(where, "unknown", "declaration-undated", {"hours": most})
    age = (now.wall_ms / 1000 - credential.valid_from) / 3600
    facts = {"hours": most, "age": round(age, 1)}
    if now.clock == "unknown" or (now.clock == "floor" and age <= most):
        return _said(where, "clock-unknown", facts, policy)
    reason = "declaration-too-old" if age > most else ""
    return _said(where, reason, facts, policy, fine="declaration-recent")


def _colour(
    credential: Credential, purposes: tuple[Purpose, ...], policy: Policy, now: Instant
) -> tuple[str, list[Finding]]:
    """The colour, if it is certain. What is attested by nobody known gives none, nor does what
    is not accepted."""
    if not (policy.colour and purposes):
        return "", []
    if not _is_believed(credential):
        return "", [Finding("[[colour]]", "not-asked", "colour-of-nobody")]
    code = Code(credential.format, purposes, credential.events)
    possible, findings = colour.find(policy.colour, code, Moment.of(now))
    if not possible:
        return "", [Finding("[[colour]]", "not-asked", "colour-none", {"purposes": purposes})]
    shade = possible[0] if len(possible) == 1 else ""
    # "record" and "pass" both leave the answer to the other rules.
    effects = {policy.colours[name] for name in possible}
    answers = {"pass" if effect == "record" else effect for effect in effects}
    facts = {"colours": tuple(possible), "effects": tuple(sorted(effects))}
    if len(answers) > 1:
        said = _said("[colours]", "clock-unknown", facts, policy, wrong="colours-open")
        return shade, [*findings, said]
    answer = answers.pop()
    reason = "" if answer == "pass" else "not-green"
    holds: Mark = "no" if reason else "yes"
    return shade, [*findings, Finding("[colours]", holds, "colour", facts, reason, answer)]


def _of_place(policy: Policy, now: Instant, visit: Visit) -> Iterator[Finding]:
    coming = visit.direction != "out"
    if policy.hours is not None and coming:
        yield _hours(policy, policy.hours, Moment.of(now))
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
    facts = {"now": at.local, "spans": Hours(spans)}
    is_open = any(start <= minute < end for start, end in spans)
    wrong = "closed" if spans else "closed-all-day"
    return _said("[hours]", "" if is_open else "closed", facts, policy, fine="open", wrong=wrong)


def _risk(risk: Risk, policy: Policy) -> Finding:
    if risk in RISKY:
        answer = policy.risk.get(risk, policy.answer["at-risk"])
        return Finding("risk list", "no", "at-risk", {"risk": risk}, "at-risk", answer)
    return Finding("risk list", _ASKED.get(risk, "yes"), f"risk-{risk}")


def _said(
    rule: str,
    reason: str,
    facts: Mapping[str, object],
    policy: Policy,
    *,
    fine: str = "",
    wrong: str = "",
) -> Finding:
    """That `reason` is to be said, with the policy's answer to it, in the phrase `wrong` or
    that of its name; or that all is `fine`."""
    if not reason:
        return Finding(rule, "yes", fine, facts)
    holds: Mark = "unknown" if reason == "clock-unknown" else "no"
    return Finding(rule, holds, wrong or reason, facts, reason, policy.answer[reason])


def _eased(finding: Finding) -> Finding:
    """For whoever leaves: only who is at risk is kept; what else was found is no reason."""
    if finding.reason == "at-risk" or not (finding.reason or finding.answer != "pass"):
        return finding
    return Finding(finding.rule, finding.holds, finding.phrase, finding.facts)


_SIGNATURES = {"invalid": "forged", "unknown-key": "unknown-key"}
_ASKED: dict[Risk, Mark] = {"none": "not-asked", "not-checked": "unknown"}


def _is_believed(credential: Credential) -> bool:
    return credential.signed not in _SIGNATURES and not credential.revoked


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
