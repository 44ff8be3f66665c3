"""What payloads are packed in, beside the standard library and the letter of the framework."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.credentials.packing import base32, base64url, digit_pairs
from kiosk.credentials.text import Malformed

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@given(st.binary(min_size=1, max_size=300))
def test_base32_and_base64url_come_back(data: bytes) -> None:
    assert base32(base64.b32encode(data).rstrip(b"=")) == data
    padded = base64.urlsafe_b64encode(data).decode()
    assert base64url(padded, "it") == base64url(padded.rstrip("="), "it") == data


@given(st.text(LETTERS, min_size=1, max_size=40))
def test_base32_is_that_of_the_standard_library(text: str) -> None:
    if len(text) % 8 in (1, 3, 6):
        with pytest.raises(Malformed):
            base32(text.encode())
    else:
        assert base32(text.encode()) == base64.b32decode(text + "=" * (-len(text) % 8))


@pytest.mark.parametrize("text", ["", "A", "AAA", "AAAAAA", "aa", "A1", "AA======", "A\n", "A_"])
def test_what_is_no_base32(text: str) -> None:
    with pytest.raises(Malformed):
        base32(text.encode())


@pytest.mark.parametrize(
    "text", ["A", "AA===", "AA====", "A=A", "=AAA", "AA+A", "AA/A", "AA A", "AA\n", "AA\0", "é", 5]
)
def test_what_is_no_base64url(text: object) -> None:
    with pytest.raises(Malformed, match="it is not base64url"):
        base64url(text, "it")


def test_a_character_is_two_digits_and_45() -> None:
    pairs = [f"{number:02}" for number in range(100)]
    assert digit_pairs("".join(pairs)) == "".join(chr(int(pair) + 45) for pair in pairs)
    with pytest.raises(Malformed):
        digit_pairs("123")
