"""Documents for all kiosks on their way: whatever a centre, a line or a card may do to them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wanting import FLEET, KEYS, STRANGER, Card

from kiosk import signed, wire
from kiosk.config import load
from kiosk.desired import DocumentKind
from kiosk.documents import newest
from kiosk.errors import WireError
from kiosk.uplink import fetching
from kiosk.uplink.fetching import (
    AGAIN_S,
    ANSWER_S,
    CHECK_AGAIN_S,
    FIRST_PART,
    SMALLEST_PART,
    Fetching,
)
from kiosk.uplink.memory import Memory

POLICY = (Path(__file__).parents[2] / "config/policy.toml").read_bytes()
TRUST = b'{"version": 2, "issuers": [], "revoked": []}'


def trust(size: int) -> bytes:
    """A trust list of so many bytes."""
    return TRUST + b" " * (size - len(TRUST))


class Centre:
    """Serves one document over a line that we hold."""

    def __init__(self, card: Card, kind: DocumentKind = "trust", spread_s: float = 0.0) -> None:
        self.card, self.kind = card, kind
        self.spread_s = spread_s
        self.at = 1000.0
        self.asked: list[wire.DocumentRequest] = []
        self.takes_s = 0.1
        self.document = b""
        self.start()

    def start(self) -> None:
        """The uplink begins, or begins anew."""
        source = newest(load(self.card.paths), self.kind, KEYS)
        self.fetching = Fetching(self.kind, source, KEYS, Memory(self.card.files), self.spread_s)
        if self.document:
            self.announce(self.document)

    def announce(self, document: bytes) -> None:
        self.document = document
        lines = b"".join(document.splitlines(keepends=True)[:2])
        self.fetching.announced(lines, self.at)

    def ask(self, request: wire.DocumentRequest) -> bool:
        self.asked.append(request)
        return True

    def turn(self, seconds: float = 0.1) -> wire.DocumentRequest | None:
        """What is asked for in this turn."""
        self.at += seconds
        before = len(self.asked)
        self.fetching.turn(self.at, self.ask)
        return self.asked[-1] if len(self.asked) > before else None

    def give(self, request: wire.DocumentRequest, data: bytes | None = None) -> None:
        self.at += self.takes_s
        content = self.document.split(b"\n", 2)[2]
        if data is None:
            data = content[request.offset : request.offset + request.bytes]
        part = wire.Part(request.kind, request.version, request.offset)
        self.fetching.part(part, data, self.at)

    def serve(self, turns: int = 500) -> None:
        """Until nothing is asked for any more."""
        for _ in range(turns):
            request = self.turn()
            if request is not None:
                self.give(request)
            elif not self.checking:
                return
            else:
                time.sleep(0.02)

    @property
    def checking(self) -> bool:
        return self.fetching._check is not None

    @property
    def here(self) -> bytes | None:
        file = self.card.files.document(self.kind)
        return file.read_bytes() if file.exists() else None


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(Card(tmp_path))


def of(version: int, content: bytes = TRUST) -> bytes:
    return signed.sign(FLEET, "trust", version, content)


def test_a_document_comes_in_parts_and_is_in_place_as_a_whole(centre: Centre) -> None:
    document = of(3, trust(300_000))
    centre.announce(document)
    centre.serve()
    assert centre.here == document
    assert centre.card.files.document("trust").stat().st_mode & 0o777 == 0o644
    assert not centre.card.files.part("trust").exists()
    assert [r.offset for r in centre.asked] == sorted({r.offset for r in centre.asked})
    assert sum(r.bytes for r in centre.asked) == 300_000
    assert max(r.bytes for r in centre.asked) == wire.MAX_PART_BYTES
    assert centre.fetching.trouble == ""
    assert centre.card.files.read_state().at_least("trust") == 3


def test_on_a_slow_line_parts_are_small_so_that_check_ins_pass(centre: Centre) -> None:
    centre.announce(of(3, trust(60_000)))
    for _ in range(12):
        request = centre.turn()
        assert request is not None
        centre.takes_s = request.bytes / 1000  # 1 kB/s
        centre.give(request)
    assert all(request.bytes <= FIRST_PART for request in centre.asked)
    assert SMALLEST_PART <= centre.asked[-1].bytes <= FIRST_PART


def test_it_goes_on_where_it_was_after_a_break_and_after_a_restart(centre: Centre) -> None:
    centre.announce(of(3, trust(100_000)))
    for _ in range(3):
        request = centre.turn()
        assert request is not None
        centre.give(request)
    lost = centre.turn()
    assert lost is not None
    centre.fetching.connected(centre.at)  # what was asked for will not come
    again = centre.turn()
    assert again is not None
    assert again.offset == lost.offset
    centre.start()
    after = centre.turn()
    assert after is not None
    assert after.offset == lost.offset
    assert lost.offset > 0
    centre.give(after)
    centre.serve()
    assert centre.here == centre.document


def test_no_answer_is_waited_for_longer_and_longer_and_then_asked_again(centre: Centre) -> None:
    centre.announce(of(3))
    assert centre.turn() is not None
    assert centre.turn(ANSWER_S - 1) is None
    assert centre.turn(2) is not None
    assert centre.turn(ANSWER_S + 1) is None
    assert centre.turn(ANSWER_S) is not None


def test_a_fleet_does_not_ask_at_once(tmp_path: Path) -> None:
    waits = []
    for number in range(30):
        (tmp_path / str(number)).mkdir()
        centre = Centre(Card(tmp_path / str(number)), spread_s=60)
        centre.announce(of(3))
        while centre.turn(1) is None:
            assert centre.at < 1061
        waits.append(centre.at - 1000)
    assert max(waits) - min(waits) > 20


REFUSED = {
    "a stranger's": (signed.sign(STRANGER, "trust", 5, TRUST), "is it another fleet's"),
    "another kind": (signed.sign(FLEET, "policy", 5, TRUST), "are two files mixed up?"),
    "unsigned": (TRUST, "it is not signed"),
    "older": (of(2), "older than version 4"),
    "the same version with other content": (of(4, TRUST + b" "), "other content before"),
    "binary": (bytes(range(256)), "it is not signed"),
}


@pytest.mark.parametrize("which", REFUSED)
def test_what_is_announced_wrongly_is_never_asked_for(centre: Centre, which: str) -> None:
    centre.announce(of(4))
    centre.serve()
    here, asked = centre.here, len(centre.asked)
    document, why = REFUSED[which]
    centre.announce(document)
    for _ in range(10):
        centre.turn(1000)
    assert why in centre.fetching.trouble
    assert (centre.here, len(centre.asked)) == (here, asked)
    centre.announce(of(6))
    assert centre.fetching.trouble == ""
    centre.serve()
    assert centre.here == centre.document


def test_one_that_is_too_long_is_never_asked_for(centre: Centre) -> None:
    line = b'{"kiosk-document":1,"kind":"trust","version":9,"key":"%s","bytes":%d,"sha512":"00"}\n'
    line %= (next(iter(KEYS)).encode(), wire.MAX_DOCUMENT_BYTES + 1)
    centre.announce(line + FLEET.sign(line).hex().encode() + b"\n")
    assert centre.turn(1000) is None
    assert f"at most {wire.MAX_DOCUMENT_BYTES}" in centre.fetching.trouble


def test_parts_that_were_not_asked_for_change_nothing(centre: Centre) -> None:
    centre.announce(of(3, trust(50_000)))
    request = centre.turn()
    assert request is not None
    part = centre.card.files.part("trust")
    size = part.stat().st_size
    for offset, version in ((4096, 3), (0, 2), (0, 4)):
        centre.fetching.part(wire.Part("trust", version, offset), b"x" * 100, centre.at)
    assert part.stat().st_size == size
    centre.give(request)
    centre.give(request)  # a second time
    centre.serve()
    assert centre.here == centre.document


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "does not have it"), (b"x" * (FIRST_PART + 1), "were asked for")],
)
def test_a_centre_that_gives_something_else_is_asked_again_later(
    centre: Centre, data: bytes, why: str
) -> None:
    centre.announce(of(3, trust(50_000)))
    request = centre.turn()
    assert request is not None
    centre.give(request, data)
    assert why in centre.fetching.trouble
    assert centre.turn(AGAIN_S / 2) is None
    assert centre.turn(AGAIN_S) is not None


def test_bytes_that_were_altered_are_thrown_away_and_fetched_anew(centre: Centre) -> None:
    centre.announce(of(3, trust(20_000)))
    request = centre.turn()
    assert request is not None
    centre.give(request, b"x" * request.bytes)
    centre.serve()
    assert centre.here is None
    assert "altered" in centre.fetching.trouble
    assert not centre.card.files.part("trust").exists()
    centre.at += AGAIN_S
    centre.serve()
    assert centre.here == centre.document
    assert centre.fetching.trouble == ""


def test_what_the_fleet_signed_and_no_door_can_use_stays_out_of_its_place(tmp_path: Path) -> None:
    centre = Centre(Card(tmp_path), "policy")
    centre.announce(signed.sign(FLEET, "policy", 2, POLICY))
    centre.serve()
    good = centre.here
    assert good is not None
    wrong = POLICY.replace(b'cccd = "pass"', b'cccd = "perhaps"')
    centre.announce(signed.sign(FLEET, "policy", 3, wrong))
    centre.serve()
    assert centre.here == good
    assert "perhaps" in centre.fetching.trouble
    asked = len(centre.asked)
    assert centre.turn(10 * AGAIN_S) is None  # it would be the same again
    assert len(centre.asked) == asked


def test_one_whose_check_was_ended_from_outside_is_checked_again(centre: Centre) -> None:
    centre.announce(of(3))
    request = centre.turn()
    assert request is not None
    centre.give(request)
    centre.turn()
    check = centre.fetching._check
    assert check is not None
    check.kill()
    centre.serve()
    assert centre.here is None
    assert "signal 9" in centre.fetching.trouble
    centre.at += CHECK_AGAIN_S
    centre.serve()
    assert centre.here == centre.document
    assert len(centre.asked) == 1  # it was here already
    assert centre.fetching.trouble == ""


def test_a_card_without_room_takes_nothing_and_says_so(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(f_bavail=4000, f_frsize=4096)
    monkeypatch.setattr(fetching.os, "statvfs", lambda _path: full)
    centre.announce(of(3, trust(50_000)))
    assert centre.turn() is None
    assert "No space left" in centre.fetching.trouble
    monkeypatch.undo()
    centre.at += AGAIN_S
    centre.serve()
    assert centre.here == centre.document


def test_what_is_left_of_another_version_is_not_gone_on_with(centre: Centre) -> None:
    centre.announce(of(3, trust(50_000)))
    request = centre.turn()
    assert request is not None
    centre.give(request)
    centre.announce(of(4, trust(40_000)))
    after = centre.turn()
    assert after is not None
    assert (after.version, after.offset) == (4, 0)
    centre.give(after)
    centre.serve()
    assert centre.here == centre.document


def test_what_was_copied_onto_the_card_by_hand_counts(centre: Centre) -> None:
    site = centre.card.site
    site.write_text(site.read_text().replace("[judge]\n", '[judge]\ntrust = "trust.signed"\n'))
    (site.parent / "trust.signed").write_bytes(of(5))
    centre.start()
    centre.announce(of(4))
    assert centre.turn(1000) is None
    assert "older than version 5" in centre.fetching.trouble
    centre.announce(of(5))
    assert centre.turn(1000) is None
    assert centre.fetching.trouble == ""
    assert centre.card.files.read_state().at_least("trust") == 5


def test_a_power_cut_leaves_a_part_or_the_whole(centre: Centre) -> None:
    """What a cut may leave of a part that was being written: nothing of it, some, or zeros."""
    centre.announce(of(3, trust(50_000)))
    part = centre.card.files.part("trust")
    for tail in (b"", b"12345", bytes(70_000)):
        request = centre.turn()
        assert request is not None
        centre.give(request)
        with part.open("ab") as file:
            file.write(tail)
        centre.start()
    for _ in range(3):
        centre.serve()
        centre.at += AGAIN_S
    assert centre.here == centre.document
    (centre.card.files.folder / "trust.part").write_bytes(os.urandom(9999))
    centre.announce(of(4))
    centre.serve()
    assert centre.here == centre.document


@pytest.mark.parametrize(("before", "left"), [("trust.signed", 3), ("state.json", 4)])
def test_a_power_cut_when_it_takes_its_place_leaves_the_door_a_list(
    centre: Centre, monkeypatch: pytest.MonkeyPatch, before: str, left: int
) -> None:
    """A door that starts without a line goes by the former one, or by the new one."""
    centre.announce(of(3))
    centre.serve()
    centre.announce(of(4))
    request = centre.turn()
    assert request is not None
    centre.give(request)
    assert centre.turn() is None
    assert centre.checking

    move = fetching.durable.move

    def power_goes(old: Path, new: Path) -> None:
        if new.name == before:
            raise KeyboardInterrupt
        move(old, new)

    with monkeypatch.context() as patched:
        patched.setattr(fetching.durable, "move", power_goes)
        with pytest.raises(KeyboardInterrupt):
            centre.serve()
    _, found = newest(load(centre.card.paths), "trust", KEYS).read()
    assert found.version == left
    centre.start()
    centre.serve()
    assert centre.here == centre.document
    assert centre.card.files.read_state().at_least("trust") == 4


@given(st.text(max_size=80))
def test_no_topic_is_taken_for_a_part_that_is_none(text: str) -> None:
    with pytest.raises(WireError):
        wire.part_of(text)


def test_a_part_says_in_its_topic_what_it_is() -> None:
    part = wire.Part("risk", 7, 65536)
    assert part.topic("gate-1") == "kiosk/1/gate-1/down/doc/risk/7/65536"
    assert wire.part_of(part.topic("gate-1")) == part
    for wrong in ("config/7/0", "risk/0/0", "risk/7/-1", "risk/7/00", "risk/7/0/", "risk/7/١"):
        with pytest.raises(WireError):
            wire.part_of(f"kiosk/1/gate-1/down/doc/{wrong}")
