"""Signed certificates, at the door `kiosk.credentials.parse`."""

import hashlib
import math
import zlib
from base64 import b64encode
from datetime import UTC, date, datetime, timedelta
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from demo.issuers import Issuer, transliterate
from kiosk.credentials import base45, parse
from kiosk.credentials.listing import Issuer as IssuerLine
from kiosk.credentials.listing import Listing, Revoked
from kiosk.credentials.trust import TrustList
from kiosk.errors import CredentialError
from kiosk.model import Credential, Event

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
LATER = datetime(2028, 1, 1, tzinfo=UTC)
ES = Issuer.new("VN", "ES256", START, LATER)
PS = Issuer.new("VN", "PS256", START, LATER)
TRUST = TrustList((i.kid, i.certificate) for i in (ES, PS))


def issue(issuer: Issuer) -> bytes:
    return issuer.issue("Nguyễn", "Thị Ngọc Ánh", date(1999, 1, 2), START, END)


def pack(cose: object) -> bytes:
    return b"HC1:" + base45.encode(zlib.compress(cbor2.dumps(cose)))


def unpack(payload: bytes) -> list[Any]:
    tagged = cbor2.loads(zlib.decompress(base45.decode(payload[4:])))
    return list(tagged.value)


def content(**changes: Any) -> dict[Any, Any]:
    """A CWT; `changes` replace or (None) remove members of the certificate in it."""
    entry = {"tg": "840539006", "co": "VN", "is": "MOH", "ci": "URN:UVCI:01:VN:1#2", "dn": 2}
    names = {"fn": "Lê", "gn": "Ba", "fnt": "LE", "gnt": "BA"}
    dcc: dict[str, Any] = {"ver": "1.3.0", "nam": names, "dob": "1990-05-06", "v": [entry]}
    for key, value in changes.items():
        dcc[key] = value
    dcc = {key: value for key, value in dcc.items() if value is not None}
    return {1: "VN", 4: int(END.timestamp()), 6: int(START.timestamp()), -260: {1: dcc}}


def read(cwt: object, issuer: Issuer = ES) -> Credential:
    return parse(issuer.wrap(cbor2.dumps(cwt)), TRUST)


def refused(payload: bytes) -> str:
    with pytest.raises(CredentialError) as caught:
        parse(payload, TRUST)
    assert caught.value.format == "hc1"
    assert caught.value.__cause__ is None
    return caught.value.problem


@pytest.mark.parametrize("issuer", [ES, PS], ids=["ES256", "PS256"])
def test_a_true_certificate(issuer: Issuer) -> None:
    found = parse(issue(issuer), TRUST)
    assert (found.format, found.role, found.signed) == ("hc1", "certificate", "valid")
    assert found.subject == "name:NGUYEN<THI<NGOC<ANH:1999-01-02"
    assert found.display == "N. T. N. Ánh"
    assert found.issuer == "VN"
    assert found.valid_from == START.timestamp()
    assert found.valid_until == END.timestamp()
    assert found.claims["name"] == "Nguyễn Thị Ngọc Ánh"
    assert found.claims["standard_name"] == "NGUYEN<<THI<NGOC<ANH"
    assert found.claims["birth"] == "1999-01-02"
    assert found.claims["kind"] == "vaccination"
    assert found.claims["kid"] == b64encode(issuer.kid).decode()
    assert found.claims["certificate_id"].startswith("URN:UVCI:01:VN:")
    assert found.claims["entry"]["dn"] == 2
    assert {"sex", "document"} <= found.claims.keys()


@pytest.mark.parametrize("issuer", [ES, PS], ids=["ES256", "PS256"])
def test_another_key_under_the_same_kid_is_a_forgery(issuer: Issuer) -> None:
    assert parse(issue(issuer.impostor()), TRUST).signed == "invalid"


@pytest.mark.parametrize("issuer", [ES, PS], ids=["ES256", "PS256"])
def test_altered_content_is_a_forgery(issuer: Issuer) -> None:
    protected, unprotected, signed, signature = unpack(issue(issuer))
    altered = signed.replace(b"1999-01-02", b"2009-01-02")
    assert altered != signed
    assert parse(pack([protected, unprotected, altered, signature]), TRUST).signed == "invalid"


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"\xff" * 64, b"\1" * 63, b"\1" * 256])
@pytest.mark.parametrize("issuer", [ES, PS], ids=["ES256", "PS256"])
def test_nonsense_signatures_are_forgeries(issuer: Issuer, signature: bytes) -> None:
    protected, unprotected, signed, _ = unpack(issue(issuer))
    assert parse(pack([protected, unprotected, signed, signature]), TRUST).signed == "invalid"


