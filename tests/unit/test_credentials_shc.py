"""SMART Health Cards, at the door `kiosk.credentials.parse`."""

import json
import zlib
from datetime import UTC, date, datetime
from typing import Any

import pytest

from demo.abroad import CardIssuer, base64url, numeric
from kiosk.credentials import parse
from kiosk.credentials.listing import Listing, Revoked
from kiosk.credentials.lists import parse_listing, parse_trust
from kiosk.credentials.trust import TrustList
from kiosk.errors import CredentialError
from kiosk.model import Credential, Event

START = datetime(2026, 1, 1, tzinfo=UTC)
ISSUER = CardIssuer.new("https://health.example/issuer")
TRUST = parse_trust(ISSUER.jwks())
DOSES = [date(2021, 9, 1), date(2021, 8, 2)]
CARD = ISSUER.issue("Nguyễn", "Thị Ánh", date(1999, 1, 2), DOSES, START)
PATIENT = {
    "resourceType": "Patient",
    "name": [{"family": "Anyperson", "given": ["John", "B."]}],
    "birthDate": "1951-01-20",
}


def read(*resources: Any, **changes: Any) -> Credential:
    content = ISSUER.content([PATIENT, *resources], START) | changes
    return parse(ISSUER.wrap(content), TRUST)


def refused(payload: bytes) -> str:
    with pytest.raises(CredentialError) as caught:
        parse(payload, TRUST)
    assert caught.value.format == "shc"
    return caught.value.problem


def jws(payload: bytes) -> str:
    digits = payload[5:].decode()
    return "".join(chr(int(digits[i : i + 2]) + 45) for i in range(0, len(digits), 2))


def test_a_true_card() -> None:
    found = parse(CARD, TRUST)
    assert (found.format, found.role, found.signed) == ("shc", "certificate", "valid")
    assert found.subject == "name:NGUYEN<THI<ANH:1999-01-02"
    assert found.display == "N. T. Ánh"
    assert found.issuer == ISSUER.url
    assert (found.valid_from, found.valid_until) == (START.timestamp(), None)
    assert found.events == (
        Event(kind="vaccination", date="2021-08-02", product="moderna"),
        Event(kind="vaccination", date="2021-09-01", product="moderna"),
    )
    assert {"name", "birth", "sex", "document"} <= found.claims.keys()
    assert found.claims["kind"] == "vaccination"


def test_forgeries_and_strangers() -> None:
    birth = date(1999, 1, 2)
    assert parse(ISSUER.impostor().issue("A", "B", birth, DOSES, START), TRUST).signed == "invalid"
    other = CardIssuer("https://other.example", ISSUER.key, ISSUER.kid)  # kids are per issuer
    assert parse(other.issue("A", "B", birth, DOSES, START), TRUST).signed == "unknown-key"
    header, content, _ = jws(CARD).split(".")
    for signature in ("", "AAAA", "A" * 86):
        assert parse(numeric(f"{header}.{content}.{signature}"), TRUST).signed == "invalid"
    _, _, signature = jws(ISSUER.issue("C", "D", birth, DOSES, START)).split(".")
    assert parse(numeric(f"{header}.{content}.{signature}"), TRUST).signed == "invalid"


