"""kioskctl trust, and the trust lists that verify is told to use."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import date, timedelta
from pathlib import Path

import pytest
from test_ctl import NOW, PERSONAL, quickly, site
from test_ctl_judging import crowd, trust, verified

from demo.abroad import CardIssuer
from demo.issuers import Issuer

__all__ = ["crowd", "site", "trust"]  # fixtures


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"version": 1, "issu', "no whole JSON document; it may have been cut short"),
        ("", "an empty file; expected JSON"),
        ("\x89PNG\r\n", "neither JSON nor certificates; expected JSON"),
        ('{"version": 3, "issuers": []}', "version 3, this firmware reads 1 and 2"),
        ('{"version": "1"}', "Expected `int`, got `str` - at `$.version`"),
    ],
)
def test_a_trust_list_that_cannot_be_read_is_named(
    site: Path, tmp_path: Path, content: str, problem: str
) -> None:
    path = tmp_path / "list.json"
    path.write_text(content)
    done = quickly("verify", "--config", site, "--trust", path, stdin=PERSONAL)
    assert done.status == 78
    assert done.err.startswith(f"kioskctl: configuration: {path}: {problem}")
    assert "trust list: " not in done.err


def test_lists_are_made_one(site: Path, trust: Path, tmp_path: Path) -> None:
    cards = CardIssuer.new("https://cards.example")
    keys, out = tmp_path / "keys.json", tmp_path / "made.json"
    keys.write_bytes(cards.jwks())
    payload = cards.issue("Le", "Ba", date(1990, 5, 6), [date(2021, 8, 2)], NOW)
    done = quickly("trust", "import", trust, keys, keys, "--out", out)
    assert done.status == 0
    assert "shc          2 keys\n" in done.out
    assert "revoked      0 codes, 0 keys\n" in done.out
    later = (NOW + timedelta(hours=1)).isoformat()
    for lists in (["--trust", out], ["--trust", trust, "--trust", keys]):
        status, answer = verified("--config", site, *lists, "--at", later, stdin=payload)
        assert (status, answer["signature"], answer["issuer"]) == (0, "valid", cards.url)
    assert (
        len(json.loads(out.read_bytes())["issuers"])
        == len(json.loads(trust.read_bytes())["issuers"]) + 1
    )


def test_a_key_set_is_told_its_issuer(site: Path, tmp_path: Path) -> None:
    cards = CardIssuer.new("https://cards.example")
    keys, out = tmp_path / "jwks.json", tmp_path / "made.json"
    keys.write_text(json.dumps({"keys": json.loads(cards.jwks())["keys"]}))
    payload = cards.issue("Le", "Ba", date(1990, 5, 6), [date(2021, 8, 2)], NOW)
    at = (NOW + timedelta(hours=1)).isoformat()
    for url in (cards.url, f"{cards.url}/", f"{cards.url}/.well-known/jwks.json"):
        told = f"{url}={keys}"
        _, answer = verified("--config", site, "--trust", told, "--at", at, stdin=payload)
        assert (answer["signature"], answer["issuer"]) == ("valid", cards.url)
        assert quickly("trust", "import", told, "--out", out).out.startswith("shc          1 key\n")
    done = quickly("verify", "--config", site, "--trust", keys, stdin=payload)
    assert done.status == 78
    assert "does not name its issuer; give it as https://...=FILE" in done.err


def test_what_is_of_no_use_is_named_and_left_out(tmp_path: Path) -> None:
    good = Issuer.new("VN", "ES256", NOW, NOW + timedelta(days=1))
    signers, out = tmp_path / "signers.json", tmp_path / "made.json"
    entries = [
        {"kid": b64encode(kid).decode(), "rawData": b64encode(der).decode()}
        for kid, der in ((good.kid, good.certificate), (b"bad", good.certificate[:-7]))
    ]
    signers.write_text(json.dumps(entries))
    done = quickly("trust", "import", signers, "--out", out)
    assert done.status == 0
    assert done.err.startswith("left out: key of hc1, kid YmFk: cannot be read")
    assert "hc1          1 key\nleft out     1, see above\n" in done.out
    (kept,) = json.loads(out.read_bytes())["issuers"]
    assert kept["kid"] == entries[0]["kid"]

    out.unlink()
    signers.write_text(json.dumps(entries[1:]))
    empty = tmp_path / "empty.json"
    empty.write_text('{"version": 2, "issuers": []}')
    for files in ([signers], [empty], [empty, signers]):
        done = quickly("trust", "import", *files, "--out", out)
        assert done.status == 1
        assert "nothing in these files is of use; no list was written" in done.err
        assert not out.exists()


def test_a_list_that_cannot_be_read_or_written_is_named(trust: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"keys": []}')
    done = quickly("trust", "import", broken, "--out", tmp_path / "out.json")
    assert done.status == 78
    assert f"{broken}: a key set (JWKS) does not name its issuer" in done.err
    done = quickly("trust", "import", trust, "--out", tmp_path / "no/such/folder.json")
    assert done.status == 1
    assert "cannot write" in done.err
