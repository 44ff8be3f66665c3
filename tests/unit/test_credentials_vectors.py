"""Public test data, where it lies beside the project; absent, these are skipped."""

import hashlib
import json
from base64 import b64decode
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kiosk.credentials import parse
from kiosk.credentials.lists import parse_trust
from kiosk.credentials.policy import is_valid
from kiosk.credentials.trust import TrustList
from kiosk.decode import Decoder
from kiosk.errors import CredentialError
from kiosk.model import Credential, Instant

VECTORS = Path(__file__).parents[2] / "../shared/vectors"
CASES = VECTORS / "dcc-common/expected.jsonl"

if not VECTORS.is_dir():
    pytest.skip("no public test data beside the project", allow_module_level=True)

FORMATS = {"vn_personal_qr": "vn_personal", "hcmc_venue": "place", "tkyt_venue": "place"} | {
    "leavehomesafe_venue": "place",
    "hcmc_declaration": "hcmc",
    "cccd": "cccd",
    "can_cuoc_2024": "can_cuoc_2024",
    "bhyt_old": "bhyt",
    "bhyt_new": "bhyt",
}


def cases() -> list[Any]:
    lines = CASES.read_text().splitlines() if CASES.exists() else []
    return [pytest.param(case, id=case["id"]) for case in map(json.loads, lines)]


@pytest.mark.parametrize("case", cases())
def test_dcc_conformance(case: dict[str, str]) -> None:
    der = b64decode(case["certificate"])
    trust = TrustList([(hashlib.sha256(der).digest()[:8], der)])
    seconds = datetime.fromisoformat(case["at"]).timestamp()
    now = Instant(int(seconds * 1000), "synced", "boot", 0)
    try:
        valid = is_valid(parse(case["payload"].encode(), trust), now)
    except CredentialError:
        valid = False
    assert valid == (case["expected"] == "valid"), case["why"]


def test_vaccine_passport_of_vietnam() -> None:
    payload = (VECTORS / "vaccine-passport/acc_test_payload.txt").read_bytes().strip()
    listed = json.loads((VECTORS / "vaccine-passport/vn_dsc.json").read_text())
    signers = parse_trust((VECTORS / "vaccine-passport/vn_dsc.json").read_bytes())
    assert len(signers) == len(listed) > 0
    published = parse_trust((VECTORS / "trust/dsc-test.json").read_bytes())
    for trust in (signers, published):
        found = parse(payload, trust)
        assert (found.signed, found.issuer) == ("valid", "VN")
        assert found.subject.startswith("name:")


@pytest.mark.timeout(300)
def test_certificates_of_many_countries() -> None:
    """Each signature is valid, whether or not its time is over."""
    trust = parse_trust((VECTORS / "trust/dsc-test.json").read_bytes())
    decoder = Decoder()
    seen = set()
    for path in sorted((VECTORS / "dcc-qa").rglob("*.png")):
        with Image.open(path) as picture:
            symbols = decoder.picture(np.asarray(picture.convert("L")))
        assert symbols, path.name
        for symbol in symbols:
            found = parse(symbol.payload, trust)
            assert (found.format, found.signed) == ("hc1", "valid"), path.name
            (event,) = found.events
            assert event.kind == found.claims["kind"]
            seen.add((found.issuer, event.kind))
    decoder.close()
    assert len({issuer for issuer, _ in seen}) > 5
    assert {kind for _, kind in seen} == {"vaccination", "test", "recovery"}
    assert ("VN", "vaccination") in seen


def test_published_signer_lists() -> None:
    for name, count in (("production", 829), ("test", 610)):
        assert len(parse_trust((VECTORS / f"trust/dsc-{name}.json").read_bytes())) == count


def test_vietnamese_codes() -> None:
    seen = set()
    for case in json.loads((VECTORS / "vietnam/payloads.json").read_text()):
        found: Credential = parse(case["payload"].encode(), TrustList())
        assert found.format == FORMATS[case["kind"]], case["kind"]
        seen.add(found.format)
        expected = case.get("expect", {})
        for ours, theirs in {"name": "name", "birth": "dob", "qid": "qid"}.items():
            if theirs in expected:
                assert found.claims[ours] == expected[theirs]
    assert seen == set(FORMATS.values())


