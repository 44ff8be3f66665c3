"""`kioskctl outbox export`: what a technician carries away is whole, and nothing is deleted that
was not read back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from test_ctl import Done, kioskctl, quickly
from test_ctl_outbox import record

from kiosk import config, export, seal, wire
from kiosk.errors import SealError
from kiosk.outbox import Outbox, SealedSegments
from provisioning.authority import enrol, init_fleet

NAME = "NGUYEN VAN A"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority") / "fleet"
    init_fleet(folder, ["localhost"])
    return folder


class Kiosk:
    """An enrolled kiosk on a desk, without daemons."""

    def __init__(self, fleet: Path, folder: Path, kid: str = "gate-1") -> None:
        self.kid = kid
        self.site = enrol(fleet, kid, "Chợ", "localhost:1", folder / "etc")
        desk = folder / "desk.toml"
        desk.write_text(
            f'[paths]\noutbox = "{folder}/outbox"\nrun = "{folder}"\n[clock]\nsource = "system"\n'
        )
        self.options = ["--config", self.site, "--config", desk]
        self.outbox = folder / "outbox"
        self.outbox.mkdir()
        self._to = [
            seal.load_public(path.read_bytes()) for path in config.load([self.site]).seal.recipients
        ]

    def scanner(self, segment_records: int = 2) -> Outbox[seal.SegmentSeal]:
        return Outbox(
            self.outbox,
            segment_records,
            lambda epoch, first: seal.new_segment(self._to, self.kid, epoch, first),
        )

    def fill(self, records: int, plain: bytes = NAME.encode(), segment_records: int = 2) -> None:
        outbox = self.scanner(segment_records)
        for _ in range(records):
            outbox.put(lambda sealing, seq: record(sealing, seq, plain))
        outbox.close()

    def export(self, to: Path, *more: str, run: Callable[..., Done] = quickly) -> Done:
        return run("outbox", "export", to, "--any-folder", *more, *self.options)

    def left(self) -> int:
        return len(SealedSegments(self.outbox).waiting())


@pytest.fixture
def kiosk(fleet: Path, tmp_path: Path) -> Kiosk:
    return Kiosk(fleet, tmp_path / "k", f"gate-{os.urandom(4).hex()}")


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


@pytest.fixture
def small_stick(stick: Path) -> Iterator[Path]:
    """A file system of its own, 100 kB."""
    command = ["mount", "-t", "tmpfs", "-o", "size=100k", "none", str(stick)]
    if os.getuid() != 0 or subprocess.run(command, check=False).returncode:
        pytest.skip("mounts a small file system, needs root")
    yield stick
    subprocess.run(["umount", str(stick)], check=True)


def content(folder: Path) -> dict[str, list[export.Line | None]]:
    found = {}
    for path in sorted(folder.glob(f"*{export.SUFFIX}")):
        with path.open("rb") as file:
            found[path.name] = list(export.lines(file))
    return found


def seqs(folder: Path) -> list[int]:
    """Sequence numbers of all records on the stick."""
    batches = [
        wire.decode(line.json, wire.Batch)
        for lines in content(folder).values()
        for line in lines
        if line and line.kind == "segment"
    ]
    return [r.seq for batch in batches for r in batch.records]


def test_all_that_waits_is_on_the_stick_and_still_on_the_kiosk(kiosk: Kiosk, stick: Path) -> None:
    kiosk.fill(5)
    done = kiosk.export(stick, run=kioskctl)
    assert (done.status, done.err) == (0, "")
    file = stick / f"{kiosk.kid}-001.kiosk-export"
    assert done.out.splitlines() == [
        f"on the stick and verified: 3 segments, 5 records, in {file}",
        "the kiosk still has all of it; --delete removes what was verified on the stick",
        f"unmount the stick (umount {stick}) before you pull it out; at the centre: python -m"
        " central.ingest import",
    ]
    (lines,) = content(stick).values()
    assert [line.kind if line else None for line in lines] == [
        "head", "segment", "segment", "segment", "head", "end",
    ]  # fmt: skip
    assert [line.number for line in lines if line] == list(range(6))
    assert lines[-1] and msgspec.json.decode(lines[-1].json) == {"segments": 3, "records": 5}
    assert seqs(stick) == [1, 2, 3, 4, 5]
    assert kiosk.left() == 3
    assert NAME not in file.read_text()


def test_called_again_it_adds_only_what_is_new(kiosk: Kiosk, stick: Path) -> None:
    kiosk.fill(3)
    kiosk.export(stick)
    first = next(iter(stick.iterdir())).read_bytes()
    again = kiosk.export(stick)
    assert again.status == 0
    assert again.out.startswith("on the stick before: 2 segments\n")
    assert len(list(stick.iterdir())) == 1
    kiosk.fill(2)
    done = kiosk.export(stick)
    assert f"1 segment, 2 records, in {stick / kiosk.kid}-002.kiosk-export" in done.out
    assert next(iter(sorted(stick.iterdir()))).read_bytes() == first, "never touched again"
    assert sorted(seqs(stick)) == [1, 1, 2, 2, 3], "each start of the scanner counts anew"


def test_what_was_verified_is_deleted_when_asked(kiosk: Kiosk, stick: Path) -> None:
    kiosk.fill(5)
    (kiosk.outbox / "quarantine" / "DSC_0001.JPG").write_bytes(b"junk")
    done = kiosk.export(stick, "--delete")
    assert done.status == 0
    assert "deleted from the kiosk: 4 files" in done.out
    assert kiosk.left() == 0
    assert seqs(stick) == [1, 2, 3, 4, 5]
    assert (stick / f"{kiosk.kid}-quarantine" / "DSC_0001.JPG").read_bytes() == b"junk"
    assert not list((kiosk.outbox / "quarantine").iterdir())
    kiosk.fill(1)
    kiosk.export(stick)
    assert seqs(stick) == [1, 2, 3, 4, 5, 1]


def test_an_empty_outbox_leaves_the_stick_alone(kiosk: Kiosk, stick: Path) -> None:
    kiosk.fill(0)
    done = kiosk.export(stick)
    assert (done.status, done.out) == (0, "nothing waits\n")
    assert list(stick.iterdir()) == []


def test_what_a_dead_scanner_left_goes_too(kiosk: Kiosk, stick: Path) -> None:
    kiosk.fill(3)
    for path in (kiosk.outbox / "sealed").iterdir():
        path.rename(kiosk.outbox / "open" / path.name)
    assert kiosk.export(stick).status == 0
    assert seqs(stick) == [1, 2, 3]


def test_a_scanner_at_work_keeps_its_own_and_that_is_said(kiosk: Kiosk, stick: Path) -> None:
    scanner = kiosk.scanner()
    for _ in range(3):
        scanner.put(lambda sealing, seq: record(sealing, seq, b"x"))
    scanner.tick(3600, connected=False)  # two are sealed, one is not
    done = kiosk.export(stick, "--delete")
    assert done.status == 1
    assert "NOT on the stick: 1 segment, 1 record in the scanner's hands" in done.err
    assert seqs(stick) == [1, 2]
    scanner.close()
    assert kiosk.export(stick, "--delete").status == 0
    assert seqs(stick) == [1, 2, 3]


def test_damage_is_copied_as_it_is_and_what_can_be_read_is_exported(
    kiosk: Kiosk, stick: Path
) -> None:
    kiosk.fill(4, segment_records=4)
    (name,) = SealedSegments(kiosk.outbox).waiting()
    path = kiosk.outbox / "sealed" / name
    path.write_bytes(path.read_bytes().replace(b'"seq":3', b'"seq":8'))
    damaged = path.read_bytes()
    unreadable = kiosk.outbox / "quarantine" / "a%2F:b.seg"
    unreadable.write_bytes(b"\0" * 100)
    (kiosk.outbox / "sealed" / "notes.txt").write_bytes(b"a stranger's")
    (kiosk.outbox / "sealed" / "notes").mkdir()
    (unreadable.parent / "b.open.torn").write_bytes(damaged[:300])
    done = kiosk.export(stick, "--delete")
    assert done.status == 0
    folder = stick / f"{kiosk.kid}-quarantine"
    assert f"not readable in whole, copied as they are to {folder}: 4 files" in done.out
    assert seqs(stick) == [1, 2, 4]
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {
        name: damaged,
        "a%252F%3Ab.seg": b"\0" * 100,
        "b.open.torn": damaged[:300],
        "notes.txt": b"a stranger's",
    }
    assert kiosk.left() == 0
    assert not unreadable.exists()


def test_files_of_one_name_lie_beside_each_other_on_the_stick(kiosk: Kiosk, stick: Path) -> None:
    """Also those of an earlier export, of which the kiosk has deleted its own."""
    contents = [b"one", b"two", b"three"]
    for content in (contents[:2], contents[2:], contents[2:]):
        for folder, data in zip(("sealed", "quarantine"), content, strict=False):
            (kiosk.outbox / folder).mkdir(exist_ok=True)
            (kiosk.outbox / folder / "notes.txt").write_bytes(data)
        assert kiosk.export(stick, "--delete").status == 0
    there = (stick / f"{kiosk.kid}-quarantine").iterdir()
    assert sorted(path.read_bytes() for path in there) == sorted(contents)


def test_what_is_too_large_for_one_message_goes_in_parts(kiosk: Kiosk, stick: Path) -> None:
    outbox = kiosk.scanner(64)
    for _ in range(16):
        outbox.put(lambda sealing, seq: record(sealing, seq, b"x" * 8000))
    outbox.close()
    (kiosk.outbox / "sealed").rename(kiosk.outbox / "s")
    (kiosk.outbox / "sealed").mkdir()
    (segment,) = (kiosk.outbox / "s").iterdir()
    segment.rename(kiosk.outbox / "quarantine" / segment.name)
    limit = wire.MAX_BATCH_BYTES
    wire.MAX_BATCH_BYTES = 50_000  # no outbox of ours makes one that is too large by itself
    try:
        listed = quickly("outbox", "list", *kiosk.options).out
        done = kiosk.export(stick)
    finally:
        wire.MAX_BATCH_BYTES = limit
    assert "too large for one message, 16 records" in listed
    assert done.status == 0
    assert seqs(stick) == list(range(1, 17))
    (lines,) = content(stick).values()
    assert max(len(line.json) for line in lines if line) <= 50_000


@pytest.mark.parametrize("cut", [1, 200, 1000, 1500, 2500])
def test_an_export_that_was_broken_off_is_continued(kiosk: Kiosk, stick: Path, cut: int) -> None:
    kiosk.fill(8)
    kiosk.export(stick)
    (file,) = stick.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[: -min(cut, len(whole))])
    done = kiosk.export(stick)
    assert done.status == 0
    assert list(stick.iterdir()) == [file], "no second file"
    assert seqs(stick) == list(range(1, 9))
    (lines,) = content(stick).values()
    assert None not in lines
    assert [line.number for line in lines if line] == list(range(len(lines)))
    assert lines[-1] and msgspec.json.decode(lines[-1].json) == {"segments": 4, "records": 8}


def test_a_file_that_holds_nothing_is_begun_anew(kiosk: Kiosk, stick: Path) -> None:
    kiosk.fill(2)
    (stick / f"{kiosk.kid}-001.kiosk-export").write_bytes(b"")
    (stick / f"{kiosk.kid}-x.kiosk-export").write_bytes(b"not ours")
    assert kiosk.export(stick).status == 0
    assert seqs(stick) == [1, 2]


@pytest.mark.parametrize("at", ["head", "segment", "signature", "end"])
def test_what_a_broken_stick_altered_is_written_again(kiosk: Kiosk, stick: Path, at: str) -> None:
    kiosk.fill(4)
    kiosk.export(stick)
    (file,) = stick.iterdir()
    data = bytearray(file.read_bytes())
    word = {
        "head": b"export",
        "segment": b"sealed",
        "signature": b" segment ",
        "end": b'records":4',
    }
    offset = data.index(word[at]) + (20 if at == "signature" else 0)
    data[offset] ^= 1
    file.write_bytes(data)
    done = kiosk.export(stick, "--delete")
    assert done.status == 0
    assert kiosk.left() == 0
    # Whatever was hit, the whole of it is there in lines that are good.
    good = [line for lines in content(stick).values() for line in lines if line]
    heads = {line.id for line in good if line.kind == "head"}
    found = {
        r.seq
        for line in good
        if line.kind == "segment" and line.id in heads
        for r in wire.decode(line.json, wire.Batch).records
    }
    assert found == {1, 2, 3, 4}


def test_a_stick_that_lies_deletes_nothing(
    kiosk: Kiosk, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A counterfeit stick takes everything and keeps little of it."""
    kiosk.fill(4)
    sync = os.fsync

    def forgets(fd: int) -> None:
        sync(fd)
        for file in stick.glob(f"*{export.SUFFIX}"):
            data = file.read_bytes()
            file.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))

    monkeypatch.setattr("kiosk.ctl.outbox.stick.os.fsync", forgets)
    done = kiosk.export(stick, "--delete")
    assert done.status == 1
    assert "does not give back what was written (1 segment wrong)" in done.err
    assert kiosk.left() == 2


