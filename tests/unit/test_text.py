"""What every format takes a text for, and what it refuses."""

import unicodedata
from typing import Literal

import pytest

from kiosk.credentials.text import Malformed, born, calendar, clean

NAME = "Nguyễn Thị Ngọc Ánh"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (NAME, NAME),
        (unicodedata.normalize("NFD", NAME), NAME),
        ("  Lê\u00a0\u3000Ba\r\n", "Lê Ba"),
        ("Lê\u2028Ba\u2029\tC", "Lê Ba C"),
        ("L\u200bê\ufeff \u00adBa", "Lê Ba"),
        ("\u0646\u06af\u0627\u0631\u200c\u0646", "\u0646\u06af\u0627\u0631\u0646"),  # Persian
        ("\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd",) * 2,  # Hebrew with vowels
        ("a" + "\u0327\u0323\u0302\u0301", "\u1ea5\u0327\u0323"),
        ("", ""),
    ],
)
def test_texts_that_are_read(written: str, found: str) -> None:
    assert unicodedata.normalize("NFC", found) == clean(written, "text", 40)


@pytest.mark.parametrize(
    "hidden",
    [
        *("\0", "\x07", "\x08", "\x1b", "\x0b", "\x0c", "\x1c", "\x7f", "\x85", "\x9b"),
        *("\u061c", "\u200e", "\u200f", "\u202a", "\u202c", "\u202e", "\u2066", "\u2069"),
    ],
)
def test_control_characters_and_marks_of_direction_are_refused(hidden: str) -> None:
    for text in (f"Lê{hidden}Ba", f"{hidden}Lê Ba", f"Lê Ba{hidden}", f"a\u0301{hidden}"):
        with pytest.raises(Malformed, match=rf"^text holds U\+{ord(hidden):04X}, a control"):
            clean(text, "text", 40)


@pytest.mark.parametrize("between", ["", "\u200b", "\u034f", "\u20dd"])
def test_heaps_of_marks_are_refused(between: str) -> None:
    heap = "Le" + between.join(["\u0301", "\u0323", "\u0302", "\u0488", "\u0301"])
    with pytest.raises(Malformed, match="more than 4 combining marks"):
        clean(heap, "text", 40)


def test_a_text_is_as_long_as_it_looks() -> None:
    assert clean(unicodedata.normalize("NFD", "ệ" * 40), "text", 40) == "ệ" * 40
    for written in ("ệ" * 41, "x" * 41, "\u200b" * 161):
        with pytest.raises(Malformed, match=f"{len(written)} characters, at most 40"):
            clean(written, "text", 40)


def test_nothing_long_or_heaped_is_put_into_normal_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """NFC takes a time that grows with the square of a heap of marks."""
    normalize, put = unicodedata.normalize, []

    def counted(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
        put.append(text)
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", counted)
    floods = ["e" + "\u0315\u0300" * 8000, "\u0315\u0300" * 90, "e\u0301" * 16_000, "é" * 801]
    for flood in floods:
        with pytest.raises(Malformed):
            clean(flood, "text", 200)
    assert put == []
    assert clean("e\u0301" * 200, "text", 200) == "é" * 200
    assert len(put) == 1


def test_years_of_birth() -> None:
    for birth in ("", "1880", "2059-12-31"):
        assert born(birth) == birth
    for birth in ("1879-12-31", "2060"):
        with pytest.raises(Malformed, match="outside the years 1880 to 2059"):
            born(birth)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        *((("1990", "02", "28"), "1990-02-28"), (("2000", "02", "29"), "2000-02-29")),
        *((("1990", "02", ""), "1990-02"), (("1990", "", ""), "1990")),
        *((("1990", "00", "00"), "1990"), (("1990", "00", ""), "1990")),
        *((("1990", "**", "**"), "1990"), (("1990", "**", "31"), "1990")),
    ],
)
def test_dates_as_far_as_they_are_known(parts: tuple[str, str, str], found: str) -> None:
    assert calendar(*parts, "date") == found


@pytest.mark.parametrize(
    "parts",
    [
        *(("1990", "02", "29"), ("1990", "13", "01"), ("1990", "02", "00"), ("1990", "00", "01")),
        *(("1990", "00", "**"), ("1990", "**", "00"), ("1990", "**", "32"), ("1990", "", "01")),
        *(("1849", "01", "01"), ("2200", "01", "01"), ("0000", "01", "01")),
    ],
)
def test_dates_that_are_none(parts: tuple[str, str, str]) -> None:
    with pytest.raises(Malformed, match=r"^date is "):
        calendar(*parts, "date")
