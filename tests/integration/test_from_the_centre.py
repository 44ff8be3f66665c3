"""What the centre wants, from the operator's command to three real daemons: over the real broker,
served by the real server, in a town of one kiosk whose daemons systemd would start again."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rig import until

from bench._relay import Relay
from central.fleet.line import Line
from demo.crowd import crowd_of
from demo.kiosk import Kiosk
from demo.processes import Process
from demo.scenes import draw
from demo.town import Town
from kiosk import signed, wire
from kiosk.config import load
from kiosk.credentials.risk import build
from kiosk.desired import Files
from provisioning.authority import add_operator, sign
from provisioning.broker import prepare

UNSIGNED = ("cccd", "can_cuoc_2024", "bhyt", "vn_personal")
VISITORS = [
    visitor
    for visitor in crowd_of(40, seed=5, now=time.time()).visitors
    if visitor.outcome == "pass" and visitor.format in UNSIGNED
]
POLICY = (Path(__file__).parents[2] / "config/policy.toml").read_text()


class Place:
    """A town of one kiosk, its operator, and whoever starts daemons again that have ended."""

    def __init__(self, root: Path, rate: float = 0.0) -> None:
        self.town = Town(root, ["gate-1"], at_risk=["vn-id:001093029317"])
        (self.kiosk,) = self.town.kiosks
        self.documents = root / "documents"
        self.files = Files.below(self.kiosk.state)
        self.relay = Relay(self.town.port, rate) if rate else None
        self.set(self.kiosk)
        words = ["serve", "--documents", str(self.documents)]
        self.server = Process("documents", self.command(*words), root / "documents.log")
        self._over = threading.Event()
        self._reviver = threading.Thread(target=self._revive, daemon=True)
        self.heard: dict[str, list[bytes]] = {}

    def set(self, kiosk: Kiosk) -> None:
        """What a technician would set for a test."""
        desk = kiosk.root / "desk.toml"
        text = desk.read_text().replace(
            "[uplink]\n", "[uplink]\ntrial_s = 20\nspread_s = 0\ntelemetry_s = 1\n"
        )
        if self.relay is not None:
            hosts = f'hosts = ["localhost:{self.relay.port}"]'
            text = text.replace("[broker]\n", f"[broker]\n{hosts}\n")
        desk.write_text(text)

    def command(self, *words: str, name: str = "_fleet-1") -> list[str]:
        line = [sys.executable, "-m", "central.fleet", "--broker", f"localhost:{self.town.port}"]
        return [*line, "--identity", str(self.town.fleet), "--name", name, *words]

    def operate(self, *words: str, name: str = "_fleet-1") -> str:
        done = subprocess.run(
            self.command(*words, name=name), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _revive(self) -> None:
        while not self._over.wait(0.2):
            self.town.revive()

    def __enter__(self) -> Place:
        self.town.__enter__()
        self.server.start()
        self._reviver.start()
        until(lambda: self.reported is not None, "the kiosk reports its configuration", 60)
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._reviver.join()
        self.server.stop()
        self.town.__exit__()
        if self.relay is not None:
            self.relay.close()

    @property
    def reported(self) -> wire.Reported | None:
        """Retained at the broker, as the next operator finds it."""
        line = Line(f"localhost:{self.town.port}", self.town.fleet, "_fleet-2")
        line.open([wire.up(self.kiosk.kid, "cfg")])
        try:
            for _ in range(5):
                for heard in line.turn(0.1):
                    return wire.decode(heard.payload, wire.Reported)
        finally:
            line.close()
        return None

    def configure(self, version: int, *lines: str, unchecked: bool = False) -> None:
        text = "\n".join([f'[kiosk]\nid = "{self.kiosk.kid}"', *lines]).encode()
        if unchecked:  # as by another tool than the authority's
            key = signed.load_private((self.town.fleet / "fleet-sign.key").read_bytes())
            document = signed.sign(key, "config", version, text)
            (self.documents / "config").mkdir(parents=True, exist_ok=True)
            (self.documents / "config" / f"{self.kiosk.kid}.signed").write_bytes(document)
            return
        file = self.town.root / "config.signed"
        file.write_bytes(sign(self.town.fleet, "config", text, version))
        key = str(self.town.fleet / "fleet-sign.pub")
        folder = str(self.documents)
        self.operate("config", self.kiosk.kid, str(file), "--documents", folder, "--key", key)

    def publish(self, kind: signed.Kind, content: bytes, version: int | None = None) -> None:
        file = self.town.root / f"{kind}.signed"
        file.write_bytes(sign(self.town.fleet, kind, content, version))
        key = str(self.town.fleet / "fleet-sign.pub")
        told = self.operate("publish", str(file), "--documents", str(self.documents), "--key", key)
        assert told.startswith(kind)

    def status(self, version: int, desired: int, status: str) -> Callable[[], wire.Reported | None]:
        def found() -> wire.Reported | None:
            said = self.reported
            return (
                said
                if said
                and (said.version, said.desired, said.status)
                == (
                    version,
                    desired,
                    status,
                )
                else None
            )

        return found

    def log(self, daemon: str) -> str:
        return self.kiosk.daemons[daemon].log.read_text()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with a_place(tmp_path) as place:
        yield place


def a_place(root: Path, rate: float = 0.0) -> Place:
    place = Place(root, rate)
    add_operator(place.town.fleet, 2)
    prepare(place.town.fleet, place.town.root / "broker", place.town.port)  # its ACL
    return place


@pytest.mark.timeout(400)  # three trials, each of some ten seconds on an idle machine
def test_configuration_from_afar_is_tried_and_kept_or_given_up(place: Place) -> None:
    """One story, since each step begins where the one before ended."""
    place.configure(1, "[panel]\nanswer_s = 4")
    applied = until(place.status(1, 1, "applied"), "a good one is applied", 90)
    assert applied.why == ""
    assert load(place.kiosk.config).panel.answer_s == 4
    shown = subprocess.run(
        [str(place.kiosk.root / "kioskctl"), "config"], capture_output=True, text=True, check=True
    ).stdout
    assert "answer_s = 4.0" in shown
    assert "# of the centre, version 1" in shown
    for daemon in ("scanner", "feedback", "uplink"):
        assert "another configuration of the centre is in force" in place.log(daemon)
    assert place.kiosk.ask(draw(VISITORS[0], seed=1))["outcome"] == "pass"

    place.configure(2, '[camera]\ndriver = "picamra"', unchecked=True)
    refused = until(place.status(1, 2, "refused"), "a wrong one is refused", 30)
    assert 'camera.driver: found "picamra", allowed: "picamera"' in refused.why
    assert not place.files.trial.exists()

    place.configure(3, '[broker]\nhosts = ["localhost:1"]')
    until(place.files.trial.exists, "it goes on trial", 30)
    rolled = until(place.status(1, 3, "rolled-back"), "and is rolled back", 120)
    assert "refused: no broker listens there" in rolled.why
    assert load(place.kiosk.config).broker.hosts == [f"localhost:{place.town.port}"]

    place.configure(4, '[seal]\nrecipients = ["nowhere.pub"]')
    rolled = until(place.status(1, 4, "rolled-back"), "so is one that the scanner cannot use", 120)
    assert "the scanner does not work with it" in rolled.why

    # A sealing key comes with the document: nobody has to bring a file to the door.
    pem = (place.town.fleet / "centre-seal.pub").read_text()
    place.configure(5, f'[seal]\nrecipients = []\nkeys = ["""{pem}"""]')
    until(place.status(5, 5, "applied"), "the next good one is applied", 90)
    until(lambda: place.kiosk.ask(draw(VISITORS[1], seed=1))["outcome"] == "pass", "the door works")
    assert place.town.wait_until_committed(2) >= 2
    (told,) = place.operate("status", "--json", name="_fleet-2").splitlines()
    assert json.loads(told)["config"] == {
        "version": 5,
        "desired": 5,
        "status": "applied",
        "why": "",
    }


def test_a_policy_takes_effect_while_the_door_works(place: Place) -> None:
    """Nobody is lost, no daemon begins anew, and an older one does not come back."""
    pids = {name: daemon.pid for name, daemon in place.kiosk.daemons.items()}
    asked = 0

    def answer() -> str:
        nonlocal asked
        asked += 1
        answer = place.kiosk.ask(draw(VISITORS[asked % len(VISITORS)], seed=asked))
        place.kiosk.take_away()
        time.sleep(3)  # longer than scan.repeat_s, and than what the scanner takes for quiet
        return f"{answer['outcome']} {answer['reason']}"

    assert answer() == "pass accepted"
    strict = POLICY.replace("version = 1", "version = 7", 1).replace('"pass"', '"warn"')
    place.publish("policy", strict.encode())
    until(lambda: answer().startswith("warn"), "the new policy answers", 60)
    assert "policy version=7" in place.log("scanner")
    assert {name: daemon.pid for name, daemon in place.kiosk.daemons.items()} == pids
    answers = place.kiosk.answers()
    assert len(answers) == asked
    assert place.town.wait_until_committed(asked) == asked

    before = place.files.document("policy")
    lying = before.read_bytes()
    older = sign(place.town.fleet, "policy", POLICY.replace("version = 1", "version = 6").encode())
    (place.documents / "policy.signed").write_bytes(older)  # by somebody who has the folder
    until(lambda: "older than version 7" in place.log("uplink"), "an older one is refused", 30)
    assert before.read_bytes() == lying
    before.write_bytes(older)  # by somebody who has the card
    place.kiosk.daemons["scanner"].kill()
    until(lambda: "older than version 7" in place.log("scanner"), "after a restart, too", 30)
    before.write_bytes(lying)
    until(lambda: answer().startswith("warn"), "the right one is taken again", 60)


def test_a_long_list_comes_over_a_slow_line_that_breaks(tmp_path: Path) -> None:
    """5 MB at 500 kB/s; check-ins go out in between, and nothing is asked for twice."""
    people = [f"vn-id:{number:012}" for number in range(640_000)]
    with a_place(tmp_path, rate=500_000) as place:
        assert place.relay is not None
        key = (tmp_path / "risk.key").read_bytes()
        content = build(people, [], bytes.fromhex(key.decode()), 1)
        assert len(content) > 5_000_000
        place.publish("risk", content, 2)
        part = place.files.part("risk")
        until(lambda: part.exists() and part.stat().st_size > 1_500_000, "it comes", 60)
        had = part.stat().st_size
        place.relay.cut()
        assert place.kiosk.ask(draw(VISITORS[0], seed=1))["outcome"] == "pass"
        place.kiosk.daemons["uplink"].kill()
        until(lambda: part.stat().st_size > had, "it goes on where it was", 60)
        until(place.files.document("risk").exists, "all of it has come", 120)
        until(lambda: "risk list version=2 entries=640000" in place.log("scanner"), "in force", 60)
        assert place.town.wait_until_committed(1) == 1
        down = place.relay.down
        assert down < 1.1 * len(content), f"{down} bytes came down for {len(content)}"