def test_a_full_stick_is_told_and_another_one_takes_the_rest(
    kiosk: Kiosk, small_stick: Path, tmp_path: Path
) -> None:
    kiosk.fill(64, plain=b"x" * 4000, segment_records=4)
    done = quickly("outbox", "export", small_stick, "--delete", *kiosk.options)
    assert done.status == 1
    assert f"kioskctl: the stick {small_stick} is full; what is on it is good." in done.err
    first = seqs(small_stick)
    assert 8 <= len(first) <= 32
    assert kiosk.left() == 16 - len(first) // 4
    other = tmp_path / "other"
    other.mkdir()
    assert kiosk.export(other, "--delete").status == 0
    assert first + seqs(other) == list(range(1, 65))
    assert kiosk.left() == 0


def test_a_stick_that_can_only_be_read_is_told(kiosk: Kiosk, small_stick: Path) -> None:
    kiosk.fill(2)
    subprocess.run(["mount", "-o", "remount,ro", str(small_stick)], check=True)
    done = quickly("outbox", "export", small_stick, *kiosk.options)
    assert done.status == 1
    assert done.err.startswith(f"kioskctl: {small_stick} is mounted read-only; slide its lock")
    assert kiosk.left() == 1


def test_no_stick_no_export(kiosk: Kiosk, stick: Path) -> None:
    """Into an empty mount point everything would go onto the very card that is to be left."""
    kiosk.fill(2)
    done = quickly("outbox", "export", stick, *kiosk.options)
    assert done.status == 1
    assert f"{stick} lies on the kiosk's own card: no stick is mounted there" in done.err
    done = quickly("outbox", "export", stick / "absent", *kiosk.options)
    assert done.status == 1
    assert "is no folder; plug the stick in" in done.err
    vietnamese = quickly("outbox", "export", stick, "--lang", "vi", *kiosk.options).err
    assert "USB chưa được gắn" in vietnamese
    assert quickly("outbox", "export", *kiosk.options).status == 2
    assert quickly("outbox", "list", stick, *kiosk.options).status == 2
    assert list(stick.iterdir()) == []