def split(payload: bytes, total: int) -> list[bytes]:
    digits = payload[5:]
    size = -(-len(digits) // total)
    return [
        b"shc:/%d/%d/" % (n + 1, total) + digits[n * size : (n + 1) * size] for n in range(total)
    ]


def test_a_card_in_parts_is_read_when_all_of_them_are_there() -> None:
    whole = parse(CARD, TRUST)
    first, second, third = split(CARD, 3)
    for parts in ([first, second, third], [third, first, second]):
        assert parse(b"\n".join(parts), TRUST) == whole
    assert parse(b"shc:/1/1/" + CARD[5:], TRUST) == whole
    assert refused(second) == "1 of the 3 parts of a card; ask for the card as a single code"
    assert "2 of the 3 parts" in refused(b" ".join((first, third)))
    assert "different cards" in refused(b" ".join((first, split(CARD, 2)[1])))
    for bad in (b"shc:/0/2/5676", b"shc:/3/2/5676"):
        assert "misnumbered" in refused(bad)


def test_broken_wrapping() -> None:
    header, content, signature = jws(CARD).split(".")
    cases = {
        b"shc:/": "JWS",
        b"shc:/abc": "digits",
        b"shc:/123": "odd",
        b"shc:/5676": "three parts",
        b"shc:/" + "٣".encode() * 4: "digits",
        numeric(f"{header}.{content}"): "three parts",
        numeric(f"{header}/.{content}.{signature}"): "header is not base64url",
        numeric(f".{content}.{signature}"): "JSON",
        numeric(f"e30.{content}.{signature}"): "ES256 and DEF",
        numeric(f"{header}.AAAA.{signature}"): "cut",
        numeric(f"{header}.{content}.A"): "signature is not base64url",
        ISSUER.wrap_bytes(b"[]"): "not a map",
        ISSUER.wrap_bytes(b'{"iss":1,"iss":2}'): "key twice",
        ISSUER.wrap_bytes(b" " * 20_000): "exceeds",
        ISSUER.wrap_bytes(b"[" * 16_000): "nested",
    }
    for payload, problem in cases.items():
        assert problem in refused(payload)


def test_with_a_header_it_is_not_raw_deflate() -> None:
    header, _, signature = jws(CARD).split(".")
    packed = base64url(zlib.compress(b"{}"))
    assert "zlib" in refused(numeric(f"{header}.{packed}.{signature}"))


@pytest.mark.parametrize(
    ("header", "good"),
    [
        ({}, True),
        ({"alg": "none"}, False),
        ({"alg": "HS256"}, False),
        ({"zip": "GZ"}, False),
        ({"crit": ["exp"]}, False),
        ({"kid": 1}, False),
        ({"kid": ""}, False),
    ],
)
def test_headers(header: dict[str, Any], good: bool) -> None:
    _, content, signature = jws(CARD).split(".")
    made = {"zip": "DEF", "alg": "ES256", "kid": ISSUER.kid} | header
    payload = numeric(f"{base64url(json.dumps(made).encode())}.{content}.{signature}")
    if good:
        assert parse(payload, TRUST).signed == "valid"
    else:
        refused(payload)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": None},
        {"iss": 5},
        {"nbf": None},
        {"nbf": -1},
        {"nbf": "2021"},
        {"exp": True},
        {"vc": None},
        {"vc": {"type": []}},
        {"vc": {"type": "https://smarthealth.cards#health-card"}},
        {"vc": {"type": ["https://smarthealth.cards#health-card"]}},
    ],
)
def test_broken_content(changes: dict[str, Any]) -> None:
    refused(ISSUER.wrap(ISSUER.content([PATIENT], START) | changes))


@pytest.mark.parametrize(
    "patient",
    [
        {"name": []},
        {"name": None},
        {"name": [{}]},
        {"name": [{"given": [" "]}]},
        {"name": [{"family": ["a"]}]},
        {"birthDate": "1951-02-30"},
        {"birthDate": 1951},
    ],
)
def test_broken_patients(patient: dict[str, Any]) -> None:
    refused(ISSUER.wrap(ISSUER.content([PATIENT | patient], START)))
    refused(ISSUER.wrap(ISSUER.content([PATIENT, PATIENT], START)))
    refused(ISSUER.wrap(ISSUER.content([], START)))


def test_a_patient_without_a_full_birth_date_is_known_by_the_card() -> None:
    for birth in ({"birthDate": "1951"}, {"birthDate": None}):
        content = ISSUER.content([PATIENT | birth], START)
        assert parse(ISSUER.wrap(content), TRUST).subject.startswith("shc:")


def immunization(**changes: Any) -> dict[str, Any]:
    coding = {"system": "http://hl7.org/fhir/sid/cvx", "code": "208"}
    return {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": {"coding": [coding]},
        "occurrenceDateTime": "2021-08-02",
    } | changes


def observation(code: str, result: str, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": "2021-08-02T10:00:00+07:00",
        "valueCodeableConcept": {"coding": [{"code": result}]},
    } | changes


