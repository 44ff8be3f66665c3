"""kioskctl and the risk list: a hit can be tried on a desk, and lines of a list made of codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from test_credentials_door_pass import KEY as SCHOOL
from test_credentials_door_pass import PASS as UNSIGNED
from test_ctl import PERSONAL, quickly, site

from kiosk import signed
from kiosk.config import DEFAULTS
from kiosk.credentials.formats.door_pass import encode, key_id
from kiosk.credentials.risk import build, write_key

__all__ = ["site"]  # a fixture

KEY = bytes(range(32))
LISTED, FOLLOWED = PERSONAL, b"001093029318|TRAN VAN B|1990-01-18|0||"
CLEAR, NOBODY = b"001093029319|LE VAN C|1990-01-18|0||", b"******000009|LE VAN C|1990-**-**|0||"
PASS = encode(UNSIGNED, SCHOOL)


@pytest.fixture
def rules(site: Path, tmp_path: Path) -> list[object]:
    """Words that name a list, with the key that it was made with."""
    who = quickly("verify", "--subject", stdin=LISTED).out.split()
    content = build(who, ["vn-id:001093029318"], KEY, 1)
    (tmp_path / "risk.list").write_bytes(content)
    (tmp_path / "risk.key").write_bytes(write_key(KEY))
    return [
        *("--config", site),
        *("--risk", tmp_path / "risk.list", "--risk-key", tmp_path / "risk.key"),
    ]


@pytest.mark.parametrize(
    ("payload", "risk", "reason"),
    [
        (LISTED, "quarantine", "at-risk"),
        (FOLLOWED, "follow-up", "at-risk"),
        (CLEAR, "clear", "accepted"),
        (NOBODY, "not-checked", "accepted"),
        (b"HC1:broken", "not-checked", "malformed"),
    ],
)
def test_verify_asks_the_list(rules: list[object], payload: bytes, risk: str, reason: str) -> None:
    told = json.loads(quickly("verify", "--json", *rules, stdin=payload).out)
    assert (told["risk"], told["reason"]) == (risk, reason)
    assert f"risk         {risk}\n" in quickly("verify", *rules, stdin=payload).out
    line = json.dumps({"id": 1, "payload": payload.decode()}).encode()
    assert json.loads(quickly("verify", "--lines", *rules, stdin=line).out)["risk"] == risk


def test_explain_tells_what_the_list_says(rules: list[object]) -> None:
    words = ("policy", "explain", "--json", *rules)
    told = json.loads(quickly(*words, stdin=LISTED).out)
    assert told["reason"] == "at-risk"
    (finding,) = [f for f in told["findings"] if f["rule"] == "risk list"]
    assert finding["reason"] == "at-risk"
    assert "quarantine" not in told["panel"]["en"]


def test_scan_asks_the_list(rules: list[object], tmp_path: Path) -> None:
    picture = tmp_path / "code.png"
    segno.make(LISTED).save(str(picture), scale=5)
    assert "at-risk, N. V. A, risk quarantine\n" in quickly("scan", *rules, picture).out
    assert json.loads(quickly("scan", "--json", *rules, picture).out)["risk"] == "quarantine"


def test_a_signed_list_is_asked_where_the_fleets_key_is_known(
    rules: list[object], tmp_path: Path, site: Path
) -> None:
    content = (tmp_path / "risk.list").read_bytes()
    fleet = Ed25519PrivateKey.generate()
    (tmp_path / "risk.list").write_bytes(signed.sign(fleet, "risk", 3, content))
    assert "there is no key to check it with" in quickly("verify", *rules, stdin=LISTED).err
    public = fleet.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "fleet.pub").write_bytes(public)
    site.write_text(site.read_text() + '[judge]\nfleet_keys = ["fleet.pub"]\n')
    words = ("verify", "--json", *rules, "--policy", DEFAULTS.with_name("policy.toml"))
    assert json.loads(quickly(*words, stdin=LISTED).out)["risk"] == "quarantine"


def test_without_its_key_nobody_is_checked_and_another_key_is_refused(
    rules: list[object], tmp_path: Path, site: Path
) -> None:
    *without, _, _ = rules
    told = json.loads(quickly("verify", "--json", *without, stdin=LISTED).out)
    assert (told["risk"], told["reason"]) == ("not-checked", "accepted")

    (tmp_path / "risk.key").write_bytes(write_key(bytes(32)))
    done = quickly("verify", *rules, stdin=LISTED)
    assert done.status == 78
    assert "was made with key" in done.err
    assert KEY.hex() not in done.err + done.out

    (tmp_path / "risk.key").write_bytes(b"no key")
    assert "not the key of a risk list" in quickly("verify", *rules, stdin=LISTED).err
    (tmp_path / "risk.key").unlink()
    assert "cannot read" in quickly("verify", *rules, stdin=LISTED).err
    (tmp_path / "risk.list").write_bytes(b"no list")
    assert "risk.list: " in quickly("verify", *rules, stdin=LISTED).err
    alone = quickly("verify", "--config", site, "--risk-key", site, stdin=LISTED)
    assert "name that with --risk" in alone.err


def test_without_a_list_nothing_is_said_of_it(site: Path) -> None:
    assert "risk" not in json.loads(quickly("verify", "--json", "--config", site, stdin=LISTED).out)


def test_the_keys_of_a_code_are_printed_on_demand() -> None:
    done = quickly("verify", "--subject", stdin=LISTED + b"\n")
    assert (done.status, done.out) == (0, "vn-id:001093029317\nvn-qid:162979388586171100\n")
    kid = key_id(SCHOOL.public_key()).hex()
    assert quickly("verify", "--subject", stdin=PASS).out == (
        f"door-pass:{kid}:48151\nname:NGUYEN<THI<NGOC<ANH:2012-03-04\n"
    )
    for payload in (NOBODY, b"HC1:broken", b"https://example.org/"):
        done = quickly("verify", "--subject", stdin=payload)
        assert (done.status, done.out) == (1, "")
        assert done.err


def test_verify_and_scan_tell_the_number_of_a_pass(site: Path, tmp_path: Path) -> None:
    assert "number       48151\n" in quickly("verify", "--config", site, stdin=PASS).out
    told = json.loads(quickly("verify", "--json", "--config", site, stdin=PASS).out)
    assert told["number"] == "48151"
    segno.make(PASS.decode()).save(str(tmp_path / "pass.png"), scale=5)
    assert (
        ", N. T. N. Ánh, no. 48151\n"
        in quickly("scan", "--config", site, tmp_path / "pass.png").out
    )