def test_an_outbox_that_is_not_there_is_no_fault_of_the_stick(kiosk: Kiosk, stick: Path) -> None:
    kiosk.outbox.rmdir()
    done = quickly("outbox", "export", stick, *kiosk.options)
    assert done.status == 1
    assert f"outbox {kiosk.outbox} is missing" in done.err
    assert "stick" not in done.err.replace(str(kiosk.outbox), "")


def test_a_card_that_can_only_be_read_still_gives_its_records(
    kiosk: Kiosk, small_stick: Path, stick: Path, tmp_path: Path
) -> None:
    """A worn card turns read-only; what its scanner left open is then read where it lies."""
    kiosk.fill(2)
    scanner = kiosk.scanner()
    scanner.put(lambda sealing, seq: record(sealing, seq, b"x"))
    shutil.copytree(kiosk.outbox, small_stick / "outbox")
    (small_stick / "outbox" / "open" / "decayed.open").write_bytes(b"\xff" * 900)
    subprocess.run(["mount", "-o", "remount,ro", str(small_stick)], check=True)
    desk = kiosk.options[-1]
    desk.write_text(desk.read_text().replace(str(kiosk.outbox), f"{small_stick}/outbox"))
    to = tmp_path / "to"
    to.mkdir()
    done = kiosk.export(to, "--delete")
    assert done.status == 1
    assert "what the scanner left open cannot be handed over" in done.err
    assert "Read-only file system" in done.err
    assert "deleted from the kiosk: 0 files" in done.out
    assert seqs(to) == [1, 2, 1]
    copied = to / f"{kiosk.kid}-quarantine"
    assert [path.name for path in copied.iterdir()] == ["decayed.open"], "nothing of it can be read"


