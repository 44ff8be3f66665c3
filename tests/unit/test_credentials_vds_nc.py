"""Visible digital seals, at the door `kiosk.credentials.parse`."""

import json
from base64 import b64encode
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from msgspec.structs import replace as replace_struct

from demo.abroad import PT_SEAL, PV_SEAL, SealIssuer, base64url
from kiosk.credentials import parse
from kiosk.credentials.listing import Listing, Revoked
from kiosk.credentials.lists import parse_listing, parse_trust
from kiosk.credentials.trust import TrustList
from kiosk.errors import CredentialError
from kiosk.model import Event

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
ISSUER = SealIssuer.new("UT", START, END, PV_SEAL)
TRUST = parse_trust(ISSUER.authority)
DATA = ISSUER.vaccination(
    "NGUYEN  THI ANH", date(1999, 1, 2), "B0000001", [date(2021, 9, 1), date(2021, 8, 2)]
)
TEST = {
    "hdr": {"t": "icao.test", "v": 1, "is": "UTO"},
    "msg": {
        "utci": "T1",
        "pid": {"n": "DOE<<JOHN", "dob": "1980-02-29", "dt": "P", "dn": "A-1 23 456"},
        "dat": {"sc": "2021-08-02T10:00:00+07:00", "ri": "2021-08-02T12:00:00+07:00"},
        "tr": {"tc": "molecular(PCR)", "r": "negative"},
    },
}
TESTER = SealIssuer.new("UT", START, END, PT_SEAL)


def changed(data: Any, path: str, value: Any) -> Any:
    """`data` with the member at `path` replaced, or (None) removed."""
    made = deepcopy(data)
    inner = made
    *before, last = path.split(".")
    for step in before:
        inner = inner[int(step) if step.isdecimal() else step]
    inner[last] = value
    if value is None:
        del inner[last]
    return made


def refused(payload: bytes) -> str:
    with pytest.raises(CredentialError) as caught:
        parse(payload, TRUST)
    assert caught.value.format == "vds_nc"
    return caught.value.problem


def test_a_true_proof_of_vaccination() -> None:
    found = parse(ISSUER.wrap(DATA), TRUST)
    assert (found.format, found.role, found.signed) == ("vds_nc", "certificate", "valid")
    assert (found.subject, found.display) == ("passport:B0000001:1999-01-02", "N. T. ANH")
    assert (found.issuer, found.claims["sex"]) == ("UTO", "female")
    assert found.claims["standard_name"] == "NGUYEN<<THI<ANH"
    assert (found.valid_from, found.valid_until) == (START.timestamp(), END.timestamp() + 1)
    assert [(e.date, e.dose) for e in found.events] == [("2021-08-02", 2), ("2021-09-01", 1)]
    assert {"name", "birth", "sex", "document"} <= found.claims.keys()


def test_a_true_proof_of_a_test() -> None:
    found = parse(TESTER.wrap(TEST), parse_trust(TESTER.authority))
    assert (found.signed, found.subject) == ("valid", "passport:A123456:1980-02-29")
    assert found.claims["name"] == "DOE JOHN"
    assert found.events == (
        Event(kind="test", date="2021-08-02T10:00:00+07:00", method="pcr", detected=False),
    )


def test_white_space_and_the_order_of_members_do_not_matter() -> None:
    document = json.loads(ISSUER.wrap(DATA))
    turned = {"sig": document["sig"], "data": dict(reversed(document["data"].items()))}
    for text in (json.dumps(document, indent=2), json.dumps(turned), f"\n{json.dumps(turned)}\0"):
        assert parse(text.encode(), TRUST).signed == "valid"


def test_an_altered_proof_is_forged_whoever_is_trusted() -> None:
    document = json.loads(ISSUER.wrap(DATA))
    document["data"]["msg"]["pid"]["n"] = "NGUYEN  VAN BA"
    for trust in (TRUST, TrustList()):
        assert parse(json.dumps(document).encode(), trust).signed == "invalid"


