from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from kiosk.credentials.strict_json import canonical, decode
from kiosk.credentials.text import Malformed


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"a":1,"a":2}',
        b'[{"b":{"a":1,"a":1}}]',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"\xff",
        b'"\x01"',
        b"[1] x",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 10_000,
    ],
)
def test_what_is_no_strict_json(text: bytes) -> None:
    with pytest.raises(Malformed):
        decode(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (
            b' { "b" : [ 1 , true , null , false ] , "a" : { } } ',
            b'{"a":{},"b":[1,true,null,false]}',
        ),
        (
            rb'"\u20ac$\u000F\u000aA\u0027B\u0022\u005c\\\"\/"',
            '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode(),
        ),
        # RFC 8785 section 3.2.3: by UTF-16 code units, so the emoji comes before U+FB33
        (
            rb'{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}',
            '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}'.encode(),
        ),
    ],
)
def test_canonical_form(text: bytes, form: bytes) -> None:
    assert canonical(decode(text)) == form
    assert canonical(decode(form)) == form


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(1 - 2**53, 2**53 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_canonical_form_is_that_of_another_library(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("number", "form"),
    [
        # RFC 8785 appendix B, and around the places where the notation changes
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("1.0", "1"),
        ("5e-324", "5e-324"),
        ("-5e-324", "-5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("9007199254740992", "9007199254740992"),
        ("295147905179352830000.0", "295147905179352830000"),
        ("9.999999999999997e22", "9.999999999999997e+22"),
        ("1e21", "1e+21"),
        ("999999999999999900000.0", "999999999999999900000"),
        ("0.000001", "0.000001"),
        ("1e-7", "1e-7"),
        ("333333333.33333329", "333333333.3333333"),
        ("4.50", "4.5"),
        ("2e-3", "0.002"),
        ("0.000000000000000000000000001", "1e-27"),
        ("1424953923781206.2", "1424953923781206.2"),
    ],
)
def test_numbers_as_ecmascript_prints_them(number: str, form: str) -> None:
    assert canonical(decode(number.encode())).decode() == form


@pytest.mark.parametrize(
    "text", [b"9007199254740993", b"1e999", rb'"\ud800"', b"[" * 30 + b"]" * 30]
)
def test_what_has_no_canonical_form(text: bytes) -> None:
    value = decode(text)
    with pytest.raises(Malformed):
        canonical(value)
