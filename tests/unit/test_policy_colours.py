"""The published colour rules of two provinces, at each of their boundaries."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from time import perf_counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.credentials.policy import Policy, explain, judge, parse_policy
from kiosk.model import ClockState, Credential, Event, Instant, Signature, Verdict

POLICIES = Path(__file__).parents[2] / "config" / "policies"
KHANH_HOA = parse_policy((POLICIES / "khanh-hoa.toml").read_bytes())
HCMC = parse_policy((POLICIES / "hcmc.toml").read_bytes())
VIETNAM = timezone(timedelta(hours=7))
NOW = datetime(2026, 11, 25, 12, tzinfo=VIETNAM)
CLOCKS: list[ClockState] = ["synced", "floor", "unknown"]


def instant(at: datetime = NOW, clock: ClockState = "synced") -> Instant:
    return Instant(int(at.timestamp() * 1000), clock, "boot", 0)


def certificate(*events: Event, signed: Signature = "valid", revoked: bool = False) -> Credential:
    return Credential(
        format="hc1", role="certificate", signed=signed, revoked=revoked, events=events
    )


def dose(days: int, number: int = 0, product: str = "pfizer") -> Event:
    date = (NOW - timedelta(days=days)).date().isoformat()
    return Event(kind="vaccination", date=date, dose=number, product=product)


def recovery(days: int) -> Event:
    return Event(kind="recovery", date=(NOW - timedelta(days=days)).date().isoformat())


def sample(ago: timedelta, method: str = "pcr", detected: bool = False) -> Event:
    date = (NOW - ago).isoformat(timespec="seconds")
    return msgspec.convert(
        {"kind": "test", "date": date, "method": method, "detected": detected}, Event
    )


HOURS_72 = timedelta(hours=72)


@pytest.mark.parametrize(
    ("events", "khanh_hoa", "hcmc"),
    [
        # all doses listed
        ([dose(100, 1), dose(14, 2)], "green", "green"),
        ([dose(100, 1), dose(13, 2)], "yellow", "green"),
        ([dose(14, 1)], "yellow", "green"),
        ([dose(13, 1)], "red", "red"),
        ([dose(13, 1), dose(0, 2)], "red", "red"),
        # without numbers they are counted
        ([dose(100), dose(14)], "green", "green"),
        ([dose(100), dose(13)], "yellow", "green"),
        ([dose(14), dose(14)], "yellow", "green"),  # one dose, written twice
        # the last one alone, as in an EU DCC: the one before lies at least 14 days further back
        ([dose(14, 2)], "green", "green"),
        ([dose(13, 2)], "yellow", "green"),
        ([dose(0, 2)], "yellow", "green"),
        ([dose(0, 3)], "green", "green"),
        ([dose(-1, 3)], "red", "red"),  # a date to come
        # recovered
        ([recovery(180)], "green", "red"),
        ([recovery(181)], "red", "red"),
        ([recovery(11)], "green", "red"),
        ([recovery(10)], "red", "red"),
        ([recovery(0)], "red", "red"),
        ([recovery(-1)], "red", "red"),
        # tested
        ([sample(HOURS_72)], "yellow", "red"),
        ([sample(HOURS_72 + timedelta(seconds=1))], "red", "red"),
        ([sample(timedelta(0))], "yellow", "red"),
        ([sample(timedelta(hours=1), method="antigen")], "red", "red"),
        ([sample(timedelta(hours=1), method="")], "red", "red"),
        ([sample(timedelta(hours=1), detected=True)], "red", "red"),
        ([], "red", "red"),
    ],
)
def test_the_published_rules_at_their_boundaries(
    events: list[Event], khanh_hoa: str, hcmc: str
) -> None:
    shown = certificate(*events)
    answers = {
        "green": Verdict("pass", "accepted", True, "green"),
        "yellow": Verdict("warn", "not-green", True, "yellow"),
        "red": Verdict("fail", "not-green", True, "red"),
    }
    assert judge(shown, KHANH_HOA, instant()) == answers[khanh_hoa]
    assert judge(shown, HCMC, instant()) == answers[hcmc]


def test_a_day_ends_at_midnight_in_vietnam() -> None:
    shown = certificate(Event(kind="vaccination", date="2026-11-11", dose=2))
    midnight = datetime(2026, 11, 25, tzinfo=VIETNAM)
    assert judge(shown, KHANH_HOA, instant(midnight)).colour == "green"
    before = instant(midnight - timedelta(milliseconds=1))
    assert judge(shown, KHANH_HOA, before).colour == "yellow"


def test_a_test_of_a_day_alone_was_made_at_its_midnight() -> None:
    shown = certificate(Event(kind="test", date="2026-11-22", method="pcr"))
    end = datetime(2026, 11, 25, tzinfo=VIETNAM)
    assert judge(shown, KHANH_HOA, instant(end)).colour == "yellow"
    assert judge(shown, KHANH_HOA, instant(end + timedelta(seconds=1))).colour == "red"


def test_codes_that_attest_nothing_have_no_colour_unless_a_rule_is_about_them() -> None:
    card = Credential(format="cccd", role="identity", subject="vn-id:001099000001")
    assert judge(card, KHANH_HOA, instant()) == Verdict("pass", "accepted", True)
    asking = edited(
        KHANH_HOA_TEXT.replace(
            '[[colour]]\nname = "red"',
            '[[colour]]\nname = "no-certificate"\nfor = ["identity", "declaration"]\n\n'
            '[[colour]]\nname = "red"',
        ).replace('\nred = "fail"', '\nred = "fail"\nno-certificate = "warn"')
    )
    assert judge(card, asking, instant()) == Verdict("warn", "not-green", True, "no-certificate")
    assert judge(certificate(), asking, instant()).colour == "red"


@pytest.mark.parametrize(
    ("signed", "revoked", "reason"),
    [
        ("invalid", False, "forged"),
        ("unknown-key", False, "unknown-key"),
        ("valid", True, "revoked"),
        ("unknown-key", True, "revoked"),
    ],
)
def test_what_nobody_believed_attests_gives_no_colour(
    signed: Signature, revoked: bool, reason: str
) -> None:
    shown = certificate(dose(100, 2), signed=signed, revoked=revoked)
    verdict = judge(shown, KHANH_HOA, instant())
    assert verdict.colour == ""
    assert verdict.reason == reason


# The truth table of kiosk/credentials/policy/colour.py. "" = it cannot be told.
@pytest.mark.parametrize(
    ("events", "synced", "floor", "unknown"),
    [
        ([], "red", "red", "red"),
        ([dose(13, 1)], "red", "", ""),  # perhaps more days have gone by
        ([dose(14, 1)], "yellow", "yellow", ""),  # at least so many have; a second dose is not said
        ([dose(14, 2)], "green", "green", ""),
        ([dose(13, 2)], "yellow", "", ""),
        ([dose(-3, 2)], "red", "", ""),
        ([recovery(180)], "green", "", ""),
        ([recovery(181)], "red", "red", ""),
        ([recovery(-1)], "red", "", ""),
        ([sample(HOURS_72)], "yellow", "", ""),
        ([sample(HOURS_72 + timedelta(seconds=1))], "red", "red", ""),
        ([sample(timedelta(hours=1), method="antigen")], "red", "red", "red"),
    ],
)
def test_what_is_certain_without_a_clock(
    events: list[Event], synced: str, floor: str, unknown: str
) -> None:
    shown = certificate(*events)
    for clock, colour in zip(CLOCKS, (synced, floor, unknown), strict=True):
        verdict = judge(shown, KHANH_HOA, instant(clock=clock))
        assert verdict.colour == colour, clock
        assert (verdict.reason == "clock-unknown") == (colour == ""), clock


def test_an_answer_that_does_not_hang_on_the_colour_needs_no_clock() -> None:
    noting = KHANH_HOA_TEXT.replace('yellow = "warn"', 'yellow = "record"')
    noting = noting.replace('\nred = "fail"', '\nred = "record"')
    verdict = judge(certificate(dose(13, 2)), edited(noting), instant(clock="unknown"))
    assert verdict == Verdict("pass", "accepted", True)
    assert judge(certificate(), edited(noting), instant()) == Verdict(
        "pass", "accepted", True, "red"
    )


def test_products_methods_formats_and_spans() -> None:
    policy = edited(
        rules(
            'name = "one-dose"\ndoses_at_least = 1\nproducts = ["janssen"]\n'
            "dose_days_at_least = 28\ndose_days_at_most = 270",
            'name = "abroad"\nformats = ["nzcp"]',
            'name = "ill"\ntest_positive_within_hours = 240',
            'name = "tested"\ntest_negative_within_hours = 24\ntest_methods = ["antigen"]',
            'name = "well"\nrecovered_within_days = 180\nrecovered_days_at_least = 11',
            'name = "rest"',
        )
    )
    other, janssen = "pfizer", "janssen"
    for events, colour in (
        ([dose(28, 1, janssen)], "one-dose"),
        ([dose(27, 1, janssen)], "rest"),
        ([dose(270, 1, janssen)], "one-dose"),
        ([dose(271, 1, janssen)], "rest"),
        ([dose(271, 1, janssen), dose(100, 2, janssen)], "one-dose"),
        ([dose(28, 1, other)], "rest"),
        ([sample(timedelta(hours=240), detected=True)], "ill"),
        ([sample(timedelta(hours=241), detected=True)], "rest"),
        ([sample(timedelta(hours=24), method="antigen")], "tested"),
        ([sample(timedelta(hours=24), method="pcr")], "rest"),
        ([recovery(10)], "rest"),
        ([recovery(11)], "well"),
    ):
        assert judge(certificate(*events), policy, instant()).colour == colour, events
    abroad = Credential(format="nzcp", role="certificate", signed="valid")
    assert judge(abroad, policy, instant()).colour == "abroad"


def test_a_third_dose_proves_that_the_second_is_older() -> None:
    """By the shortest interval of the vaccines in use, or by what the policy says."""
    text = KHANH_HOA_TEXT.replace(
        "doses_at_least = 2\ndose_days_at_least = 14",
        "doses_at_least = 2\ndose_days_at_least = 20",
    )
    assert judge(certificate(dose(6, 3)), edited(text), instant()).colour == "green"
    assert judge(certificate(dose(5, 3)), edited(text), instant()).colour == "yellow"
    by_the_letter = text.replace("= 20", "= 20\ndose_gap_days = 0")
    assert judge(certificate(dose(19, 3)), edited(by_the_letter), instant()).colour == "yellow"
    assert judge(certificate(dose(20, 3)), edited(by_the_letter), instant()).colour == "green"


def test_products_have_one_name_and_others_are_written_as_codes() -> None:
    rule = 'name = "{}"\ndoses_at_least = 2\nproducts = {}'
    policy = edited(
        rules(
            rule.format("known", '["abdala", "pfizer"]'),
            rule.format("coded", '["code:Turkovac"]'),
            'name = "rest"',
        )
    )
    for product, colour in (
        ("pfizer", "known"),
        ("Turkovac", "coded"),
        ("moderna", "rest"),
        ("", "rest"),
    ):
        shown = certificate(dose(100, 2, product))
        assert judge(shown, policy, instant()).colour == colour, product
    mixed = certificate(dose(100, 1, "moderna"), dose(50, 2, "pfizer"))
    assert judge(mixed, policy, instant()).colour == "known"


EVENTS = st.builds(
    Event,
    kind=st.sampled_from(["vaccination", "test", "recovery"]),
    date=st.one_of(
        st.dates().map(lambda d: d.isoformat()),
        st.datetimes(timezones=st.timezones()).map(lambda t: t.isoformat(timespec="seconds")),
    ),
    dose=st.integers(0, 9),
    method=st.sampled_from(["", "pcr", "antigen"]),
    detected=st.booleans(),
)


@given(
    st.lists(EVENTS, max_size=5),
    st.integers(0, 2**53),
    st.sampled_from(CLOCKS),
    st.sampled_from([KHANH_HOA, HCMC]),
)
def test_any_events_at_any_time_have_an_answer_that_its_findings_give(
    events: list[Event], wall_ms: int, clock: ClockState, policy: Policy
) -> None:
    now = Instant(wall_ms, clock, "boot", 0)
    verdict, findings = explain(certificate(*events), policy, now)
    assert verdict.colour in {"", *policy.colours}
    said = {(f.answer, f.reason) for f in findings if f.reason}
    assert (verdict.outcome, verdict.reason) in said | {("pass", "accepted")}
    severity = ["pass", "warn", "fail"].index
    assert severity(verdict.outcome) == max((severity(a) for a, _ in said), default=0)


@given(st.lists(EVENTS, max_size=3), st.datetimes(), st.timedeltas(timedelta(0), timedelta(400)))
def test_what_is_certain_at_the_floor_is_true_by_a_right_clock(
    events: list[Event], at: datetime, late: timedelta
) -> None:
    at = max(at, datetime(1971, 1, 1)).replace(tzinfo=VIETNAM)
    at = min(at, datetime(9990, 1, 1, tzinfo=VIETNAM))
    shown = certificate(*events)
    colour = judge(shown, KHANH_HOA, instant(at, "floor")).colour
    assert colour in ("", judge(shown, KHANH_HOA, instant(at, "synced")).colour)
    # What can be told at the floor of the age of doses stays so whenever it really is.
    if all(event.kind == "vaccination" for event in events) and colour:
        assert judge(shown, KHANH_HOA, instant(at + late, "synced")).colour == colour


def test_an_answer_takes_far_less_than_a_millisecond() -> None:
    shown, now = certificate(dose(100, 1), dose(14, 2)), instant()
    best = 1.0
    for _ in range(5):
        start = perf_counter()
        for _ in range(100):
            judge(shown, KHANH_HOA, now)
        best = min(best, (perf_counter() - start) / 100)
    assert best < 0.001


KHANH_HOA_TEXT = (POLICIES / "khanh-hoa.toml").read_text()


def edited(text: str) -> Policy:
    assert text != KHANH_HOA_TEXT
    return parse_policy(text.encode())


def rules(*written: str) -> str:
    """Khanh Hoa's file with other rules; each colour is merely noted."""
    head, _, rest = KHANH_HOA_TEXT.partition("[[colour]]")
    tail = rest[rest.index("[answer]") :]
    names = {rule.split('"')[1] for rule in written}
    colours = "".join(f'{name} = "record"\n' for name in sorted(names))
    return "\n".join(
        [head, *(f"[[colour]]\n{rule}" for rule in written), "[colours]", colours, tail]
    )
