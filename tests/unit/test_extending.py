"""The format that docs/extending.md shows is one: it is taken from there and tried."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk import credentials
from kiosk.credentials import base45, parse
from kiosk.credentials.formats import FORMATS, SIGNED, Signed
from kiosk.credentials.lists import parse_trust
from kiosk.credentials.trust import TrustList
from kiosk.errors import ConfigError, CredentialError

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
SOURCE, LIST = (
    re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    for kind in ("python", "json")
)
(CARD,) = re.findall("^LIB1:.*$", PAGE, re.MULTILINE)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KID = bytes.fromhex("56475aa7")


@pytest.fixture(autouse=True)
def library_card(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    module = ModuleType("library_card")
    exec(compile(SOURCE[0], "docs/extending.md", "exec"), module.__dict__)
    assert isinstance(module, Signed)
    monkeypatch.setattr(credentials, "FORMATS", (module, *FORMATS))
    monkeypatch.setitem(SIGNED, "library_card", module)
    return module


def trust() -> TrustList:
    return parse_trust(LIST[0].encode())


def card(*members: object, key: Ed25519PrivateKey = KEY) -> bytes:
    body = cbor2.dumps(members)
    return b"LIB1:" + base45.encode(key.sign(b"LIB1:" + body) + body)


def test_the_card_on_the_page_is_good() -> None:
    found = parse(CARD.encode(), trust())
    assert (found.format, found.signed, found.revoked) == ("library_card", "valid", False)
    assert (found.issuer, found.display) == ("Example City", "L. Ba")
    assert found.subject == "library-card:56475aa7:7"
    assert found == parse(card(KID, 7, "Lê Ba"), trust())


def test_the_list_on_the_page_revokes_a_card() -> None:
    assert parse(card(KID, 9, "Lê Ba"), trust()).revoked
    bad = json.loads(LIST[0])
    bad["revoked"][0]["ids"] = ["9a"]
    with pytest.raises(ConfigError, match="not the number of a card"):
        parse_trust(json.dumps(bad).encode())


def test_strangers_and_forgers_are_told() -> None:
    stranger = Ed25519PrivateKey.generate()
    assert parse(card(KID, 7, "Lê Ba", key=stranger), trust()).signed == "invalid"
    other = parse(card(b"else", 7, "Lê Ba", key=stranger), trust())
    assert (other.signed, other.subject) == ("unknown-key", "library-card:656c7365:7")


@pytest.mark.parametrize(
    "members",
    [(KID, True, "A"), (KID, -1, "A"), (KID, 10**9, "A"), (KID, 7, ""), (KID, 7), ("k", 7, "A")],
)
def test_what_is_no_card_is_refused(members: tuple[object, ...]) -> None:
    with pytest.raises(CredentialError):
        parse(card(*members), trust())


def test_it_is_written_as_the_project_wants_it(tmp_path: Path) -> None:
    path = "kiosk/credentials/formats/library_card.py"
    for words in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--stdin-filename", path, "-"],
            input=SOURCE[0].encode(),
            capture_output=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode()
