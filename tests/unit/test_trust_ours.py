"""Our own trust list: whatever stands in it has its effect, or is a mistake that is named."""

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

import cbor2
import pytest
from cryptography import x509

from demo.abroad import everybody
from kiosk.credentials import parse
from kiosk.credentials.formats import FORMATS, SIGNED
from kiosk.credentials.formats.door_pass import Pass, encode
from kiosk.credentials.listing import encode as encode_listing
from kiosk.credentials.lists import parse_listing, parse_trust
from kiosk.errors import ConfigError
from kiosk.model import Credential

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
BIRTH, DAY = date(1990, 5, 6), date(2021, 8, 2)
DCC, CARDS, NZ, SEALS, DOORS, LISTING = everybody(START, END)
CODES = {
    "hc1": DCC.issue("Le", "Ba", BIRTH, START, END),
    "shc": CARDS.issue("Le", "Ba", BIRTH, [DAY], START),
    "nzcp": NZ.wrap(cbor2.dumps(NZ.content("Le", "Ba", BIRTH, START, END))),
    "vds_nc": SEALS.wrap(SEALS.vaccination("LE  BA", BIRTH, "B1", [DAY])),
    "door_pass": encode(Pass(id=7, name="Lê Ba", birth="", group="", first=DAY, last=DAY), DOORS),
}
DOCUMENT = json.loads(encode_listing(LISTING))
ISSUERS = {issuer.get("format", "hc1"): issuer for issuer in DOCUMENT["issuers"]}


def listed(*revoked: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps(DOCUMENT | {"revoked": list(revoked)} | changes).encode()


def read(format: str, *revoked: dict[str, Any], **changes: Any) -> Credential:
    return parse(CODES[format], parse_trust(listed(*revoked, **changes)))


def problems(data: bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_listing(data)
    assert all(problem.startswith("trust list: ") for problem in caught.value.problems)
    return [problem.removeprefix("trust list: ") for problem in caught.value.problems]


def ids(format: str) -> list[str]:
    """The id of the code in each way that somebody may write it."""
    claims = parse(CODES[format], parse_trust(listed())).claims
    id: str = claims["certificate_id"]
    serial = f"{x509.load_der_x509_certificate(SEALS.certificate).serial_number:x}"
    pairs = serial.zfill(len(serial) + len(serial) % 2)
    colons = ":".join(pairs[at : at + 2] for at in range(0, len(pairs), 2))
    digest = hashlib.sha256(id.encode()).hexdigest()
    return {
        "hc1": [digest[:32], digest[:32].upper(), digest, digest.upper()],
        "shc": [id, f"{id}.{int(START.timestamp()) + 1}"],
        "nzcp": [id, id.upper(), id.removeprefix("urn:uuid:"), id[9:].replace("-", "")],
        "vds_nc": [id, f" {id} ", serial, serial.upper(), f"00{serial}", colons, colons.upper()],
        "door_pass": ["7", "007"],
    }[format]


def test_every_signed_format_is_looked_at() -> None:
    unsigned = {"vn_personal", "cccd", "can_cuoc_2024", "bhyt", "hcmc", "place", "unknown"}
    assert set(SIGNED) == set(CODES) == {n for known in FORMATS for n in known.NAMES} - unsigned


@pytest.mark.parametrize("format", CODES)
def test_an_id_revokes_however_it_is_written(format: str) -> None:
    issuer = ISSUERS[format]
    assert not read(format).revoked
    for id in ids(format):
        # Under the key with the issuer's name beside it, and under any key of that issuer
        for kid in ({"kid": issuer["kid"]}, {}):
            entry = {"format": format, "issuer": issuer.get("issuer", "x"), "ids": ["0" * 32, id]}
            if format in ("door_pass", "shc", "nzcp"):
                entry["ids"] = [id]
            assert read(format, entry | kid).revoked, (id, kid)


@pytest.mark.parametrize("format", CODES)
def test_a_key_is_revoked_with_its_issuers_name_beside_it(format: str) -> None:
    issuer = ISSUERS[format]
    name = {"issuer": issuer["issuer"]} if "issuer" in issuer else {}
    assert read(format, {"format": format, "kid": issuer["kid"]} | name).revoked


def test_what_is_read_is_written_so_that_it_says_the_same() -> None:
    entries = [
        {"format": format, "issuer": ISSUERS[format].get("issuer", ""), "ids": ids(format)}
        for format in CODES
    ]
    once = parse_listing(listed(*entries))
    again = parse_listing(encode_listing(once))
    assert again.revoked == once.revoked
    for entry in once.revoked:
        assert entry.ids is not None
        assert len(set(entry.ids)) == len(entry.ids)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"format": "hc1", "ids": ["00"]}, "ids[0]: not the first 128 bits of a SHA-256"),
        ({"format": "hc1", "ids": ["g" * 32]}, "ids[0]: not the first"),
        ({"format": "hc1", "ids": ["0" * 32, "0" * 33]}, "ids[1]: not the first"),
        ({"format": "shc", "issuer": "https://a", "ids": ["a b"]}, "ids[0]: not a rid"),
        ({"format": "shc", "issuer": "https://a", "ids": ["a.b"]}, "ids[0]: not a rid"),
        ({"format": "shc", "issuer": "https://a", "ids": ["a.٣"]}, "ids[0]: not a rid"),
        ({"format": "shc", "issuer": "https://a", "ids": [""]}, "ids[0]: not a rid"),
        ({"format": "nzcp", "issuer": "did:web:a", "ids": ["7"]}, "ids[0]: not a UUID"),
        ({"format": "vds_nc", "ids": [""]}, "ids[0]: empty"),
        ({"format": "vds_nc", "ids": ["x" * 201]}, "ids[0]: id has 201 characters"),
        ({"format": "door_pass", "ids": ["7a"]}, "ids[0]: not the number of a pass"),
        ({"format": "door_pass", "ids": ["-7"]}, "ids[0]: not the number of a pass"),
        ({"format": "door_pass", "ids": ["٧"]}, "ids[0]: not the number of a pass"),
        ({"format": "door_pass", "ids": [str(2**64)]}, "ids[0]: not the number of a pass"),
        ({"format": "shc", "kid": "AA=="}, "needs the issuer"),
        ({"format": "shc", "ids": ["a"]}, "needs the issuer"),
        ({"format": "nzcp", "kid": "AA==", "ids": []}, "needs the issuer"),
        ({"format": "hc-1", "kid": "AA=="}, "has format 'hc-1', expected one whose codes are"),
        ({"format": "cccd", "ids": ["001099000001"]}, "has format 'cccd', expected one whose"),
        ({"format": "hc1"}, "names neither a kid nor ids"),
    ],
)
def test_a_revocation_that_would_do_nothing_is_a_mistake(
    entry: dict[str, Any], problem: str
) -> None:
    (told,) = problems(listed({"format": "hc1", "kid": "AA=="}, entry))
    assert told.startswith(f"revoked[1] {problem}")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"format": "hc2"}, "has format 'hc2', expected one whose codes are signed: door_pass"),
        ({"format": "vn_personal"}, "has format 'vn_personal', expected"),
        ({"format": "shc"}, "needs its issuer"),
        ({"format": "nzcp"}, "needs its issuer"),
        ({"format": "hc1", "usages": ["vaccine"]}, "has usage 'vaccine', expected any of vacc"),
        ({"format": "shc", "issuer": "a", "usages": ["recovery"]}, "has usage 'recovery', expec"),
        ({"format": "vds_nc", "usages": ["test", "recovery"]}, "has usage 'recovery', expected"),
        ({"format": "door_pass", "usages": ["test"]}, "has usages, and codes of the format door"),
        ({"format": "nzcp", "issuer": "a", "usages": ["x"]}, "has usages, and codes of the form"),
    ],
)
def test_an_issuer_that_would_do_nothing_is_a_mistake(entry: dict[str, Any], problem: str) -> None:
    good = {"kid": "AA==", "key": "AA=="}
    (told,) = problems(json.dumps({"version": 2, "issuers": [good, good | entry]}).encode())
    assert told.startswith(f"issuers[1] {problem}")


