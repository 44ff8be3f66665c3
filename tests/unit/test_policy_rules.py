"""The optional sections of a policy: what they change, and every mistake in them."""

from __future__ import annotations

import string
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.credentials.policy import REASONS, Policy, PolicyError, judge, parse_policy
from kiosk.credentials.policy.rules import ELSEWHERE, OPTIONAL
from kiosk.errors import ConfigError, CredentialError
from kiosk.model import ClockState, Credential, Direction, Instant, Outcome, Verdict, Visit

TREE = Path(__file__).parents[2]
WHOLE = (TREE / "config/policy.toml").read_text()
SHIPPED = WHOLE[: WHOLE.index("[policy]")] + WHOLE[WHOLE.index("# Which codes") :]
KHANH_HOA = (TREE / "config/policies/khanh-hoa.toml").read_text()
VIETNAM = timezone(timedelta(hours=7))
CARD = Credential(format="cccd", role="identity", subject="vn-id:001099000001")
WEEK = "".join(
    f'{day} = ["06:00-11:30", "13:00-24:00"]\n'
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
)


def with_sections(text: str) -> Policy:
    return parse_policy(f"{SHIPPED}\n{text}".encode())


def instant(hour: int, minute: int = 0, day: int = 25, clock: ClockState = "synced") -> Instant:
    """In November 2026, of which the 25th is a Wednesday."""
    at = datetime(2026, 11, day, hour, minute, tzinfo=VIETNAM)
    return Instant(int(at.timestamp() * 1000), clock, "boot", 0)


NOON = instant(12)


def test_a_file_of_the_first_shape_means_what_it_meant() -> None:
    lines = [line for line in SHIPPED.splitlines() if not line.startswith(tuple(OPTIONAL))]
    old = parse_policy("\n".join(lines).encode())
    assert old == parse_policy(SHIPPED.encode())
    assert judge(CARD, old, NOON, visit=Visit("in", 10**6, 0)) == Verdict("pass", "accepted", True)


# Opening hours


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (instant(5, 59), "closed"),
        (instant(6), "accepted"),
        (instant(11, 29), "accepted"),
        (instant(11, 30), "closed"),
        (instant(13), "accepted"),
        (instant(23, 59), "accepted"),
        (instant(0), "closed"),
        (instant(12, day=29), "closed"),  # Sunday
        (instant(12, clock="floor"), "clock-unknown"),
        (instant(8, clock="unknown"), "clock-unknown"),
    ],
)
def test_opening_hours(now: Instant, reason: str) -> None:
    policy = with_sections(f"[hours]\n{WEEK}sunday = []")
    assert judge(CARD, policy, now).reason == reason
    assert judge(CARD, policy, now, visit=Visit("in")).reason == reason
    assert judge(CARD, policy, now, visit=Visit("out")).reason == "accepted"


def test_a_policy_names_its_own_answer_to_an_hour() -> None:
    text = SHIPPED.replace('\nclosed = "warn"', '\nclosed = "fail"')
    policy = parse_policy(f"{text}\n[hours]\n{WEEK}sunday = []".encode())
    assert judge(CARD, policy, instant(5)) == Verdict("fail", "closed", True)


# Purposes


def test_a_door_that_needs_a_certificate() -> None:
    policy = with_sections('[needs]\none_of = ["certificate"]')
    assert judge(CARD, policy, NOON) == Verdict("warn", "more-needed", True)
    certificate = Credential(format="hc1", role="certificate", signed="valid")
    assert judge(certificate, policy, NOON).reason == "accepted"


def test_a_code_may_be_accepted_for_more_than_it_is() -> None:
    text = SHIPPED.replace(
        'door_pass = "pass"', 'door_pass = { answer = "warn", for = ["identity", "certificate"] }'
    )
    policy = parse_policy(f'{text}\n[needs]\none_of = ["certificate"]'.encode())
    door_pass = Credential(format="door_pass", role="identity", signed="valid")
    assert judge(door_pass, policy, NOON) == Verdict("warn", "accepted", True)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"document": "001093029317", "document_masked": False}, "accepted"),
        ({"document": "******029317", "document_masked": True}, "more-needed"),
        ({"birth_masked": True}, "more-needed"),
        ({}, "accepted"),
    ],
)
def test_a_door_that_needs_whole_numbers(claims: dict[str, Any], reason: str) -> None:
    policy = with_sections("[needs]\nunmasked = true")
    declaration = Credential(format="vn_personal", role="declaration", claims=claims)
    assert judge(declaration, policy, NOON).reason == reason
    assert judge(declaration, parse_policy(SHIPPED.encode()), NOON).reason == "accepted"


# Limits


