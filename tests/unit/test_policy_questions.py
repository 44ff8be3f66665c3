"""The questions of the declaration in a policy: who is asked, and what an answer does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.credentials.policy import Policy, explain, judge, parse_policy, words
from kiosk.errors import ConfigError
from kiosk.model import Credential, Declared, Direction, Instant, Outcome, Risk, Verdict, Visit

SHIPPED = (Path(__file__).parents[2] / "config/policy.toml").read_text()
ASKING = """
[needs]
one_of = ["declaration", "certificate"]
[questions]
formats = ["cccd", "bhyt"]
symptoms = "fail"
contact = "warn"
"""
NOW = Instant(1_795_600_000_000, "synced", "boot", 0)
CARD = Credential(format="cccd", role="identity", subject="vn-id:001099000001")
MORE = Verdict("warn", "more-needed", True)


def policy(text: str = ASKING, shipped: str = SHIPPED) -> Policy:
    return parse_policy(f"{shipped}\n{text}".encode())


def declared(symptoms: bool, contact: bool, direction: Direction = "in") -> Visit:
    return Visit(direction, declared=Declared(symptoms, contact))


def test_who_shows_but_a_card_where_a_declaration_is_needed_is_asked() -> None:
    verdict = judge(CARD, policy(), NOW, visit=Visit("in"))
    assert verdict == Verdict("warn", "more-needed", True, questions=True)
    assert judge(CARD, policy(), NOW, visit=Visit("unknown")).questions


@pytest.mark.parametrize(
    "code",
    [
        Credential(format="can_cuoc_2024", role="identity"),
        Credential(format="vn_personal", role="declaration"),
        Credential(format="hc1", role="certificate", signed="valid"),
        Credential(format="made-up", role="identity"),
        Credential(format="place", role="place"),
        Credential(format="unknown", role="other"),
    ],
)
def test_after_any_other_code_nobody_is_asked(code: Credential) -> None:
    verdict = judge(code, policy(), NOW)
    assert not verdict.questions
    without = policy(ASKING.partition("[questions]")[0])
    assert verdict == judge(code, without, NOW), "and it is answered as without the section"


@pytest.mark.parametrize(
    ("risk", "reason"), [("quarantine", "at-risk"), ("follow-up", "at-risk"), ("clear", "expired")]
)
def test_whom_the_answers_could_not_help_is_not_asked(risk: Risk, reason: str) -> None:
    code = (
        CARD if reason == "at-risk" else Credential(format="bhyt", role="identity", valid_until=1.0)
    )
    assert judge(code, policy(), NOW, risk) == Verdict("fail", reason, True)


@pytest.mark.parametrize(
    ("symptoms", "contact", "outcome"),
    [
        (False, False, "pass"),
        (False, True, "warn"),
        (True, False, "fail"),
        (True, True, "fail"),
    ],
)
def test_what_an_answer_does(symptoms: bool, contact: bool, outcome: Outcome) -> None:
    """One reason for all: what was answered is not told by it."""
    verdict = judge(CARD, policy(), NOW, visit=declared(symptoms, contact))
    assert verdict == Verdict(outcome, "declared", True)


def test_a_card_that_is_warned_of_is_warned_of_all_the_same() -> None:
    warned = policy(shipped=SHIPPED.replace('\ncccd = "pass"', '\ncccd = "warn"'))
    assert judge(CARD, warned, NOW).questions
    for contact in (False, True):
        verdict = judge(CARD, warned, NOW, visit=declared(False, contact))
        assert verdict == Verdict("warn", "declared", True), "nobody can tell which"


def test_what_else_is_to_be_said_is_said_after_the_answers() -> None:
    dated = Credential(format="bhyt", role="identity", valid_until=2e9)
    unset = Instant(0, "unknown", "boot", 0)
    assert judge(dated, policy(), unset).questions
    verdict = judge(dated, policy(), unset, visit=declared(False, False))
    assert verdict == Verdict("warn", "clock-unknown", True)
    at_risk = judge(CARD, policy(), NOW, "quarantine", declared(False, False))
    assert at_risk == Verdict("fail", "at-risk", True), "the list came in between"


def test_who_leaves_declared_on_the_way_in() -> None:
    assert judge(CARD, policy(), NOW, visit=Visit("out")) == Verdict("pass", "accepted", True)
    other = Credential(format="can_cuoc_2024", role="identity")
    assert judge(other, policy(), NOW, visit=Visit("out")) == MORE


def test_without_the_section_nobody_is_asked() -> None:
    assert policy("").questions is None
    needing = policy('[needs]\none_of = ["declaration"]')
    assert judge(CARD, needing, NOW) == MORE
    assert judge(CARD, needing, NOW, visit=declared(False, False)) == MORE


def test_what_no_answer_could_make_good_is_not_asked() -> None:
    masked = Credential(format="bhyt", role="identity", claims={"birth_masked": True})
    strict = policy(ASKING.replace("[questions]", "unmasked = true\n[questions]"))
    assert judge(masked, strict, NOW) == MORE
    assert judge(CARD, strict, NOW).questions


def test_each_question_has_its_time() -> None:
    asked = policy().questions
    assert asked is not None and asked.timeout_s == 20
    longer = policy(f"{ASKING}timeout_s = 45").questions
    assert longer is not None and longer.timeout_s == 45


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[questions]", "[questions] formats is missing; expected a list"),
        ("[questions]", '[questions] symptoms is missing; expected "warn" or "fail"'),
        (ASKING.replace('"fail"', '"pass"'), '[questions] symptoms = "pass"; expected'),
        (ASKING.replace("bhyt", "bhit"), '"bhit"]; expected a list'),
        (ASKING.replace("bhyt", "bhit"), 'did you mean "bhyt"?'),
        (f"{ASKING}timeout_s = 2", "[questions] timeout_s = 2; expected a whole number from 5"),
        (f"{ASKING}timout_s = 20", 'timout_s is not known; did you mean "timeout_s"?'),
        (
            ASKING.replace('"declaration", ', ""),
            '[questions] needs [needs] one_of with "declaration"',
        ),
        ("[questions]" + ASKING.partition("[questions]")[2], "where the door does not ask for one"),
    ],
)
def test_mistakes(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        policy(text)
    assert any(problem in told for told in raised.value.problems), raised.value.problems


def test_codes_that_are_never_asked_of_are_mistakes() -> None:
    with pytest.raises(ConfigError, match=r"bhyt is not in .accept., so it is never asked of"):
        policy(shipped=SHIPPED.replace('\nbhyt = "pass"', "\n"))
    enough = '\ncccd = { answer = "pass", for = ["identity", "declaration"] }'
    with pytest.raises(ConfigError, match=r"cccd is what .needs. asks for"):
        policy(shipped=SHIPPED.replace('\ncccd = "pass"', enough))


@given(
    st.sampled_from(["cccd", "bhyt", "hc1", "vn_personal", "can_cuoc_2024"]),
    st.sampled_from(["identity", "declaration", "certificate"]),
    st.sampled_from(["in", "out", "unknown"]),
    st.sampled_from(["none", "clear", "quarantine"]),
    st.one_of(st.none(), st.builds(Declared, st.booleans(), st.booleans())),
)
def test_nobody_is_asked_twice_and_every_explanation_is_whole(
    format: str, role: str, direction: Direction, risk: Risk, answered: Declared | None
) -> None:
    code = Credential(format=format, role=role)
    visit = Visit(direction, declared=answered)
    verdict, findings = explain(code, policy(), NOW, risk, visit)
    assert verdict == judge(code, policy(), NOW, risk, visit)
    assert not (verdict.questions and answered)
    if verdict.questions:
        for says in (Declared(s, c) for s in (False, True) for c in (False, True)):
            after = judge(code, policy(), NOW, risk, Visit(direction, declared=says))
            assert after.reason == "declared" and after.recorded
    for finding in findings:
        for language in ("vi", "en"):
            assert "{" not in words.sentence(finding, language)
