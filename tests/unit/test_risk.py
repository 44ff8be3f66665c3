"""The risk list: who is found, who is not, and what it tells whom."""

from __future__ import annotations

import hmac
import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.risk import risk_figures
from kiosk.credentials.risk import MAX_BYTES, RiskList, build, key_id
from kiosk.errors import ConfigError

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
KEYS = {key_id(KEY): KEY}
MADE_AT = 1_795_312_387_123

subjects = st.lists(st.text(min_size=1), unique=True)


def entries(content: bytes) -> list[bytes]:
    """The hashes, after the line of JSON."""
    hashes = content.partition(b"\n")[2]
    return [hashes[at : at + 8] for at in range(0, len(hashes), 8)]


@given(st.data(), subjects)
def test_everybody_is_what_the_list_says(data: st.DataObject, people: list[str]) -> None:
    first = data.draw(st.integers(0, len(people)))
    second = data.draw(st.integers(first, len(people)))
    listed = RiskList(build(people[:first], people[first:second], KEY, MADE_AT))
    assert len(listed) == second
    assert listed.made_at_ms == MADE_AT
    for person in people[:first]:
        assert listed.check(person, KEYS) == "quarantine"
    for person in people[first:second]:
        assert listed.check(person, KEYS) == "follow-up"
    for person in people[second:]:
        assert listed.check(person, KEYS) == "clear"


def test_a_person_is_found_by_each_subject_and_quarantine_counts_more() -> None:
    number, name = "vn-id:001093029317", "name:NGUYEN<VAN<ANH:1987-01-18"
    listed = RiskList(build([number, name], [number, "passport:C1234567"], KEY, MADE_AT))
    assert [listed.check(who, KEYS) for who in (number, name)] == ["quarantine"] * 2
    assert listed.check("passport:C1234567", KEYS) == "follow-up"
    assert listed.check("passport:C1234568", KEYS) == "clear"


def test_without_its_own_key_a_list_answers_nothing() -> None:
    listed = RiskList(build(["a"], ["b"], KEY, MADE_AT))
    for keys in ({}, {key_id(OTHER): OTHER}):
        assert [listed.check(who, keys) for who in "abc"] == ["not-checked"] * 3
    both = {key_id(OTHER): OTHER, **KEYS}  # while one key follows another
    assert listed.check("a", both) == "quarantine"
    assert listed.check("", both) == "not-checked"
    assert RiskList(build([], [], KEY, MADE_AT)).check("a", KEYS) == "clear"


def test_the_list_holds_no_subject_and_no_key() -> None:
    content = build(["vn-id:001093029317"], ["name:NGUYEN<VAN<ANH:1987-01-18"], KEY, MADE_AT)
    for secret in (b"001093029317", b"NGUYEN", KEY, KEY.hex().encode()):
        assert secret not in content
    hashed = hmac.new(KEY, b"vn-id:001093029317", "sha256").digest()
    assert entries(content)[0] == hashed[:8]  # as any centre would compute it


def test_another_key_makes_another_list() -> None:
    people = [f"vn-id:{number:012d}" for number in range(100)]
    one, other = build(people, [], KEY, MADE_AT), build(people, [], OTHER, MADE_AT)
    assert not set(entries(one)) & set(entries(other))


@pytest.mark.parametrize("key", [b"", KEY[:31], KEY + b"x"])
def test_a_key_of_another_size_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="expected 32"):
        build(["a"], [], key, MADE_AT)


def test_an_empty_subject_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody"):
        build(["a", ""], [], KEY, MADE_AT)


def test_a_content_that_is_no_list_is_refused() -> None:
    good = build(["a", "b", "c"], ["d"], KEY, MADE_AT)
    line, hashes = good.split(b"\n", 1)
    swapped = line + b"\n" + hashes[8:16] + hashes[:8] + hashes[16:]
    twice = line + b"\n" + hashes[:8] * 2 + hashes[16:]
    newer = good.replace(b'list":1', b'list":2')
    claims = b"".join([line.replace(b'"quarantine":3', b'"quarantine":9'), b"\n", hashes])
    for bad in (b"", b"[accept]\n", good[:-1], good + b"x", swapped, twice, newer, claims, hashes):
        with pytest.raises(ConfigError, match="risk list"):
            RiskList(bad)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_refused(data: bytes) -> None:
    with pytest.raises(ConfigError):
        RiskList(b'{"risk-list":1,"key":"x"' + data)


def test_a_list_above_the_limit_is_refused() -> None:
    count = MAX_BYTES // 8
    header = {"risk-list": 1, "key": "x", "made_at_ms": 1, "quarantine": count, "follow-up": 0}
    with pytest.raises(ConfigError, match="at most"):
        RiskList(json.dumps(header).encode() + b"\n" + bytes(MAX_BYTES))


def test_false_matches_are_as_rare_as_the_bits_say() -> None:
    """Counted at the first 16 bits of the hashes, since at 64 there is nothing to count."""
    listed = build((f"listed-{n}" for n in range(6554)), [], KEY, MADE_AT)
    strangers = build((f"stranger-{n}" for n in range(20_000)), [], KEY, MADE_AT)
    prefixes = {entry[:2] for entry in entries(listed)}
    wrong = sum(entry[:2] in prefixes for entry in entries(strangers))
    share = len(prefixes) / 2**16
    expected, deviation = 20_000 * share, math.sqrt(20_000 * share * (1 - share))
    assert 0.09 < share < 0.1  # 1 - exp(-0.1)
    assert abs(wrong - expected) < 5 * deviation
    assert not set(entries(listed)) & set(entries(strangers))
    assert all(a < b for a, b in pairwise(entries(listed)))


def test_a_million_entries_fit_a_pi() -> None:
    assert risk_figures()["risk_list_mb"] < 16