def test_whose_certificate_counts() -> None:
    payload = ISSUER.wrap(DATA)
    assert parse(payload, TrustList()).signed == "unknown-key"
    assert parse(payload, parse_trust(TESTER.authority)).signed == "unknown-key"
    # That very certificate, without a country signer
    assert parse(payload, parse_trust(b64encode(ISSUER.certificate))).signed == "valid"


def test_a_certificate_seen_before_is_judged_by_the_list_of_today() -> None:
    (authority,) = parse_listing(ISSUER.authority).issuers
    soon = START.timestamp() + 86_400
    brief = replace_struct(authority, valid_until=soon)
    gone = Listing([authority], [Revoked(format="vds_nc", kid=authority.kid)])
    payload = ISSUER.wrap(DATA)
    for _ in range(2):
        assert parse(payload, TRUST).signed == "valid"
        assert parse(payload, TrustList()).signed == "unknown-key"
        assert parse(payload, TrustList(listing=gone)).revoked
        assert parse(payload, TrustList(listing=Listing([brief]))).valid_until == soon


def test_a_certificate_that_bears_the_authoritys_name_alone_is_forged() -> None:
    impostor = SealIssuer.new("UT", START, END, PV_SEAL)
    real = x509.load_der_x509_certificate(ISSUER.authority)
    kid = real.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    fake = x509.load_der_x509_certificate(impostor.certificate)
    own = fake.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert own is not None
    claimed = replace(impostor, certificate=impostor.certificate.replace(own, kid))
    assert parse(claimed.wrap(DATA), TRUST).signed == "invalid"


def test_a_certificate_for_something_else_may_not_sign() -> None:
    no_signer = SealIssuer.new("UT", START, END, PV_SEAL, signer=False)
    assert parse(no_signer.wrap(DATA), parse_trust(no_signer.authority)).signed == "invalid"
    assert parse(no_signer.wrap(DATA), TrustList()).signed == "unknown-key"
    assert parse(TESTER.wrap(DATA), parse_trust(TESTER.authority)).signed == "invalid"
    assert parse(ISSUER.wrap(TEST), TRUST).signed == "invalid"
    anything = SealIssuer.new("UT", START, END)
    for data in (DATA, TEST):
        assert parse(anything.wrap(data), parse_trust(anything.authority)).signed == "valid"


def test_validity_is_that_of_both_certificates() -> None:
    (authority,) = parse_listing(ISSUER.authority).issuers
    soon = START.timestamp() + 86_400
    brief = replace_struct(authority, valid_until=soon)
    found = parse(ISSUER.wrap(DATA), TrustList(listing=Listing([brief])))
    assert found.valid_until == soon


def test_revoked_proofs_and_certificates() -> None:
    listing = parse_listing(ISSUER.authority)
    kid = listing.issuers[0].kid
    serial = x509.load_der_x509_certificate(ISSUER.certificate).serial_number
    for id in ("U32870", f"{serial:x}"):
        revoked = Revoked(format="vds_nc", kid=kid, ids=[id])
        trust = TrustList(listing=listing + Listing([], [revoked]))
        found = parse(ISSUER.wrap(DATA), trust)
        assert (found.signed, found.revoked) == ("valid", True)
    assert not parse(ISSUER.wrap(DATA), TRUST).revoked


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("hdr.t", "icao.visa"),
        ("hdr.t", None),
        ("hdr.v", 2),
        ("hdr.v", True),
        ("hdr.is", "TOOLONG"),
        ("hdr.is", None),
        ("msg.uvci", None),
        ("msg.pid", []),
        ("msg.pid.n", None),
        ("msg.pid.n", "<<<"),
        ("msg.pid.n", "A" * 162),
        ("msg.pid.dob", "1999-02-30"),
        ("msg.pid.dob", 1999),
        ("msg.pid.i", "B'; DROP"),
        ("msg.pid.sex", 1),
        ("msg.ve", {}),
        ("msg.ve", [1]),
        ("msg.ve.0.vd", "x"),
        ("msg.ve.0.vd", [{"dvc": "2021-13-01"}]),
        ("msg.ve.0.vd", [{"dvc": 5}]),
        ("msg.extra", 2**60),
        ("msg.extra", json.loads("[" * 30 + "]" * 30)),
    ],
)
def test_broken_vaccinations(path: str, value: Any) -> None:
    text = json.dumps(
        {"data": changed(DATA, path, value), "sig": json.loads(ISSUER.wrap(DATA))["sig"]}
    )
    refused(text.encode())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("msg.dat", None),
        ("msg.dat.sc", "2021-08-02T99:00:00Z"),
        ("msg.tr", None),
        ("msg.tr.tc", None),
        ("msg.tr.r", 5),
    ],
)
def test_broken_tests(path: str, value: Any) -> None:
    refused(TESTER.wrap(changed(TEST, path, value)))


