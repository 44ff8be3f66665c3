"""Every byte that a kiosk writes, searched for its visitors' names and numbers.

strace(1) records what the three daemons hand to the kernel: files and their names, the journal,
cues, what goes into TLS. Beside it stand the files as they are in the end, what the broker sees
of MQTT, and what a technician's commands print. The abbreviated name in the panel's cue, and
nothing else, may be read.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from line import Line
from paho.mqtt.enums import CallbackAPIVersion
from rig import until
from strangers import Finder, Stranger, broken, spellings, strangers

from central.db import check_in, dead_letter
from demo.kiosk import section
from demo.scenes import draw
from demo.town import Kiosk, Town
from kiosk.credentials import parse
from kiosk.credentials.lists import parse_trust
from kiosk.outbox import SealedSegments
from provisioning.authority import add_worker
from provisioning.broker import prepare

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace; `make test` has it"),
]

STRACE = ["strace", "-A", "-D", "-f", "-qq", "-xx", "-s", "1000000"]
CALLS = "%file,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,connect,bind"
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class Recorded:
    """What the daemons of one kiosk wrote."""

    def __init__(self, folder: Path, panel: Path) -> None:
        self._folder = folder
        self._panel = str(panel).encode()
        self.names: set[str] = set()  # that the panel was told
        self.kinds: set[str] = set()  # of cues that it was told

    def strings(self) -> set[bytes]:
        """Each once, but for the abbreviated name in the panel's cue."""
        found: set[bytes] = set()
        for file in self._folder.glob("*.strace"):
            for line in file.read_text().splitlines():
                strings = [bytes.fromhex(s.replace("\\x", "")) for s in STRING.findall(line)]
                if " sendto(" in line and strings[1:] == [self._panel]:
                    strings = [self._without_name(strings[0])]
                found.update(strings)
        return found

    def _without_name(self, datagram: bytes) -> bytes:
        cue = json.loads(datagram)["cue"]
        self.kinds.add(cue["type"])
        name = cue.pop("name", "")
        self.names.add(name)
        return json.dumps(cue).encode()


class Watcher:
    """A certificate that may read all of the broker's traffic."""

    def __init__(self, town: Town) -> None:
        self.heard: set[tuple[str, bytes]] = set()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, "_ingest-2", protocol=mqtt.MQTTv5)
        fleet = town.fleet
        client.tls_set(*(str(fleet / n) for n in ("ca.crt", "_ingest-2.crt", "_ingest-2.key")))
        client.on_connect = lambda c, *_: c.subscribe("kiosk/#", qos=1)
        client.on_message = lambda _c, _u, m: self.heard.add((m.topic, bytes(m.payload)))
        client.connect("localhost", town.port, 30)
        client.loop_start()
        self._client = client

    def topics(self) -> set[str]:
        return {topic.rpartition("/")[2] for topic, _ in self.heard}

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="module")
def people() -> tuple[list[Stranger], bytes]:
    return strangers()


@pytest.fixture
def town(tmp_path: Path, people: tuple[list[Stranger], bytes]) -> Iterator[Town]:
    """A town of one kiosk; one of the people is in quarantine. Nothing is started."""
    trust = parse_trust(people[1])
    at_risk = [parse(p.payload, trust).subject for p in people[0] if p.label == "can_cuoc_2024"]
    town = Town(tmp_path / "town", ["gate-1"], people[1], at_risk=at_risk)
    add_worker(town.fleet, 2)
    prepare(town.fleet, town.root / "broker", town.port)
    acl = town.root / "broker" / "acl"
    acl.write_text(acl.read_text() + "\nuser _ingest-2\ntopic read kiosk/#\n")
    yield town


class Reader:
    """An external scanner in the hands of the test."""

    def __init__(self, kiosk: Kiosk) -> None:
        self.line = Line(kiosk.root / "by-id")
        self._answers = kiosk.reader("scanner")

    def scan(self, payload: bytes) -> dict[str, str]:
        self.line.write(payload + b"\r")
        return self.answered()

    def answered(self) -> dict[str, str]:
        answers: list[dict[str, str]] = until(self._answers.take, "an answer", 20)
        return answers[-1]


def traced(kiosk: Kiosk, reader: Reader, traces: Path) -> None:
    """The kiosk's daemons run under strace, say all that they can say, and read the line."""
    extra = kiosk.root / "extra.toml"
    extra.write_text(
        section("reader", driver="serial_line", device=reader.line.device)
        + section("log", level="debug")
        + section("uplink", telemetry_s=1, ack_timeout_s=5)
    )
    kiosk.config.append(extra)
    kiosk._write_kioskctl()  # with this file too
    traces.mkdir()
    for name, daemon in kiosk.daemons.items():
        record = ["-e", f"trace={CALLS}", "-o", str(traces / f"{name}.strace")]
        daemon.command = [*STRACE, *record, *daemon.command, "--config", str(extra)]


