"""Datagrams between daemons: who may say what, never waiting, never stale."""

from __future__ import annotations

import json
import os
import pwd
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kiosk.cues import (
    MAX_DATAGRAMS,
    MAY_SAY,
    STALE_ANSWER_S,
    STALE_QUESTION_S,
    AlertCue,
    Answer,
    ButtonCue,
    FeedbackState,
    HintCue,
    Inlet,
    Outlet,
    QuestionCue,
    RiskKeysCue,
    ScannerState,
    ScreenCue,
    Trial,
    UplinkState,
    socket_path,
)
from kiosk.errors import CueError

NOW = time.clock_gettime(time.CLOCK_BOOTTIME)


def answer(number: int, at: float = NOW + 3600) -> Answer:
    """Not stale before the tests are over, unless told otherwise."""
    return Answer(number=number, at=at, outcome="pass", reason="accepted", name="N. V. A")


def alert(code: str, raised: bool = True) -> AlertCue:
    return AlertCue(number=1, at=1.0, code=code, severity="critical", raised=raised)


STATE = UplinkState(number=1, at=1.0, online=True, centre=True, pending=0)
RISK_KEYS = RiskKeysCue(number=1, at=1.0, keys=[bytes(range(32))])
TRIAL = Trial(number=1, at=1.0, outcome="fail", reason="forged")
SCREEN = ScreenCue(number=1, at=1.0, screen="self-test", page="words", lasts_s=60)


def test_keys_of_the_risk_list_come_from_the_uplink_alone(tmp_path: Path) -> None:
    inlet = Inlet(tmp_path, "scanner")
    uplink, others = Outlet(tmp_path, "scanner", "uplink"), ("scanner", "feedback", "ctl")
    assert uplink.send(RISK_KEYS)
    for sender in others:
        Outlet(tmp_path, "scanner", sender).send(RISK_KEYS)
    uplink.send(STATE)  # nothing else is for the scanner
    assert list(inlet.drain()) == [RISK_KEYS]
    assert inlet.refused == len(others) + 1


def test_a_cue_arrives_as_it_was_sent(tmp_path: Path) -> None:
    inlet = Inlet(tmp_path, "feedback")
    scanner = Outlet(tmp_path, "feedback", "scanner")
    beat = ScannerState(number=2, at=2.0, faults=["camera-absent"])
    hint = HintCue(number=3, at=2.0, hint="too-bright")
    assert scanner.send(answer(1))
    assert scanner.send(beat)
    assert scanner.send(hint)
    assert Outlet(tmp_path, "feedback", "uplink").send(STATE)
    assert Outlet(tmp_path, "feedback", "ctl").send(TRIAL)
    assert list(inlet.drain()) == [answer(1), beat, hint, STATE, TRIAL]
    assert list(inlet.drain()) == []
    assert inlet.refused == 0


def test_pass_and_fail_come_from_the_scanner_alone(tmp_path: Path) -> None:
    inlet = Inlet(tmp_path, "feedback")
    for sender in ("uplink", "feedback", "ctl"):
        Outlet(tmp_path, "feedback", sender).send(answer(1))  # type: ignore[arg-type]
    assert list(inlet.drain()) == []
    assert inlet.refused == 3


def test_screens_are_asked_for_by_technician_and_centre(tmp_path: Path) -> None:
    inlet = Inlet(tmp_path, "feedback")
    for sender in ("uplink", "ctl", "scanner", "feedback"):
        Outlet(tmp_path, "feedback", sender).send(SCREEN)  # type: ignore[arg-type]
    assert list(inlet.drain()) == [SCREEN, SCREEN]
    assert inlet.refused == 2


@pytest.mark.parametrize(
    "wrong",
    ['"format"', '"identify","lasts_s":0', '"identify","lasts_s":1e9', '"updating","percent":101'],
)
def test_a_screen_out_of_bounds_is_refused(tmp_path: Path, wrong: str) -> None:
    inlet = Inlet(tmp_path, "feedback")
    cue = f'{{"sender":"ctl","cue":{{"type":"screen","number":1,"at":1.0,"screen":{wrong}}}}}'
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(cue.encode(), str(socket_path(tmp_path, "feedback")))
    assert list(inlet.drain()) == []
    assert inlet.refused == 1


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


def test_an_answer_that_nobody_took_in_time_is_forgotten_and_the_rest_goes_on_waiting(
    tmp_path: Path,
) -> None:
    scanner = Outlet(tmp_path, "feedback", "scanner")
    beat = ScannerState(number=2, at=1.0)
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert not scanner.send(answer(1, at=now - STALE_ANSWER_S + 0.1))
    assert not scanner.send(HintCue(number=3, at=now - STALE_ANSWER_S + 0.1, hint="closer"))
    assert not scanner.send(beat)
    time.sleep(0.15)
    assert not scanner.flush()
    inlet = Inlet(tmp_path, "feedback")
    assert scanner.flush()
    assert list(inlet.drain()) == [beat]


