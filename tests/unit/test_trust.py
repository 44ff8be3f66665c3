import json
from base64 import b64encode
from datetime import UTC, datetime

import pytest

from demo.issuers import Issuer, trust_json
from kiosk.credentials.trust import parse_trust
from kiosk.errors import ConfigError

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
ES = Issuer.new("VN", "ES256", START, END)
PS = Issuer.new("VN", "PS256", START, END)


def published(**more: str) -> bytes:
    entry = {
        "kid": b64encode(ES.kid).decode(),
        "rawData": b64encode(ES.certificate).decode(),
        "country": "VN",
    }
    return json.dumps({"certificates": [entry | more]}).encode()


def test_our_own_list() -> None:
    trust = parse_trust(trust_json([ES, PS]))
    assert len(trust) == 2
    (signer,) = trust.signers(PS.kid)
    assert signer.valid_from == START.timestamp()
    assert signer.valid_until == END.timestamp() + 1
    assert signer.usages == frozenset()
    assert trust.signers(b"somebody") == ()


@pytest.mark.parametrize("before", [b"", b"MEUCIQDcKfEfgzhcw==\n", b"MEUC\r\n"])
def test_the_published_list_with_and_without_its_signature_line(before: bytes) -> None:
    trust = parse_trust(before + published(certificateType="DSC"))
    assert len(trust.signers(ES.kid)) == 1


def test_an_authority_is_not_a_signer() -> None:
    assert len(parse_trust(published(certificateType="CSCA"))) == 0


def test_an_empty_list_trusts_nobody() -> None:
    assert len(parse_trust(trust_json([]))) == 0


def test_a_signer_is_loaded_once() -> None:
    trust = parse_trust(trust_json([ES]))
    assert trust.signers(ES.kid) is trust.signers(ES.kid)


def test_of_two_with_one_kid_the_one_valid_longest_comes_first() -> None:
    longer = Issuer.new("VN", "ES256", START, datetime(2029, 1, 1, tzinfo=UTC))
    entries = [
        {"kid": b64encode(b"k").decode(), "certificate": b64encode(i.certificate).decode()}
        for i in (ES, longer)
    ]
    trust = parse_trust(json.dumps({"version": 1, "issuers": entries}).encode())
    first, second = trust.signers(b"k")
    assert first.valid_until > second.valid_until


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "expected JSON"),
        (b"no line break", "expected JSON"),
        (b"{", "expected JSON"),
        (b"[]", "expected JSON"),
        (b"{}", "neither issuers nor certificates"),
        (b'{"issuers": []}', "version None"),
        (b'{"version": 2, "issuers": []}', "version 2"),
        (b'{"version": "1", "issuers": []}', "version"),
        (b'{"version": 1, "issuers": [{}]}', "kid"),
        (b'{"version": 1, "issuers": [{"kid": "!", "certificate": ""}]}', "base64"),
        (b'{"certificates": [{"kid": "AA=="}]}', "rawData"),
        (b'{"certificates": "\xff"}', "trust list"),
        (b"[" * 100_000, "trust list"),
        (b'{"a":' * 100_000, "trust list"),
    ],
)
def test_broken_lists_are_named(data: bytes, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        parse_trust(data)
    assert all(p.startswith("trust list:") for p in caught.value.problems)
