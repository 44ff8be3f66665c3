"""Signed documents and the risk list with real daemons: what an attacker alters is refused in
words, who is listed is asked to the desk, and the key is nowhere but in memory."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rig import until

from central.db import check_in, connect
from central.risk import load_key
from demo.crowd import Visitor, crowd_of
from demo.kiosk import Kiosk, section
from demo.processes import Process
from demo.scenes import draw
from demo.town import Town
from kiosk.credentials.risk import build
from kiosk.cues import AlertCue, Answer, Cue, Inlet, Outlet, RiskKeysCue
from provisioning.authority import enrol, init_fleet, sign

KEY = bytes(range(100, 132))
PEOPLE = [v for v in crowd_of(16, seed=5, now=time.time()).visitors if v.outcome == "pass"]
LISTED, OTHER = PEOPLE[0], PEOPLE[1]
NOBODY = b'{"version": 1, "issuers": []}'


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    """Enrolled at a fleet of its own, with all three documents."""
    fleet = tmp_path / "fleet"
    init_fleet(fleet, ["localhost"])
    listed = build([LISTED.subject], [], KEY, 1)
    (fleet / "trust.signed").write_bytes(sign(fleet, "trust", NOBODY, 1))
    (fleet / "risk.signed").write_bytes(sign(fleet, "risk", listed, 1))
    run = Path(tempfile.mkdtemp(prefix="kiosk-"))  # a socket's path must be short
    kid = f"signed-{os.urandom(4).hex()}"
    yield Kiosk(tmp_path / "k", run, kid, enrol(fleet, kid, "Chợ", "localhost:1", tmp_path / "e"))
    shutil.rmtree(run)


def scanner(kiosk: Kiosk, *more: Path) -> list[str]:
    words = [f"--config={path}" for path in [*kiosk.config, *more]]
    return [sys.executable, "-m", "kiosk.scanner", *words]


Alter = Callable[[bytes, Path], bytes]


def unsigned(document: bytes, _: Path) -> bytes:
    return document.split(b"\n", 2)[2]


def edited(document: bytes, _: Path) -> bytes:
    return document.replace(b'"fail"', b'"pass"', 1).replace(b"[]", b"[ ]", 1)


def cut(document: bytes, _: Path) -> bytes:
    return document[:-1]


def of_another_fleet(document: bytes, folder: Path) -> bytes:
    init_fleet(folder / "other", ["localhost"])
    kind = "policy" if b'"policy"' in document else "trust"
    return sign(folder / "other", kind, unsigned(document, folder), 1)


def the_other_kind(document: bytes, folder: Path) -> bytes:
    kind = "trust" if b'"kind":"policy"' in document else "policy"
    return (folder / "e" / f"{kind}.signed").read_bytes()


@pytest.mark.parametrize("kind", ["policy", "trust"])
@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (unsigned, "it is not signed; sign it: python -m provisioning.authority sign"),
        (edited, "altered"),
        (cut, "cut short"),
        (of_another_fleet, "is it another fleet's"),
        (the_other_kind, "are two files mixed up?"),
    ],
)
def test_a_scanner_does_not_start_with_what_its_fleet_did_not_sign(
    kiosk: Kiosk, tmp_path: Path, kind: str, alter: Alter, words: str
) -> None:
    file = tmp_path / "e" / f"{kind}.signed"
    file.write_bytes(alter(file.read_bytes(), tmp_path))
    ended = subprocess.run(scanner(kiosk), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 78, ended.stderr
    assert f"judge.{kind}: {file}: " in ended.stderr
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


class Door:
    """A scanner that is told codes; we are its panel and its uplink."""

    def __init__(self, kiosk: Kiosk, folder: Path) -> None:
        self.risk_list = folder / "e" / "risk.signed"
        self.log = folder / "scanner.log"
        self.process = Process("scanner", scanner(kiosk), self.log)
        self.kiosk = kiosk
        self.panel = Inlet(kiosk.run, "feedback")
        self.uplink = Inlet(kiosk.run, "uplink")
        self.to_scanner = Outlet(kiosk.run, "scanner", "uplink")
        self.alerts: list[AlertCue] = []

    def start(self) -> None:
        self.process.start()
        until((self.kiosk.run / "scanner.sock").exists, "the scanner listens")

    def hand_over(self, *keys: bytes) -> None:
        assert self.to_scanner.send(RiskKeysCue(number=1, at=1.0, keys=list(keys)))

    def show(self, visitor: Visitor) -> Answer:
        self.heard(self.panel, Answer)
        self.kiosk.hold_up(draw(visitor, seed=1))
        deadline = time.monotonic() + 20
        while not (found := self.heard(self.panel, Answer)):
            assert time.monotonic() < deadline, self.process.last_words(20)
            select.select([self.panel], [], [], 1)
        self.kiosk.take_away()
        time.sleep(2.5)  # longer than scan.repeat_s
        (answer,) = found
        assert isinstance(answer, Answer)
        return answer

    def heard(self, inlet: Inlet, kind: type[Cue]) -> list[Cue]:
        return [cue for cue in inlet.drain() if isinstance(cue, kind)]

    def raised(self, code: str) -> list[AlertCue]:
        self.alerts += [cue for cue in self.uplink.drain() if isinstance(cue, AlertCue)]
        return [alert for alert in self.alerts if alert.code == code and alert.raised]

    def said(self, words: str) -> bool:
        return words in self.log.read_text()

    def close(self) -> None:
        self.process.stop()
        for end in (self.panel, self.uplink, self.to_scanner):
            end.close()


@pytest.fixture
def door(kiosk: Kiosk, tmp_path: Path) -> Iterator[Door]:
    door = Door(kiosk, tmp_path)
    yield door
    door.close()


def secrets_in(folder: Path, *secrets: bytes) -> list[str]:
    """Files below `folder` that hold one of `secrets`."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(f) for f in files if any(secret in f.read_bytes() for secret in secrets)]