def test_no_error_of_the_socket_reaches_the_sender(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for run in (tmp_path / "file", tmp_path / ("x" * 200)):  # not a directory; path too long
        scanner = Outlet(run, "feedback", "scanner")
        assert not scanner.send(answer(1))
        assert scanner.problem
        assert not scanner.flush()
    scanner.close()
    assert not scanner.send(answer(2))


def test_a_flood_is_read_in_portions_also_when_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kiosk.cues.MAX_DATAGRAMS", 4)
    assert MAX_DATAGRAMS == 1024
    inlet = Inlet(tmp_path, "feedback")
    scanner = Outlet(tmp_path, "feedback", "scanner")
    stranger = Outlet(tmp_path, "feedback", "ctl")
    for number in range(3):
        stranger.send(answer(number))
    for number in range(4):
        scanner.send(answer(number))
    assert list(inlet.drain()) == [answer(0)]
    assert inlet.refused == 3
    assert list(inlet.drain()) == [answer(1), answer(2), answer(3)]


@pytest.mark.parametrize("kind", ["answer", "scanner", "uplink", "trial", "alert"])
@pytest.mark.parametrize(
    "wrong", [{"at": 1e308}, {"at": -1.0}, {"number": -1}, {"number": 2**60}, {"pending": -1}]
)
def test_numbers_out_of_range_are_refused(
    tmp_path: Path, kind: str, wrong: dict[str, float]
) -> None:
    fields = {
        "answer": {"outcome": "pass", "reason": "accepted"},
        "scanner": {},
        "uplink": {"online": True, "centre": True, "pending": 0},
        "trial": {"outcome": "pass", "reason": "accepted"},
        "alert": {"code": "a", "severity": "info", "raised": True},
    }[kind]
    sender = {"uplink": "uplink", "trial": "ctl"}.get(kind, "scanner")
    inlet = Inlet(tmp_path, "uplink" if kind == "alert" else "feedback")
    path = str(socket_path(tmp_path, "uplink" if kind == "alert" else "feedback"))
    cue = {"type": kind, "number": 1, "at": 1.0, **fields}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as raw:
        raw.sendto(json.dumps({"sender": sender, "cue": cue}).encode(), path)
        assert len(list(inlet.drain())) == 1
        raw.sendto(json.dumps({"sender": sender, "cue": cue | wrong}).encode(), path)
    if not wrong.keys() <= cue.keys():  # this kind has no such field and ignores it
        assert len(list(inlet.drain())) == 1
        return
    assert list(inlet.drain()) == []
    assert inlet.refused == 1


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


def test_a_descriptor_from_systemd_that_is_no_socket_is_named(tmp_path: Path) -> None:
    code = (
        "import os,sys;from pathlib import Path;from kiosk.cues import Inlet;"
        "os.environ.update(LISTEN_PID=str(os.getpid()),LISTEN_FDS='1');"
        "from kiosk.errors import CueError\n"
        "try: Inlet(Path(sys.argv[1]),'feedback')\n"
        "except CueError as error: print(error)"
    )
    child = subprocess.run(
        ["bash", "-c", 'exec "$0" "$@" 3</dev/null', sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        check=True,
        text=True,
    )
    assert "see *.socket" in child.stdout


def test_a_press_of_the_button_comes_from_the_panel_alone(tmp_path: Path) -> None:
    inlet = Inlet(tmp_path, "scanner")
    press = ButtonCue(number=1, at=NOW)
    Outlet(tmp_path, "scanner", "uplink").send(press)
    Outlet(tmp_path, "scanner", "feedback").send(press)
    assert list(inlet.drain()) == [press]
    assert inlet.refused == 1
    inlet.close()


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


def question(at: float) -> QuestionCue:
    return QuestionCue(number=3, at=at, asked="contact", since=at, until=at + 20)


def test_questions_come_from_the_scanner_and_answers_from_the_panel_alone(tmp_path: Path) -> None:
    panel, scanner = Inlet(tmp_path, "feedback"), Inlet(tmp_path, "scanner")
    asked = question(NOW)
    said = [FeedbackState(number=1, at=NOW, asks=True), ButtonCue(number=2, at=NOW, answers=3)]
    for sender in ("uplink", "ctl"):
        Outlet(tmp_path, "feedback", sender).send(asked)  # type: ignore[arg-type]
        for cue in said:
            Outlet(tmp_path, "scanner", sender).send(cue)  # type: ignore[arg-type]
    Outlet(tmp_path, "feedback", "scanner").send(asked)
    for cue in said:
        Outlet(tmp_path, "scanner", "feedback").send(cue)
    assert list(panel.drain()) == [asked]
    assert list(scanner.drain()) == said
    assert (panel.refused, scanner.refused) == (2, 4)


def test_a_question_that_nobody_took_in_time_is_dropped(tmp_path: Path) -> None:
    scanner = Outlet(tmp_path, "feedback", "scanner")
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert not scanner.send(question(now - STALE_QUESTION_S))
    inlet = Inlet(tmp_path, "feedback")
    assert scanner.flush()
    assert list(inlet.drain()) == []
    inlet.close()
    scanner.send(question(now + 60))
    inlet = Inlet(tmp_path, "feedback")
    assert scanner.flush()
    assert list(inlet.drain()) == [question(now + 60)]
