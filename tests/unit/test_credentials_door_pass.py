"""Our own passes, made and read."""

from datetime import UTC, date, datetime

import cbor2
import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kiosk.credentials import base45, parse
from kiosk.credentials.formats.door_pass import Pass, believe, encode, key_id
from kiosk.credentials.listing import Listing, Revoked
from kiosk.credentials.trust import TrustList
from kiosk.errors import CredentialError

KEY = Ed25519PrivateKey.generate()
ISSUER = believe(KEY.public_key(), "Trường THCS Tân Phú")
TRUST = TrustList(listing=Listing([ISSUER]))
PASS = Pass(
    id=48_151,
    name="Nguyễn Thị Ngọc Ánh",
    birth="2012-03-04",
    group="7A2",
    first=date(2026, 9, 1),
    last=date(2027, 5, 31),
)


def signed(body: bytes, key: Ed25519PrivateKey = KEY) -> bytes:
    return b"DP1:" + base45.encode(key.sign(b"DP1:" + body) + body)


def refused(payload: bytes) -> str:
    with pytest.raises(CredentialError) as caught:
        parse(payload, TRUST)
    assert caught.value.format == "door_pass"
    return caught.value.problem


def test_a_true_pass() -> None:
    found = parse(encode(PASS, KEY), TRUST)
    assert (found.format, found.role, found.signed) == ("door_pass", "identity", "valid")
    assert found.subject == f"door-pass:{key_id(KEY.public_key()).hex()}:48151"
    assert (found.display, found.issuer) == ("N. T. N. Ánh", "Trường THCS Tân Phú")
    assert found.valid_from == datetime(2026, 8, 31, 17, tzinfo=UTC).timestamp()
    assert found.valid_until == datetime(2027, 5, 31, 17, tzinfo=UTC).timestamp()
    assert (found.claims["group"], found.claims["certificate_id"]) == ("7A2", "48151")
    assert {"name", "birth", "sex", "document"} <= found.claims.keys()


@pytest.mark.parametrize("birth", ["2012", ""])
def test_a_birth_that_is_not_fully_known(birth: str) -> None:
    found = parse(encode(replace(PASS, birth=birth), KEY), TRUST)
    assert found.claims["birth"] == birth


def test_it_is_small_enough_for_big_modules() -> None:
    """45 modules: with the quiet zone 0.94 mm each on 5 cm."""
    payload = encode(PASS, KEY)
    code = segno.make(payload.decode(), error="m", boost_error=False, micro=False)
    assert code.mode == "alphanumeric"
    assert int(code.version) <= 7


def test_forgeries_and_strangers() -> None:
    other = Ed25519PrivateKey.generate()
    assert parse(encode(PASS, other), TRUST).signed == "unknown-key"
    body = base45.decode(encode(PASS, KEY)[4:])[64:]
    assert parse(signed(body, other), TRUST).signed == "invalid"
    assert parse(signed(body.replace(b"7A2", b"7A3")), TRUST).signed == "valid"
    raw = base45.decode(encode(PASS, KEY)[4:])
    altered = b"DP1:" + base45.encode(raw.replace(b"7A2", b"7A3"))
    assert parse(altered, TRUST).signed == "invalid"


def test_revoked_passes_and_keys() -> None:
    for revoked in (
        Revoked(format="door_pass", kid=ISSUER.kid, ids=["48151"]),
        Revoked(format="door_pass", kid=ISSUER.kid),
    ):
        trust = TrustList(listing=Listing([ISSUER], [revoked]))
        found = parse(encode(PASS, KEY), trust)
        assert (found.signed, found.revoked) == ("valid", True)
    other = Revoked(format="door_pass", kid=ISSUER.kid, ids=["48152"])
    trust = TrustList(listing=Listing([ISSUER], [other]))
    found = parse(encode(PASS, KEY), trust)
    assert (found.signed, found.revoked) == ("valid", False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": -1},
        {"id": 2**64},
        {"name": " "},
        {"name": "Ba\u0301"},  # not composed: a door would read another text
        {"birth": "2012-02-30"},
        {"birth": "2012-3-4"},
        {"birth": "yesterday"},
        {"birth": "1879"},
        {"birth": "2060-01-01"},
        {"group": "x" * 41},
        {"first": date(2027, 6, 1)},
        {"last": date(2300, 1, 1)},
    ],
)
def test_no_pass_is_made_that_a_door_would_read_otherwise(wrong: dict[str, object]) -> None:
    with pytest.raises(CredentialError):
        encode(replace(PASS, **wrong), KEY)


@given(
    st.builds(
        Pass,
        id=st.integers(0, 2**64 - 1),
        name=st.sampled_from(["Lê Ba", "Đỗ Ổn", "X"]),
        birth=st.dates(date(1880, 1, 1), date(2059, 12, 31)).map(date.isoformat),
        group=st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=40),
        first=st.dates(date(1970, 1, 1), date(2000, 1, 1)),
        last=st.dates(date(2000, 1, 1), date(2199, 1, 1)),
    )
)
def test_what_is_made_is_what_is_read(made: Pass) -> None:
    found = parse(encode(made, KEY), TRUST)
    assert found.signed == "valid"
    read = (found.claims["name"], found.claims["birth"], found.claims["group"])
    assert read == (made.name, made.birth, made.group)
    assert found.claims["certificate_id"] == str(made.id)


GOOD = [ISSUER.kid, 1, "Lê Ba", 2012, "7A2", 20_000, 20_100]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, b"kid"),
        (0, "text"),
        (1, True),
        (3, False),
        (3, 1879),
        (3, 2060),
        (3, 19900045),
        (5, True),
        (1, -1),
        (1, 2**64),
        (2, b"bytes"),
        (2, ""),
        (3, -1),
        (3, 5),
        (3, 20120230),
        (3, 10**9),
        (4, 5),
        (5, -1),
        (5, 20_101),
        (6, 10**9),
        (6, 1.5),
    ],
)
def test_broken_bodies(place: int, value: object) -> None:
    body = [*GOOD[:place], value, *GOOD[place + 1 :]]
    refused(signed(cbor2.dumps(body)))


def test_broken_wrapping() -> None:
    assert parse(signed(cbor2.dumps(GOOD)), TRUST).signed == "valid"
    for body in (b"", b"\xff", b"\xa0", cbor2.dumps(GOOD[:6]), cbor2.dumps([*GOOD, 1])):
        refused(signed(body))
    for payload in (b"DP1:", b"DP1:lower", b"DP1:" + base45.encode(b"x" * 63)):
        refused(payload)
