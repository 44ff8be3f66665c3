"""The pipeline at its public door: what a frame leads to, and in which order."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from demo.door import recorded
from kiosk.credentials.policy import judge, parse_policy
from kiosk.cues import AlertCue, Answer, HintCue
from kiosk.decode import Sight
from kiosk.errors import CredentialError, OutboxLocked
from kiosk.faults import Faults, Severity
from kiosk.model import (
    CheckIn,
    Credential,
    Frame,
    Hint,
    Instant,
    Person,
    Risk,
    Symbol,
    Verdict,
    Visit,
)
from kiosk.outbox import Outbox, SealedSegments
from kiosk.scanner.direction import Directions
from kiosk.scanner.eye import FAULTS as EYE
from kiosk.scanner.eye import RETRY_S, SILENT_S, Eye
from kiosk.scanner.party import Parties
from kiosk.scanner.pipeline import Parts, Pipeline
from kiosk.scanner.showings import STANDS_S, Showings
from kiosk.scanner.store import FAULTS as STORE
from kiosk.scanner.store import SealTimer, Store
from kiosk.scanner.visits import Visits
from kiosk.seal import X25519, SegmentSeal, new_key, new_segment

LOG = logging.getLogger("kiosk.scanner")
NOW = Instant(1_795_000_000_000, "synced", "boot", 1000)
GREY = np.zeros((2, 2), np.uint8)


class Picture(NamedTuple):
    grey: np.ndarray
    at: float
    codes: tuple[bytes, ...] = ()
    hint: Hint | None = None


class Door:
    """A scanner with its real outbox and seal; camera, rules and clock in our hands."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = new_key(X25519)
        self.at = 100.0
        self.answers: list[Answer] = []
        self.hints: list[HintCue] = []
        self.stored_when_answered: list[int] = []
        self.alerts: list[AlertCue] = []
        self.hits: list[CheckIn | None] = []
        self.listed: dict[str, Risk] = {}
        self.faults = Faults(self.alerts.append, lambda: self.at, EYE | STORE, LOG)
        self.outbox = Outbox(directory, 64, self.begin)
        self.store = Store(lambda: self.outbox, self.faults, lambda: self.at)
        self.parts = Parts(
            look=self.look,
            parse=self.parse,
            judge=self.judge,
            risk=self.risk,
            hit=self.hits.append,
            send=self.answer,
            now=lambda: NOW,
            boottime=lambda: self.at,
            showings=Showings(1.5, 10),
            put_failed=self.store.put_failed,
            directions=Directions("in", 300, 3, self.at),
            parties=Parties(),
            outbox=self.outbox,
        )
        self.pipeline = Pipeline(self.parts)

    def begin(self, epoch: str, first_seq: int) -> SegmentSeal:
        return new_segment([self.key.public], "k-1", epoch, first_seq)

    def look(self, frame: Frame) -> Sight:
        assert isinstance(frame, Picture)
        return Sight([Symbol(code, "qr", ()) for code in frame.codes], frame.hint)

    def parse(self, payload: bytes) -> Credential:
        if payload == b"broken":
            raise CredentialError("test", "not as it should be")
        role = "place" if payload == b"place" else "identity"
        return Credential(
            format="test", role=role, subject="s:" + payload.decode(), display="N. V. A"
        )

    def risk(self, subject: str) -> Risk:
        return self.listed.get(subject, "clear")

    def judge(
        self, shown: Credential | CredentialError, now: Instant, risk: Risk, visit: Visit
    ) -> Verdict:
        if risk == "quarantine":
            return Verdict("fail", "at-risk", True)
        if isinstance(shown, CredentialError):
            return Verdict("warn", "malformed", False)
        if shown.role == "place":
            return Verdict("warn", "place-code", False)
        return Verdict("pass", "accepted", True)

    def answer(self, answer: Answer | HintCue) -> None:
        if isinstance(answer, HintCue):
            self.hints.append(answer)
            return
        self.answers.append(answer)
        self.stored_when_answered.append(sum(SealedSegments(self.directory).still_open()))

    def show(self, *codes: bytes, at: float) -> None:
        self.at = at
        self.pipeline.turn(Picture(GREY, at, codes))

    def people(self) -> list[Person]:
        self.outbox.tick(0, connected=True)
        return recorded(self.directory, self.key)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def test_green_comes_after_the_record_is_on_the_card(door: Door) -> None:
    door.show(b"one", at=100)
    door.show(b"two", at=103)
    assert [(a.outcome, a.reason, a.name) for a in door.answers] == [
        ("pass", "accepted", "N. V. A")
    ] * 2
    assert door.stored_when_answered == [1, 2]
    assert [p.subject for p in door.people()] == ["s:one", "s:two"]