def test_the_two_health_insurance_cards() -> None:
    cards = json.loads((VECTORS / "vietnam/payloads.json").read_text())
    old, new = (
        parse(case["payload"].encode(), TrustList())
        for case in cards
        if case["kind"].startswith("bhyt")
    )
    assert old.claims == {
        "name": "Vũ Minh Em",
        "birth": "2015-09-07",
        "sex": "male",
        "document": "",
        "health_insurance": "HS4010000000001",
        "address": "Phường Nghĩa Đô, Quận Cầu Giấy, Thành phố Hà Nội",
        "facility": "01 - 028",
        "insured_from": "2021-01-24",
        "insured_until": "",
        "issued": "2021-01-24",
        "guardian": "Vũ Văn Cha",
    }
    assert old.subject == "vn-bhyt:0000000001"
    assert (new.subject, new.claims["name"]) == ("vn-bhyt:0100000001", "Ngô Thị Giang")
    assert (new.claims["sex"], new.claims["address"]) == ("female", "")


def test_smart_health_cards() -> None:
    keys = json.loads((VECTORS / "shc/jwks.json").read_text())
    keys["issuer"] = "https://spec.smarthealth.cards/examples/issuer"
    trust = parse_trust(json.dumps(keys).encode())
    for number, rid in (("00", "MKyCxh7p6uQ"), ("01", "")):
        name = f"shc/example-{number}-f-qr-code-numeric-value-0.txt"
        payload = (VECTORS / name).read_bytes().strip()
        found = parse(payload, trust)
        assert (found.signed, found.claims["certificate_id"]) == ("valid", rid)
        assert found.subject == "name:ANYPERSON<JOHN<B:1951-01-20"
        assert [(e.kind, e.date, e.product) for e in found.events] == [
            ("vaccination", "2021-01-01", "moderna"),
            ("vaccination", "2021-01-29", "moderna"),
            ("vaccination", "2022-09-05", "moderna"),
        ]
        assert parse(payload, TrustList()).signed == "unknown-key"
        bare = (VECTORS / f"shc/example-{number}-d-jws.txt").read_bytes()
        assert parse(bare, trust) == found


def test_new_zealand_passes() -> None:
    trust = parse_trust((VECTORS / "nzcp/valid/did.json").read_bytes())
    valid = (VECTORS / "nzcp/valid/nzcp.txt").read_bytes().strip()
    found = parse(valid, trust)
    assert (found.format, found.signed, found.events) == ("nzcp", "valid", ())
    assert found.subject == "name:SPARROW<JACK:1960-04-16"
    assert found.issuer == "did:web:nzcp.covid19.health.nz"
    assert parse(valid, TrustList()).signed == "unknown-key"
    for name, signed in (
        ("modified-payload", "invalid"),
        ("modified-sig", "invalid"),
        ("not-associated-public-key", "unknown-key"),  # of a kid that the issuer has not
    ):
        payload = (VECTORS / f"nzcp/invalid/nzcp-{name}.txt").read_bytes().strip()
        assert parse(payload, trust).signed == signed, name


def test_visible_digital_seals() -> None:
    valid, altered = ((VECTORS / f"vds-nc/apo_app_{number}.json").read_bytes() for number in (1, 2))
    certificate = json.loads(valid)["sig"]["cer"].replace("-", "+").replace("_", "/")
    trust = parse_trust(certificate.encode())
    found = parse(valid, trust)
    assert (found.format, found.signed, found.issuer) == ("vds_nc", "valid", "AUS")
    assert found.subject == "passport:PF0911009:1977-05-16"
    assert found.claims["standard_name"] == "CITIZEN<<JANE<CATHERINE"
    assert [(e.date, e.product, e.dose) for e in found.events] == [
        ("2021-06-13", "pfizer", 1),
        ("2021-07-01", "pfizer", 2),
    ]
    assert parse(valid, TrustList()).signed == "unknown-key"
    for anybody in (trust, TrustList()):
        assert parse(altered, anybody).signed == "invalid"
