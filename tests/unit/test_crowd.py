from __future__ import annotations

from pathlib import Path

import pytest

from demo.crowd import Crowd, Visitor, crowd_of, make_crowd
from kiosk.credentials import parse
from kiosk.credentials.lists import parse_trust
from kiosk.credentials.policy import judge, parse_policy
from kiosk.model import Instant

NOW = 1_800_000_000.0
POLICY = parse_policy((Path(__file__).parents[2] / "config/policy.toml").read_bytes())


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return make_crowd(1, NOW)


def judged(visitor: Visitor, crowd: Crowd) -> Visitor:
    """`visitor` as the kiosk's own code sees the payload."""
    assert visitor.payload is not None
    now = Instant(int(NOW * 1000), "synced", "boot", 0)
    credential = parse(visitor.payload, parse_trust(crowd.trust))
    verdict = judge(credential, POLICY, now)
    return Visitor(
        visitor.label,
        visitor.medium,
        visitor.payload,
        verdict.outcome,
        verdict.reason,
        verdict.recorded,
        credential.format,
        credential.subject,
    )


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_every_visitor_gets_the_expected_answer(seed):
    crowd = make_crowd(seed, NOW)
    for visitor in crowd.visitors:
        if visitor.payload is not None:
            assert judged(visitor, crowd) == visitor


def test_the_crowd_is_varied(crowd):
    labels = [v.label for v in crowd.visitors]
    assert len(labels) == len(set(labels)) >= 13
    assert {v.reason for v in crowd.visitors} == {
        "accepted",
        "expired",
        "forged",
        "unknown-key",
        "place-code",
        "unknown-code",
        "",
    }
    assert {v.format for v in crowd.visitors if v.recorded} == {
        "vn_personal",
        "cccd",
        "can_cuoc_2024",
        "hc1",
    }
    assert {v.medium for v in crowd.visitors} == {"phone", "card", "paper", "none"}


def test_who_holds_up_nothing_gets_no_answer(crowd):
    silent = [v for v in crowd.visitors if v.payload is None]
    assert [(v.outcome, v.recorded, v.medium) for v in silent] == [(None, False, "none")]


def test_identity_cards_keep_their_diacritics(crowd):
    cards = [v.payload.decode() for v in crowd_of(60, 3, NOW).visitors if v.medium == "card"]
    assert len(cards) == 8
    assert all(not card.isascii() for card in cards)


def test_a_large_crowd_has_nobody_twice():
    visitors = crowd_of(300, 5, NOW).visitors
    assert len(visitors) == 300
    payloads = [v.payload for v in visitors if v.payload is not None]
    assert len(payloads) == len(set(payloads)) == 280
    subjects = [v.subject for v in visitors if v.subject.startswith(("vn-", "passport:"))]
    assert len(subjects) == len(set(subjects)) >= 130


def test_other_seeds_give_other_people(crowd):
    def people(other: Crowd) -> set[str]:
        return {v.subject for v in other.visitors if v.subject}

    assert people(crowd) == people(make_crowd(1, NOW))
    assert people(crowd).isdisjoint(people(make_crowd(2, NOW)))


def test_no_number_can_be_a_real_one(crowd):
    """099 is no province, 011 no network."""
    for visitor in crowd_of(120, 9, NOW).visitors:
        kind, _, number = visitor.subject.partition(":")
        if kind == "vn-id":
            assert number.startswith("099")
        if visitor.payload is not None and visitor.format == "vn_personal":
            phone = visitor.payload.decode().rpartition("<")[2]
            assert phone.startswith("011") or "passport" in visitor.label