@pytest.mark.parametrize(
    ("visit", "reason"),
    [
        (Visit("in", 0, None), "accepted"),
        (Visit("in", 0, 299.9), "too-soon"),
        (Visit("in", 0, 300), "accepted"),
        (Visit("out", 0, 0), "too-soon"),
        (Visit("in", 49), "accepted"),
        (Visit("in", 50), "full"),
        (Visit("unknown", 50), "full"),
        (Visit("out", 50), "accepted"),
    ],
)
def test_interval_and_occupancy(visit: Visit, reason: str) -> None:
    policy = with_sections("[limits]\nmin_interval_s = 300\nmax_occupancy = 50")
    outcome: Outcome = "pass" if reason == "accepted" else "warn"
    assert judge(CARD, policy, NOON, visit=visit) == Verdict(outcome, reason, True)


@pytest.mark.parametrize(
    ("age_h", "clock", "reason"),
    [
        (24.0, "synced", "accepted"),
        (24.001, "synced", "declaration-too-old"),
        (24.0, "floor", "clock-unknown"),
        (24.001, "floor", "declaration-too-old"),
        (24.001, "unknown", "clock-unknown"),
        (None, "synced", "accepted"),
        (None, "unknown", "accepted"),
    ],
)
def test_age_of_a_declaration(age_h: float | None, clock: ClockState, reason: str) -> None:
    policy = with_sections("[limits]\ndeclaration_max_age_h = 24")
    now = instant(12, clock=clock)
    made = None if age_h is None else now.wall_ms / 1000 - age_h * 3600
    declaration = Credential(format="vn_personal", role="declaration", valid_from=made)
    assert judge(declaration, policy, now).reason == reason
    card = Credential(format="cccd", role="identity", valid_from=0.0)
    assert judge(card, policy, instant(12)).reason == "accepted"


# Direction


@pytest.mark.parametrize(
    ("direction", "outcome"), [("in", "fail"), ("unknown", "fail"), ("out", "pass")]
)
def test_who_leaves_may_be_merely_recorded(direction: Direction, outcome: Outcome) -> None:
    policy = with_sections('[direction]\nout = "record"')
    expired = Credential(format="hc1", role="certificate", signed="valid", valid_until=1.0)
    reason = "accepted" if direction == "out" else "expired"  # never a green "expired"
    assert judge(expired, policy, NOON, visit=Visit(direction)) == Verdict(outcome, reason, True)
    stranger = Credential(format="made-up", role="identity")
    assert judge(stranger, policy, NOON, visit=Visit(direction)).outcome == outcome
    text = SHIPPED.replace('cccd = "pass"', 'cccd = "warn"')
    wary = parse_policy(f'{text}\n[direction]\nout = "record"'.encode())
    assert judge(CARD, wary, NOON, visit=Visit("out")) == Verdict("pass", "accepted", True)
    broken = CredentialError("hc1", "not base45")
    assert judge(broken, policy, NOON, visit=Visit(direction)).outcome == "fail"  # no record
    assert judge(CARD, policy, NOON, "quarantine", Visit(direction)).outcome == "fail"
    assert (
        judge(expired, parse_policy(SHIPPED.encode()), NOON, visit=Visit("out")).outcome == "fail"
    )


