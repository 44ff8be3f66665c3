"""What an operator may publish, and what kiosks are given of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from wanting import FLEET, KEYS, STRANGER, document

from central.fleet.documents import Documents, announcement, stamp
from kiosk import signed, wire
from kiosk.errors import ConfigError

TRUST = b'{"version": 2, "issuers": []}' + b" " * 100_000


@pytest.fixture
def documents(tmp_path: Path) -> Documents:
    return Documents(tmp_path / "documents")


def of(version: int, content: bytes = TRUST) -> bytes:
    return signed.sign(FLEET, "trust", version, content)


def test_what_is_put_there_is_announced_and_given_in_parts(documents: Documents) -> None:
    header = documents.put(of(3), KEYS)
    assert (header.kind, header.version, header.bytes) == ("trust", 3, len(TRUST))
    ((topic, file),) = documents.announcements()
    assert topic == "kiosk/1/_all/down/trust"
    assert announcement(file) == b"".join(of(3).splitlines(keepends=True)[:2])
    got = b""
    while len(got) < len(TRUST):
        request = wire.DocumentRequest(kind="trust", version=3, offset=len(got), bytes=30_000)
        part = documents.part(request)
        assert 0 < len(part) <= 30_000
        got += part
    assert got == TRUST
    assert documents.part(wire.DocumentRequest(kind="trust", version=2, offset=0, bytes=9)) == b""
    assert documents.part(wire.DocumentRequest(kind="risk", version=3, offset=0, bytes=9)) == b""


def test_a_configuration_goes_to_its_kiosk_as_a_whole(documents: Documents) -> None:
    signed_for_it = document(2, "[panel]\nanswer_s = 7")
    documents.put(signed_for_it, kid="gate-1")
    ((topic, file),) = documents.announcements()
    assert topic == "kiosk/1/gate-1/down/cfg"
    assert announcement(file) == signed_for_it
    before = stamp(file)
    documents.put(document(3, "[panel]\nanswer_s = 8"), kid="gate-1")
    assert stamp(file) != before


REFUSED = {
    "unsigned": (TRUST, "", "it is not signed"),
    "cut short": (of(9)[:-1], "", "is it cut short?"),
    "altered": (of(9)[:-1] + b"x", "", "not what was signed"),
    "older": (of(2), "", "cần phiên bản cao hơn"),
    "the same version with other content": (of(3, b"{}"), "", "a higher one is needed"),
    "a configuration for all": (document(9), "", "expected policy or trust or risk"),
    "a list for one": (of(9), "gate-1", "it is a trust, expected config"),
    "another kiosk's": (document(9, kid="gate-2"), "gate-1", "it is for gate-2, not for gate-1"),
    "a wrong one": (document(9, "[panel]\nanswer = 1"), "gate-1", "did you mean panel.answer_s?"),
    "too long": (document(9, "#" * 70_000), "gate-1", "at most 65536"),
}


@pytest.mark.parametrize("which", REFUSED)
def test_what_no_kiosk_would_take_is_not_published(documents: Documents, which: str) -> None:
    documents.put(of(3))
    wrong, kid, why = REFUSED[which]
    with pytest.raises(ConfigError) as caught:
        documents.put(wrong, kid=kid)
    assert why in str(caught.value)
    assert [file.read_bytes() for _, file in documents.announcements()] == [of(3)]
    documents.put(of(3))  # the same again is no mistake


def test_the_signature_is_checked_where_a_key_is_given(documents: Documents) -> None:
    by_a_stranger = signed.sign(STRANGER, "trust", 4, TRUST)
    with pytest.raises(ConfigError, match="is it another fleet's"):
        documents.put(by_a_stranger, KEYS)
    assert list(documents.announcements()) == []


def test_what_is_no_kiosks_name_is_not_announced(documents: Documents) -> None:
    documents.put(document(2), kid="gate-1")
    folder = documents.of_one("gate-1").parent
    for name in ("_all.signed", "a b.signed", "x.new", ".signed"):
        (folder / name).write_bytes(document(2))
    assert [topic for topic, _ in documents.announcements()] == ["kiosk/1/gate-1/down/cfg"]
