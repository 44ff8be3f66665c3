"""New Zealand COVID passes, at the door `kiosk.credentials.parse`."""

from datetime import UTC, date, datetime
from typing import Any

import cbor2
import pytest

from demo.abroad import PassIssuer
from kiosk.credentials import parse
from kiosk.credentials.listing import Listing, Revoked
from kiosk.credentials.lists import parse_listing, parse_trust
from kiosk.credentials.trust import TrustList
from kiosk.errors import CredentialError

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
ISSUER = PassIssuer.new("nz.example")
TRUST = parse_trust(ISSUER.document())
CONTENT = ISSUER.content("Sparrow", "Jack", date(1960, 4, 16), START, END)


def wrap(**changes: Any) -> bytes:
    subject = CONTENT["vc"]["credentialSubject"] | changes
    vc = CONTENT["vc"] | {"credentialSubject": {k: v for k, v in subject.items() if v is not None}}
    return ISSUER.wrap(cbor2.dumps(CONTENT | {"vc": vc}))


def refused(payload: bytes) -> str:
    with pytest.raises(CredentialError) as caught:
        parse(payload, TRUST)
    assert caught.value.format == "nzcp"
    return caught.value.problem


def test_a_true_pass() -> None:
    found = parse(wrap(), TRUST)
    assert (found.format, found.role, found.signed) == ("nzcp", "certificate", "valid")
    assert found.subject == "name:SPARROW<JACK:1960-04-16"
    assert (found.issuer, found.display) == ("did:web:nz.example", "S. Jack")
    assert (found.valid_from, found.valid_until) == (START.timestamp(), END.timestamp())
    assert found.events == ()
    assert found.claims["certificate_id"].startswith("urn:uuid:")
    assert parse(wrap() + b"\r\n", TRUST) == found


def test_forgeries_and_strangers() -> None:
    content = cbor2.dumps(CONTENT)
    assert parse(ISSUER.impostor().wrap(content), TRUST).signed == "invalid"
    assert parse(PassIssuer(ISSUER.did, ISSUER.key, "key-2").wrap(content), TRUST).signed == (
        "unknown-key"
    )
    stranger = PassIssuer.new("other.example")
    elsewhere = stranger.wrap(cbor2.dumps(CONTENT | {1: stranger.did}))
    assert parse(elsewhere, TRUST).signed == "unknown-key"
    assert parse(wrap(), TrustList()).signed == "unknown-key"


def test_a_tag_where_none_belongs_refuses_it() -> None:
    for content in (
        CONTENT | {4: cbor2.CBORTag(1, CONTENT[4])},
        CONTENT | {7: cbor2.CBORTag(37, CONTENT[7])},
        cbor2.CBORTag(55799, CONTENT),
    ):
        assert "tag" in refused(ISSUER.wrap(cbor2.dumps(content)))


def test_revoked_passes() -> None:
    id = parse(wrap(), TRUST).claims["certificate_id"]
    revoked = Revoked(format="nzcp", issuer=ISSUER.did, kid=b"key-1", ids=[id])
    trust = TrustList(listing=parse_listing(ISSUER.document()) + Listing([], [revoked]))
    for payload in (wrap(), wrap(givenName="Other")):  # the id is the same
        found = parse(payload, trust)
        assert (found.signed, found.revoked) == ("valid", True)
    forged = parse(ISSUER.impostor().wrap(cbor2.dumps(CONTENT)), trust)
    assert (forged.signed, forged.revoked) == ("invalid", False)


def test_one_name_is_enough() -> None:
    assert parse(wrap(familyName=None), TRUST).subject == "name:JACK:1960-04-16"
    assert parse(wrap(givenName="神"), TRUST).subject.startswith("nzcp:urn:uuid:")


@pytest.mark.parametrize(
    "changes",
    [
        {"givenName": None},
        {"givenName": " "},
        {"givenName": 5},
        {"dob": None},
        {"dob": "1960"},
        {"dob": "1960-02-31"},
        {"dob": 1960},
    ],
)
def test_broken_subjects(changes: dict[str, Any]) -> None:
    refused(wrap(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        *({1: 5}, {4: None}, {5: None}, {4: -1}, {7: None}, {7: b"short"}, {7: "text"}),
        *({"vc": []}, {"vc": {"type": ["PublicCovidPass"]}}),
        {"vc": CONTENT["vc"] | {"type": "PublicCovidPass"}},
    ],
)
def test_broken_content(changes: dict[Any, Any]) -> None:
    refused(ISSUER.wrap(cbor2.dumps(CONTENT | changes)))


@pytest.mark.parametrize("text", [b"", b"a", b"abcdefgh", b"A", b"AAA", b"A1======", b"AA======"])
def test_broken_wrapping(text: bytes) -> None:
    refused(b"NZCP:/1/" + text)


def test_another_version_is_another_code() -> None:
    assert parse(b"NZCP:/2/" + wrap()[8:], TRUST).format == "unknown"
