"""Real daemons when their surroundings are wrong: said in words, shown on the panel, and
over as soon as the cause is gone. No broker here: the door does not need one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import glass
import numpy as np
import pytest
import segno
from PIL import Image

from demo.crowd import Crowd, crowd_of
from demo.scenes import draw
from demo.town import Kiosk
from kiosk import screens
from kiosk.cues import Inlet, ScannerState
from kiosk.outbox import SealedSegments
from provisioning.authority import enrol

WELL = screens.Situation(enrolled=True, scanner="well")


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return crowd_of(2, seed=3, now=time.time())


@pytest.fixture
def kiosk(fleet: Path, tmp_path: Path) -> Iterator[Kiosk]:
    """An enrolled kiosk whose daemons are started by the tests."""
    kid = f"faulty-{os.urandom(4).hex()}"
    run = Path(tempfile.mkdtemp(prefix="kiosk-"))  # a socket's path must be short
    site = enrol(fleet, kid, "Chợ", "localhost:1", tmp_path / "enrolled")
    kiosk = Kiosk(tmp_path / "k", run, kid, site)
    yield kiosk
    for daemon in kiosk.daemons.values():
        daemon.stop()
    shutil.rmtree(run)


@pytest.fixture
def scene(crowd: Crowd) -> Image.Image:
    return draw(crowd.visitors[0], seed=1)


def until(true: Callable[[], bool], what: str, patience_s: float = 20) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def log(kiosk: Kiosk, daemon: str) -> str:
    path = kiosk.daemons[daemon].log
    return path.read_text() if path.exists() else ""


def panel_shows(kiosk: Kiosk, situation: screens.Situation) -> Callable[[], bool]:
    """Without the marks, which depend on the network."""
    return glass.shows_state(kiosk.screens / "screen.png", situation, glass.LEFT)


def fault(code: str) -> screens.Situation:
    return WELL._replace(faults=(code,))


def run_scanner(kiosk: Kiosk) -> subprocess.CompletedProcess[str]:
    command = kiosk.daemons["scanner"].command
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_a_missing_outbox_is_shown_and_used_once_it_is_there(
    kiosk: Kiosk, scene: Image.Image
) -> None:
    kiosk.outbox.rmdir()
    kiosk.start()
    until(panel_shows(kiosk, fault("outbox-fault")), "the panel says that nothing is stored")
    assert "is missing; create it" in log(kiosk, "scanner")
    answer = kiosk.ask(scene)
    assert (answer["outcome"], answer["reason"], answer["seq"]) == ("warn", "outbox-fault", "0")
    kiosk.outbox.mkdir()
    until(lambda: "fault cleared code=outbox-fault" in log(kiosk, "scanner"), "it recovers")
    kiosk.take_away()
    time.sleep(0.7)
    assert kiosk.ask(scene)["outcome"] == "pass"
    assert all(daemon.running for daemon in kiosk.daemons.values())


def test_what_cannot_be_read_brings_a_hint_and_goes_with_its_code(
    kiosk: Kiosk, scene: Image.Image
) -> None:
    """A code whose corners are seen and whose inside is smeared."""
    modules = np.array(segno.make("7" * 60, error="m", micro=False).matrix, np.uint8)
    third = len(modules) // 3
    modules[third:, third:] = np.random.default_rng(2).integers(0, 2, (len(modules) - third,) * 2)
    code = np.pad(220 - modules * 190, 4, constant_values=220).repeat(5, 0).repeat(5, 1)
    spoilt = np.full((720, 1280), 120, np.uint8)
    spoilt[200 : 200 + len(code), 500 : 500 + len(code)] = code
    kiosk.start()
    assert kiosk.ask(scene)["outcome"] == "pass"
    kiosk.hold_up(Image.fromarray(spoilt))
    hinted = glass.shows(kiosk.screens / "screen.png", partial(glass.hints, "hold-still"))
    until(hinted, "the panel asks to hold still")
    kiosk.take_away()
    until(panel_shows(kiosk, WELL), "the panel waits for the next one")
    assert len(kiosk.answers()) == 1


def test_what_moves_before_the_camera_is_told_to_the_panel(
    kiosk: Kiosk, scene: Image.Image
) -> None:
    """So that it is bright again before the code has been read."""
    panel = Inlet(kiosk.run, "feedback")
    kiosk.daemons["scanner"].start()

    def beats() -> list[ScannerState]:
        return [cue for cue in panel.drain() if isinstance(cue, ScannerState)]

    until(lambda: any(beat.moved_at for beat in beats()), "the first picture is news")
    rest: list[float] = []
    until(lambda: len(rest.extend(b.moved_at for b in beats()) or rest) >= 4, "it goes on beating")
    assert len(set(rest)) == 1, "nothing moves"
    kiosk.hold_up(scene)
    found: list[ScannerState] = []
    until(
        lambda: bool(found.extend(b for b in beats() if b.moved_at > rest[-1]) or found),
        "somebody comes",
    )
    panel.close()
    assert found[0].moved_at > rest[-1] + 2


def test_garbage_in_the_outbox_stops_nobody(kiosk: Kiosk, scene: Image.Image) -> None:
    for folder in ("open", "sealed", "quarantine"):
        (kiosk.outbox / folder).mkdir()
        (kiosk.outbox / folder / "DSC_0001.JPG").write_bytes(os.urandom(5000))
        (kiosk.outbox / folder / f"{'a' * 24}-{5:016d}.seg").write_bytes(os.urandom(5000))
    kiosk.start()
    assert kiosk.ask(scene)["outcome"] == "pass"
    until(
        lambda: len(SealedSegments(kiosk.outbox).quarantined()) >= 4,
        "what cannot be read is kept apart",
    )
    assert all(daemon.running for daemon in kiosk.daemons.values())


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small file system, needs root")
def test_a_full_card_is_refused_before_green(kiosk: Kiosk, scene: Image.Image) -> None:
    size = "size=6m"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "none", str(kiosk.outbox)], check=False
    )
    if mounted.returncode:
        pytest.skip("this machine allows no mounts")
    try:
        kiosk.start()
        assert kiosk.ask(scene)["outcome"] == "pass"
        kiosk.take_away()
        ballast = kiosk.outbox / "ballast"
        ballast.write_bytes(b"\0" * 3_000_000)
        until(panel_shows(kiosk, fault("card-full")), "the panel says so before a visitor")
        answer = kiosk.ask(scene)
        assert (answer["outcome"], answer["reason"]) == ("warn", "card-full")
        kiosk.take_away()
        ballast.unlink()
        time.sleep(0.7)  # a new showing
        until(lambda: "fault cleared code=card-full" in log(kiosk, "scanner"), "it recovers")
        assert kiosk.ask(scene)["outcome"] == "pass"
        assert all(daemon.running for daemon in kiosk.daemons.values())
    finally:
        for daemon in kiosk.daemons.values():
            daemon.stop()
        subprocess.run(["umount", str(kiosk.outbox)], check=True)


def test_a_second_scanner_ends_with_a_sentence(kiosk: Kiosk, scene: Image.Image) -> None:
    kiosk.start()
    assert kiosk.ask(scene)["outcome"] == "pass"
    second = run_scanner(kiosk)
    assert second.returncode == 1
    assert "another scanner holds" in second.stderr
    assert kiosk.daemons["scanner"].running


def test_a_camera_that_vanishes_is_shown(kiosk: Kiosk, scene: Image.Image) -> None:
    kiosk.start()
    assert kiosk.ask(scene)["outcome"] == "pass"
    shutil.rmtree(kiosk.camera)
    until(panel_shows(kiosk, fault("camera-absent")), "the panel names the camera")
    assert "fault code=camera-absent" in log(kiosk, "scanner")
    assert all(daemon.running for daemon in kiosk.daemons.values())


def test_a_dead_scanner_is_out_of_order_on_the_panel(kiosk: Kiosk, scene: Image.Image) -> None:
    kiosk.start()
    assert kiosk.ask(scene)["outcome"] == "pass"
    kiosk.daemons["scanner"].kill()
    until(panel_shows(kiosk, WELL._replace(scanner="silent")), "the panel notices")
    kiosk.daemons["scanner"].start()
    until(panel_shows(kiosk, WELL), "and the return")


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        ("[kiosk]\nid = 5\n", "desk.toml: kiosk.id"),
        ("[camera]\ndriver = 'pinhole'\n", 'camera.driver: found "pinhole", allowed: '),
        ("[judge]\npolicy = '/nowhere/policy.toml'\n", "cannot read /nowhere/policy.toml"),
        ("[seal]\nrecipients = ['/dev/null']\n", "seal.recipients"),
        ("[kiosk]\nid = ''\n", "not enrolled"),
        ("[panel\n", "desk.toml"),
    ],
)
def test_wrong_configuration_is_named_and_ends_with_78(
    kiosk: Kiosk, mistake: str, sentence: str
) -> None:
    (kiosk.root / "desk.toml").write_text(mistake)
    ended = run_scanner(kiosk)
    assert ended.returncode == 78
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_missing_configuration_is_named(kiosk: Kiosk) -> None:
    for path in kiosk.config[1:]:
        path.unlink()
        ended = run_scanner(kiosk)
        assert ended.returncode == 78
        assert path.name in ended.stderr
        path.write_text("")