@pytest.mark.parametrize("risk", ["none", "not-checked", "clear", "follow-up", "quarantine"])
def test_what_the_risk_list_said_is_sealed_with_the_person(door: Door, risk: Risk) -> None:
    door.listed["s:one"] = risk
    door.show(b"one", at=100)
    assert [person.risk for person in door.people()] == [risk]


def test_a_hit_is_told_once_with_its_record_and_not_for_a_repetition(door: Door) -> None:
    door.listed = {"s:one": "quarantine", "s:two": "follow-up"}
    for code, at in (
        (b"one", 100),
        (b"one", 102),
        (b"two", 104),
        (b"three", 106),
        (b"broken", 108),
    ):
        door.show(code, at=at)
    assert [(a.outcome, a.reason) for a in door.answers] == [
        ("fail", "at-risk"),
        ("fail", "at-risk"),  # shown again
        ("pass", "accepted"),
        ("pass", "accepted"),
        ("warn", "malformed"),
    ]
    assert [record and record.seq for record in door.hits] == [1, 2]


def test_a_hit_that_cannot_be_recorded_is_told_all_the_same(door: Door) -> None:
    door.listed["s:one"] = "quarantine"
    door.parts.outbox = None
    door.show(b"one", at=100)
    assert door.hits == [None]
    assert door.answers[0].reason == "outbox-fault"


def test_what_names_nobody_is_answered_and_not_recorded(door: Door) -> None:
    door.show(b"place", at=100)
    door.show(b"broken", at=103)
    door.show(at=104)
    assert [a.reason for a in door.answers] == ["place-code", "malformed"]
    assert door.people() == []


def test_the_same_code_again_repeats_its_answer_without_a_record(door: Door) -> None:
    for at in (100, 100.1, 104, 104.1):
        door.show(b"one", at=at)
    assert [a.repeated for a in door.answers] == [False, True]
    assert [a.name for a in door.answers] == ["N. V. A"] * 2
    assert len(door.people()) == 1


def test_the_first_symbol_is_the_one_that_is_held_up(door: Door) -> None:
    door.show(b"near", b"far", at=100)
    assert [p.subject for p in door.people()] == ["s:near"]


def test_a_poster_on_the_wall_does_not_stand_in_the_way(door: Door) -> None:
    for at in range(100, 110):
        door.show(b"place", at=at)
    door.show(b"place", b"one", at=110)
    assert [a.reason for a in door.answers] == ["place-code", "accepted"]


def frames(door: Door, *codes: bytes, start: float, seconds: float) -> list[float]:
    """Holds codes up at 15 frames a second; when there was an answer, seconds after `start`."""
    when = []
    for number in range(round(seconds * 15)):
        before = len(door.answers)
        door.show(*codes, at=start + number / 15)
        when += [number / 15] * (len(door.answers) - before)
    return when


def test_of_two_at_once_the_second_waits_until_the_first_answer_was_read(door: Door) -> None:
    when = frames(door, b"one", b"two", start=100, seconds=5)
    assert len(when) == 2
    assert when[0] == 0
    assert STANDS_S <= when[1] < STANDS_S + 0.1
    assert [p.subject for p in door.people()] == ["s:one", "s:two"]


def test_whoever_is_left_alone_is_answered_at_once(door: Door) -> None:
    door.show(b"one", b"two", at=100)
    door.show(b"one", b"two", at=100.1)
    door.show(b"two", at=100.2)
    door.show(b"three", at=100.3)
    assert [p.subject for p in door.people()] == ["s:one", "s:two", "s:three"]