def test_the_signature_is_the_kiosks_own(kiosk: Kiosk, stick: Path, fleet: Path) -> None:
    kiosk.fill(1)
    key, certificate = kiosk.site.with_name("kiosk.key"), kiosk.site.with_name("kiosk.crt")
    kept = key.read_bytes()
    for broken in (b"", b"no key", (fleet / "ca.key").read_bytes()):
        key.write_bytes(broken)
        done = kiosk.export(stick)
        assert done.status == 1
        assert "cannot be signed: " in done.err
        assert "With --unsigned the centre has to take the word" in done.err
    assert list(stick.iterdir()) == []
    key.write_bytes(kept)
    certificate.unlink()
    assert str(certificate) in kiosk.export(stick).err
    assert kiosk.export(stick, "--unsigned").status == 0
    (lines,) = content(stick).values()
    assert all(line and line.signature == b"" for line in lines)


def test_nothing_on_the_kiosk_opens_its_queue(kiosk: Kiosk, stick: Path, fleet: Path) -> None:
    """With every file that enrolment left there; the centre's key does open it."""
    kiosk.fill(1)
    kiosk.export(stick)
    (lines,) = content(stick).values()
    batch = wire.decode(lines[1].json if lines[1] else b"", wire.Batch)
    files = [path for path in kiosk.site.parent.iterdir() if path.is_file()]
    assert len(files) >= 6
    for path in files:
        with pytest.raises(SealError):
            seal.load_private(path.read_bytes())
    (private,) = [seal.load_private(path.read_bytes()) for path in fleet.glob("centre-seal*.key")]
    opener = seal.open_segment({private.public.kid: private}, batch.header)
    assert opener.open(1, batch.records[0].sealed) == NAME.encode()


def test_the_uplink_may_send_meanwhile(kiosk: Kiosk, stick: Path) -> None:
    """Segments that vanish between the list and the reading were sent."""
    kiosk.fill(40)
    code = (
        "import sys, time; from pathlib import Path; from kiosk.outbox import SealedSegments\n"
        "sealed = SealedSegments(Path(sys.argv[1]))\n"
        "for name in reversed(sealed.waiting()):\n    sealed.drop(name); time.sleep(0.002)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(kiosk.outbox)]) as uplink:
        done = kiosk.export(stick, "--delete")
        assert uplink.wait(20) == 0
    assert (done.status, done.err) == (0, "")
    assert kiosk.left() == 0
    taken = seqs(stick)
    assert taken == list(range(1, len(taken) + 1))
