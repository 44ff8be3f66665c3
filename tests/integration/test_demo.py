"""The demo as its user meets it: a process that says what it did and leaves nothing behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.folder import MARKER

pytestmark = pytest.mark.timeout(180)
ACCOUNT = re.compile(
    r"demo: shown=(\d+) expected=\1 checkins=(\d+) committed=\2 lost=0 duplicated=0"
)


class Demo:
    """`python -m demo` on a folder of its own, with a temporary folder of its own."""

    def __init__(self, root: Path, temporary: Path, *options: str) -> None:
        self.root, self.temporary = root, temporary
        self._said = root.with_name(f"{root.name}.stderr")
        with self._said.open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demo", "--dir", str(root), *options],
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                env={**os.environ, "TMPDIR": str(temporary)},
            )

    def said(self) -> str:
        return self._said.read_text()

    def until_says(self, words: str) -> None:
        def says() -> bool:
            assert self.process.poll() is None, self.said()
            return words in self.said()

        until(says, words)

    def end(self) -> tuple[int, str]:
        """Exit status and standard output."""
        out, _ = self.process.communicate(timeout=90)
        return self.process.returncode, out

    def children(self) -> list[int]:
        """Processes whose command line or environment names one of our folders."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                about = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
                state = (folder / "stat").read_text().rpartition(") ")[2][:1]
            except OSError:  # ended just now, or not ours
                continue
            ours = str(self.temporary).encode() in about
            if ours and state != "Z" and int(folder.name) != self.process.pid:
                found.append(int(folder.name))
        return found

    def leftovers(self) -> list[Path]:
        return list(self.temporary.iterdir())


def until(true: Callable[[], object], what: str, patience_s: float = 60) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    begun: list[Demo] = []
    temporary = Path(tempfile.mkdtemp(prefix="demo-"))  # a socket's path must be short

    def one(*options: str) -> Demo:
        begun.append(Demo(tmp_path / "demo", temporary, *options))
        return begun[-1]

    yield one
    for demo in begun:
        demo.process.kill()
        demo.process.communicate()
        for child in demo.children():
            os.kill(child, signal.SIGKILL)
    shutil.rmtree(temporary)


def test_one_round_ends_with_its_account(begin: Callable[..., Demo]) -> None:
    demo = begin("--once")
    demo.until_says("CCCD: ")
    assert len(demo.children()) == 8, "a broker, a centre, two kiosks of three daemons"
    again = begin("--once")
    assert again.end() == (1, "")
    assert "another demo is running" in again.said()
    status, out = demo.end()
    assert status == 0, demo.said()
    account = ACCOUNT.fullmatch(out.splitlines()[-1])
    assert account and account.groups() == ("30", "24"), out
    assert demo.children() == []
    assert demo.leftovers() == []
    kioskctl = demo.root / "gate-north" / "kioskctl"
    picture = demo.root / "pictures" / "cccd.png"
    scanned = subprocess.run([kioskctl, "scan", picture], capture_output=True, check=False)
    assert scanned.returncode == 0, scanned.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_nothing(begin: Callable[..., Demo], number: int) -> None:
    demo = begin("--once")
    demo.until_says("personal QR: ")
    demo.process.send_signal(number)
    time.sleep(0.05)
    demo.process.send_signal(number)  # an impatient user
    status, out = demo.end()
    assert (status, out) == (128 + number, "")
    assert demo.children() == []
    assert demo.leftovers() == []


def test_a_signal_during_start_up_leaves_nothing(begin: Callable[..., Demo]) -> None:
    demo = begin("--once")
    until(demo.children, "the broker starts")
    demo.process.send_signal(signal.SIGTERM)
    assert demo.end() == (128 + signal.SIGTERM, "")
    assert demo.children() == []
    assert demo.leftovers() == []


def test_sigkill_takes_the_children_along_and_the_next_demo_sweeps(
    begin: Callable[..., Demo],
) -> None:
    demo = begin("--once")
    demo.until_says("personal QR: ")
    demo.process.kill()
    until(lambda: not demo.children(), "the kernel ends the children", 20)
    (left,) = demo.leftovers()
    following = begin("--once")
    until(lambda: not left.exists(), "what the first left is swept")
    following.process.terminate()
    following.end()
    assert following.leftovers() == []


def test_a_process_that_dies_is_started_again(begin: Callable[..., Demo]) -> None:
    """Endless, every kind of process is killed once; Ctrl-C gives the account."""
    demo = begin()
    demo.until_says("personal QR: ")
    for name in ("mosquitto", "central.ingest", "kiosk.scanner", "kiosk.uplink"):
        (victim, *_) = [
            pid
            for pid in demo.children()
            if name in Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        ]
        before = demo.said().count("started again")
        os.kill(victim, signal.SIGKILL)
        until(lambda n=before: demo.said().count("started again") > n, f"{name} is started again")
        time.sleep(3)
    demo.process.send_signal(signal.SIGINT)
    status, out = demo.end()
    said = demo.said()
    assert said.count("was killed by signal 9, started again") == 4
    assert re.search(r"lost=0 duplicated=0$", out.splitlines()[-1]), said
    assert status == 0 or "while a process was started again" in said
    assert demo.children() == []


def test_a_foreign_folder_is_refused(begin: Callable[..., Demo], tmp_path: Path) -> None:
    precious = tmp_path / "demo" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work")
    demo = begin("--once")
    assert demo.end() == (1, "")
    assert "holds files that the demo did not make" in demo.said()
    assert precious.read_text() == "years of work"
    assert not (precious.parent / MARKER).exists()


def test_a_database_away_is_said_before_anything_starts(begin: Callable[..., Demo]) -> None:
    demo = begin("--once", "--database", "postgresql+psycopg://u:secret@localhost:1/tracing")
    assert demo.end() == (1, "")
    assert "cannot be used" in demo.said()
    assert "secret" not in demo.said()
    assert demo.leftovers() == []
