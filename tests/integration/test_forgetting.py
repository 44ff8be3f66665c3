"""What a running kiosk remembers of its visitors: nothing, a moment after their answer.

Everything that is readable in the memory of the real daemons is searched, with the settings of
their units: what is referenced, and what was freed and might still stand there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import segno
from line import Line
from rig import until
from strangers import Finder, Spelling, Stranger, broken, strangers

from demo.kiosk import Kiosk, section, unit_environment
from demo.processes import Process
from demo.scenes import draw
from kiosk.signed import Kind
from provisioning.authority import enrol, sign

pytestmark = pytest.mark.timeout(240)

ANSWER_S = 2.0
AFTER_S = ANSWER_S + 1.5  # the panel's turn, the scanner's, and what a slow machine adds
IN_MEMORY = re.compile(r"(?!capitals|small).*(UTF-8|UTF-16|UTF-32|hex|base64 \(0\))|as it is")


def memory(pid: int) -> bytes:
    """All that the process may write to, and so may have written."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", 0) as mem:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            start, end = (int(bound, 16) for bound in span.split("-"))
            if rights.startswith("rw"):
                mem.seek(start)
                try:
                    found.append(mem.read(end - start))
                except OSError:  # a device's
                    continue
    # Where nothing stands, nothing needs to be looked for.
    whole = b"\n".join(found)
    for blank in b"\0U\xaa\xff":
        whole = whole.replace(bytes([blank]) * 64, b"")
    return whole


class Door:
    """A kiosk with scanner and panel; codes come by its external scanner or its camera."""

    def __init__(self, kiosk: Kiosk, trust: Path, camera: str) -> None:
        self.kiosk = kiosk
        self._line = Line(kiosk.root / "by-id")
        extra = kiosk.root / "extra.toml"
        extra.write_text(
            section("camera", driver=camera)
            + section("reader", driver="serial_line", device=self._line.device)
            + section("panel", answer_s=ANSWER_S)
            + section("judge", trust=trust)
        )
        self.daemons = {
            name: Process(
                name,
                [sys.executable, "-m", f"kiosk.{name}"]
                + [f"--config={path}" for path in [*kiosk.config, extra]],
                kiosk.root / f"{name}.log",
                unit_environment(name),
            )
            for name in ("feedback", "scanner")
        }
        self.answers = kiosk.reader("scanner")

    def start(self) -> None:
        for daemon in self.daemons.values():
            daemon.start()
        self._line.settle(self.daemons["scanner"].pid)

    def scan(self, payload: bytes) -> dict[str, str]:
        self._line.write(payload + b"\r")
        return self.answered()

    def answered(self) -> dict[str, str]:
        answers = until(self.answers.take, "an answer", 20)
        return answers[-1]

    def told(self, finder: Finder) -> dict[str, list[Spelling]]:
        return {name: finder.found(self.memory(name)) for name in self.daemons}

    def memory(self, daemon: str) -> bytes:
        return memory(self.daemons[daemon].pid)

    def close(self) -> None:
        for daemon in self.daemons.values():
            daemon.stop()
        self._line.close()


@pytest.fixture(scope="module")
def people() -> tuple[list[Stranger], bytes]:
    return strangers()


@pytest.fixture(params=["none"])
def door(
    request: pytest.FixtureRequest,
    fleet: Path,
    tmp_path: Path,
    people: tuple[list[Stranger], bytes],
) -> Iterator[Door]:
    kind: Kind = "trust"
    trust = tmp_path / "trust.signed"
    trust.write_bytes(sign(fleet, kind, people[1], 1))
    kid = f"forgets-{os.urandom(4).hex()}"
    run = Path(tempfile.mkdtemp(prefix="kiosk-"))  # a socket's path must be short
    site = enrol(fleet, kid, "Chợ", "localhost:1", tmp_path / "e")
    door = Door(Kiosk(tmp_path / "k", run, kid, site), trust, request.param)
    yield door
    door.close()
    shutil.rmtree(run)


def in_memory(people: list[Stranger]) -> Finder:
    """Spellings in which Python and its libraries keep text; all others would take too long."""
    finder = Finder(people)
    finder.spellings = [one for one in finder.spellings if IN_MEMORY.fullmatch(one.how)]
    return finder


