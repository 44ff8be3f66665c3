"""What every daemon shares: the stop signal, where the log goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from kiosk.service import Stop

BOARD = Path(__file__).parents[2] / "config/boards/simulated.toml"


def test_a_signal_ends_a_wait_at_once() -> None:
    stop = Stop()
    threading.Timer(0.2, stop.set).start()
    started = time.monotonic()
    assert not stop.wait(0.01)
    assert stop.wait(20)
    assert time.monotonic() - started < 5
    assert stop.is_set()
    stop.set()
    assert stop.wait(20)


def test_a_thousand_signals_in_a_wait_do_no_harm() -> None:
    """As a threading.Event would: its lock may be held by what the signal interrupts."""
    code = (
        "import os,signal,threading,time;from kiosk.service import Service;s=Service();"
        "me=os.getpid();"
        "t=threading.Thread(target=lambda:[os.kill(me,signal.SIGTERM) for _ in range(1000)]);"
        "t.start();\n"
        "while not s.stopping.wait(0.0005): pass\n"
        "[s.stopping.wait(0.0005) for _ in range(1000)];t.join();print('ended')"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=30, check=True
    )
    assert child.stdout == b"ended\n"


def test_an_inherited_journal_stream_does_not_hide_the_log() -> None:
    """systemd.exec(5): the variable counts only if it names this standard error."""
    child = subprocess.run(
        [sys.executable, "-m", "kiosk.uplink", "--config", "/nowhere/site.toml"],
        env={**os.environ, "JOURNAL_STREAM": "9:12345"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert child.returncode == 78
    assert b"/nowhere/site.toml" in child.stderr


def test_sigterm_is_heard() -> None:
    code = (
        "from kiosk.service import Service;s=Service();print('up',flush=True);"
        "print(s.stopping.wait(20))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        child.send_signal(signal.SIGTERM)
        assert child.stdout.readline() == b"True\n"


def test_an_unexpected_error_tells_where_and_not_what_it_quotes() -> None:
    """What foreign code raises may hold what a visitor showed."""
    code = (
        "import sys, threading; from kiosk import service\n"
        "SECRET = ''.join(reversed('175113039901 AV NEYUGN'))\n"
        "def show(): int(SECRET)\n"
        "class Door:\n"
        "    def __del__(self): raise RuntimeError(SECRET)\n"
        "def main(config, daemon):\n"
        "    thread = threading.Thread(target=show); thread.start(); thread.join()\n"
        "    door = Door(); del door\n"
        "    try: show()\n"
        "    except ValueError as error: raise KeyError(SECRET) from error\n"
        f"sys.argv = ['x', '--config', {str(BOARD)!r}]; service.run('x', 'x', main)\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert child.returncode == 1
    assert child.stderr.count("unexpected ValueError") == 2
    assert child.stderr.count("unexpected RuntimeError") == 1
    assert child.stderr.count("unexpected KeyError") == 1
    assert "line 3, in show" in child.stderr
    assert "099303115" not in child.stderr
    assert "NGUYEN" not in child.stderr


def test_what_the_system_says_is_told() -> None:
    code = (
        "import sys; from kiosk import service\n"
        "def main(config, daemon): open('/nowhere/at/all')\n"
        f"sys.argv = ['x', '--config', {str(BOARD)!r}]; service.run('x', 'x', main)\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert child.returncode == 1
    assert "unexpected FileNotFoundError: [Errno 2] No such file" in child.stderr
