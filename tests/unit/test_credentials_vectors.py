"""Public test data, where it lies beside the project; absent, these are skipped."""

import hashlib
import json
from base64 import b64decode
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kiosk.credentials import parse
from kiosk.credentials.policy import is_valid
from kiosk.credentials.trust import TrustList, parse_trust
from kiosk.errors import CredentialError
from kiosk.model import Credential, Instant

VECTORS = Path(__file__).parents[2] / "../shared/vectors"
CASES = VECTORS / "dcc-common/expected.jsonl"

if not VECTORS.is_dir():
    pytest.skip("no public test data beside the project", allow_module_level=True)

FORMATS = {"vn_personal_qr": "vn_personal", "hcmc_venue": "place", "tkyt_venue": "place"} | {
    "leavehomesafe_venue": "place",
    "cccd": "cccd",
    "can_cuoc_2024": "can_cuoc_2024",
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
    signers = TrustList((b64decode(c["kid"]), b64decode(c["rawData_b64_der"])) for c in listed)
    published = parse_trust((VECTORS / "trust/dsc-test.json").read_bytes())
    for trust in (signers, published):
        found = parse(payload, trust)
        assert (found.signed, found.issuer) == ("valid", "VN")
        assert found.subject.startswith("name:")


def test_published_signer_lists() -> None:
    for name, count in (("production", 829), ("test", 610)):
        assert len(parse_trust((VECTORS / f"trust/dsc-{name}.json").read_bytes())) == count


def test_vietnamese_codes() -> None:
    seen = set()
    for case in json.loads((VECTORS / "vietnam/payloads.json").read_text()):
        found: Credential = parse(case["payload"].encode(), TrustList())
        assert found.format == FORMATS.get(case["kind"], "unknown"), case["note"]
        seen.add(found.format)
        expected = case.get("expect", {})
        for ours, theirs in {"name": "name", "birth": "dob", "qid": "qid"}.items():
            if theirs in expected:
                assert found.claims[ours] == expected[theirs]
    assert seen == {*FORMATS.values(), "unknown"}