def test_a_signer_of_the_other_algorithm_is_not_the_signer() -> None:
    crossed = TrustList([(ES.kid, PS.certificate), (PS.kid, ES.certificate)])
    assert parse(issue(ES), crossed).signed == "invalid"
    assert parse(issue(PS), crossed).signed == "invalid"


def test_unknown_key_keeps_the_validity_of_the_certificate_itself() -> None:
    found = parse(issue(ES), TrustList())
    assert found.signed == "unknown-key"
    assert (found.valid_from, found.valid_until) == (START.timestamp(), END.timestamp())


def test_validity_is_cut_to_the_signers_own() -> None:
    first, last = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    brief = Issuer.new("VN", "ES256", first, last)
    found = parse(issue(brief), TrustList([(brief.kid, brief.certificate)]))
    assert found.valid_from == first.timestamp()
    assert found.valid_until == last.timestamp() + 1  # X.509 counts the last second in


def test_several_certificates_may_share_a_kid() -> None:
    other = Issuer.new("AT", "ES256", START, LATER)
    shared = TrustList([(ES.kid, other.certificate), (ES.kid, b"junk"), (ES.kid, ES.certificate)])
    assert parse(issue(ES), shared).signed == "valid"
    assert parse(issue(ES.impostor()), shared).signed == "invalid"


def _entitled(issuer: Issuer, usage: int, until: datetime) -> bytes:
    """Another certificate for the issuer's key: for tests (1) or vaccinations (2) alone."""
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, issuer.country)])
    kind = x509.ObjectIdentifier(f"1.3.6.1.4.1.1847.2021.1.{usage}")
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(issuer.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(until)
        .add_extension(x509.ExtendedKeyUsage([kind]), critical=False)
        .sign(issuer.key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def test_of_several_certificates_one_that_is_entitled_is_enough() -> None:
    tests = ES.kid, _entitled(ES, 1, LATER + timedelta(days=9))
    vaccinations = ES.kid, _entitled(ES, 2, LATER)
    assert parse(issue(ES), TrustList([tests])).signed == "invalid"
    for both in ([tests, vaccinations], [vaccinations, tests]):
        assert parse(issue(ES), TrustList(both)).signed == "valid"
        assert parse(issue(ES.impostor()), TrustList(both)).signed == "invalid"


def test_a_certificate_that_breaks_the_parser_is_nobodys() -> None:
    version = b"\xa0\x03\x02\x01"
    from_the_future = ES.certificate.replace(version + b"\2", version + b"\x09", 1)
    assert from_the_future != ES.certificate
    for der in (b"", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", from_the_future):
        assert parse(issue(ES), TrustList([(ES.kid, der)])).signed == "unknown-key"


@pytest.mark.parametrize("key", [4, 5, 6])
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -1, 2**62, 2**200, 1e300, "2027", True, [], b""]
)
def test_times_that_are_no_times(key: int, value: object) -> None:
    assert "is" in refused(ES.wrap(cbor2.dumps(content() | {key: value})))


def test_times_may_be_fractions_and_the_later_start_counts() -> None:
    found = read(content() | {4: END.timestamp() + 0.5, 5: START.timestamp() + 10})
    assert found.valid_until == END.timestamp() + 0.5
    assert found.valid_from == START.timestamp() + 10


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"ver": None}, "ver"),
        ({"nam": None}, "nam"),
        ({"nam": {}}, "fnt"),
        ({"nam": {"fn": "Lê"}}, "fnt"),
        ({"nam": {"fnt": 5}}, "fnt"),
        ({"nam": {"fnt": "A" * 81}}, "81 characters"),
        ({"nam": {"fnt": "LE", "fn": "\u200b" * 9, "gn": "x" * 201}}, "201 characters"),
        ({"nam": {"fnt": "LE", "fn": "a" * 81, "gn": "x" * 80}}, "162 characters"),
        ({"nam": {"fnt": "LE", "fn": "\u202eLe"}}, "U+202E"),
        ({"nam": {"fnt": "LE", "fn": "Le", "gn": "e" + "\u0315\u0300" * 3000}}, "6001 characters"),
        ({"nam": {"fnt": "LE", "fn": "Le", "gn": "e" + "\u0301" * 5}}, "marks"),
        ({"nam": {"fnt": "---"}}, "name is empty"),
        ({"dob": None}, "dob"),
        ({"dob": 1990}, "dob"),
        ({"dob": "06/05/1990"}, "dob"),
        ({"dob": "1990-02-31"}, "calendar"),
        ({"dob": "0000-01-01"}, "years"),
        ({"v": None}, "one entry"),
        ({"v": []}, "one entry"),
        ({"v": [1]}, "one entry"),
        ({"v": {"a": 1}}, "one entry"),
        ({"v": "text"}, "one entry"),
        ({"t": [{}]}, "one entry"),
        ({"v": [{}]}, "tg"),
        ({"v": [{"tg": "1", "co": "VN", "is": "MOH", "ci": "x", "dn": math.nan}]}, "dn"),
        ({"v": [{"tg": "1", "co": "VN", "is": "MOH", "ci": "x", "sd": [1]}]}, "sd"),
        ({"v": [{"tg": "1", "co": "VN", "is": "MOH", "ci": "x", "sd": True}]}, "sd"),
        ({"v": [{"tg": "1", "co": "VN", "is": "MOH", "ci": "x" * 201}]}, "ci"),
    ],
)
def test_broken_content(changes: dict[str, Any], problem: str) -> None:
    assert problem in refused(ES.wrap(cbor2.dumps(content(**changes))))