# What the file may say


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("[policy]\nversion = 0", ["[policy] version = 0; expected a whole number from 1"]),
        ("[policy]\nversion = true", ["[policy] version = true; expected a whole number"]),
        ('[policy]\ntitle = "x"', ['[policy] title = "x"; expected { vi = ']),
        ("[policy]\ntitle = {}", ["[policy] title = {  }; expected { vi = "]),
        ("[needs]", ["[needs] is empty; it needs one_of or unmasked"]),
        (
            "[needs]\none_of = 'identity'",
            ['[needs] one_of = "identity"; expected a list [..] of 1 to 3, each "identity"'],
        ),
        ("[needs]\none_of = []", ["[needs] one_of = []; expected"]),
        (
            "[hours]\nmonday = []",
            ["[hours] tuesday, wednesday, thursday, friday, saturday, sunday is missing; name"],
        ),
        ("[direction]\nout = 'free'", ['[direction] out = "free"; expected "judge" or "record"']),
        (
            "[limits]\nmax_ocupancy = 5",
            ['max_ocupancy is not known; did you mean "max_occupancy"?'],
        ),
        ("[limits]\nmax_occupancy = 0", ["[limits] max_occupancy = 0; expected a whole number"]),
        ("limits = 3", ["[limits] is missing"]),
        ("colour = 3", ["colour is no list of rules; each begins with a line [[colour]]"]),
        ("[colour]\nname = 'red'", ["colour is no list of rules"]),
        ("[colours]\nred = 'fail'", ["[colours] red is not known; no rule [[colour]] gives any"]),
        (
            "[[colour]]\nname = 'red'",
            ["section [colours] is missing; it says what each colour does"],
        ),
        (
            "[[colour]]\nname = 'red'\n[colours]\nrad = 'fail'",
            ['[colours] rad is not known; did you mean "red"?', "[colours] red is missing"],
        ),
        (
            "[[colour]]\nname = 'Xanh lá'\ndoses = 2",
            [
                '[[colour]] 1 name = "Xanh lá"; expected a word',
                "[[colour]] 1 doses is not known; known are name, for",
            ],
        ),
        (
            "[[colour]]\nname = 'red'\n[[colour]]\nname = 'green'\ndoses_at_least = 1\n"
            "[colours]\nred = 'fail'\ngreen = 'pass'",
            ["[[colour]] 2 green is never reached: rule 1 holds for everything before it"],
        ),
        (
            "[[colour]]\nname = 'green'\ndoses_at_least = 1\n[colours]\ngreen = 'pass'",
            ["[[colour]] no rule for the rest of certificate; end with one that has only name"],
        ),
        (
            "[[colour]]\nname = 'green'\ndose_days_at_least = 1\ntest_methods = ['pcr']\n"
            "[colours]\ngreen = 'pass'",
            [
                "[[colour]] 1 dose_days_at_least needs doses_at_least beside it",
                "1 test_methods needs test_negative_within_hours or test_positive_within_hours",
            ],
        ),
        (
            "[[colour]]\nname = 'green'\nrecovered_within_days = 10\n"
            "recovered_days_at_least = 11\n[colours]\ngreen = 'pass'",
            ["[[colour]] 1 nobody can meet it: recovered_days_at_least = 11 is more than"],
        ),
        *(
            (
                f"[[colour]]\nname = 'green'\ndoses_at_least = 1\nproducts = [{written}]\n"
                "[colours]\ngreen = 'pass'",
                [f"1 products = [{written}]; expected a list", f"did you mean {meant}?"],
            )
            for written, meant in (
                ('"EU/1/20/1528"', '"pfizer"'),
                ('"Comirnaty"', '"pfizer"'),
                ('"code:210"', '"astrazeneca"'),
                ('"sinopharn"', '"sinopharm"'),
                ('"XYZ-1"', '"code:XYZ-1"'),
            )
        ),
    ],
)
def test_mistakes_are_named_with_section_key_found_and_allowed(
    text: str, problems: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        whole = (SHIPPED, text) if text[0] == "[" else (text, SHIPPED)
        parse_policy("\n".join(whole).encode())
    told = "\n".join(caught.value.problems)
    for problem in problems:
        assert problem in told


@pytest.mark.parametrize(
    "spans",
    [
        '"06:00-12:00"',
        '["6:00-12:00"]',
        '["6:00–11:30"]',
        '["06:00-06:00"]',
        '["22:00-02:00"]',
        '["06:00-24:01"]',
        '["06:60-12:00"]',
        '["06:00-12:00", "11:59-13:00"]',
        '["13:00-14:00", "06:00-07:00"]',
        "[6]",
    ],
)
def test_hours_that_are_none(spans: str) -> None:
    with pytest.raises(ConfigError, match=r"\[hours\] sunday = .*; expected a list of spans"):
        with_sections(f"[hours]\n{WEEK}sunday = {spans}")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('["6:00-11:30"]', '["06:00-11:30"]'),
        ('"06:00 - 11:30"', '["06:00-11:30"]'),
        ('["6h00–11h30", "13h-17h"]', '["06:00-11:30", "13:00-17:00"]'),
        ('["22:00-02:00"]', ""),
        ('["morning"]', ""),
    ],
)
def test_hours_as_people_write_them_are_told_as_they_are_meant(written: str, meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_sections(f"[hours]\n{WEEK}sunday = {written}")
    (problem,) = caught.value.problems
    assert problem.endswith(f"; did you mean {meant}?") == bool(meant)
    assert f"sunday = {written}; expected" in problem


def test_days_that_are_not_named_are_as_every_day() -> None:
    policy = with_sections('[hours]\nevery_day = ["06:00-18:00"]\nsunday = []')
    assert policy.hours == (*[((360, 1080),)] * 6, ())


# What text programs do to a file


def test_a_mark_before_the_text_does_no_harm() -> None:
    assert parse_policy(b"\xef\xbb\xbf" + WHOLE.encode()) == parse_policy(WHOLE.encode())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('hc1 = "pass"', "hc1 = “pass”", 'curly quotes; type straight ones "'),
        ('hc1 = "pass"', "hc1\u00a0=\u00a0“pass", "curly quotes"),
        ('hc1 = "pass"', 'hc1\u00a0= "pass"', "odd blanks; type plain ones"),
        ('hc1 = "pass"', "hc1 = pass", ": text needs quotes (Invalid value)"),
    ],
)
def test_what_word_processors_put_in_is_named_with_its_line(old: str, new: str, told: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy(WHOLE.replace(old, new).encode())
    (problem,) = caught.value.problems
    line = WHOLE[: WHOLE.index(old)].count("\n") + 1
    assert told in problem
    assert f"line {line}," in problem
    assert f"dòng {line}," in caught.value.mistakes[0].vi


def test_a_file_that_is_not_utf_8_says_how_to_save_it() -> None:
    with pytest.raises(ConfigError, match=r"not UTF-8 .*; save it with the encoding UTF-8"):
        parse_policy(WHOLE.encode("utf-16"))


def test_a_title_in_one_language_is_told_in_both() -> None:
    policy = with_sections('[policy]\ntitle = { vi = "Chợ" }\nexplanation = { en = "Market" }')
    assert [policy.title.of("vi"), policy.title.of("en")] == ["Chợ", "Chợ"]
    assert [policy.explanation.of("vi"), policy.explanation.of("en")] == ["Market", "Market"]


@pytest.mark.parametrize(
    "value", ['"fail"', "{}", '{ answer = "pass" }', '{ answer = "pass", for = ["door"] }']
)
def test_what_accept_may_not_say(value: str) -> None:
    with pytest.raises(ConfigError, match=r'\[accept\] hc1 = .*; expected "pass" or "warn", or'):
        parse_policy(SHIPPED.replace('\nhc1 = "pass"', f"\nhc1 = {value}").encode())


def test_the_many_kinds_of_examples_are_one() -> None:
    """The shipped file and both examples answer to every reason."""
    for path in (TREE / "config/policy.toml", *(TREE / "config").glob("polic*/*.toml")):
        policy = parse_policy(path.read_bytes())
        assert {*ELSEWHERE, *policy.answer} == set(REASONS), path
        assert policy.version, path
        assert policy.title.vi and policy.explanation.vi and policy.explanation.en, path


# Any TOML is a policy, or a list of mistakes

LEAVES = st.one_of(
    st.sampled_from(
        ["'pass'", "'warn'", "'record'", "['certificate']", "['06:00-12:00']", "[]", "true", "0"]
    ),
    st.integers(-5, 10**20).map(str),
    st.text(string.printable.replace("'", "").replace("\n", ""), max_size=9).map(
        lambda t: f"'{t}'"
    ),
    st.sampled_from(
        ["1979-05-27", "07:32:00", "nan", "inf", "{ vi = 'a', en = 'b' }", "[[1], {}]"]
    ),
)
KEYS = st.sampled_from(
    [
        *("version", "title", "hc1", "cccd", "one_of", "monday", "sunday", "out"),
        *("min_interval_s", "max_occupancy", "name", "for", "doses_at_least", "products", "red"),
        *("forged", "malformed", "test_methods", "recovered_within_days", "'x y'"),
    ]
)
HEADERS = st.sampled_from(
    [
        *("[policy]", "[accept]", "[needs]", "[[colour]]", "[colours]", "[hours]", "[direction]"),
        *("[limits]", "[answer]", "[record]", "[[hours]]", "[colour]", "[other]"),
    ]
)
SECTIONS = st.tuples(HEADERS, st.dictionaries(KEYS, LEAVES, max_size=4)).map(
    lambda s: "\n".join([s[0], *(f"{key} = {value}" for key, value in s[1].items())])
)


@given(st.lists(SECTIONS, max_size=6), st.booleans())
def test_any_toml_is_a_policy_or_mistakes(sections: list[str], on_top: bool) -> None:
    text = "\n".join([*([SHIPPED] if on_top else []), *sections])
    try:
        policy = parse_policy(text.encode())
    except ConfigError as error:
        assert error.problems
        assert all(problem.startswith("policy: ") for problem in error.problems)
        assert isinstance(error, PolicyError)
        assert all(mistake.vi and mistake.en for mistake in error.mistakes)
        return
    assert judge(CARD, policy, NOON).recorded


@given(st.binary(max_size=200))
def test_any_bytes_are_a_policy_or_mistakes(data: bytes) -> None:
    with pytest.raises(ConfigError):
        parse_policy(data)


@given(st.data())
def test_any_one_value_changed_is_a_policy_or_its_mistake(data: Any) -> None:
    lines = KHANH_HOA.splitlines()
    places = [n for n, line in enumerate(lines) if " = " in line and line[0] != "#"]
    place = data.draw(st.sampled_from(places))
    key = lines[place].partition(" = ")[0]
    lines[place] = f"{key} = {data.draw(LEAVES)}"
    try:
        parse_policy("\n".join(lines).encode())
    except ConfigError as error:
        told = "\n".join(error.problems)
        assert key in told or "[colours]" in told or "TOML" in told
