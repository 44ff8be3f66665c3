import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.credentials import base45


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"AB", b"BB8"), (b"Hello!!", b"%69 VD92EX0"), (b"base-45", b"UJCLQE7W581"), (b"", b"")],
)
def test_the_examples_of_the_rfc(data: bytes, text: bytes) -> None:
    assert base45.encode(data) == text
    assert base45.decode(text) == data


@given(st.binary(max_size=300))
def test_what_is_encoded_comes_back(data: bytes) -> None:
    assert base45.decode(base45.encode(data)) == data


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"GGW", "65536"),  # RFC 9285, section 6
        (b":::", "91124"),
        (b"BB8GGWBB8", "65536"),
        (b"::", "at the end"),
        (b"BB8B", "4 characters"),
        (b"bb8", "position 0"),
        (b"BB8\xff\xff\xff", "position 3"),
        (b"BB8\n", "characters"),
    ],
)
def test_what_no_encoder_writes_is_refused(text: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        base45.decode(text)
