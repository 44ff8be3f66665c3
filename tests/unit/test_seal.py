"""Envelopes: the centre can open them, nobody else, and nothing can be moved or altered."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.bindings._rust import openssl as library
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from kiosk.errors import SealError
from kiosk.model import SegmentHeader
from kiosk.seal import (
    HYBRID,
    SUITES,
    X25519,
    PrivateKey,
    SegmentOpener,
    SegmentSeal,
    load_private,
    load_public,
    new_key,
    new_segment,
    open_segment,
)

PLAIN = "Nguyễn Văn A".encode()
VECTORS = json.loads((Path(__file__).parents[1] / "reference" / "hpke.json").read_text())


@pytest.fixture(params=SUITES)
def key(request: pytest.FixtureRequest) -> PrivateKey:
    return new_key(request.param)


def segment(*recipients: PrivateKey, first_seq: int = 1) -> SegmentSeal:
    return new_segment([key.public for key in recipients], "gate-1", "ab" * 8, first_seq)


def opened(header: SegmentHeader, *keys: PrivateKey) -> SegmentOpener:
    return open_segment({key.public.kid: key for key in keys}, header)


def test_the_centre_reads_what_the_kiosk_sealed_in_any_order(key: PrivateKey) -> None:
    seal = segment(key, first_seq=65)
    sealed = {seq: seal.seal(seq, PLAIN) for seq in (65, 66, 70, 128)}
    assert PLAIN not in sealed[65]
    assert len(set(sealed.values())) == 4
    assert {len(s) for s in sealed.values()} == {len(PLAIN) + 16}
    opener = opened(seal.header, key)
    assert [opener.open(seq, s) for seq, s in reversed(sealed.items())] == [PLAIN] * 4
    assert [opener.open(seq, s) for seq, s in sealed.items()] == [PLAIN] * 4


@pytest.mark.parametrize(("old", "new"), [(X25519, X25519), (X25519, HYBRID), (HYBRID, X25519)])
def test_during_a_rotation_either_key_opens(old: str, new: str) -> None:
    keys = new_key(old), new_key(new)
    seal = segment(*keys)
    assert [envelope.suite for envelope in seal.header.envelopes] == [old, new]
    sealed = seal.seal(1, PLAIN)
    for key in keys:
        assert opened(seal.header, key).open(1, sealed) == PLAIN
    # One envelope that was damaged does not spoil the other.
    first, second = seal.header.envelopes
    broken = [msgspec.structs.replace(first, sealed_key=b"x" * 80), second]
    header = msgspec.structs.replace(seal.header, envelopes=broken)
    assert opened(header, *keys).open(1, sealed) == PLAIN


def test_no_two_segments_share_a_key(key: PrivateKey) -> None:
    assert segment(key).seal(1, PLAIN) != segment(key).seal(1, PLAIN)


def test_another_key_opens_nothing_and_says_so(key: PrivateKey) -> None:
    seal = segment(key)
    other = new_key(key.public.suite)
    with pytest.raises(SealError, match="no envelope for our keys"):
        opened(seal.header, other)
    with pytest.raises(SealError, match="was altered"):
        open_segment({key.public.kid: other}, seal.header)
    of_another_suite = new_key(HYBRID if key.public.suite == X25519 else X25519)
    with pytest.raises(SealError, match="no envelope for our keys"):
        open_segment({key.public.kid: of_another_suite}, seal.header)


@pytest.mark.parametrize(
    "altered", [{"device_id": "gate-2"}, {"epoch": "cd" * 8}, {"first_seq": 2}, {"schema": 2}]
)
def test_a_header_cannot_be_altered(key: PrivateKey, altered: dict[str, object]) -> None:
    changed: SegmentHeader = msgspec.structs.replace(segment(key).header, **altered)
    with pytest.raises(SealError, match="altered"):
        opened(changed, key)


def test_a_record_cannot_be_altered_moved_or_cut(key: PrivateKey) -> None:
    seal = segment(key)
    sealed = seal.seal(1, PLAIN)
    flipped = bytes([sealed[0] ^ 1]) + sealed[1:]
    opener = opened(seal.header, key)
    for seq, data in ((2, sealed), (1, flipped), (1, sealed[:-1]), (1, b""), (1, b"x" * 40)):
        with pytest.raises(SealError, match="altered or belongs elsewhere"):
            opener.open(seq, data)
    for nowhere in (0, -1, 2**53):
        with pytest.raises(SealError, match="altered or belongs elsewhere"):
            opener.open(nowhere, sealed)
    assert opener.open(1, sealed) == PLAIN


def test_damaged_envelopes_are_refused(key: PrivateKey) -> None:
    header = segment(key).header
    (envelope,) = header.envelopes
    for damage in (b"", b"short", envelope.sealed_key[:-1], b"\0" * 80, b"\0" * 1168):
        damaged = msgspec.structs.replace(envelope, sealed_key=damage)
        with pytest.raises(SealError, match="altered"):
            opened(msgspec.structs.replace(header, envelopes=[damaged]), key)


def test_without_a_recipient_nothing_is_sealed() -> None:
    with pytest.raises(SealError, match="nobody could ever read"):
        segment()


# What somebody gets who takes the memory of a running kiosk


def test_the_kiosk_cannot_open_what_it_has_sealed(key: PrivateKey) -> None:
    seal = segment(key)
    sealed = [seal.seal(seq, PLAIN) for seq in (1, 2, 3)]
    assert not hasattr(seal, "open")
    # All that the seal still knows, taken for the key of the segment, of any of its numbers:
    stolen = [value for value in vars(seal).values() if isinstance(value, bytes)]
    assert [len(value) for value in stolen] == [32]
    for first in range(1, 5):
        header = msgspec.structs.replace(seal.header, first_seq=first)
        for seq, data in enumerate(sealed, start=1):
            with pytest.raises(SealError):
                SegmentOpener(header, stolen[0]).open(seq, data)
    # It is the key of what comes: with it the next record opens, and it must be so.
    coming = msgspec.structs.replace(seal.header, first_seq=4)
    assert SegmentOpener(coming, stolen[0]).open(4, seal.seal(4, PLAIN)) == PLAIN


def test_a_number_is_sealed_once_and_keys_that_were_passed_are_gone(key: PrivateKey) -> None:
    seal = segment(key)
    seal.seal(5, PLAIN)
    for seq in (5, 4, 1, 0, 2000):
        with pytest.raises(SealError, match=f"record {seq} cannot be sealed; expected 6 to 1024"):
            seal.seal(seq, PLAIN)
    assert opened(seal.header, key).open(6, seal.seal(6, PLAIN)) == PLAIN


# Files


def test_keys_are_read_from_their_files(key: PrivateKey) -> None:
    again = load_private(key.pem())
    public = load_public(key.public.pem())
    assert again.public.kid == public.kid == key.public.kid
    assert again.public.suite == public.suite == key.public.suite
    assert again.raw() == key.raw()
    assert key.public.kid == load_public(b"comment\n" + key.public.pem() + b"\n").kid
    assert key.public.kid == load_public(key.public.pem().replace(b"\n", b"\r\n")).kid


def test_the_blocks_of_a_hybrid_key_have_no_order() -> None:
    key = new_key(HYBRID)
    end = b"-----END PUBLIC KEY-----\n"
    blocks = [block + end for block in key.public.pem().split(end) if block]
    assert len(blocks) == 2
    assert load_public(b"".join(reversed(blocks))).kid == key.public.kid


def test_what_is_no_key_is_refused_in_words() -> None:
    key = new_key(X25519)
    signing = Ed25519PrivateKey.generate().public_key()
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    lattice = MLKEM768PrivateKey.generate().public_key().public_bytes(*form)
    for pem, found in (
        (signing.public_bytes(*form), "Ed25519PublicKey"),
        (lattice, "MLKEM768PublicKey"),
        (key.public.pem() * 2, "X25519PublicKey, X25519PublicKey"),
        (key.public.pem() + 2 * lattice, "MLKEM768PublicKey, MLKEM768PublicKey"),
        (key.public.pem() + signing.public_bytes(*form), "X25519PublicKey, Ed25519PublicKey"),
    ):
        with pytest.raises(SealError, match=rf"expected an X25519 key.*found .*{found}"):
            load_public(pem)
    cut = key.public.pem()[:40] + b"\n-----END PUBLIC KEY-----\n"
    for junk in (b"", b"hello", key.pem(), cut):
        with pytest.raises(SealError, match="not a public key in PEM"):
            load_public(junk)
    for junk in (b"", b"hello", key.public.pem()):
        with pytest.raises(SealError, match="not an unencrypted private key in PEM"):
            load_private(junk)


@pytest.mark.parametrize("suite", SUITES)
def test_the_library_speaks_what_is_published(suite: str) -> None:
    """The vector of RFC 9180 A.2, and that of draft-ietf-hpke-pq for the same KDF and AEAD. Its
    AAD, which our envelopes leave empty, goes through the library's own door for vectors."""
    vector = {name: bytes.fromhex(value) for name, value in VECTORS[suite].items()}
    if suite == X25519:
        plain_key = X25519PrivateKey.from_private_bytes(vector["skRm"])
        key, private = PrivateKey(plain_key), plain_key
    else:  # the seed of X-Wing, draft-connolly-cfrg-xwing-kem 5.2
        seeds = hashlib.shake_256(vector["skRm"]).digest(96)
        parts = (
            MLKEM768PrivateKey.from_seed_bytes(seeds[:64]),
            X25519PrivateKey.from_private_bytes(seeds[64:]),
        )
        key, private = PrivateKey(parts[1], parts[0]), MLKEM768X25519PrivateKey(*parts)
    assert key.public.kid == hashlib.sha256(vector["pkRm"]).hexdigest()[:16]
    sealed = vector["enc"] + vector["ct"]
    opened = library.hpke._decrypt_with_aad(
        SUITES[suite], sealed, private, vector["info"], vector["aad"]
    )
    assert opened == vector["pt"]