@pytest.mark.parametrize(
    ("path", "value", "count"),
    [
        ("msg.ve.0.dis", "1D47", 0),
        ("msg.ve.0.dis", None, 0),
        ("msg.ve.0.dis", "RA01", 2),
        ("msg.ve", None, 0),
    ],
)
def test_vaccinations_against_something_else(path: str, value: Any, count: int) -> None:
    assert len(parse(ISSUER.wrap(changed(DATA, path, value)), TRUST).events) == count


@pytest.mark.parametrize(
    ("method", "result", "expected"),
    [
        ("molecular(other)", "Positive", ("pcr", True)),
        ("antigen", "normal", ("antigen", False)),
        ("antibody", "positive", None),
        ("antigen", "unclear", None),
    ],
)
def test_results_of_tests(method: str, result: str, expected: tuple[str, bool] | None) -> None:
    data = changed(changed(TEST, "msg.tr.tc", method), "msg.tr.r", result)
    events = parse(TESTER.wrap(data), TRUST).events
    assert [(e.method, e.detected) for e in events] == ([expected] if expected else [])


def test_without_a_passport_it_is_name_and_birth() -> None:
    data = changed(DATA, "msg.pid.i", None)
    assert parse(ISSUER.wrap(data), TRUST).subject == "name:NGUYEN<THI<ANH:1999-01-02"
    data = changed(data, "msg.pid.dob", None)
    assert parse(ISSUER.wrap(data), TRUST).subject == "vds-nc:U32870"


@pytest.mark.parametrize(
    ("member", "value", "problem"),
    [
        ("alg", "none", "algorithm"),
        ("alg", None, "alg"),
        ("cer", "AAAA", "certificate cannot be read"),
        ("cer", "!", "base64url"),
        ("cer", 5, "certificate is not base64url"),
        ("sigvl", "!", "base64url"),
    ],
)
def test_broken_seals(member: str, value: Any, problem: str) -> None:
    document = json.loads(ISSUER.wrap(DATA))
    document["sig"][member] = value
    assert problem in refused(json.dumps(document).encode())


@pytest.mark.parametrize("signature", ["", "AAAA", base64url(b"\0" * 64)])
@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_nonsense_signatures_are_forgeries(signature: str, algorithm: str) -> None:
    document = json.loads(ISSUER.wrap(DATA))
    document["sig"] |= {"sigvl": signature or "AA", "alg": algorithm}
    assert parse(json.dumps(document).encode(), TRUST).signed == "invalid"


def test_broken_json() -> None:
    good = ISSUER.wrap(DATA)
    assert "key twice" in refused(good.replace(b'"v":1', b'"v":1,"v":1'))
    refused(good[:-1])
    refused(b'{"hdr" "sigvl"')
    refused(b'{"data":{"hdr":1,"msg":{}},"sig":{"sigvl":1}}')


def test_an_authority_past_its_time_is_told_by_the_dates() -> None:
    late = SealIssuer.new("UT", START - timedelta(days=900), START)
    found = parse(late.wrap(DATA), parse_trust(late.authority))
    assert (found.signed, found.valid_until) == ("valid", START.timestamp() + 1)
