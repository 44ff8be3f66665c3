import re
import tomllib
from pathlib import Path

import pytest

from kiosk.credentials.policy import REASONS, Policy, is_valid, judge, parse_policy
from kiosk.credentials.policy.rules import ELSEWHERE
from kiosk.errors import ConfigError, CredentialError
from kiosk.model import ClockState, Credential, Instant, Outcome, Risk, Role, Signature, Verdict

SHIPPED = (Path(__file__).parents[2] / "config/policy.toml").read_text()
POLICY = parse_policy(SHIPPED.encode())
START, END = 1_800_000_000.0, 1_900_000_000.0
INSIDE = (START + END) / 2


def at(seconds: float, clock: ClockState = "synced") -> Instant:
    return Instant(int(seconds * 1000), clock, "boot", 0)


def certificate(signed: Signature = "valid", revoked: bool = False) -> Credential:
    return Credential(
        format="hc1",
        role="certificate",
        signed=signed,
        revoked=revoked,
        valid_from=START,
        valid_until=END,
    )


def changed(old: str, new: str) -> Policy:
    assert SHIPPED.count(old) == 1
    return parse_policy(SHIPPED.replace(old, new).encode())


CARD = Credential(format="cccd", role="identity", subject="vn-id:001099000001")


@pytest.mark.parametrize(
    ("signed", "seconds", "clock", "outcome", "reason"),
    [
        ("valid", INSIDE, "synced", "pass", "accepted"),
        ("valid", START, "synced", "pass", "accepted"),
        ("valid", START - 0.001, "synced", "fail", "not-yet-valid"),
        ("valid", END - 0.001, "synced", "pass", "accepted"),
        ("valid", END, "synced", "fail", "expired"),
        ("invalid", INSIDE, "synced", "fail", "forged"),
        ("invalid", END, "synced", "fail", "forged"),
        ("unknown-key", INSIDE, "synced", "warn", "unknown-key"),
        ("unknown-key", END, "synced", "fail", "expired"),
        ("valid", END, "floor", "fail", "expired"),
        ("valid", INSIDE, "floor", "warn", "clock-unknown"),
        ("valid", START - 1, "floor", "warn", "clock-unknown"),
        ("unknown-key", INSIDE, "floor", "warn", "unknown-key"),
        ("invalid", INSIDE, "floor", "fail", "forged"),
        ("valid", INSIDE, "unknown", "warn", "clock-unknown"),
        ("valid", END, "unknown", "warn", "clock-unknown"),
        ("invalid", END, "unknown", "fail", "forged"),
    ],
)
def test_signed_certificates(
    signed: Signature, seconds: float, clock: ClockState, outcome: Outcome, reason: str
) -> None:
    now = at(seconds, clock)
    assert judge(certificate(signed), POLICY, now) == Verdict(outcome, reason, True)
    assert is_valid(certificate(signed), now) == (reason == "accepted")


@pytest.mark.parametrize("signed", ["valid", "unknown-key"])
@pytest.mark.parametrize("seconds", [START - 1, INSIDE, END])
@pytest.mark.parametrize("clock", ["synced", "floor", "unknown"])
def test_what_was_revoked_fails_whoever_signed_it_and_whatever_the_time(
    signed: Signature, seconds: float, clock: ClockState
) -> None:
    revoked = certificate(signed, revoked=True)
    assert judge(revoked, POLICY, at(seconds, clock)) == Verdict("fail", "revoked", True)
    assert not is_valid(revoked, at(seconds, clock))


@pytest.mark.parametrize("clock", ["synced", "floor", "unknown"])
def test_undated_cards_need_no_clock(clock: ClockState) -> None:
    assert judge(CARD, POLICY, at(0, clock)) == Verdict("pass", "accepted", True)
    assert is_valid(CARD, at(0, clock))


