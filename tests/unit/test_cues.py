"""Datagrams between daemons: who may say what, never waiting, never stale."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kiosk.cues import (
    MAY_SAY,
    AlertCue,
    Answer,
    Inlet,
    Outlet,
    ScannerState,
    Trial,
    UplinkState,
    socket_path,
)
from kiosk.errors import CueError


def answer(number: int) -> Answer:
    return Answer(number=number, at=1.0, outcome="pass", reason="accepted", name="N. V. A")


def alert(code: str, raised: bool = True) -> AlertCue:
    return AlertCue(number=1, at=1.0, code=code, severity="critical", raised=raised)


STATE = UplinkState(number=1, at=1.0, online=True, centre=True, pending=0)
TRIAL = Trial(number=1, at=1.0, outcome="fail", reason="forged")


def test_a_cue_arrives_as_it_was_sent(tmp_path: Path) -> None:
    inlet = Inlet(tmp_path, "feedback")
    scanner = Outlet(tmp_path, "feedback", "scanner")
    beat = ScannerState(number=2, at=2.0, faults=["camera-absent"])
    assert scanner.send(answer(1))
    assert scanner.send(beat)
    assert Outlet(tmp_path, "feedback", "uplink").send(STATE)
    assert Outlet(tmp_path, "feedback", "ctl").send(TRIAL)
    assert list(inlet.drain()) == [answer(1), beat, STATE, TRIAL]
    assert list(inlet.drain()) == []
    assert inlet.refused == 0


def test_pass_and_fail_come_from_the_scanner_alone(tmp_path: Path) -> None:
    inlet = Inlet(tmp_path, "feedback")
    for sender in ("uplink", "feedback", "ctl"):
        Outlet(tmp_path, "feedback", sender).send(answer(1))  # type: ignore[arg-type]
    assert list(inlet.drain()) == []
    assert inlet.refused == 3


@pytest.mark.parametrize(
    "junk",
    [b"", b"{}", b"\xff\xfe", b"[" * 2000, b'{"sender":"scanner","cue":{"type":"format-disk"}}'],
)
def test_junk_is_counted_and_blocks_nothing(tmp_path: Path, junk: bytes) -> None:
    inlet = Inlet(tmp_path, "feedback")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(junk, str(socket_path(tmp_path, "feedback")))
    Outlet(tmp_path, "feedback", "scanner").send(answer(1))
    assert list(inlet.drain()) == [answer(1)]
    assert inlet.refused == 1


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_another_user_is_not_believed(tmp_path: Path) -> None:
    inlet = Inlet(tmp_path, "feedback")
    path = socket_path(tmp_path, "feedback")
    path.chmod(0o666)
    for parent in path.parents:
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    nobody = pwd.getpwnam("nobody").pw_uid
    code = (
        "import socket,sys;s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);"
        "s.sendto(sys.argv[2].encode(),sys.argv[1])"
    )
    forged = (
        '{"sender":"scanner","cue":{"type":"answer","number":1,"at":1.0,'
        '"outcome":"pass","reason":"accepted"}}'
    )
    subprocess.run([sys.executable, "-I", "-c", code, str(path), forged], check=True)
    assert len(list(inlet.drain())) == 1, "the message itself is in order"
    subprocess.run(
        ["/usr/bin/python3", "-I", "-c", code, str(path), forged], check=True, user=nobody
    )
    assert list(inlet.drain()) == []
    assert inlet.refused == 1


def test_a_sender_never_waits_and_keeps_the_newest(tmp_path: Path) -> None:
    inlet = Inlet(tmp_path, "feedback")
    scanner = Outlet(tmp_path, "feedback", "scanner")
    started = time.monotonic()
    taken = [scanner.send(answer(number)) for number in range(10_000)]
    assert time.monotonic() - started < 5
    assert not all(taken), "the queue is finite"
    assert scanner.problem
    heard = list(inlet.drain())
    assert scanner.flush()
    assert scanner.problem == ""
    heard += list(inlet.drain())
    assert heard[-1] == answer(9_999)


def test_an_absent_receiver_gets_the_newest_when_it_comes(tmp_path: Path) -> None:
    scanner = Outlet(tmp_path, "feedback", "scanner")
    assert not scanner.send(answer(1))
    assert not scanner.send(answer(2))
    inlet = Inlet(tmp_path, "feedback")
    assert scanner.flush()
    assert list(inlet.drain()) == [answer(2)]
    inlet.close()
    assert not scanner.send(answer(3))
    again = Inlet(tmp_path, "feedback")  # over the socket that a killed daemon left
    assert scanner.flush()
    assert list(again.drain()) == [answer(3)]


def test_alerts_of_different_codes_all_wait(tmp_path: Path) -> None:
    scanner = Outlet(tmp_path, "uplink", "scanner")
    scanner.send(alert("camera-absent"))
    scanner.send(alert("card-full"))
    scanner.send(alert("card-full", raised=False))
    inlet = Inlet(tmp_path, "uplink")
    scanner.flush()
    assert list(inlet.drain()) == [alert("camera-absent"), alert("card-full", raised=False)]


def test_a_missing_run_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(CueError, match="does its directory exist"):
        Inlet(tmp_path / "nowhere", "feedback")


def test_every_daemon_has_a_row_in_the_table() -> None:
    assert set(MAY_SAY) == {"scanner", "feedback", "uplink"}
    answering = [d for d, senders in MAY_SAY.items() for s in senders.values() if Answer in s]
    assert answering == ["feedback"]


def test_a_socket_from_systemd_is_taken_over(tmp_path: Path) -> None:
    """As sd_listen_fds(3) hands it over: descriptor 3, LISTEN_PID, LISTEN_FDS."""
    path = socket_path(tmp_path, "feedback")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(path))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)  # PassCredentials=yes
    Outlet(tmp_path, "feedback", "scanner").send(answer(7))  # before the daemon is there
    code = (
        "import os,sys;from pathlib import Path;from kiosk.cues import Inlet;"
        "os.environ['LISTEN_PID']=str(os.getpid());"
        "print([c.number for c in Inlet(Path(sys.argv[1]),'feedback').drain()])"
    )
    in_place_of_3 = ["bash", "-c", f'exec "$0" "$@" 3<&{listening.fileno()}']
    child = subprocess.run(
        [*in_place_of_3, sys.executable, "-c", code, str(tmp_path)],
        pass_fds=[listening.fileno()],
        env={**os.environ, "LISTEN_FDS": "1"},
        capture_output=True,
        check=True,
    )
    assert child.stdout == b"[7]\n"