def test_only_the_last_answer_is_left_standing(door: Door) -> None:
    door.show(b"one", at=100)
    door.show(b"two", at=100.2)
    door.show(b"one", b"three", at=100.4)
    assert len(door.answers) == 3, "the first one's answer was replaced long ago"


def test_two_who_come_back_together_both_see_their_answer_again(door: Door) -> None:
    frames(door, b"one", b"two", start=100, seconds=3)
    when = frames(door, b"one", b"two", start=106, seconds=5)
    assert len(when) == 2 and when[1] >= STANDS_S
    assert [a.repeated for a in door.answers] == [False, False, True, True]
    assert len(door.people()) == 2


def test_who_must_wait_and_could_not_be_recorded_is_tried_again(door: Door) -> None:
    outbox, door.parts.outbox = door.parts.outbox, None
    door.show(b"one", at=100)
    door.parts.outbox = outbox
    door.show(b"two", at=102)
    when = frames(door, b"two", b"one", start=102.1, seconds=3)
    assert len(when) == 1
    assert [p.subject for p in door.people()] == ["s:two", "s:one"]


def test_a_code_and_its_mirror_image_are_one(door: Door) -> None:
    frames(door, b"one", b"one", start=100, seconds=3)
    frames(door, b"one", b"one", start=105, seconds=3)
    assert [a.repeated for a in door.answers] == [False, True]
    assert len(door.people()) == 1


def test_a_hint_is_said_at_once_and_again_while_it_lasts(door: Door) -> None:
    for number in range(20):  # a frame every 0.1 s
        door.at = 100 + number / 10
        hint: Hint = "closer" if number < 15 else "hold-still"
        door.pipeline.turn(Picture(GREY, door.at, (), hint))
    assert [(h.hint, round(h.at - 100, 1)) for h in door.hints] == [
        ("closer", 0.0),
        ("closer", 0.5),
        ("closer", 1.0),
        ("hold-still", 1.5),
    ]
    numbers = [h.number for h in door.hints]
    door.show(b"one", at=103)
    assert [*numbers, door.answers[0].number] == sorted({*numbers, door.answers[0].number})


def test_what_an_external_reader_read_is_a_showing_like_any_other(door: Door) -> None:
    door.pipeline.read(b"one", 100)
    door.pipeline.read(b"one", 100.5)
    door.show(b"one", at=101)
    assert [a.reason for a in door.answers] == ["accepted"]
    assert [p.subject for p in door.people()] == ["s:one"]