@pytest.mark.parametrize(
    ("written", "birth"),
    [("1990", "1990"), ("1990-05", "1990-05"), ("1990-05-06T00:00:00", "1990-05-06"), ("", "")],
)
def test_an_incomplete_birth_date_is_no_key(written: str, birth: str) -> None:
    found = read(content(dob=written))
    assert found.claims["birth"] == birth
    whole = len(birth) == 10
    assert found.subject == (f"name:LE<BA:{birth}" if whole else "hc1:URN:UVCI:01:VN:1#2")


def test_the_longest_names_of_the_schema() -> None:
    found = read(content(nam={"fnt": "A" * 80, "gnt": "B" * 80, "fn": "Ệ" * 80, "gn": "ữ" * 80}))
    assert found.claims["name"] == f"{'Ệ' * 80} {'ữ' * 80}"


def test_standard_names_stand_in_for_missing_ones() -> None:
    found = read(content(nam={"fnt": "NGUYEN<THI", "gnt": "BA"}))
    assert found.claims["name"] == "NGUYEN THI BA"
    assert found.display == "N. T. BA"


def test_tagged_and_null_members_are_read_for_what_they_hold() -> None:
    cwt = content(t=None, r=None)
    cwt[-260][1]["r"] = None
    cwt[-260][1]["dob"] = cbor2.CBORTag(0, "1990-05-06")
    assert read(cwt).claims["birth"] == "1990-05-06"


def test_the_demo_transliterates_as_passports_do() -> None:
    assert transliterate("Đặng Thị-Ngọc") == "DANG<THI<NGOC"


def entry(kind: str, **changes: Any) -> dict[Any, Any]:
    made = {"tg": "840539006", "co": "VN", "is": "MOH", "ci": "URN:UVCI:01:VN:1#2"} | changes
    return content(**({"v": None} | {kind: [made]}))


def test_what_certificates_attest() -> None:
    dose = entry("v", mp="EU/1/20/1528", dn=2, sd=3, dt="2021-08-02")
    assert read(dose).events == (
        Event(kind="vaccination", date="2021-08-02", product="pfizer", dose=2),
    )
    pcr = entry("t", tt="LP6464-4", tr="260415000", sc="2021-08-02T10:00:00+07:00")
    assert read(pcr).events == (
        Event(kind="test", date="2021-08-02T10:00:00+07:00", method="pcr", detected=False),
    )
    rapid = entry("t", tt="LP217198-3", tr="260373001", sc="2021-08-02T03:00:00.5Z")
    assert read(rapid).events == (
        Event(kind="test", date="2021-08-02T03:00:00+00:00", method="antigen", detected=True),
    )
    assert read(entry("r", fr="2021-08-02")).events == (Event(kind="recovery", date="2021-08-02"),)


