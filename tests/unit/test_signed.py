"""Signed documents: what is signed, and what is refused in which words."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tracemalloc
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.errors import DocumentError
from kiosk.signed import KINDS, Kind, key_id, keys_by_id, load_public, open_signed, sign, take

FLEET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NEXT = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEYS = keys_by_id([FLEET.public_key()])
POLICY = "# Luật của cửa\n[accept]\n".encode()


def pem(key: Ed25519PrivateKey | X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def refused(data: bytes, *words: str, kind: Kind = "policy", at_least: int = 0) -> None:
    with pytest.raises(DocumentError) as caught:
        open_signed(data, kind, KEYS, at_least)
    assert all(word in str(caught.value) for word in words), caught.value


@given(st.sampled_from(KINDS), st.integers(1, 2**53), st.binary(max_size=5000))
def test_what_was_signed_is_what_is_opened(kind: Kind, version: int, content: bytes) -> None:
    opened = open_signed(sign(FLEET, kind, version, content), kind, KEYS)
    assert opened.version == version
    assert bytes(opened.content) == content


@settings(max_examples=1000)
@given(st.data(), st.binary(max_size=300))
def test_no_byte_can_be_changed_added_or_left_out(data: st.DataObject, content: bytes) -> None:
    document = sign(FLEET, "policy", 7, content)
    at = data.draw(st.integers(0, len(document) - 1))
    change = data.draw(
        st.sampled_from(
            [
                document[:at] + bytes([document[at] ^ data.draw(st.integers(1, 255))]),
                document[:at],
                document[:at] + data.draw(st.binary(min_size=1, max_size=3)) + document[at:],
            ]
        )
    )
    altered = change + document[at + 1 :] if len(change) == at + 1 else change
    if altered == document:
        return
    with pytest.raises(DocumentError):
        open_signed(altered, "policy", KEYS)


@pytest.mark.parametrize("bit", range(8))
def test_each_bit_of_a_document_counts(bit: int) -> None:
    document = sign(FLEET, "policy", 7, POLICY)
    for at in range(len(document)):
        altered = bytearray(document)
        altered[at] ^= 1 << bit
        with pytest.raises(DocumentError):
            open_signed(bytes(altered), "policy", KEYS)


def test_one_header_does_not_fit_another_content_or_signature() -> None:
    one, other = sign(FLEET, "policy", 1, b"one\n"), sign(FLEET, "policy", 2, b"two\n")
    first, second = one.split(b"\n", 2), other.split(b"\n", 2)
    for mixed in (
        [first[0], first[1], second[2]],
        [first[0], second[1], first[2]],
        [second[0], first[1], first[2]],
    ):
        refused(b"\n".join(mixed), "altered", "fetch it anew")


def test_every_refusal_says_what_was_found_and_what_to_do() -> None:
    document = sign(FLEET, "policy", 7, POLICY)
    refused(POLICY, "not signed", "provisioning.authority sign")
    refused(b"", "not signed")
    stranger = sign(NEXT, "policy", 7, POLICY)
    refused(stranger, key_id(NEXT.public_key()), key_id(FLEET.public_key()), "another fleet's")
    refused(document, "kind policy, expected trust", "mixed up", kind="trust")
    refused(document, "version 7", "version 8", "fetch the newest", at_least=8)
    refused(document[:-1], "cut short")
    refused(document.replace(b'document":1', b'document":2'), "format 2", "update the firmware")
    assert open_signed(document, "policy", KEYS, at_least=7).version == 7


def test_a_strangers_header_under_a_known_name_is_refused() -> None:
    stranger = sign(NEXT, "policy", 7, POLICY)
    names = (key_id(NEXT.public_key()).encode(), key_id(FLEET.public_key()).encode())
    refused(stranger.replace(*names), "altered")


def test_any_of_several_keys_may_sign() -> None:
    both = keys_by_id([FLEET.public_key(), NEXT.public_key()])
    for key in (FLEET, NEXT):
        assert open_signed(sign(key, "trust", 1, b"x"), "trust", both).content == b"x"


def test_without_keys_only_what_claims_no_signature_is_taken() -> None:
    assert take(POLICY, "policy", {}) == (0, POLICY)
    with pytest.raises(DocumentError, match=r"judge\.fleet_keys"):
        take(sign(FLEET, "policy", 7, POLICY), "policy", {})
    assert take(sign(FLEET, "policy", 7, POLICY), "policy", KEYS) == (7, POLICY)
    with pytest.raises(DocumentError, match="not signed"):
        take(POLICY, "policy", KEYS)


def test_keys_come_from_pem_and_other_keys_are_named() -> None:
    assert load_public(pem(FLEET)) == FLEET.public_key()
    with pytest.raises(DocumentError, match="X25519"):
        load_public(pem(X25519PrivateKey.generate()))
    with pytest.raises(DocumentError, match="not a public key"):
        load_public(b"nonsense")


def test_sixteen_megabytes_are_opened_without_a_copy() -> None:
    document = sign(FLEET, "risk", 1, bytes(16 * 2**20))
    tracemalloc.start()
    opened = open_signed(document, "risk", KEYS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(opened.content) == 16 * 2**20
    assert peak < 2**20


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_anybody_can_check_a_document_with_common_tools(tmp_path: Path) -> None:
    line, signature, content = sign(FLEET, "policy", 7, POLICY).split(b"\n", 2)
    (tmp_path / "key.pem").write_bytes(pem(FLEET))
    (tmp_path / "line").write_bytes(line + b"\n")
    (tmp_path / "signature").write_bytes(base64.b16decode(signature.upper()))
    verify = "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in line -sigfile signature"
    subprocess.run(verify.split(), cwd=tmp_path, check=True, capture_output=True)
    assert json.loads(line)["sha512"] == hashlib.sha512(content).hexdigest()
    assert content == POLICY
