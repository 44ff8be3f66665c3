"""COSE and CBOR below the wrapping of an `HC1:` certificate: tags, headers, what is hostile."""

import zlib
from typing import Any

import cbor2
import pytest
from test_credentials_hc1 import END, ES, TRUST, content, entry, issue, pack, read, refused, unpack

from kiosk.credentials import base45, parse


def tagged(value: object, *tags: int) -> object:
    for tag in reversed(tags):
        value = cbor2.CBORTag(tag, value)
    return value


@pytest.mark.parametrize("tags", [(), (18,), (61, 18)])
def test_tags_of_a_message(tags: tuple[int, ...]) -> None:
    assert parse(pack(tagged(unpack(issue(ES)), *tags)), TRUST).signed == "valid"


@pytest.mark.parametrize(
    "tags",
    [
        *((0,), (1,), (4,), (61,), (98,), (99,), (258,), (55799,)),
        *((18, 18), (18, 61), (61, 61, 18), (55799, 18), (61, 1, 0, 258, 100), (1, 0, 258, 100)),
    ],
)
def test_any_other_tag_of_a_message_refuses_it(tags: tuple[int, ...]) -> None:
    problem = refused(pack(tagged(unpack(issue(ES)), *tags)))
    assert "tag" in problem or "COSE" in problem


@pytest.mark.parametrize("tag", [0, 1, 2, 3, 4, 5, 24, 25, 28, 37, 99, 258, 1004, 2**40])
def test_a_tag_within_a_message_refuses_it(tag: int) -> None:
    protected, _, signed, signature = unpack(issue(ES))
    header = cbor2.dumps({1: -7, 4: tagged(ES.kid, tag)})
    number = int.from_bytes(signature, "big")
    for parts in (
        [tagged(protected, tag), {}, signed, signature],
        [header, {}, signed, signature],
        [protected, tagged({}, tag), signed, signature],
        [protected, {5: tagged("2021-08-02", tag)}, signed, signature],
        [protected, {}, tagged(signed, tag), signature],
        [protected, {}, signed, number],  # as a bignum, tag 2
    ):
        assert "tag" in refused(pack(cbor2.CBORTag(18, parts)))


@pytest.mark.parametrize(
    ("tag", "value", "is_read"),
    [
        *((1, int(END.timestamp()), True), (1, END.timestamp(), True)),
        *((0, int(END.timestamp()), False), (1, "2027-01-01", False)),
        *((100, 20_000, False), (1004, "2027-01-01", False), (3, b"1", False)),
    ],
)
def test_a_time_may_be_tagged_as_one(tag: int, value: object, is_read: bool) -> None:
    payload = ES.wrap(cbor2.dumps(content() | {4: cbor2.CBORTag(tag, value)}))
    if is_read:
        assert parse(payload, TRUST).valid_until == END.timestamp()
    else:
        refused(payload)


def test_dates_of_an_entry_may_be_tagged_and_nothing_else() -> None:
    found = read(entry("v", dt=cbor2.CBORTag(0, "2021-08-02")))
    assert found.claims["entry"]["dt"] == found.events[0].date == "2021-08-02"
    for changes in (
        {"dt": cbor2.CBORTag(1, "2021-08-02")},
        {"dt": cbor2.CBORTag(1004, "2021-08-02")},
        {"mp": cbor2.CBORTag(0, "EU/1/20/1528")},
        {"ci": cbor2.CBORTag(0, "x")},
        {"co": cbor2.CBORTag(32, "VN")},
    ):
        refused(ES.wrap(cbor2.dumps(entry("v", **changes))))


def test_the_protected_key_id_wins() -> None:
    protected, _, signed, signature = unpack(issue(ES))
    found = parse(pack([protected, {4: b"elsewhere"}, signed, signature]), TRUST)
    assert found.signed == "valid"
    unprotected = parse(pack([cbor2.dumps({1: -7}), {4: ES.kid}, signed, signature]), TRUST)
    assert unprotected.signed == "invalid"  # the kid is found, the signature covers another
    stranger = cbor2.dumps({1: -7, 4: b"stranger"})
    assert parse(pack([stranger, {4: ES.kid}, signed, signature]), TRUST).signed == "unknown-key"


def test_an_unprotected_key_id_alone_is_enough() -> None:
    protected = cbor2.dumps({1: -7})
    signed = cbor2.dumps(content())
    to_sign = cbor2.dumps(["Signature1", protected, b"", signed])
    found = parse(pack([protected, {4: ES.kid}, signed, ES._sign(to_sign)]), TRUST)
    assert found.signed == "valid"