def test_what_a_card_attests() -> None:
    at = "2021-08-02T10:00:00+07:00"
    found = read(observation("94500-6", "260415000"), observation("94558-4", "260373001"))
    assert found.events == (
        Event(kind="test", date=at, method="pcr", detected=False),
        Event(kind="test", date=at, method="antigen", detected=True),
    )
    assert read(immunization(), observation("94500-6", "260415000")).claims["kind"] == ""


@pytest.mark.parametrize(
    "resource",
    [
        immunization(status="entered-in-error"),
        immunization(occurrenceDateTime=None),
        immunization(occurrenceDateTime="2021-08"),
        immunization(vaccineCode={"coding": [{"system": "other", "code": "208"}]}),
        immunization(
            vaccineCode={"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140"}]}
        ),
        observation("94500-6", "unclear"),
        observation("94500-6", "260415000", status="preliminary"),
        observation("718-7", "260415000"),
        observation("94500-6", "260415000", valueCodeableConcept={"coding": []}),
        observation(
            "94500-6",
            "",
            valueCodeableConcept={"coding": [{"code": "260415000"}, {"code": "260373001"}]},
        ),
        {"resourceType": "Condition"},
    ],
)
def test_what_attests_nothing_of_covid_19(resource: dict[str, Any]) -> None:
    assert read(resource).events == ()


@pytest.mark.parametrize(
    "resource",
    [
        immunization(occurrenceDateTime="2021-02-30"),
        immunization(occurrenceDateTime=20210802),
        immunization(vaccineCode={"coding": "208"}),
        immunization(vaccineCode=[]),
        observation("94500-6", "260415000", effectiveDateTime="2021-08-02T25:00:00Z"),
    ],
)
def test_broken_resources(resource: dict[str, Any]) -> None:
    refused(ISSUER.wrap(ISSUER.content([PATIENT, resource], START)))


def test_a_bare_jws_is_the_same_card() -> None:
    digits = CARD.decode()[5:]
    jws = "".join(chr(int(digits[at : at + 2]) + 45) for at in range(0, len(digits), 2))
    for written in (jws, f"{jws}\n", f" {jws}\0"):
        assert parse(written.strip("\0").encode(), TRUST) == parse(CARD, TRUST)
    assert "base64url" in refused(f"{jws.rpartition('.')[0]}.A".encode())
    head, _, rest = jws.partition(".")
    other = base64url(b'{"alg":"ES256","typ":"JWT"}')
    for stranger in (f"{other}.{rest}", f"{head}x.{rest}.more", f"{head}.", "eyJ", "eyJ.AA.AA"):
        assert parse(stranger.encode(), TRUST).format == "unknown"


def test_revoked_cards() -> None:
    def is_revoked(*ids: str, kid: str = ISSUER.kid, issuer: str = ISSUER.url) -> bool:
        revoked = Revoked(format="shc", issuer=issuer, kid=kid.encode(), ids=list(ids))
        listing = parse_listing(ISSUER.jwks()) + Listing([], [revoked])
        found = parse(CARD, TrustList(listing=listing))
        assert found.signed == "valid"
        return found.revoked

    second = int(START.timestamp())
    assert not is_revoked()
    for kid in (ISSUER.kid, ""):
        assert is_revoked("Qk9PVEg", kid=kid)
        assert is_revoked(f"Qk9PVEg.{second + 1}", kid=kid)
        assert is_revoked(f"Qk9PVEg.{second + 1}", f"Qk9PVEg.{second}", kid=kid)
        assert not is_revoked(f"Qk9PVEg.{second}", "other", f"other.{second + 1}", kid=kid)
    assert not is_revoked("Qk9PVEg", f"Qk9PVEg.{second + 1}", kid="other")
    assert not is_revoked("Qk9PVEg", issuer="https://other.example")
    whole = Revoked(format="shc", issuer=ISSUER.url, kid=ISSUER.kid.encode())
    alone = TrustList(listing=Listing([], [whole]))
    found = parse(CARD, alone)
    assert (found.signed, found.revoked) == ("unknown-key", True)  # the key itself is gone