@pytest.mark.parametrize(
    ("kind", "changes", "date"),
    [
        ("v", {"dt": "2021-08-02T10:00:00Z"}, "2021-08-02"),
        ("v", {"dt": "2021-08"}, None),
        ("v", {}, None),
        ("v", {"tg": "other", "dt": "2021-08-02"}, None),
        ("t", {"tr": "260415000", "sc": "2021-08-02T10:00:00"}, "2021-08-02T10:00:00+07:00"),
        ("t", {"tr": "260415000", "sc": "2021-08-02t10:00:60z"}, "2021-08-02T10:01:00+00:00"),
        ("t", {"tr": "260415000", "sc": "2021-08-02"}, "2021-08-02"),
        ("t", {"tr": "unclear", "sc": "2021-08-02T10:00:00Z"}, None),
        ("t", {"sc": "2021-08-02T10:00:00Z"}, None),
        ("t", {"tr": "260415000"}, None),
        ("r", {"df": "2021-08-02"}, None),
    ],
)
def test_events_need_a_full_date_and_a_result(
    kind: str, changes: dict[str, Any], date: str | None
) -> None:
    assert [event.date for event in read(entry(kind, **changes)).events] == ([date] if date else [])


@pytest.mark.parametrize(
    ("changes", "start", "end"),
    [
        (
            {"df": "2026-02-01", "du": "2026-07-31"},
            "2026-02-01T00:00+07:00",
            "2026-08-01T00:00+07:00",
        ),
        ({"df": "2026-02-01T00:00:00.000Z"}, "2026-02-01T00:00+07:00", None),
        ({"du": "2026-06"}, None, "2026-07-01T00:00+07:00"),
        ({"df": "2020-01-01", "du": "2030-01-01"}, None, None),
        ({}, None, None),
    ],
)
def test_a_recovery_is_valid_on_the_days_that_it_names(
    changes: dict[str, str], start: str | None, end: str | None
) -> None:
    for kind, narrows in (("r", True), ("v", False)):
        found = read(entry(kind, fr="2021-08-02", **changes))
        for said, at, whole in (
            (start, found.valid_from, START),
            (end, found.valid_until, END),
        ):
            expected = datetime.fromisoformat(said) if said and narrows else whole
            assert at == expected.timestamp()


@pytest.mark.parametrize("dose", [-1, 100, "2", 2.0])
def test_a_dose_that_is_none_is_not_said(dose: object) -> None:
    (event,) = read(entry("v", dt="2021-08-02", dn=dose)).events
    assert event.dose == 0


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("v", {"dt": "2021-02-30"}),
        ("v", {"dt": "yesterday"}),
        ("v", {"dt": 20210802}),
        ("v", {"dt": "2021-08-02Tnoon"}),
        ("t", {"tr": "260415000", "sc": "2021-08-02T25:00:00Z"}),
        ("t", {"tr": "260415000", "sc": "2021-08-02T10:00:61Z"}),
        ("r", {"df": "2021-02-30"}),
        ("r", {"du": 2021}),
        ("r", {"fr": "0000-01-01"}),
    ],
)
def test_dates_that_are_none(kind: str, changes: dict[str, Any]) -> None:
    refused(ES.wrap(cbor2.dumps(entry(kind, **changes))))


@pytest.mark.parametrize("issuer", [ES, PS], ids=["ES256", "PS256"])
def test_revoked_certificates(issuer: Issuer) -> None:
    """By each of the three hashes that the EU's lists use."""
    payload = issue(issuer)
    signature = unpack(payload)[3]
    part = signature[:32] if issuer is ES else signature
    id = parse(payload, TRUST).claims["certificate_id"].encode()
    signers = [IssuerLine(kid=issuer.kid, certificate=issuer.certificate)]
    for hashed in (part, id, b"VN" + id):
        name = hashlib.sha256(hashed).digest()[:16].hex()
        for kid in (issuer.kid, b""):  # under this key, or whatever the key
            trust = TrustList(
                listing=Listing(signers, [Revoked(format="hc1", kid=kid, ids=[name])])
            )
            found, forged = parse(payload, trust), parse(issue(issuer.impostor()), trust)
            assert (found.signed, found.revoked) == ("valid", True)
            assert (forged.signed, forged.revoked) == ("invalid", False)
        elsewhere = Revoked(format="hc1", kid=b"elsewhere", ids=[name])
        trust = TrustList(listing=Listing(signers, [elsewhere]))
        assert not parse(payload, trust).revoked


def test_a_revoked_key_takes_all_its_certificates_with_it() -> None:
    gone = Revoked(format="hc1", kid=ES.kid)
    trust = TrustList([(i.kid, i.certificate) for i in (ES, PS)], Listing([], [gone]))
    assert parse(issue(ES), trust).revoked
    assert not parse(issue(PS), trust).revoked
    alone = parse(issue(ES), TrustList(listing=Listing([], [gone])))
    assert (alone.signed, alone.revoked) == ("unknown-key", True)