def test_the_door_checks_from_the_moment_that_the_key_comes(door: Door, tmp_path: Path) -> None:
    door.start()
    assert (door.show(LISTED).outcome, door.raised("risk-hit")) == ("pass", [])  # not checked
    door.hand_over(KEY)
    answer = door.show(LISTED)
    assert (answer.outcome, answer.reason) == ("fail", "at-risk")
    (alert,) = until(lambda: door.raised("risk-hit"), "the alert")
    assert alert.severity == "warning"
    assert f"epoch={alert.detail.split()[1]} seq={alert.detail.split()[2]}" in door.log.read_text()
    assert door.show(OTHER).outcome == "pass"
    door.process.stop()
    door.start()  # without network nobody brings the key again
    assert door.show(LISTED).outcome == "pass"
    # Of the listed person and of the key there is nothing on the card.
    number = LISTED.subject.partition(":")[2].encode()
    assert secrets_in(tmp_path / "k", number, KEY, KEY.hex().encode(), b64encode(KEY)) == []
    assert secrets_in(tmp_path / "e", number, KEY, KEY.hex().encode(), b64encode(KEY)) == []
    assert not door.said(KEY.hex())


def test_a_risk_list_that_was_altered_is_a_fault_and_not_the_end_of_the_door(door: Door) -> None:
    good = door.risk_list.read_bytes()
    door.risk_list.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    door.start()
    door.hand_over(KEY)
    (alert,) = until(lambda: door.raised("risk-list-bad"), "the fault")
    assert "altered" in alert.detail
    assert "nobody is checked" in alert.detail
    assert door.show(LISTED).outcome == "pass"
    door.risk_list.write_bytes(good)
    until(lambda: door.said("risk list version=1 entries=1"), "the good list is taken")
    assert door.show(LISTED).reason == "at-risk"


def test_unsigned_files_are_taken_where_no_key_is_configured_and_that_is_said_once(
    kiosk: Kiosk, tmp_path: Path
) -> None:
    for kind in ("policy", "trust", "risk"):
        file = tmp_path / "e" / f"{kind}.signed"
        file.write_bytes(unsigned(file.read_bytes(), tmp_path))
    desk = tmp_path / "unsigned.toml"
    desk.write_text(section("judge", fleet_keys=[]))
    log = tmp_path / "scanner.log"
    process = Process("scanner", scanner(kiosk, desk), log)
    process.start()
    until(lambda: "risk list version=0 entries=1" in log.read_text(), "it works")
    process.stop()
    assert log.read_text().count("judge.fleet_keys is empty") == 1


def test_kioskctl_judges_by_signed_rules_and_by_files_that_are_tried(
    kiosk: Kiosk, tmp_path: Path
) -> None:
    policy = tmp_path / "e" / "policy.signed"

    def verify(*words: str) -> subprocess.CompletedProcess[bytes]:
        assert OTHER.payload is not None
        command = [str(kiosk.root / "kioskctl"), "verify", *words]
        return subprocess.run(
            command, input=OTHER.payload, capture_output=True, timeout=60, check=False
        )

    assert verify().returncode == 0
    tried = tmp_path / "policy.toml"
    tried.write_bytes(unsigned(policy.read_bytes(), tmp_path))
    assert verify("--policy", str(tried)).returncode == 0
    assert verify("--policy", str(policy)).returncode == 0
    policy.write_bytes(cut(policy.read_bytes(), tmp_path))
    for words in ([], ["--policy", str(policy)]):
        refused = verify(*words)
        assert refused.returncode == 78
        assert b"cut short" in refused.stderr


def test_the_key_comes_over_the_connection_and_the_hit_reaches_the_database(
    tmp_path: Path,
) -> None:
    with Town(tmp_path, ["gate-1"], at_risk=[LISTED.subject]) as town:
        (kiosk,) = town.kiosks
        log = kiosk.daemons["scanner"].log
        for start in range(2):
            answer: dict[str, str] = {}
            deadline = time.monotonic() + 30
            while answer.get("reason") != "at-risk":  # until the key has come
                assert time.monotonic() < deadline, log.read_text()
                answer = kiosk.ask(draw(LISTED, seed=1))
                kiosk.take_away()
                time.sleep(2.5)  # longer than scan.repeat_s
            if start == 0:
                kiosk.daemons["scanner"].kill()
                kiosk.start()
        assert kiosk.ask(draw(OTHER, seed=1))["outcome"] == "pass"
        told = {(a["epoch"], int(a["seq"])): a["reason"] for a in kiosk.answers()}
        town.wait_until_committed(len(told))
        engine = connect(f"sqlite:///{tmp_path}/tracing.sqlite")
        with engine.connect() as connection:
            rows = connection.execute(check_in.select()).all()
        engine.dispose()
        by_reason = {("at-risk", "quarantine"), ("accepted", "not-checked"), ("accepted", "clear")}
        assert {(row.reason, row.risk) for row in rows} <= by_reason
        assert ("at-risk", "quarantine") in {(row.reason, row.risk) for row in rows}
        assert {row.risk for row in rows if row.subject == OTHER.subject} == {"clear"}
        assert {(row.epoch, row.seq): row.reason for row in rows} == told
        key = load_key(tmp_path / "risk.key")
        on_the_kiosk = secrets_in(kiosk.root, key, key.hex().encode(), b64encode(key))
        assert on_the_kiosk == []
