"""The risk list at the door: files that change, keys that come and go, hits."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk import signed
from kiosk.credentials.risk import build, key_id
from kiosk.cues import AlertCue, Cue
from kiosk.desired import Files
from kiosk.documents import Newest
from kiosk.faults import Faults
from kiosk.model import CheckIn
from kiosk.scanner.risk import FAULTS, HIT_S, LOOK_EVERY_S, Risks

FLEET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY, NEXT = bytes(range(32)), bytes(range(1, 33))
LISTED, OTHER = "vn-id:001093029317", "vn-id:001093029318"
RECORD = CheckIn(
    epoch="ab" * 8,
    seq=17,
    id="cd" * 16,
    scanned_at_ms=1,
    clock="synced",
    boot_id="b",
    boottime_ms=7,
    direction="in",
    outcome="fail",
    reason="at-risk",
    sealed=b"",
)


class Door:
    """The list, its file and the clock in our hands."""

    def __init__(self, file: Path, *, signed_list: bool = True) -> None:
        self.file = file
        self.at = 100.0
        self.alerts: list[tuple[str, bool, str]] = []
        fleet = signed.keys_by_id([FLEET.public_key()]) if signed_list else {}
        self.faults = Faults(self.heard, lambda: self.at, FAULTS, logging.getLogger("kiosk.test"))
        source = Newest("risk", file, Files(file.parent / "desired"), fleet)
        self.risks = Risks(source, self.faults, lambda: self.at)

    def heard(self, cue: Cue) -> None:
        assert isinstance(cue, AlertCue)
        self.alerts.append((cue.code, cue.raised, cue.detail))

    def hits(self) -> list[tuple[bool, str]]:
        return [alert[1:] for alert in self.alerts if alert[0] == "risk-hit"]

    def put(self, *subjects: str, version: int = 1, key: bytes = KEY) -> bytes:
        document = signed.sign(FLEET, "risk", version, build(subjects, [], key, 1))
        self.replace(document)
        return document

    def replace(self, document: bytes) -> None:
        staged = self.file.with_suffix(".new")
        staged.write_bytes(document)
        staged.replace(self.file)
        self.wait(LOOK_EVERY_S)

    def wait(self, seconds: float) -> None:
        self.at += seconds
        self.risks.turn()


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path / "risk.signed")


def test_a_door_without_a_list_says_so_and_nothing_else(tmp_path: Path) -> None:
    faults = Faults(print, lambda: 1.0, FAULTS, logging.getLogger("kiosk.test"))
    risks = Risks(Newest("risk", "", Files(tmp_path), {}), faults, lambda: 1.0)
    risks.keys([KEY])
    risks.turn()
    assert (risks.of(LISTED), risks.state) == ("none", "none")
    assert faults.warnings == []


def test_nobody_is_checked_before_the_key_has_come(door: Door) -> None:
    door.put(LISTED)
    assert (door.risks.of(LISTED), door.risks.state) == ("not-checked", "no-key")
    assert door.faults.warnings == []  # there may be no network
    door.risks.keys([KEY])
    assert [door.risks.of(who) for who in (LISTED, OTHER, "")] == [
        "quarantine",
        "clear",
        "not-checked",
    ]
    assert door.risks.state == "v1"
    door.risks.keys([])  # taken back
    assert door.risks.of(LISTED) == "not-checked"


def test_a_key_may_come_before_its_list_and_two_may_be_in_use(door: Door) -> None:
    door.risks.keys([KEY, NEXT])
    assert (door.risks.of(LISTED), door.risks.state) == ("not-checked", "no-list")
    door.put(LISTED)
    assert door.risks.of(LISTED) == "quarantine"
    door.put(OTHER, version=2, key=NEXT)
    assert [door.risks.of(who) for who in (LISTED, OTHER)] == ["clear", "quarantine"]
    assert door.risks.state == "v2"


def test_a_wrong_key_is_a_fault_until_it_fits(door: Door) -> None:
    door.put(LISTED)
    door.risks.keys([NEXT])
    assert door.risks.of(LISTED) == "not-checked"
    assert door.faults.warnings == ["risk-key-wrong"]
    assert key_id(KEY) in door.alerts[-1][2]
    assert KEY.hex() not in door.alerts[-1][2]
    door.risks.keys([KEY])
    assert door.faults.warnings == []


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda good: good.partition(b"\n")[2].partition(b"\n")[2], "not signed"),
        (lambda good: good[:-1], "cut short"),
        (lambda good: good[:-1] + bytes([good[-1] ^ 1]), "altered"),
        (lambda _: signed.sign(Ed25519PrivateKey.generate(), "risk", 9, b""), "another fleet's"),
        (lambda _: signed.sign(FLEET, "policy", 9, b""), "mixed up"),
        (lambda _: signed.sign(FLEET, "risk", 9, b"no list"), "risk list"),
        (lambda _: signed.sign(FLEET, "risk", 1, build([], [], KEY, 1)), "older than version 2"),
    ],
)
def test_a_bad_list_is_a_fault_and_changes_nothing(door: Door, bad: object, words: str) -> None:
    door.risks.keys([KEY])
    good = door.put(LISTED, version=2)
    door.replace(bad(good))  # type: ignore[operator]
    assert door.faults.warnings == ["risk-list-bad"]
    code, raised, detail = door.alerts[-1]
    assert (code, raised) == ("risk-list-bad", True)
    assert words in detail
    assert "version 2 stays" in detail
    assert door.risks.of(LISTED) == "quarantine"
    door.put(OTHER, version=3)
    assert door.faults.warnings == []
    assert door.risks.of(LISTED) == "clear"


def test_a_list_that_was_never_good_leaves_everybody_unchecked(door: Door) -> None:
    door.risks.keys([KEY])
    door.wait(LOOK_EVERY_S)
    assert "cannot be read" in door.alerts[-1][2]
    assert "nobody is checked" in door.alerts[-1][2]
    door.replace(build([LISTED], [], KEY, 1))
    assert door.faults.warnings == ["risk-list-bad"]
    assert (door.risks.of(LISTED), door.risks.state) == ("not-checked", "no-list")
    door.put(LISTED)
    assert door.risks.of(LISTED) == "quarantine"


def test_without_fleet_keys_a_list_is_taken_unsigned(tmp_path: Path) -> None:
    door = Door(tmp_path / "risk.list", signed_list=False)
    door.risks.keys([KEY])
    door.replace(build([LISTED], [], KEY, 1))
    assert door.risks.of(LISTED) == "quarantine"


def test_a_list_changed_in_place_is_not_asked(door: Door) -> None:
    """What was verified is in memory: whoever writes into the file changes nothing."""
    door.risks.keys([KEY])
    document = door.put(LISTED)
    with door.file.open("r+b") as opened:
        opened.write(bytes(len(document)))
    assert door.risks.of(LISTED) == "quarantine"


def test_each_hit_is_raised_with_its_record_and_over_after_a_minute(door: Door) -> None:
    for seq, wait in ((17, 50), (18, 50), (19, 55), (20, HIT_S - 1)):
        door.risks.hit(msgspec.structs.replace(RECORD, seq=seq))
        door.wait(wait)
    raised = [(True, f"record {'ab' * 8} {seq}") for seq in (17, 18, 19, 20)]
    over = (False, "")
    between = [one for hit in raised for one in (hit, over)]
    assert door.hits() == between[:-1], "the last one lasts"
    door.wait(1)
    assert door.hits() == between
    assert door.faults.warnings == ["risk-list-bad"]  # there is no file in this test
    door.risks.hit(None)
    door.risks.hit(None)
    failed = (True, "it could not be recorded")
    assert door.hits()[len(between) :] == [failed, over, failed]


def test_nothing_of_subjects_and_keys_is_logged_or_told(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    door.put(LISTED)
    for keys in ([NEXT], [KEY], []):
        door.risks.keys(keys)
        door.risks.of(LISTED)
    door.replace(b"001093029317")
    door.risks.hit(RECORD)
    told = caplog.text + repr(door.alerts)
    assert "risk list version=1 entries=1" in told
    for secret in ("001093029317", KEY.hex(), NEXT.hex(), repr(KEY)[2:12]):
        assert secret not in told