def test_a_start_that_is_past_is_certain_even_at_the_floor() -> None:
    begun = Credential(format="hc1", role="certificate", signed="valid", valid_from=START)
    assert judge(begun, POLICY, at(START, "floor")).reason == "accepted"
    assert judge(begun, POLICY, at(START - 1, "floor")).reason == "clock-unknown"
    assert judge(begun, POLICY, at(START, "unknown")).reason == "clock-unknown"


@pytest.mark.parametrize(("role", "reason"), [("place", "place-code"), ("other", "unknown-code")])
def test_codes_without_a_person_make_a_record_only_on_demand(role: Role, reason: str) -> None:
    code = Credential(format="x", role=role)
    assert judge(code, POLICY, at(INSIDE)) == Verdict("warn", reason, False)
    keeping = changed(f"\n{reason} = false", f"\n{reason} = true")
    assert judge(code, keeping, at(INSIDE)).recorded
    assert not is_valid(code, at(INSIDE))


def test_malformed_codes() -> None:
    error = CredentialError("cccd", "sex is neither Nam nor Nữ")
    assert judge(error, POLICY, at(INSIDE)) == Verdict("fail", "malformed", False)
    keeping = changed("\nmalformed = false", "\nmalformed = true")
    assert judge(error, keeping, at(INSIDE)).recorded


def test_a_format_that_is_not_listed_is_not_accepted_yet_recorded() -> None:
    policy = changed('\nhc1 = "pass" ', "\n")
    for shown in (certificate(), certificate("unknown-key"), certificate(revoked=True)):
        assert judge(shown, policy, at(INSIDE)) == Verdict("fail", "not-accepted", True)
    assert judge(certificate(), policy, at(END)).reason == "not-accepted"
    assert judge(certificate("invalid"), policy, at(INSIDE)).reason == "forged"
    assert judge(certificate(), policy, at(INSIDE), "quarantine").reason == "at-risk"


def test_a_forged_code_does_not_pass_for_being_of_a_kind_that_is_not_listed() -> None:
    lenient = SHIPPED.replace('\nhc1 = "pass" ', "\n").replace(
        '\nnot-accepted = "fail"', '\nnot-accepted = "pass"'
    )
    policy = parse_policy(lenient.encode())
    assert judge(certificate(), policy, at(INSIDE)) == Verdict("pass", "not-accepted", True)
    assert judge(certificate("invalid"), policy, at(INSIDE)) == Verdict("fail", "forged", True)
    assert judge(certificate(revoked=True), policy, at(INSIDE)).reason == "revoked"
    assert judge(certificate(), policy, at(END)).reason == "expired"
    needing = parse_policy(f'{lenient}\n[needs]\none_of = ["certificate"]'.encode())
    # What is not listed is good for nothing.
    assert judge(certificate(), needing, at(INSIDE)) == Verdict("warn", "more-needed", True)


def test_answers_are_configuration_and_the_worst_is_given() -> None:
    lenient = changed('\nexpired = "fail"', '\nexpired = "warn"')
    assert judge(certificate(), lenient, at(END)) == Verdict("warn", "expired", True)
    strict = changed('\nunknown-key = "warn"', '\nunknown-key = "fail"')
    assert judge(certificate("unknown-key"), strict, at(END)).reason == "expired"
    both = parse_policy(
        SHIPPED.replace('\nexpired = "fail"', '\nexpired = "warn"')
        .replace('\nunknown-key = "warn"', '\nunknown-key = "fail"')
        .encode()
    )
    assert judge(certificate("unknown-key"), both, at(END)) == Verdict("fail", "unknown-key", True)
    wary = changed('\ncccd = "pass"', '\ncccd = "warn"')
    assert judge(CARD, wary, at(INSIDE)) == Verdict("warn", "accepted", True)
    merely_recording = changed('\nforged = "fail"', '\nforged = "pass"')
    assert judge(certificate("invalid"), merely_recording, at(INSIDE)) == Verdict(
        "pass", "forged", True
    )