def _signed_with(header: dict[Any, Any]) -> bytes:
    protected, signed = cbor2.dumps({1: -7, 4: ES.kid} | header), cbor2.dumps(content())
    to_sign = cbor2.dumps(["Signature1", protected, b"", signed])
    return pack([protected, {}, signed, ES._sign(to_sign)])


@pytest.mark.parametrize(
    "header",
    [
        {2: [99], 99: b""},
        {2: ["expiry"], "expiry": 1},
        {2: [1, 4, 5], 5: b"iv"},
        {2: [[1]]},
        {2: [True], True: -7},
        {2: []},
        {2: 1},
        {2: None},
    ],
)
def test_a_critical_header_that_is_not_understood_refuses_the_message(
    header: dict[Any, Any],
) -> None:
    assert "critical" in refused(_signed_with(header))


def test_a_critical_header_must_itself_be_there() -> None:
    signed = cbor2.dumps(content())
    protected = cbor2.dumps({1: -7, 2: [4]})
    assert "absent" in refused(pack([protected, {4: ES.kid}, signed, b""]))


def test_critical_headers_that_are_understood_and_unknown_ones_that_are_not_critical() -> None:
    for header in ({2: [1, 4]}, {2: [4]}, {99: b"", "x": 1}):
        assert parse(_signed_with(header), TRUST).signed == "valid"


@pytest.mark.parametrize(
    ("cose", "problem"),
    [
        (1, "COSE"),
        ([], "COSE"),
        ([b"", {}, b""], "COSE"),
        ([b"", {}, {}, b""], "COSE"),
        ([b"\x01", {}, b"", b""], "header is not a map"),
        ([b"\xff", {}, b"", b""], "CBOR"),
        ([b"", {4: b"kid"}, b"\xa0", b""], "algorithm"),
        ([b"", {1: -8, 4: b"kid"}, b"\xa0", b""], "algorithm"),
        ([b"", {1: [-7], 4: b"kid"}, b"\xa0", b""], "algorithm"),
        ([b"", {1: -7}, b"\xa0", b""], "key id"),
        ([b"", {1: -7, 4: "text"}, b"\xa0", b""], "key id"),
        ([b"", {1: -7, 4: b"kid"}, b"\x01", b""], "CWT"),
        ([b"", {1: -7, 4: b"kid"}, b"", b""], "CBOR"),
        ([b"", {1: -7, 4: b"kid"}, b"\xa2\x01\x01\x01\x01", b""], "CBOR"),
        ([b"", {1: -7, 4: b"kid"}, b"\xa0\x00", b""], "after the CBOR"),
        ([b"", {1: -7, 4: b"kid"}, b"\xa0", b""], "expiry"),
    ],
)
def test_broken_cose(cose: object, problem: str) -> None:
    assert problem in refused(pack(cose))


def test_broken_wrapping() -> None:
    good = unpack(issue(ES))
    plain = cbor2.dumps(good)
    packed = zlib.compress(plain)
    assert "zlib" in refused(b"HC1:" + base45.encode(plain))
    assert "cut" in refused(b"HC1:" + base45.encode(packed[:-8]))
    assert "tail" in refused(b"HC1:" + base45.encode(packed + b"x"))
    assert "base45" in refused(b"HC1:lowercase")
    assert "cut" in refused(b"HC1:")
    assert "exceeds" in refused(b"HC1:" + base45.encode(zlib.compress(b"\0" * 1_000_000)))
    assert parse(b"HC1:" + base45.encode(packed) + b"\r\n", TRUST).signed == "valid"


@pytest.mark.parametrize(
    "hostile",
    [
        b"\x81" * 10_000 + b"\x00",
        b"\xc1" * 10_000 + b"\x00",
        b"\xd8\x1c\x81\xd8\x1d\x00",  # a list that contains itself
        b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xc5\x82\x1b\x7f\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\xd8\x23\x63(((",
        b"\xa1\xf9\x7e\x00\x00",
        b"\xc2\x59\x10\x00" + b"\xff" * 4096,
    ],
)
def test_hostile_cbor(hostile: bytes) -> None:
    refused(b"HC1:" + base45.encode(zlib.compress(hostile)))
    refused(ES.wrap(hostile))