@pytest.mark.parametrize(
    "document",
    [
        {"version": 2, "isuers": []},
        {"version": 2, "issuers": [], "revokd": []},
        {"version": 2, "issuers": [{"kid": "AA==", "key": "AA==", "usage": ["test"]}]},
        {"version": 2, "revoked": [{"format": "hc1", "kid": "AA==", "id": ["00"]}]},
        {"version": 1, "issuers": [{"kid": "AA==", "certificate": "AA==", "until": 5}]},
    ],
)
def test_a_misspelt_member_is_a_mistake(document: dict[str, Any]) -> None:
    (told,) = problems(json.dumps(document).encode())
    assert "unknown field" in told


def test_all_mistakes_are_told_at_once_but_for_a_flood() -> None:
    bad = {"format": "hc1", "ids": ["x"] * 3}
    assert len(problems(listed(bad, {"format": "y", "kid": "AA=="}))) == 4
    *_, last = problems(listed(bad | {"ids": ["x"] * 1000}))
    assert last == "980 more mistakes like these"


@pytest.mark.parametrize(
    ("format", "usages", "signed"),
    [
        ("hc1", ["vaccination"], "valid"),
        ("hc1", ["test", "recovery"], "invalid"),
        ("shc", ["vaccination", "test"], "valid"),
        ("shc", ["test"], "invalid"),
        ("vds_nc", ["vaccination"], "valid"),
        ("vds_nc", ["test"], "invalid"),
    ],
)
def test_usages_are_those_of_the_code(format: str, usages: list[str], signed: str) -> None:
    issuers = [ISSUERS[format] | {"usages": usages}]
    assert read(format, issuers=issuers).signed == signed


def test_a_card_of_two_kinds_needs_a_signer_for_both() -> None:
    patient = {"resourceType": "Patient", "name": [{"family": "Le", "given": ["Ba"]}]}
    dose = {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "207"}]},
        "occurrenceDateTime": "2021-08-02",
    }
    test = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "94500-6"}]},
        "valueCodeableConcept": {"coding": [{"code": "260415000"}]},
        "effectiveDateTime": "2021-08-02T10:00:00Z",
    }
    nothing = {"resourceType": "Immunization", "status": "not-done"}
    for resources, usages, signed in (
        ([dose, test], ["vaccination", "test"], "valid"),
        ([dose, test], ["vaccination"], "invalid"),
        ([test], ["test"], "valid"),
        ([nothing], ["vaccination", "test"], "invalid"),
        ([nothing], [], "valid"),
    ):
        card = CARDS.wrap(CARDS.content([patient, *resources], START))
        trust = parse_trust(listed(issuers=[ISSUERS["shc"] | {"usages": usages}]))
        assert parse(card, trust).signed == signed, (resources, usages)
