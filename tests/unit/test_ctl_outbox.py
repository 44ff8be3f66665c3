"""`kioskctl outbox` as a technician meets it, with a real outbox."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from test_ctl import kioskctl, quickly, site

from kiosk.config import load
from kiosk.ctl.doctor.advice import ON_A_DESK
from kiosk.ctl.doctor.outbox import check as outbox_check
from kiosk.model import CheckIn
from kiosk.outbox import Outbox, SealedSegments
from kiosk.seal import X25519, SegmentSeal, new_key, new_segment

__all__ = ["site"]  # a fixture


def record(seal: SegmentSeal, seq: int, plain: bytes) -> CheckIn:
    """A check-in of somebody of whom `plain` is all that is known."""
    return CheckIn(
        epoch=seal.header.epoch,
        seq=seq,
        id=f"{seq:016x}",
        scanned_at_ms=1,
        clock="synced",
        boot_id="boot",
        boottime_ms=1,
        direction="in",
        outcome="pass",
        reason="accepted",
        sealed=seal.seal(seq, plain),
    )


def filled(directory: Path, records: int) -> Outbox[SegmentSeal]:
    """An outbox held by a scanner, `records` in segments of two."""
    key = new_key(X25519).public

    def begin(epoch: str, first_seq: int) -> SegmentSeal:
        return new_segment([key], "gate-1", epoch, first_seq)

    outbox = Outbox(directory, 2, begin)
    for _ in range(records):
        outbox.put(lambda seal, seq: record(seal, seq, b"NGUYEN VAN A"))
    return outbox


def test_the_outbox_in_figures(site: Path, tmp_path: Path) -> None:
    filled(tmp_path / "outbox", 5).close()
    (tmp_path / "outbox" / "quarantine" / "junk").write_bytes(b"junk")
    done = kioskctl("outbox", "--config", site)
    assert done.status == 0
    first, *others = done.out.splitlines()
    assert first.startswith("waiting: 3 segments, the oldest for ")
    assert others == ["quarantine: 1 file", "  1 file: no segment of the outbox"]
    done = quickly("outbox", "--lang", "vi", "--config", site)
    first, *others = done.out.splitlines()
    assert first.startswith("đang chờ: 3 gói, lâu nhất đã ")
    assert others[0] == "cách ly (quarantine/): 1 tệp"


def test_records_that_the_scanner_still_holds_are_told(site: Path, tmp_path: Path) -> None:
    outbox = filled(tmp_path / "outbox", 5)
    before = {p: p.read_bytes() for p in (tmp_path / "outbox").rglob("*") if p.is_file()}
    done = quickly("outbox", "--config", site)
    assert done.status == 0
    assert done.out.splitlines() == [
        "waiting: 0 segments",
        "open: 3 segments, 5 records, in the scanner's hands",
        "quarantine: 0 files",
    ]
    told = [finding.what for finding in outbox_check(load([site]), ON_A_DESK)]
    assert "a scanner holds the outbox; open: 3 segments, 5 records" in told
    assert {p: p.read_bytes() for p in (tmp_path / "outbox").rglob("*") if p.is_file()} == before
    outbox.close()
    assert "open" not in quickly("outbox", "--config", site).out
    left = tmp_path / "outbox" / "sealed" / SealedSegments(tmp_path / "outbox").waiting()[0]
    left.rename(tmp_path / "outbox" / "open" / left.name)
    done = quickly("outbox", "--config", site)
    assert done.out.splitlines()[1] == "open: 1 segment, 2 records, left by a dead scanner"


def test_the_outbox_listed_without_a_word_about_anybody(site: Path, tmp_path: Path) -> None:
    filled(tmp_path / "outbox", 3).close()
    names = SealedSegments(tmp_path / "outbox").waiting()
    damaged = tmp_path / "outbox" / "sealed" / names[1]
    damaged.write_bytes(b"nothing of this can be read\n")
    (tmp_path / "outbox" / "sealed" / "junk").write_bytes(b"junk")
    for _ in range(2):  # to look changes nothing
        done = kioskctl("outbox", "list", "--config", site)
        assert done.status == 0
        lines = done.out.splitlines()
        assert lines[0].startswith(f"{names[0]}  waiting ")
        assert lines[0].endswith(", 2 records, numbers 1 to 2")
        assert lines[1] == f"{names[1]}  unreadable, kiosk-uplink will move it to quarantine"
        assert lines[2] == "junk  no segment of the outbox, kiosk-uplink will move it to quarantine"
        assert len(lines) == 3
        told = quickly("outbox", "--config", site).out.splitlines()
        assert "strangers in sealed/: 1 file; kiosk-uplink will move them to quarantine" in told
    assert SealedSegments(tmp_path / "outbox").collect() == names
    assert SealedSegments(tmp_path / "outbox").quarantined() == ["junk"]


def test_a_segment_that_the_card_does_not_give_ends_no_listing(site: Path, tmp_path: Path) -> None:
    filled(tmp_path / "outbox", 4).close()
    one, two = SealedSegments(tmp_path / "outbox").waiting()
    (tmp_path / "outbox" / "sealed" / one).unlink()
    (tmp_path / "outbox" / "sealed" / one).mkdir()  # opening it fails, also for root
    done = quickly("outbox", "list", "--config", site)
    assert done.status == 0
    first, second = done.out.splitlines()
    assert first == (
        f"{one}  the card does not give it (Is a directory); kiosk-uplink tries again, then moves"
        " it to quarantine"
    )
    assert second.startswith(f"{two}  waiting ")


def test_quarantine_is_told_with_its_reasons(site: Path, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    filled(outbox, 6).close()
    sealed, apart = outbox / "sealed", outbox / "quarantine"
    one, two, three = SealedSegments(outbox).waiting()
    content = (sealed / two).read_bytes()
    (apart / two).write_bytes(content.replace(b'"seq":4', b'"seq":9', 1))  # a line that lies
    (sealed / one).rename(apart / f"{three}.1")
    (apart / one).write_bytes(b"\xff" * 900)
    (apart / "DSC_0001.JPG").write_bytes(b"junk")
    (apart / f"{one[:24]}-000002.open").write_bytes(b"\0" * 4096)
    (apart / f"{one[:24]}-000001.open.torn").write_bytes(content[:400])
    told = quickly("outbox", "list", "--config", site).out.splitlines()
    set_aside = dict(line.split("  in quarantine: ") for line in told if "quarantine" in line)
    assert set_aside == {
        "DSC_0001.JPG": "no segment of the outbox",
        f"{one[:24]}-000002.open": "nothing of it can be read",
        f"{one[:24]}-000001.open.torn": "cut short as power failed, before anybody saw green;"
        " nothing is to be done",
        one: "nothing of it can be read",
        two: "damaged, 1 record can be read",
        f"{three}.1": "whole, 2 records; one of the same name was there (was the card restored or"
        " cloned?)",
    }
    summary = quickly("outbox", "--config", site).out.splitlines()
    assert "quarantine: 6 files" in summary
    found = [finding.what for finding in outbox_check(load([site]), ON_A_DESK)]
    assert any("holds 5 files that could not be read in whole" in what for what in found)
    assert "  1 file: damaged, 1 record can be read" in summary
    vietnamese = quickly("outbox", "list", "--lang", "vi", "--config", site).out
    assert f"{two}  cách ly: hỏng, còn đọc được 1 lượt" in vietnamese


def test_leftovers_are_sealed_once_the_scanner_is_dead(site: Path, tmp_path: Path) -> None:
    scanner = filled(tmp_path / "outbox", 3)
    done = quickly("outbox", "seal", "--config", site)
    assert done.status == 1
    assert "another scanner holds" in done.err
    scanner.close()
    assert quickly("outbox", "seal", "--config", site) == (0, "nothing was left open\n", "")


def test_a_scanner_that_was_killed_leaves_nothing_stranded(site: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path;"
        "from test_ctl_outbox import filled; held = filled(Path(sys.argv[2]), 3); os._exit(9)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path / "outbox")],
        check=False,
    )
    assert kioskctl("outbox", "seal", "--config", site) == (0, "sealed 2 segments\n", "")
    sealed = SealedSegments(tmp_path / "outbox")
    segments = [sealed.read(name) for name in sealed.waiting()]
    assert [r.seq for segment in segments if segment for r in segment.records] == [1, 2, 3]


def test_an_outbox_that_is_not_there(site: Path, tmp_path: Path) -> None:
    (tmp_path / "outbox").rmdir()
    for action in ([], ["list"], ["seal"]):
        done = quickly("outbox", *action, "--config", site)
        assert done.status == 1
        assert str(tmp_path / "outbox") in done.err
