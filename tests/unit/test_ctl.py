"""kioskctl as a technician meets it: a real process, its words and its exit status."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from kiosk.config import load
from kiosk.ctl import main
from kiosk.ctl.doctor.advice import ON_A_DESK
from kiosk.ctl.doctor.outbox import check as outbox_check
from kiosk.cues import Inlet, ScreenCue, Trial
from kiosk.model import CheckIn
from kiosk.outbox import Outbox, SealedSegments
from kiosk.seal import SegmentSeal, new_segment

COMMANDS = ("config", "doctor", "scan", "verify", "policy", "trust", "outbox", "cue")
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
PERSONAL = b"001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|<1<00<0123232422"


class Done(NamedTuple):
    status: int
    out: str
    err: str


def kioskctl(*words: object, stdin: bytes = b"") -> Done:
    """A real process."""
    done = subprocess.run(
        [sys.executable, "-m", "kiosk.ctl", *map(str, words)],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in err, err
    return Done(done.returncode, out, err)


def quickly(*words: object, stdin: bytes = b"") -> Done:
    """The same within this process, for the many cases of one command."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin))
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = main([str(word) for word in words])
    except SystemExit as stop:
        status = int(stop.code or 0)
    finally:
        sys.stdin = before
    return Done(status, out.getvalue(), err.getvalue())


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A kiosk on a desk, its socket and outbox below `tmp_path`."""
    (tmp_path / "run").mkdir()
    (tmp_path / "outbox").mkdir()
    path = tmp_path / "site.toml"
    path.write_text(
        '[kiosk]\nid = "gate-1"\n[paths]\nrun = "run"\noutbox = "outbox"\n'
        '[clock]\nsource = "system"\n'
    )
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = quickly(command, "--help")
    assert done.status == 0
    assert f"usage: kioskctl {command}" in done.out
    assert "--config FILE" in done.out


def test_help_names_all_commands_and_no_command_is_misuse() -> None:
    assert all(command in kioskctl("--help").out for command in COMMANDS)
    assert quickly().status == 2
    assert quickly("doktor").status == 2


@pytest.mark.parametrize("command", [["config"], ["outbox"], ["cue", "pass"], ["verify"]])
def test_a_wrong_configuration_stops_every_command(tmp_path: Path, command: list[str]) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[gpio]\ngreen = 99\n[kiosk]\ndirection = "up"')
    done = quickly(*command, "--config", path)
    assert done.status == 78
    assert done.out == ""
    assert done.err.splitlines() == [
        f"kioskctl: configuration: {path}: gpio.green: found 99, allowed: a whole number from"
        " 0 to 27",
        f'kioskctl: configuration: {path}: kiosk.direction: found "up", allowed: "in" or "out" or'
        ' "toggle" or "button"',
    ]


def test_files_before_and_after_the_command_are_layers_in_order(tmp_path: Path) -> None:
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text("[gpio]\ngreen = 5\nred = 6")
    second.write_text("[gpio]\nred = 7")
    done = kioskctl("--config", first, "config", "--config", second)
    assert done.status == 0
    said = dict(line.split("  # ") for line in done.out.splitlines() if "  # " in line)
    sources = {setting.rstrip(): source for setting, source in said.items()}
    assert sources["green = 5"] == str(first)
    assert sources["red = 7"] == str(second)
    assert sources["silent = false"] == "default"


def test_the_configuration_in_force_is_one_and_reads_like_the_files(tmp_path: Path) -> None:
    site, again = tmp_path / "site.toml", tmp_path / "again.toml"
    site.write_text(f'[paths]\nrun = "{"deep/" * 20}run"\n[judge]\ntrust = "trust.json"')
    done = quickly("config", "--config", site)
    for block in done.out.strip().split("\n\n")[1:]:
        _, *lines = block.splitlines()
        assert len({line.rindex("  # ") for line in lines}) == 1, block
    assert "\naddress = 0x3c " in done.out
    again.write_text(done.out)
    assert load([again]) == load([site])


def test_a_reader_that_leaves_is_no_error(site: Path) -> None:
    command = shlex.join([sys.executable, "-m", "kiosk.ctl", "config", "--config", str(site)])
    done = subprocess.run(
        f"{command} | true",
        shell=True,
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""


# outbox


def filled(directory: Path, records: int) -> Outbox[SegmentSeal]:
    """An outbox held by a scanner, `records` in segments of two."""
    key = X25519PrivateKey.generate().public_key()

    def begin(epoch: str, first_seq: int) -> SegmentSeal:
        return new_segment([key], "gate-1", epoch, first_seq)

    outbox = Outbox(directory, 2, begin)
    for _ in range(records):
        outbox.put(
            lambda seal, seq: CheckIn(
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
                sealed=seal.seal(seq, b"NGUYEN VAN A"),
            )
        )
    return outbox


def test_the_outbox_in_figures(site: Path, tmp_path: Path) -> None:
    filled(tmp_path / "outbox", 5).close()
    (tmp_path / "outbox" / "sealed" / "junk").write_bytes(b"junk")
    done = kioskctl("outbox", "--config", site)
    assert done.status == 0
    first, second = done.out.splitlines()
    assert first.startswith("waiting: 3 segments, the oldest for ")
    assert second == "quarantine: 1 file"


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
    done = kioskctl("outbox", "list", "--config", site)
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0].startswith(f"{names[0]}  waiting ")
    assert lines[0].endswith(", 2 records, numbers 1 to 2")
    assert lines[1] == f"{names[1]}  unreadable, moved to quarantine"
    assert lines[2].startswith(f"{names[1]}  in quarantine: no check-in in it can be read")


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
        "from test_ctl import filled; held = filled(Path(sys.argv[2]), 3); os._exit(9)"
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


# cue


@pytest.mark.parametrize("outcome", ["pass", "warn", "fail"])
def test_a_trial_reaches_the_panel(site: Path, tmp_path: Path, outcome: str) -> None:
    inlet = Inlet(tmp_path / "run", "feedback")
    done = quickly("cue", outcome, "--config", site)
    (cue,) = inlet.drain()
    assert isinstance(cue, Trial)
    assert cue.outcome == outcome
    assert (done.status, done.out) == (0, f"sent to the panel: {outcome}, {cue.reason}\n")
    inlet.close()


@pytest.mark.parametrize(
    ("outcome", "reason", "goes"),
    [
        ("pass", "accepted", True),
        ("pass", "forged", False),
        ("warn", "accepted", True),
        ("warn", "expired", True),
        ("fail", "expired", True),
        ("fail", "accepted", False),
    ],
)
def test_a_trial_shows_only_what_a_visitor_might_see(
    site: Path, tmp_path: Path, outcome: str, reason: str, goes: bool
) -> None:
    inlet = Inlet(tmp_path / "run", "feedback")
    done = quickly("cue", outcome, "--reason", reason, "--config", site)
    shown = [(cue.outcome, cue.reason) for cue in inlet.drain() if isinstance(cue, Trial)]
    inlet.close()
    if goes:
        assert (done.status, shown) == (0, [(outcome, reason)])
    else:
        assert (done.status, shown) == (2, [])
        assert f"{outcome} does not go with {reason}" in done.err


@pytest.mark.parametrize(
    ("words", "expected", "said"),
    [
        (["identify"], ("identify", None, -1, 30.0), "identify, for 30 s"),
        (["identify", "--for", "600"], ("identify", None, -1, 600.0), "identify, for 600 s"),
        (["self-test"], ("self-test", None, -1, 30.0), "self-test, for 30 s"),
        (["self-test", "--page", "words"], ("self-test", "words", -1, 30.0), "self-test, for 30 s"),
        (["updating", "--percent", "40"], ("updating", None, 40, 30.0), "updating, for 30 s"),
        (["set-up"], ("set-up", None, -1, 30.0), "set-up, for 30 s"),
        (["shutdown"], ("shutdown", None, -1, 30.0), "shutdown, for 30 s"),
        (["ready"], (None, None, -1, 30.0), "ready"),
    ],
)
def test_a_screen_can_be_asked_for(
    site: Path, tmp_path: Path, words: list[str], expected: tuple[object, ...], said: str
) -> None:
    inlet = Inlet(tmp_path / "run", "feedback")
    done = quickly("cue", *words, "--config", site)
    (cue,) = inlet.drain()
    inlet.close()
    assert isinstance(cue, ScreenCue)
    assert (cue.screen, cue.page, cue.percent, cue.lasts_s) == expected
    assert (done.status, done.out) == (0, f"sent to the panel: {said}\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["pass", "--page", "words"], "--page is for screens; pass is an answer"),
        (["identify", "--reason", "expired"], "--reason is for an answer alone"),
        (["identify", "--page", "words"], "--page is for self-test alone"),
        (["identify", "--repeated"], "--repeated is for pass alone"),
        (["fail", "--direction", "out"], "--direction is for pass alone"),
        (["shutdown", "--percent", "3"], "--percent is for updating alone"),
        (["identify", "--for", "0"], "--for 0: allowed is more than 0, at most 3600 seconds"),
        (["identify", "--for", "nan"], "--for nan: allowed is more than 0"),
    ],
)
def test_a_screen_takes_its_own_options_alone(
    site: Path, tmp_path: Path, words: list[str], sentence: str
) -> None:
    inlet = Inlet(tmp_path / "run", "feedback")
    done = quickly("cue", *words, "--config", site)
    assert (done.status, list(inlet.drain())) == (2, [])
    assert sentence in done.err
    inlet.close()


def test_every_pass_can_be_tried(site: Path, tmp_path: Path) -> None:
    inlet = Inlet(tmp_path / "run", "feedback")
    for words in ([], ["--direction", "out"], ["--direction", "unknown"], ["--repeated"]):
        assert quickly("cue", "pass", *words, "--config", site).status == 0
    tried = [(cue.direction, cue.repeated) for cue in inlet.drain() if isinstance(cue, Trial)]
    inlet.close()
    assert tried == [("in", False), ("out", False), ("unknown", False), ("in", True)]


def test_a_trial_from_a_process_of_its_own(site: Path, tmp_path: Path) -> None:
    inlet = Inlet(tmp_path / "run", "feedback")
    assert kioskctl("cue", "fail", "--config", site) == (0, "sent to the panel: fail, forged\n", "")
    assert len(list(inlet.drain())) == 1
    inlet.close()


def test_a_trial_nobody_takes_is_a_no(site: Path, tmp_path: Path) -> None:
    path = tmp_path / "run" / "feedback.sock"
    done = quickly("cue", "pass", "--config", site)
    assert done.status == 1
    assert f"nobody took the cue at {path}: is kiosk-feedback running" in done.err
    Inlet(tmp_path / "run", "feedback").close()  # leaves its socket like a killed process
    assert quickly("cue", "pass", "--config", site).status == 1
    assert quickly("cue", "maybe", "--config", site).status == 2
    assert quickly("cue", "pass", "--reason", "mood", "--config", site).status == 2