def test_a_slow_card_does_not_repeat_the_answer(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fdatasync

    def slow(fd: int) -> None:
        real(fd)
        door.at += 3  # garbage collection of the card

    monkeypatch.setattr(os, "fdatasync", slow)
    door.show(b"one", at=100)
    door.show(b"one", at=103.1)
    assert len(door.answers) == 1


def test_more_than_a_person_can_have_is_malformed(door: Door) -> None:
    credential = Credential(format="test", role="identity", claims={"name": "x" * 9000})
    door.parts.parse = lambda _payload: credential
    door.show(b"one", at=100)
    assert [(a.outcome, a.reason) for a in door.answers] == [("warn", "malformed")]
    assert door.people() == []


def test_faults_are_told_again_and_old_ones_taken_back(door: Door) -> None:
    told: list[AlertCue] = []
    known: dict[str, Severity] = {"card-full": "critical", "camera-absent": "critical"}
    faults = Faults(told.append, lambda: door.at, known, LOG)
    faults.raised("card-full", "why")
    told.clear()
    faults.remind()
    assert told == []
    door.at += 61
    faults.remind()
    assert [(a.code, a.raised) for a in told] == [("camera-absent", False), ("card-full", True)]
    told.clear()
    door.at += 61
    faults.remind()
    assert [(a.code, a.raised) for a in told] == [("card-full", True)]


def test_no_green_when_the_disk_fails_and_the_next_showing_is_recorded(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        door.show(b"one", at=100)
        door.show(b"one", at=100.1)
    assert [(a.outcome, a.reason) for a in door.answers] == [("warn", "outbox-fault")]
    assert door.faults.active == ["outbox-fault"]
    assert [(a.code, a.raised) for a in door.alerts] == [("outbox-fault", True)]
    door.store.keep_open()
    assert door.faults.active == ["outbox-fault"], "it is not over with the next frame"
    door.show(b"one", at=104)
    assert door.answers[-1].outcome == "pass"
    assert not door.answers[-1].repeated
    door.at = 106
    door.store.keep_open()
    assert door.faults.active == []


def test_without_an_outbox_visitors_are_answered_but_never_green(door: Door) -> None:
    door.parts.outbox = None
    door.show(b"one", at=100)
    door.show(b"place", at=101)
    assert [(a.outcome, a.reason) for a in door.answers] == [
        ("warn", "outbox-fault"),
        ("warn", "place-code"),
    ]


def test_nothing_personal_is_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    door.show(b"secret", at=100)
    door.show(b"broken", at=103)
    assert "answer number=1 outcome=pass reason=accepted" in caplog.text
    assert "secret" not in caplog.text
    assert "N. V. A" not in caplog.text


class FakeCamera:
    def __init__(self, frames: list[Picture | OSError | None]) -> None:
        self.frames = frames
        self.closed = False

    def frame(self, timeout: float) -> Picture | None:
        found = self.frames.pop(0) if self.frames else None
        if isinstance(found, OSError):
            raise found
        return found

    def close(self) -> None:
        self.closed = True


def test_a_camera_that_breaks_is_a_fault_and_tried_again(door: Door) -> None:
    broken = FakeCamera([Picture(GREY, 1), OSError("cable off")])
    cameras: list[FakeCamera] = [broken, FakeCamera([Picture(GREY, 2)])]
    waits: list[float] = []
    eye = Eye(lambda: cameras.pop(0), door.faults, lambda: door.at, waits.append)
    assert eye.frame(0.5) is not None
    assert eye.frame(0.5) is None
    assert broken.closed
    assert door.faults.active == ["camera-absent"]
    door.at += RETRY_S - 1
    assert eye.frame(0.5) is None
    assert waits == [0.5], "no busy loop while there is no camera"
    door.at += 2
    assert eye.frame(0.5) is not None
    assert door.faults.active == []
    assert [a.raised for a in door.alerts] == [True, False]


def test_an_absent_camera_never_ends_the_scanner(door: Door) -> None:
    def absent() -> FakeCamera:
        raise OSError("no camera found")

    eye = Eye(absent, door.faults, lambda: door.at, lambda _s: None)
    for _ in range(100):
        assert eye.frame(0.5) is None
        door.at += 1
    assert door.faults.active == ["camera-absent"]
    assert len(door.alerts) == 1


def test_a_silent_camera_is_opened_again(door: Door) -> None:
    cameras = [FakeCamera([]), FakeCamera([Picture(GREY, 2)])]
    first = cameras[0]
    eye = Eye(lambda: cameras.pop(0), door.faults, lambda: door.at, lambda _s: None)
    eye.frame(0.5)
    door.at += SILENT_S + 0.1
    eye.frame(0.5)
    assert first.closed
    assert door.faults.active == ["camera-silent"]
    assert eye.frame(0.5) is not None
    assert door.faults.active == []


def test_a_missing_outbox_is_opened_when_it_appears(door: Door, tmp_path: Path) -> None:
    later = tmp_path / "later"
    store = Store(lambda: Outbox(later, 64, door.begin), door.faults, lambda: door.at)
    assert store.keep_open() is None
    assert door.faults.active == ["outbox-fault"]
    later.mkdir()
    assert store.keep_open() is None, "not at every turn"
    door.at += 6
    assert store.keep_open() is not None
    assert door.faults.active == []


def test_a_second_scanner_ends(door: Door, tmp_path: Path) -> None:
    store = Store(lambda: Outbox(tmp_path, 64, door.begin), door.faults, lambda: door.at)
    with pytest.raises(OutboxLocked):
        store.keep_open()


def test_the_timer_seals_while_connected_and_notices_a_full_card(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(lambda: door.outbox, door.faults, lambda: door.at)
    store.keep_open()
    timer = SealTimer(store, 0.0, tmp_path / "connected")
    real = os.statvfs(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _p: os.statvfs_result((*real[:4], 1, *real[5:])))
        timer._tick()
    store.keep_open()
    assert door.faults.active == ["card-full"]
    timer._tick()
    store.keep_open()
    assert door.faults.active == []


def test_a_file_that_cannot_be_handed_over_does_not_close_the_door(
    door: Door, tmp_path: Path
) -> None:
    """Nor say that it were closed: what a visitor brings is stored as ever."""
    store = Store(lambda: door.outbox, door.faults, lambda: door.at)
    store.keep_open()
    (tmp_path / "quarantine").rmdir()
    (tmp_path / "quarantine").write_bytes(b"in the way")
    (tmp_path / "open" / "stranger").mkdir()
    timer = SealTimer(store, 0.0, tmp_path / "connected")
    timer._tick()
    store.keep_open()
    assert (door.faults.active, door.faults.warnings) == ([], ["outbox-stuck"])
    door.show(b"one", at=100)
    assert door.answers[-1].outcome == "pass"
    (tmp_path / "quarantine").unlink()
    timer._tick()
    store.keep_open()
    assert door.faults.warnings == []


def test_a_mark_that_cannot_be_read_is_a_fault_not_the_end(door: Door, tmp_path: Path) -> None:
    store = Store(lambda: door.outbox, door.faults, lambda: door.at)
    store.keep_open()
    (tmp_path / "loop").symlink_to("loop")
    timer = SealTimer(store, 0.0, tmp_path / "loop")
    timer._tick()
    store.keep_open()
    assert door.faults.warnings == ["mark-unreadable"]
    assert door.faults.active == [], "visitors are served as ever"
    assert timer.failure is None


# What the kiosk knows besides the code


def test_the_rules_are_told_who_was_here_and_the_colour_is_sealed(door: Door) -> None:
    shipped = (Path(__file__).parents[2] / "config/policy.toml").read_text()
    policy = parse_policy(f"{shipped}\n[limits]\nmin_interval_s = 300\nmax_occupancy = 2".encode())
    told: list[Visit] = []

    def judge(shown: object, now: Instant, risk: Risk, visit: Visit) -> Verdict:
        told.append(visit)
        if isinstance(shown, CredentialError):
            return Verdict("fail", "malformed", False)
        return Verdict("warn", "not-green", True, "yellow")

    door.parts.judge = judge
    door.parts.visits = Visits(policy)
    for at, code in ((100, b"one"), (103, b"broken"), (106, b"two"), (120, b"one")):
        door.show(code, at=at)
    # Three were recorded; the kiosk's clock stands still here.
    assert told == [Visit("in"), Visit(), Visit("in", 1), Visit("in", 1, 0)]
    assert [person.colour for person in door.people()] == ["yellow"] * 3


def test_who_was_not_recorded_was_not_here(door: Door) -> None:
    shipped = (Path(__file__).parents[2] / "config/policy.toml").read_text()
    door.parts.visits = Visits(parse_policy(f"{shipped}\n[limits]\nmax_occupancy = 2".encode()))
    door.parts.outbox = None
    door.show(b"one", at=100)
    assert door.answers[0].reason == "outbox-fault"
    assert door.parts.visits.of(("s:two",), "in", NOW).inside == 0


def test_what_repeats_at_a_toggle_door_is_not_too_soon(door: Door) -> None:
    shipped = (Path(__file__).parents[2] / "config/policy.toml").read_text()
    policy = parse_policy(f"{shipped}\n[limits]\nmin_interval_s = 600\nmax_occupancy = 1".encode())
    door.parts.directions = Directions("toggle", 300, 3, -1e6)
    door.parts.visits = Visits(policy)
    card = Credential(format="cccd", role="identity")
    door.parts.judge = lambda shown, now, risk, visit: judge(card, policy, now, risk, visit)
    for at, code in ((100, b"one"), (150, b"one"), (160, b"two"), (500, b"one"), (510, b"three")):
        door.show(code, at=at)
    assert [(a.reason, a.direction, a.repeated) for a in door.answers] == [
        ("accepted", "in", False),
        ("accepted", "in", True),
        ("full", "in", False),
        ("accepted", "out", False),
        ("full", "in", False),  # two was warned of, and came in
    ]