def printed(kiosk: Kiosk, *words: str) -> bytes:
    """All that kioskctl prints."""
    done = subprocess.run([kiosk.root / "kioskctl", *words], capture_output=True, check=False)
    assert b"Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def test_no_byte_tells_who_was_here(
    town: Town, people: tuple[list[Stranger], bytes], tmp_path: Path
) -> None:
    (kiosk,) = town.kiosks
    reader, traces, stick = Reader(kiosk), tmp_path / "traces", tmp_path / "stick"
    stick.mkdir()
    traced(kiosk, reader, traces)
    said: set[bytes] = set()
    with town:
        watcher = Watcher(town)
        until(lambda: "online" in str(watcher.heard), "the kiosk is connected", 60)
        reader.line.settle(kiosk.daemons["scanner"].pid)
        for person in people[0]:  # online, with a centre that takes the records
            assert reader.scan(person.payload)["outcome"] in ("pass", "warn", "fail")
        until(lambda: len(town.committed()) >= 9, "the centre has them", 40)
        town.ingest.stop()
        town.broker.kill()  # offline: the records stay on the card
        asked = 0
        for person in people[0]:
            for spoilt in broken(person):
                if b"\r" not in spoilt.payload and len(spoilt.payload) < 7000:
                    reader.scan(spoilt.payload)
                    asked += 1
        assert asked > 60
        kiosk.daemons["feedback"].kill()  # the answer waits for a panel
        kiosk.hold_up(draw(people[0][1].visitor(), seed=1))
        reader.answered()
        kiosk.take_away()
        kiosk.daemons["feedback"].start()
        for words in (
            ["doctor"],
            ["doctor", "--json"],
            ["config"],
            ["outbox"],
            ["outbox", "list"],
        ):
            said.add(printed(kiosk, *words))
        kiosk.daemons["scanner"].kill()
        for words in (
            ["outbox"],
            ["outbox", "seal"],
            ["outbox", "list"],
            ["outbox", "export", str(stick), "--any-folder"],
        ):
            said.add(printed(kiosk, *words))
        kiosk.daemons["scanner"].start()
        town.broker.start()  # with nobody at the centre: they lie in the broker's queue
        time.sleep(4)
        waits = len(SealedSegments(kiosk.outbox).waiting())
        watcher.close()
    recorded = Recorded(traces, kiosk.run / "feedback.sock")
    said |= recorded.strings()
    files = [
        path
        for folder in (kiosk.root, kiosk.run, town.root / "broker", stick)
        for path in folder.rglob("*")
        if path.is_file()
    ]
    files += [town.root / "broker.log", town.ingest.log]
    said |= {path.read_bytes() for path in files}
    said |= {topic.encode() + b" " + payload for topic, payload in watcher.heard}
    # That everything was looked at:
    assert waits >= 1
    assert sum(len(one) for one in said) > 300_000
    assert {"state", "info", "tele", "checkin", "alert", "ack"} <= watcher.topics()
    assert {"answer", "scanner", "uplink"} <= recorded.kinds
    assert {p.shown for p in people[0] if p.shown} <= recorded.names
    assert any(b"camera-hangs.json" in one for one in said)
    assert any(path.suffix == ".kiosk-export" for path in files)
    logs = b"".join((kiosk.root / f"{n}.log").read_bytes() for n in kiosk.daemons)
    for word in (b"DEBUG", b"malformed code: ", b"code=risk-hit", b"outcome=fail"):
        assert word in logs, word
    # And that nobody can be found in it:
    finder = Finder(people[0])
    told = finder.found(b"\n".join(sorted(said)))
    assert [f"{s.stranger}: {s.secret} as {s.how}" for s in told] == []


def test_the_centre_has_what_nobody_else_can_read(
    town: Town, people: tuple[list[Stranger], bytes], tmp_path: Path
) -> None:
    """The other side of the same coin: were nothing recorded, nothing could be told."""
    (kiosk,) = town.kiosks
    reader = Reader(kiosk)
    traced(kiosk, reader, tmp_path / "traces")
    known = [p for p in people[0] if p.label not in ("unknown", "hcmc")]
    with town:
        reader.line.settle(kiosk.daemons["scanner"].pid)
        for person in known:
            reader.scan(person.payload)
        until(lambda: len(town.committed()) >= len(known), "the centre has them", 40)
        with town._engine.connect() as connection:
            rows = connection.execute(check_in.select()).all()
            assert connection.execute(dead_letter.select()).all() == []
    finder = Finder(known)
    found = finder.found(json.dumps([r.claims for r in rows], ensure_ascii=False).encode())
    assert {one.stranger for one in found} == {person.label for person in known}


@pytest.mark.parametrize(
    "leak",
    [
        lambda p: p.payload,
        lambda p: p.secrets[0].encode(),
        lambda p: ("Xin chào " + p.secrets[-1] + "!").encode("utf-16-le"),
        lambda p: repr({"payload": p.payload}).encode(),
        lambda p: json.dumps({"name": p.secrets[0]}).encode(),
        lambda p: p.payload.hex().upper().encode(),
    ],
)
def test_the_search_finds_what_is_there(people: tuple[list[Stranger], bytes], leak: object) -> None:
    assert callable(leak)
    finder = Finder(people[0])
    for person in people[0]:
        found = finder.found(b"x" * 1001 + leak(person) + b"y" * 1001)
        assert {one.stranger for one in found} == {person.label}
    assert finder.found(b"nobody was here " * 1000) == []
    assert len({s.pattern for p in people[0] for s in spellings(p)}) > 2000
    assert sys.byteorder == "little"
