"""Policy and trust list at the door: newer ones, wrong ones, and when they are read."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
import pytest
from wanting import FLEET, KEYS, STRANGER, Card

from kiosk import durable, signed
from kiosk.config import load
from kiosk.cues import AlertCue, Cue
from kiosk.desired import Seen, State
from kiosk.documents import newest
from kiosk.errors import DocumentError
from kiosk.faults import Faults
from kiosk.scanner.rules import FAULTS, LOOK_EVERY_S, PATIENCE_S, QUIET_S, Rules
from kiosk.signed import Kind

POLICY = (Path(__file__).parents[2] / "config/policy.toml").read_text()


def policy(version: int) -> bytes:
    content = POLICY.replace("version = 1", f"version = {version}", 1).encode()
    return signed.sign(FLEET, "policy", version, content)


def trust(version: int) -> bytes:
    return signed.sign(FLEET, "trust", version, b'{"version": 2, "issuers": []}')


class Door:
    """A scanner's rules, its card and its clock."""

    def __init__(self, root: Path) -> None:
        self.card = Card(root)
        self.site_policy = self.card.etc / "policy.signed"
        self.site_policy.write_bytes(policy(3))
        site = self.card.site
        site.write_text(site.read_text().replace("[judge]\n", '[judge]\npolicy="policy.signed"\n'))
        self.card.files.folder.mkdir()
        self.at, self.moved_at = 1000.0, 0.0
        self.alerts: list[tuple[str, bool, str]] = []
        self.faults = Faults(self.hear, lambda: self.at, FAULTS, logging.getLogger("kiosk.test"))

    def start(self) -> Rules:
        config = load(self.card.paths)
        self.rules = Rules(newest(config, "policy", KEYS), newest(config, "trust", KEYS))
        return self.rules

    def hear(self, cue: Cue) -> None:
        assert isinstance(cue, AlertCue)
        self.alerts.append((cue.code, cue.raised, cue.detail))

    def put(self, kind: Kind, document: bytes) -> None:
        durable.replace(self.card.files.folder / f"{kind}.signed", document)

    def turn(self, seconds: float = LOOK_EVERY_S) -> bool:
        self.at += seconds
        return self.rules.turn(self.at, self.moved_at, self.faults)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def test_the_newer_of_the_configured_and_the_centres_is_in_force(door: Door) -> None:
    assert door.start().policy.version == 3
    door.put("policy", policy(5))
    assert door.turn()
    assert door.rules.policy.version == 5
    assert door.start().policy.version == 5
    door.site_policy.write_bytes(policy(6))  # a technician's
    assert door.turn()
    assert door.rules.policy.version == 6
    assert not door.turn()
    assert door.start().policy.version == 6
    assert door.alerts == []


def test_a_trust_list_may_come_where_none_was_configured(door: Door) -> None:
    before = door.start().trust
    door.put("trust", trust(1))
    assert door.turn()
    assert door.rules.trust is not before


def test_nothing_is_read_while_somebody_moves_before_the_camera_unless_it_never_ends(
    door: Door,
) -> None:
    door.start()
    door.put("policy", policy(5))
    waited = 0.0
    while door.rules.policy.version == 3:
        door.moved_at = door.at  # always somebody there
        waited += QUIET_S / 2
        door.turn(QUIET_S / 2)
        assert waited <= PATIENCE_S + 3 * LOOK_EVERY_S
    assert waited >= PATIENCE_S
    door.put("policy", policy(6))
    door.moved_at = door.at + LOOK_EVERY_S
    assert not door.turn()
    assert door.turn(QUIET_S)


WRONG = {
    "a stranger's": signed.sign(STRANGER, "policy", 9, POLICY.encode()),
    "unsigned": POLICY.encode(),
    "cut short": policy(9)[:-1],
    "of no use": signed.sign(FLEET, "policy", 9, b"[policy]\nversion = 9\n"),
    "empty": b"",
}


@pytest.mark.parametrize("which", WRONG)
def test_a_wrong_one_is_a_fault_and_the_one_before_stays(door: Door, which: str) -> None:
    door.put("policy", policy(5))
    door.start()
    door.site_policy.unlink()
    door.put("policy", WRONG[which])
    assert not door.turn()
    assert door.rules.policy.version == 5
    ((code, raised, why),) = door.alerts
    assert (code, raised) == ("rules-bad", True)
    assert "what was in force before stays" in why
    door.put("policy", policy(5))
    assert door.turn()
    assert door.alerts[-1][:2] == ("rules-bad", False)


def test_an_older_one_is_refused_while_it_runs_and_after_a_restart(door: Door) -> None:
    door.put("policy", policy(5))
    door.start()
    door.put("policy", policy(4))
    assert not door.turn()
    assert "older than version 5" in door.alerts[-1][2]
    durable.replace(door.card.files.state, _state("policy", 5))  # as the uplink notes it
    with pytest.raises(DocumentError, match="older than version 5"):
        door.start()
    door.site_policy.write_bytes(policy(5))
    assert door.start().policy.version == 5


def _state(kind: str, version: int) -> bytes:
    return msgspec.json.encode(State(seen={kind: Seen(version, "")}))


def test_a_door_with_rules_of_its_own_does_not_take_the_fleets(door: Door) -> None:
    site = door.card.site
    site.write_text(site.read_text().replace("[judge]\n", '[judge]\nfrom_centre = ["trust"]\n'))
    door.put("policy", policy(5))
    assert door.start().policy.version == 3
    assert not door.turn()


def test_a_damaged_one_of_the_centre_does_not_stop_a_door_that_has_a_good_one(door: Door) -> None:
    door.put("policy", policy(3)[:-1])
    assert door.start().policy.version == 3
