"""One name for a vaccine, whoever coded it."""

from __future__ import annotations

import re

import pytest

from kiosk.credentials.products import CODES, product


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("pfizer", ("EU/1/20/1528", "208", "XM8NQ0")),
        ("astrazeneca", ("EU/1/21/1529", "Covishield", "210", "XM4YL8")),
        ("janssen", ("EU/1/20/1525", "212", "XM6QV1")),
        ("sinopharm", ("BBIBP-CorV", "510", "XM8866")),
        ("sinovac", ("CoronaVac", "511", "XM7HT3")),
        ("abdala", ("Abdala",)),
    ],
)
def test_a_vaccine_has_one_name_in_all_lists_of_codes(name: str, codes: tuple[str, ...]) -> None:
    assert {product(code) for code in codes} == {name}


def test_no_code_is_of_two_vaccines_and_every_name_can_stand_in_a_policy() -> None:
    codes = [code for several in CODES.values() for code in several]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch("[a-z0-9-]{1,40}", name) for name in CODES)


@pytest.mark.parametrize(
    ("brand", "name"),
    [
        ("Pfizer Comirnaty", "pfizer"),
        ("AstraZeneca Vaxzevria", "astrazeneca"),
        ("Sputnik V", "sputnik-v"),
        ("Sputnik Light", "sputnik-light"),
        ("Moderna or Pfizer", "XM68M6"),  # not one alone
        ("", "XM68M6"),
        ("Demo", "XM68M6"),
    ],
)
def test_a_code_for_many_vaccines_leaves_it_to_the_brand(brand: str, name: str) -> None:
    assert product("XM68M6", brand) == name
    assert product("XM6QV1", brand) == "janssen"  # a code that says it counts more


def test_what_is_not_in_the_table_stays_as_it_was_written() -> None:
    assert product("999") == "999"
    assert product("") == ""
