"""Judges a credential: what the door says, and whether a record is made.

Which codes open the door is for the authorities of a province to decide and to change, so
it is configuration (`config/policy.toml`), never code.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from kiosk.credentials.formats import FORMATS
from kiosk.errors import ConfigError, CredentialError
from kiosk.model import RISKY, Credential, Instant, Outcome, Risk, Role, Verdict

REASONS: dict[str, str] = {
    "accepted": "The code is accepted.",
    "clock-unknown": "The kiosk does not know the date, so validity cannot be checked.",
    "unknown-key": "The signer is not on this kiosk's trust list.",
    "not-yet-valid": "The certificate, or the key that signed it, is not valid yet.",
    "expired": "The certificate, or the key that signed it, has expired.",
    "revoked": "The certificate, or the key that signed it, has been revoked.",
    "forged": "The signature does not fit the content, or the signer may not sign such.",
    "at-risk": "The person is on the risk list.",
    "not-accepted": "A code of this kind is not accepted here.",
    "place-code": "The code names a place; the visitor should show a personal code.",
    "unknown-code": "The code is of no kind that this kiosk knows.",
    "malformed": "The code is of a known kind but damaged or badly made.",
}
"""Every reason a verdict can carry, with what it means. Of several that hold with equal
severity the later one is given."""

_NO_PERSON: dict[Role, str] = {"place": "place-code", "other": "unknown-code"}
_WITHOUT_RECORD = (*_NO_PERSON.values(), "malformed")
_SEVERITY: dict[Outcome, int] = {"pass": 0, "warn": 1, "fail": 2}


class Policy(msgspec.Struct, frozen=True):
    """What `config/policy.toml` says. `accept`: format -> outcome when nothing is wrong;
    `answer`: reason -> outcome; `record`: reasons without a person -> record all the same?"""

    accept: dict[str, Outcome]
    answer: dict[str, Outcome]
    record: dict[str, bool]


def judge(credential: Credential, policy: Policy, now: Instant, risk: Risk = "none") -> Verdict:
    """The verdict on a credential shown at `now`: the worst of all that is to be said.
    `risk` is what the risk list says of its subject.

    Every person makes a record, whatever the outcome.
    """
    if credential.role in _NO_PERSON:
        return _without_person(_NO_PERSON[credential.role], policy)
    found = {"at-risk"} if risk in RISKY else set()
    if credential.format in policy.accept:
        outcome, reason = policy.accept[credential.format], "accepted"
        found |= {*_signature_findings(credential), *_date_findings(credential, now)}
    else:
        outcome, reason = policy.answer["not-accepted"], "not-accepted"
    for finding in (r for r in REASONS if r in found):
        if _SEVERITY[policy.answer[finding]] >= _SEVERITY[outcome]:
            outcome, reason = policy.answer[finding], finding
    return Verdict(outcome, reason, recorded=True)


def judge_malformed(error: CredentialError, policy: Policy) -> Verdict:
    """The verdict on a payload that `parse` refused with `error`."""
    return _without_person("malformed", policy)


def is_valid(credential: Credential, now: Instant) -> bool:
    """Whether it names a person, its signature is valid where it must have one, and `now`
    lies within its validity beyond doubt. What the door says of it is the policy's."""
    if credential.role in _NO_PERSON:
        return False
    return not _signature_findings(credential) and not _date_findings(credential, now)


def _without_person(reason: str, policy: Policy) -> Verdict:
    return Verdict(policy.answer[reason], reason, policy.record[reason])


def _signature_findings(credential: Credential) -> list[str]:
    if credential.signed == "invalid":
        return ["forged"]
    if credential.signed == "unknown-key":
        return ["unknown-key"]
    if credential.signed == "revoked":
        return ["revoked"]
    return []


def _date_findings(credential: Credential, now: Instant) -> list[str]:
    """`valid_from` is the first moment of validity, `valid_until` the first one after it
    (RFC 8392 section 3.1.4). A clock at its floor may be late, never early: what is past by
    it is past."""
    start, end = credential.valid_from, credential.valid_until
    if start is None and end is None:
        return []
    if now.clock == "unknown":
        return ["clock-unknown"]
    seconds = now.wall_ms / 1000
    if end is not None and seconds >= end:
        return ["expired"]
    if now.clock == "floor":
        return ["clock-unknown"] if end is not None or seconds < (start or 0) else []
    return ["not-yet-valid"] if start is not None and seconds < start else []


def parse_policy(data: bytes) -> Policy:
    """Policy from TOML. Raises ConfigError with every mistake found: unknown and missing
    keys, values that are not allowed, an answer "pass" of which no record would be made."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError([f"policy: not TOML in UTF-8: {error}"]) from error
    problems: list[str] = []
    known_formats = [name for known in FORMATS for name in known.NAMES]
    people = [f for f in known_formats if f not in ("place", "unknown")]
    accept = _section(table, "accept", people, ("pass", "warn"), problems, complete=False)
    answer = _section(table, "answer", list(REASONS)[1:], tuple(_SEVERITY), problems)
    record = _section(table, "record", _WITHOUT_RECORD, (True, False), problems)
    _unknown(table, "", ("accept", "answer", "record"), problems)
    problems += [
        f'policy: [answer] {reason} = "pass" needs [record] {reason} = true:'
        " green promises that a record was made"
        for reason in _WITHOUT_RECORD
        if answer.get(reason) == "pass" and record.get(reason) is False
    ]
    if problems:
        raise ConfigError(problems)
    return Policy(accept, answer, record)


def _section(
    table: Mapping[str, Any],
    name: str,
    keys: Collection[str],
    allowed: tuple[str | bool, ...],
    problems: list[str],
    *,
    complete: bool = True,
) -> dict[str, Any]:
    section = table.get(name)
    if not isinstance(section, dict):
        problems.append(f"policy: section [{name}] is missing")
        return {}
    _unknown(section, f"[{name}] ", keys, problems)
    choice = " or ".join(msgspec.json.encode(value).decode() for value in allowed)
    for key in keys:
        if key not in section:
            if complete:
                problems.append(f"policy: [{name}] {key} is missing; expected {choice}")
        elif type(section[key]) is not type(allowed[0]) or section[key] not in allowed:
            problems.append(f"policy: [{name}] {key} = {section[key]!r}; expected {choice}")
    return section


def _unknown(
    table: Mapping[str, Any], where: str, keys: Collection[str], problems: list[str]
) -> None:
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(keys)}"
            problems.append(f"policy: {where}{key} is not known; {hint}")
