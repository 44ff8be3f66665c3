"""Envelopes: the centre can open them, nobody else, and nothing can be moved or altered."""

from __future__ import annotations

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from kiosk.errors import SealError
from kiosk.model import SegmentHeader
from kiosk.seal import key_id, load_private, load_public, new_segment, open_segment

KEY = X25519PrivateKey.generate()
KEYS = {key_id(KEY.public_key()): KEY}
PLAIN = "Nguyễn Văn A".encode()


def test_the_centre_reads_what_the_kiosk_sealed() -> None:
    seal = new_segment([KEY.public_key()], "gate-1", "ab" * 8, 65)
    sealed = [seal.seal(seq, PLAIN) for seq in (65, 66)]
    assert PLAIN not in sealed[0]
    assert sealed[0] != sealed[1]
    assert len(sealed[0]) == len(PLAIN) + 16
    opened = open_segment(KEYS, seal.header)
    assert [opened.open(seq, s) for seq, s in zip((65, 66), sealed, strict=True)] == [PLAIN] * 2


def test_during_a_rotation_either_key_opens() -> None:
    new = X25519PrivateKey.generate()
    seal = new_segment([KEY.public_key(), new.public_key()], "gate-1", "ab" * 8, 1)
    sealed = seal.seal(1, PLAIN)
    for key in (KEY, new):
        assert open_segment({key_id(key.public_key()): key}, seal.header).open(1, sealed) == PLAIN


def test_no_two_segments_share_a_key() -> None:
    one, two = (new_segment([KEY.public_key()], "gate-1", "ab" * 8, 1) for _ in range(2))
    assert one.seal(1, PLAIN) != two.seal(1, PLAIN)


def test_another_key_opens_nothing_and_says_so() -> None:
    seal = new_segment([KEY.public_key()], "gate-1", "ab" * 8, 1)
    other = X25519PrivateKey.generate()
    with pytest.raises(SealError, match="no envelope for our keys"):
        open_segment({key_id(other.public_key()): other}, seal.header)
    with pytest.raises(SealError, match="was altered"):
        open_segment({key_id(KEY.public_key()): other}, seal.header)


@pytest.mark.parametrize(
    "altered",
    [
        {"device_id": "gate-2"},
        {"epoch": "cd" * 8},
        {"first_seq": 2},
        {"schema": 2},
    ],
)
def test_a_header_cannot_be_altered(altered: dict[str, object]) -> None:
    header = new_segment([KEY.public_key()], "gate-1", "ab" * 8, 1).header
    changed: SegmentHeader = msgspec.structs.replace(header, **altered)
    with pytest.raises(SealError, match="altered"):
        open_segment(KEYS, changed)


def test_a_record_cannot_be_altered_moved_or_cut() -> None:
    seal = new_segment([KEY.public_key()], "gate-1", "ab" * 8, 1)
    sealed = seal.seal(1, PLAIN)
    flipped = bytes([sealed[0] ^ 1]) + sealed[1:]
    for seq, data in ((2, sealed), (1, flipped), (1, sealed[:-1]), (1, b""), (1, b"x" * 40)):
        with pytest.raises(SealError, match="altered or belongs elsewhere"):
            seal.open(seq, data)


def test_damaged_envelopes_are_refused() -> None:
    seal = new_segment([KEY.public_key()], "gate-1", "ab" * 8, 1)
    (envelope,) = seal.header.envelopes
    for damage in (b"", b"short", envelope.sealed_key[:-1], b"\0" * 80):
        damaged = msgspec.structs.replace(envelope, sealed_key=damage)
        with pytest.raises(SealError, match="altered"):
            open_segment(KEYS, msgspec.structs.replace(seal.header, envelopes=[damaged]))


def test_without_a_recipient_nothing_is_sealed() -> None:
    with pytest.raises(SealError, match="nobody could ever read"):
        new_segment([], "gate-1", "ab" * 8, 1)


def test_keys_are_read_from_pem_and_others_refused() -> None:
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert key_id(load_public(public)) == key_id(load_private(private).public_key())
    signing = Ed25519PrivateKey.generate()
    wrong = signing.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(SealError, match="expected an X25519 public key"):
        load_public(wrong)
    for junk in (b"", b"hello", private):
        with pytest.raises(SealError, match="PEM"):
            load_public(junk)
    for junk in (b"", b"hello", public):
        with pytest.raises(SealError, match="PEM"):
            load_private(junk)
