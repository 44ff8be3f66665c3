"""What the benchmarks refuse before they begin, and say of what they met."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import segno
from PIL import Image

from bench._card import Card, NoCard
from bench._report import Goal, judged, spread


def bench(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["scanner", "--json", "gone/x.json"], "--json: there is no folder gone"),
        (["scanner", "--json", "."], "--json: . is a folder"),
        (["scanner", "--slower", "0"], "--slower: found 0, allowed: a number above 0"),
        (["scanner", "--slower", "nan"], "--slower: found nan, allowed: a number above 0"),
        (["scanner", "--slower", "x"], "--slower: invalid positive value"),
        (["scanner", "--clips", "0"], "--clips: found 0, allowed: 1 or more"),
        (["scanner", "--idle-seconds", "-1"], "--idle-seconds: found -1, allowed: 0 or more"),
        (["decode", "--idle-seconds", "inf"], "--idle-seconds: found inf, allowed: 0 or more"),
        (["decode", "--synthetic", "-3"], "--synthetic: found -3, allowed: 0 or more"),
        (["decode"], "nothing to read: give --images DIR, or --synthetic N"),
        (["chain", "--json", "gone/x.json"], "--json: there is no folder gone"),
        (["chaos", "--kiosks", "0"], "--kiosks: found 0, allowed: 1 or more"),
        (["chaos", "--keep", "."], "--keep: . is there already"),
        (["chaos", "--kinds", "cut,rain"], "--kinds: found rain; known: broker killed, ingest"),
        (["chain", "--visitors", "0"], "--visitors: found 0, allowed: 1 or more"),
        (["panel", "--answers", "0"], "--answers: found 0, allowed: 1 or more"),
        (["panel", "--burst", "0"], "--burst: found 0, allowed: 1 or more"),
        (["storm", "--kiosks", "1"], "--kiosks: found 1, allowed: 2 or more"),
        (["rest", "--seconds", "0"], "--seconds: found 0, allowed: a number above 0"),
        (["verify", "--rounds", "0"], "--rounds: found 0, allowed: 1 or more"),
        (["memory", "--scans", "0"], "--scans: found 0, allowed: 1 or more"),
        (["seal", "--rounds", "1"], "--rounds: found 1, allowed: 2 or more"),
        (["outbox", "--pending", "0,x"], "--pending: found 0,x, allowed: whole numbers"),
        (["outbox", "--pending", "-5"], "--pending: found -5, allowed: 0 or more"),
        (["outbox", "--every", "0"], "--every: found 0, allowed: a number above 0"),
        (["drain", "--records", "0"], "--records: found 0, allowed: 1 or more"),
        (["drain", "--every", "0"], "--every: found 0, allowed: a number above 0"),
        (["drain", "--link", "-1"], "--link: found -1, allowed: a number above 0"),
        (["wear", "--visitors", "0"], "--visitors: found 0, allowed: 1 or more"),
    ],
)
def test_what_cannot_be_is_refused_at_once(words: list[str], sentence: str) -> None:
    done = bench(f"bench.{words[0]}", *words[1:])
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.startswith(f"usage: python -m bench.{words[0]} ")


def test_sealing_is_told_in_words_and_as_json(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done = bench("bench.seal", "--rounds", 2, "--json", out)
    assert done.returncode == 0, done.stderr
    cases = json.loads(out.read_text())["cases"]
    assert all(name in done.stdout for name in cases)
    added = {name: found["bytes_added"] for name, found in cases.items()}
    # What RFC 9180 and the tag of an AEAD cost, and nothing else.
    assert added["bare x25519"] == 32 + 16
    assert added["x25519, 1 a segment"] == 32 + 32 + 16 + 16
    assert added["x25519, 64 a segment"] == pytest.approx(80 / 64 + 16, abs=0.06)
    assert added["x25519-mlkem768, 1 a segment"] == 1120 + 32 + 16 + 16


def test_verification_is_told_in_words_and_as_json(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done = bench("bench.verify", "--rounds", 3, "--json", out)
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    assert list(figures["signed"]) == ["ES256", "PS256", "shc", "nzcp", "vds_nc", "door_pass"]
    for name, found in figures["signed"].items():
        assert found.keys() == {"ours_ms", "bare_ms", "ratio"}, name
        assert found["ratio"] == pytest.approx(found["ours_ms"] / found["bare_ms"], abs=0.006)
    for name in ("unsigned_ms_median", "risk_lookup_ms", "risk_list_mb"):
        assert f"{name}: {figures[name]}\n" in done.stdout


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    done = bench("bench.decode", "--images", tmp_path)
    assert done.returncode == 2
    assert f"--images {tmp_path}: no pictures in it" in done.stderr


def test_a_wrong_payload_names_its_picture(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("1", "2", "3"):
        segno.make("hello", micro=False).save(str(tmp_path / "a" / f"{name}.png"), scale=5)
    (tmp_path / "a" / "2.txt").write_text("hello")
    (tmp_path / "a" / "3.txt").write_text("something else")
    Image.new("L", (64, 64), 128).save(tmp_path / "a" / "4.png")
    out = tmp_path / "figures.json"
    done = bench("bench.decode", "--images", tmp_path, "--idle-seconds", 0, "--json", out)
    assert done.returncode == 1, done.stderr
    wrong = ["a/1.png (no a/1.txt: no code expected)", "a/3.png"]
    assert json.loads(out.read_text())["wrong"] == wrong
    told = [line for line in done.stdout.splitlines() if line.startswith("wrong: ")]
    assert told == [f"wrong: {picture}" for picture in wrong]


def test_whoever_reads_the_list_may_leave() -> None:
    command = f"{sys.executable} -u -m bench | head -1"
    for shell in (command, command.replace(" -u", ""), command.replace("head -1", "true")):
        done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
        assert done.stderr == ""


def test_nothing_has_no_middle() -> None:
    assert spread([]) == {"median": None, "p95": None}
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "p95": 3.0}


@pytest.mark.skipif(os.getuid() != 0, reason="mounts file systems, needs root")
def test_the_outbox_beside_its_peers(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    words = ["--pending", "0,130", "--puts", 30, "--paced", 2, "--every", 1.5, "--json", out]
    done = bench("bench.outbox", *words)
    if "mount:" in done.stderr:
        pytest.skip("this machine allows no mounts")
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    assert list(figures["pending"]) == ["0", "130"]
    for found in figures["pending"].values():
        assert list(found["put_ms"]) == ["ours", "append_fdatasync", "sqlite_wal_full", "tinydb"]
        assert all(ms["p99"] >= ms["median"] > 0 for ms in found["put_ms"].values())
        for kind in ("startup", "startup_cold"):
            parts = found[f"{kind}_parts_ms"]
            assert parts.keys() == {"scanner", "uplink"}
            assert found[f"{kind}_ms"] == round(sum(parts.values()), 1) > 0
        peers = found["peer_bytes_per_checkin"]
        assert 4096 < found["bytes_per_checkin"] < peers["append_fdatasync"]
        assert found["calls_per_put"] in (
            None,
            {"fdatasync": 1, "getrandom": 1, "pwrite64": 1, "statfs": 1},
        )
    assert figures["paced"]["segments"] == 2
    assert figures["paced"]["bytes_per_checkin"]["ours"] > 4096
    assert figures["ratios"].keys() == {
        "put_to_append",
        "put_to_sqlite",
        "put_slowest_to_fastest",
        "bytes_to_append",
        "bytes_to_append_paced",
        "startup_more_ms",
        "startup_cold_more_ms",
    }
    assert figures["goals"].keys() == figures["ratios"].keys()
    for name, goal in figures["goals"].items():
        word = "met " if goal["met"] else "MISSED "
        assert any(line.startswith(word) and name in line for line in done.stdout.splitlines())


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a file system, needs root")
def test_a_cold_card_is_in_no_memory(tmp_path: Path) -> None:
    """Of a file that was read, nothing is left but what mounting reads."""

    def in_memory() -> int:
        words = ["fincore", "--bytes", "--noheadings", "--output", "RES", tmp_path / "x.img"]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        return int(done.stdout or 0)

    try:
        with Card(tmp_path, "x", 128) as card:
            path = card.folder / "file"
            path.write_bytes(os.urandom(32 << 20))
            card.forget()
            assert len(path.read_bytes()) == 32 << 20
            warm = in_memory()
            card.forget(cold=True)
            assert in_memory() < 8 << 20 < 32 << 20 <= warm
            assert len(path.read_bytes()) == 32 << 20
    except NoCard as why:
        pytest.skip(str(why))


def test_goals_are_told_and_fail_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    told = judged([Goal("put", 0.5, 1.0), Goal("bytes", 2.0, 1.0), Goal("years", 11, 5, True)])
    assert capsys.readouterr().out.splitlines() == [
        "met     put: 0.5, goal: at most 1",
        "MISSED  bytes: 2, goal: at most 1",
        "met     years: 11, goal: at least 5",
    ]
    assert told["bytes"] == {"found": 2.0, "goal": "at most 1", "met": False}


def test_a_small_backlog_drains_and_is_told_in_words_and_as_json(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done = bench("bench.drain", "--records", 200, "--every", 0.2, "--json", out)
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    assert all(name in done.stdout for name in figures)
    assert figures["records"] == 200
    assert figures["visitors"] >= 1
    assert 0 < figures["live_s"]["median"] <= figures["live_s"]["max"]
    assert figures["uplink_peak_mb"] > 10
    for peer in ("publish", "commit"):
        assert figures[f"ratio_to_{peer}"] > 0