with_a_camera = pytest.mark.parametrize("door", ["replay"], indirect=True)
NOTHING: dict[str, list[Spelling]] = {"feedback": [], "scanner": []}


def test_of_an_external_scanners_codes_nothing_is_left(
    door: Door, people: tuple[list[Stranger], bytes]
) -> None:
    door.start()
    finder = in_memory(people[0])
    *others, last = sorted(people[0], key=lambda person: person.label == "cccd")
    for person in [*others, last]:
        assert door.scan(person.payload)["outcome"] in ("pass", "warn"), person.label
    # That this can be seen at all: the last answer still stands on the panel.
    assert {one.stranger for one in finder.found(door.memory("feedback"))} == {last.label}
    time.sleep(AFTER_S)
    assert door.told(finder) == NOTHING


def test_of_broken_codes_nothing_is_left(door: Door, people: tuple[list[Stranger], bytes]) -> None:
    door.start()
    asked = 0
    for person in people[0]:
        for spoilt in broken(person):
            if b"\r" not in spoilt.payload and len(spoilt.payload) < 7000:
                door.scan(spoilt.payload)
                asked += 1
    assert asked > 60
    time.sleep(AFTER_S)
    assert door.told(in_memory(people[0])) == NOTHING


@with_a_camera
def test_of_the_cameras_pictures_nothing_is_left(
    door: Door, people: tuple[list[Stranger], bytes]
) -> None:
    door.start()
    shown = [p for p in people[0] if p.label in ("vn_personal", "cccd", "bhyt", "hc1", "door_pass")]
    for number, person in enumerate(shown):
        door.kiosk.hold_up(draw(person.visitor(), seed=number))
        door.answered()
    door.kiosk.take_away()
    time.sleep(AFTER_S)
    assert door.told(in_memory(shown)) == NOTHING


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small file system, needs root")
def test_nothing_is_left_when_the_card_is_full(
    door: Door, people: tuple[list[Stranger], bytes]
) -> None:
    """An error remembers the calls that led to it, and all that they had at hand."""
    outbox = str(door.kiosk.outbox)
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", outbox], check=False
    ).returncode:
        pytest.skip("this machine allows no mounts")
    try:
        door.start()
        person = people[0][1]
        assert door.scan(person.payload)["reason"] == "card-full"
        time.sleep(AFTER_S)
        assert door.told(in_memory([person])) == NOTHING
    finally:
        for daemon in door.daemons.values():
            daemon.stop()
        subprocess.run(["umount", outbox], check=True)


def test_nothing_is_left_when_there_is_no_panel(
    door: Door, people: tuple[list[Stranger], bytes]
) -> None:
    """An answer that nobody takes waits for a second, and is then of no use."""
    door.start()
    door.daemons["feedback"].kill()
    person = people[0][1]
    door.scan(person.payload)
    time.sleep(AFTER_S)
    assert in_memory([person]).found(door.memory("scanner")) == []


@with_a_camera
def test_nothing_is_left_when_the_camera_goes(
    door: Door, people: tuple[list[Stranger], bytes]
) -> None:
    """The last frame that it gave is no exception."""
    door.start()
    person = people[0][1]
    door.kiosk.hold_up(draw(person.visitor(), seed=3))
    door.answered()
    shutil.rmtree(door.kiosk.camera)
    time.sleep(AFTER_S + 1)
    assert door.told(in_memory([person])) == NOTHING


def test_zbar_keeps_nothing_of_what_it_read(
    people: tuple[list[Stranger], bytes], tmp_path: Path
) -> None:
    """The library reuses its symbols, and keeps what the last one said until the next."""
    person = people[0][0]
    modules = np.array(segno.make(person.payload, error="m", micro=False).matrix, np.uint8)
    picture = np.pad(255 - modules * 255, 4, constant_values=255).repeat(6, 0).repeat(6, 1)
    np.save(tmp_path / "picture.npy", picture)
    code = (
        "import sys, numpy; from kiosk.decode.zbar import Zbar; zbar = Zbar();"
        "print(len(zbar.read(numpy.load(sys.argv[1])).symbols), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "picture.npy")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | unit_environment("scanner"),
    ) as child:
        assert child.stdout and child.stdout.readline() == b"1\n"
        assert in_memory([person]).found(memory(child.pid)) == []
        child.communicate()