@pytest.mark.parametrize("risk", ["follow-up", "quarantine"])
def test_who_is_at_risk_is_asked_to_the_desk_whatever_else_is_said(risk: Risk) -> None:
    at_risk = Verdict("fail", "at-risk", True)
    assert judge(CARD, POLICY, at(INSIDE), risk) == at_risk
    assert judge(certificate(), POLICY, at(END), risk) == at_risk  # expired as well
    assert judge(certificate("invalid"), POLICY, at(INSIDE), risk) == at_risk
    for strange in (
        changed('\ncccd = "pass"', "\n"),
        changed('\nat-risk = "fail"', '\nat-risk = "warn"'),
    ):
        assert judge(CARD, strange, at(INSIDE), risk).outcome != "pass"
    lenient = changed('\nat-risk = "fail"', '\nat-risk = "warn"')
    assert judge(CARD, lenient, at(INSIDE), risk) == Verdict("warn", "at-risk", True)
    assert judge(certificate(), lenient, at(END), risk) == Verdict("fail", "expired", True)
    place = Credential(format="place", role="place")
    assert judge(place, POLICY, at(INSIDE), risk).reason == "place-code"


def test_quarantine_and_follow_up_may_have_answers_of_their_own() -> None:
    policy = changed('\n# follow-up = "warn"', '\nfollow-up = "warn"')
    assert judge(CARD, policy, at(INSIDE), "follow-up") == Verdict("warn", "at-risk", True)
    assert judge(CARD, policy, at(INSIDE), "quarantine") == Verdict("fail", "at-risk", True)
    policy = changed('\n# quarantine = "fail"', '\nquarantine = "warn"')
    assert judge(CARD, policy, at(INSIDE), "follow-up") == Verdict("fail", "at-risk", True)
    assert judge(CARD, policy, at(INSIDE), "quarantine") == Verdict("warn", "at-risk", True)


@pytest.mark.parametrize("risk", ["none", "not-checked", "clear"])
def test_who_is_not_known_to_be_at_risk_is_judged_by_the_code(risk: Risk) -> None:
    assert judge(CARD, POLICY, at(INSIDE), risk) == Verdict("pass", "accepted", True)


def test_all_mistakes_are_named_at_once() -> None:
    wrong = (
        SHIPPED.replace('\nexpired = "fail"', '\nexpird = "fail"')
        .replace('\nhc1 = "pass"', '\nhc1 = "green"')
        .replace("\nmalformed = false", "\nmalformed = 0")
        .replace('\nplace-code = "warn"', '\nplace-code = "pass"')
        + "\n[acept]\n"
    )
    with pytest.raises(ConfigError) as caught:
        parse_policy(wrong.encode())
    problems = "\n".join(caught.value.problems)
    for expected in (
        'expird is not known; did you mean "expired"?',
        "[answer] expired is missing",
        '[accept] hc1 = "green"; expected "pass" or "warn"',
        "[record] malformed = 0; expected true or false",
        "place-code = true: green promises",
        'acept is not known; did you mean "accept"?',
    ):
        assert expected in problems
    assert len(caught.value.problems) == 6


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", r"\[accept\] is missing"),
        (b"accept = 1", r"\[accept\] is missing"),
        (b"[accept", "not TOML"),
        (b"\xff", "UTF-8"),
        (b"a = " + b"[" * 20_000, "policy"),
        (b"[accept]\nhc1 = ['pass']", "hc1"),
        (b"[accept]\nplace = 'pass'", "place is not known"),
    ],
)
def test_broken_policies(data: bytes, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse_policy(data)


def test_shipped_policy_says_something_about_every_reason() -> None:
    table = tomllib.loads(SHIPPED)
    # What a colour does stands in [colours].
    assert {*ELSEWHERE, *table["answer"]} == set(REASONS)
    assert all(re.fullmatch("[a-z0-9-]{1,40}", reason) for reason in REASONS)
