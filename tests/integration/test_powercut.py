"""Power cuts and kills: what was green is there. And the rig that says so can fail."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Literal

import pytest

from bench._fork import bury, forked, kill
from bench._kills import SCENES, kill_everywhere
from bench._ledger import Ledger, Note, Told
from bench._mount import LossyMount, Order, why_not
from bench._scanning import Place, open_outbox, put, recovered, scanner
from bench._unreadable import aside, given, sit_out
from kiosk.outbox import SealedSegments, seal_leftovers
from kiosk.seal import X25519, new_key

on_a_lossy_card = pytest.mark.skipif(bool(why_not()), reason=why_not())
FIGURES = re.compile(r"cuts=(\d+) green=(\d+) lost=(\d+) duplicated=(\d+) corrupted=(\d+)")


def powercut(*words: object) -> tuple[subprocess.CompletedProcess[str], list[int]]:
    """How `bench.powercut` ended, and the figures of its last line."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.powercut", *map(str, words)],
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    figures = FIGURES.fullmatch(done.stdout.splitlines()[-1] if done.stdout else "")
    assert figures, done.stderr
    return done, [int(figure) for figure in figures.groups()]


@on_a_lossy_card
def test_no_power_cut_takes_what_was_green(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done, (cuts, green, *faults) = powercut("--cuts", 80, "--seed", 3, "--json", out)
    assert done.returncode == 0, done.stdout
    assert cuts == 80
    assert green > 80
    assert faults == [0, 0, 0]
    told = json.loads(out.read_text())
    names = ("cuts", "green", "lost", "duplicated", "corrupted")
    assert [told[name] for name in names] == [cuts, green, *faults]
    assert told["unasked"] <= cuts + told["kills"] + told["puts_failed"]
    assert told["puts_failed"] >= told["syncs_failed"] > 0


@on_a_lossy_card
@pytest.mark.parametrize("without", ["fdatasync", "folder-fsync", "receipt"])
def test_losses_are_found_where_a_safety_is_missing(without: str) -> None:
    done, (_, _, lost, *_) = powercut("--cuts", 60, "--without", without)
    assert lost > 0
    assert done.returncode == 1


@on_a_lossy_card
def test_a_failed_sync_that_is_taken_for_a_good_one_is_found() -> None:
    done, (*_, corrupted) = powercut("--cuts", 60, "--without", "failed-sync")
    assert corrupted > 0
    assert "was green though its sync had failed" in done.stdout
    assert done.returncode == 1


@pytest.mark.timeout(400)
def test_no_kill_takes_what_was_green(tmp_path: Path) -> None:
    private = new_key(X25519)
    ledger = Ledger(private)
    calls = kill_everywhere(tmp_path, private.public, ledger)
    assert not ledger.problems
    assert set(calls) == set(SCENES)
    assert calls["put"] >= 3, "statvfs, write, fdatasync"
    assert all(calls.values())


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[LossyMount]:
    folder = tmp_path / "card"
    folder.mkdir()
    with closing(LossyMount(folder)) as mount:
        yield mount
    assert list(folder.iterdir()) == [], "unmounted"


def written(path: Path, content: bytes, sync: Callable[[int], None]) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(fd, content)
    sync(fd)
    os.close(fd)


def synced(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def installed(mount: LossyMount, run: Path) -> tuple[Place, Ledger, Note]:
    """A kiosk's place on a card, the judge of what is kept there, and what its scanner says."""
    private = new_key(X25519)
    place = Place(mount.folder / "outbox", run, private.public)
    place.outbox.mkdir()
    synced(mount.folder)
    return place, Ledger(private), Note(place.told)


@on_a_lossy_card
def test_a_cut_on_the_mounted_card_takes_what_was_not_synced(mount: LossyMount) -> None:
    one, other = mount.folder / "one", mount.folder / "other"
    found = set()
    for seed in range(60):
        written(one, b"durable", os.fdatasync)
        synced(mount.folder)
        written(other, b"hopeful", lambda _fd: None)
        mount.obey(Order("cut", seed=seed))
        assert one.read_bytes() == b"durable"
        found.add(other.read_bytes() if other.exists() else None)
        mount.obey(Order("blank"))
    assert {None, b"", b"hopeful"} <= found


@on_a_lossy_card
def test_what_was_done_to_the_mounted_card_is_told(mount: LossyMount) -> None:
    assert mount.obey(Order("trace")) == "nothing"
    (mount.folder / "x").write_bytes(b"12")
    told = mount.obey(Order("trace")).splitlines()
    assert [line.split()[:2] for line in told] == [["create", "x"], ["write", "2"]]


@on_a_lossy_card
@pytest.mark.parametrize("room", ["blocks", "inodes"])
def test_the_mounted_card_can_be_full(mount: LossyMount, room: Literal["blocks", "inodes"]) -> None:
    written(mount.folder / "old", b"12", os.fdatasync)
    found = os.statvfs(mount.folder)
    assert found.f_blocks > found.f_bavail > 1 << 16
    assert found.f_files > found.f_favail > 1 << 12
    mount.arm(Order("arm", after=1000, full_of=room, full_from=1, full_for=2, told=True))
    with pytest.raises(OSError, match="No space left"):
        (mount.folder / "x").touch()
    found = os.statvfs(mount.folder)
    assert (found.f_bavail == 0, found.f_favail == 0) == (room == "blocks", room == "inodes")
    mount.held(0.0)
    mount.obey(Order("go-on"))
    found = os.statvfs(mount.folder)
    assert min(found.f_bavail, found.f_favail) > 0
    mount.arm(Order("arm", after=1000, full_of="inodes", full_for=1000))
    (mount.folder / "old").rename(mount.folder / "older")
    written(mount.folder / "older", b"34", os.fdatasync)
    assert os.statvfs(mount.folder).f_favail > 0, "it was not to be told"
    mount.held(0.0)


@on_a_lossy_card
def test_the_mounted_card_can_be_broken(mount: LossyMount) -> None:
    mount.arm(Order("arm", after=1000, fails=1))
    with pytest.raises(OSError, match="Input/output error"):
        (mount.folder / "x").touch()
    mount.held(0.0)
    mount.obey(Order("go-on"))
    (mount.folder / "x").touch()


@on_a_lossy_card
def test_a_put_whose_sync_fails_is_not_green_and_the_next_has_another_segment(
    mount: LossyMount, tmp_path: Path
) -> None:
    place, ledger, told = installed(mount, tmp_path)
    failed = 0
    for seed in range(6):
        mount.arm(Order("arm", after=80, seed=seed, unsynced=4))
        child = forked(lambda seed=seed: scanner(place, Random(seed)))
        mount.held(10.0)
        kill(child)
        mount.obey(Order("fail-held"))
        bury(child, mount.wake)
        words = told.take(Told)
        for number, word in enumerate(words):
            if word.what == "unsynced":
                then = [(w.what, w.id, w.segment) for w in words[number + 1 : number + 3]]
                failed += len(then) == 2
                assert then[:1] in ([], [("failed", word.id, word.segment)])
                assert all(segment > word.segment for what, _, segment in then[1:])
        ledger.heard(words)
        mount.obey(Order("cut", seed=seed))
        ledger.waiting(recovered(place, by_scanner=True))
    assert not ledger.problems
    assert failed > 5
    assert len(ledger.green) > failed


@on_a_lossy_card
def test_the_mounted_card_can_lose_files_and_find_them_again(mount: LossyMount) -> None:
    files = {number: mount.folder / number for number in ("1", "2", "3")}
    for number, path in files.items():
        written(path, number.encode(), os.fdatasync)
    sizes = set()
    for seed in range(8):
        _, *bad = mount.obey(Order("spoil", seed=seed)).split()
        sizes.add(len(bad))
        for path in files.values():
            if str(path.stat().st_ino) in bad:
                with pytest.raises(OSError, match="Input/output error"):
                    path.read_bytes()
            else:
                path.read_bytes()
        mount.obey(Order("heal"))
        assert [path.read_text() for path in files.values()] == list(files)
    assert sizes == {1, 2}


@on_a_lossy_card
def test_what_the_card_does_not_give_is_set_aside_and_nothing_else_suffers(
    mount: LossyMount, tmp_path: Path
) -> None:
    place, ledger, told = installed(mount, tmp_path)
    kept = 0

    def scan() -> None:
        said, outbox = Note(place.told), open_outbox(place, 2)
        for number in range(5):
            put(outbox, said, Random(number))

    for seed in range(6):
        assert os.waitpid(forked(scan), 0)[1] == 0
        mount.obey(Order("cut", seed=seed))
        mount.obey(Order("save"))
        ledger.heard(told.take(Told))
        _, *bad = mount.obey(Order("spoil", seed=seed)).split()
        inodes = set(map(int, bad))
        assert os.waitpid(forked(lambda: sit_out(place)), 0)[1] == 0
        segments, problems = given(place, inodes)
        mount.obey(Order("heal"))
        segments_aside = aside(place, inodes)
        ledger.waiting(segments, segments_aside)
        assert not problems
        kept += len(segments_aside)
        mount.obey(Order("restore"))
    assert not ledger.problems
    assert len(ledger.green) == 30
    assert kept > 0


@on_a_lossy_card
def test_what_is_left_over_never_lies_there_under_two_names(
    mount: LossyMount, tmp_path: Path
) -> None:
    """A cut leaves both names of a segment, the uplink deletes the new one, the next scanner
    hands over the old one, and a second cut may undo the deletion."""
    place = Place(mount.folder / "outbox", tmp_path, new_key(X25519).public)
    both = 0

    def scan() -> None:
        told, scanner = Note(place.told), open_outbox(place, 4)
        put(scanner, told, Random(0))
        put(scanner, told, Random(0))
        scanner.tick(0.0, connected=True)

    for seed in range(150):
        mount.obey(Order("blank"))
        place.outbox.mkdir()
        synced(mount.folder)
        assert os.waitpid(forked(scan), 0)[1] == 0
        mount.obey(Order("cut", seed=seed))
        segments = SealedSegments(place.outbox)
        for name in segments.waiting():
            both += len(segments.still_open())
            segments.drop(name)
        seal_leftovers(place.outbox)
        mount.obey(Order("cut", seed=seed + 1000))
        seal_leftovers(place.outbox)
        assert len(segments.waiting()) <= 1, seed
    assert both > 5, "it has been tried"
