"""The questions of the declaration at the public door of the pipeline: real policy, formats, outbox
and seal; panel, button and clock in our hands."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scannerdoor import Door as Scanner

from kiosk.credentials import parse
from kiosk.credentials.policy import judge, parse_policy
from kiosk.credentials.trust import TrustList
from kiosk.cues import STALE_ANSWER_S, Answer, ButtonCue, FeedbackState, HintCue, QuestionCue
from kiosk.errors import CredentialError
from kiosk.model import Credential, Declared, Direction, Instant, Person, Risk, Verdict, Visit
from kiosk.outbox import SealedSegments
from kiosk.scanner.direction import BUTTON_S, Directions
from kiosk.scanner.questions import SAY_AGAIN_S, SILENT_S, Dialogue
from kiosk.scanner.visits import Visits

SHIPPED = (Path(__file__).parents[2] / "config/policy.toml").read_text()
ASKING = """
[needs]
one_of = ["declaration"]
[questions]
formats = ["cccd"]
symptoms = "fail"
contact = "warn"
timeout_s = 20
"""
WALL_MS = 1_795_600_000_000
CARD = "099199000001|990000001|Nguyễn Thị Ngọc Ánh|02011999|Nữ|Số 1|01062021".encode()
PHONE = b"099199000001|NGUYEN THI NGOC ANH|1999-01-02|0|162979000000000001|<2"
OTHER = b"099099000002||Le Van B|03021990|Nam|So 2|01062021"
POSTER = b"https://qr.pccovid.gov.vn/x"
CODES = (CARD, PHONE, OTHER, POSTER)


class Door(Scanner):
    """A door that asks, with a panel that can, unless told otherwise."""

    def __init__(
        self,
        directory: Path,
        text: str = ASKING,
        kind: str = "in",
        asks: bool = True,
        more_needed: str = "warn",
    ) -> None:
        super().__init__(directory)
        self.text, self.kind = text, kind
        self.shipped = SHIPPED.replace('\nmore-needed = "warn"', f'\nmore-needed = "{more_needed}"')
        self.wall_ms = WALL_MS
        self.asked: list[QuestionCue] = []
        self.said: list[Answer | QuestionCue] = []
        self.parts.now = self.instant
        self.parts.send = self.hear
        self.restart()
        self.panel(asks)

    def restart(self) -> None:
        """Another process at the same card."""
        self.policy = parse_policy(f"{self.shipped}\n{self.text}".encode())
        self.parts.dialogue = Dialogue(self.policy, self.hear)
        self.parts.directions = Directions(self.kind, 300, 3, self.at - 1e6)
        self.parts.visits = Visits(self.policy)

    def instant(self) -> Instant:
        return Instant(self.wall_ms, "synced", "boot", int(self.at * 1000))

    def parse(self, payload: bytes) -> Credential:
        return parse(payload, TrustList())

    def judge(
        self, shown: Credential | CredentialError, now: Instant, risk: Risk, visit: Visit
    ) -> Verdict:
        return judge(shown, self.policy, now, risk, visit)

    def hear(self, cue: Answer | HintCue | QuestionCue) -> None:
        if isinstance(cue, QuestionCue):
            if cue.at == cue.since:
                self.asked.append(cue)
            self.said.append(cue)
        else:
            assert isinstance(cue, Answer)
            self.answer(cue)
            self.said.append(cue)

    def panel(self, asks: bool) -> None:
        self.parts.dialogue.heard(FeedbackState(number=1, at=self.at, asks=asks))

    def wait(self, seconds: float, *codes: bytes, asks: bool | None = True) -> None:
        """Frames for so long, with a panel that is well, silent (None) or not able to ask."""
        end = self.at + seconds
        while self.at < end:
            if asks is not None:
                self.panel(asks)
            self.parts.dialogue.turn(self.at)
            self.show(*codes, at=min(end, self.at + 0.25))

    def press(self, yes: bool = False, number: int | None = None, age: float = 0.0) -> None:
        number = self.asked[-1].number if number is None and self.asked else number
        self.pipeline.press(ButtonCue(number=1, at=self.at - age, answers=number or 0, yes=yes))

    def declare(self, symptoms: bool = False, contact: bool = False) -> Answer:
        """Shows the card, takes it away, and answers both."""
        self.show(CARD, at=self.at)
        self.wait(2)
        self.press(symptoms)
        self.wait(1)
        self.press(contact)
        return self.answers[-1]

    def rows(self) -> list[tuple[str, str, str]]:
        """Direction, outcome and reason of every record, which nothing hides."""
        self.outbox.tick(0, connected=True)
        segments = SealedSegments(self.directory)
        read = [segments.read(name) for name in segments.waiting()]
        return [
            (r.direction, r.outcome, r.reason)
            for segment in read
            if segment
            for r in segment.records
        ]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Door]:
    return lambda **more: Door(tmp_path, **more)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def test_a_card_two_questions_two_answers_one_record(door: Door) -> None:
    door.show(CARD, at=100)
    assert [(q.asked, q.since, q.until) for q in door.asked] == [("symptoms", 100, 120)]
    assert (door.answers, door.people()) == ([], []), "no answer and no record so far"
    door.wait(3)
    door.press()
    assert [(q.asked, q.since, q.until) for q in door.asked[1:]] == [("contact", 103, 123)]
    door.wait(2)
    door.press()
    (answer,) = door.answers
    assert (answer.outcome, answer.reason, answer.repeated) == ("pass", "declared", False)
    assert answer.name == "N. T. N. Ánh"
    (person,) = door.people()
    assert person.claims["declared"] == {"symptoms": False, "contact": False, "by": "button"}
    assert (person.subject, person.role) == ("vn-id:099199000001", "identity")
    assert person.claims["name"] == "Nguyễn Thị Ngọc Ánh", "and all that the card told"
    assert door.stored_when_answered[0] > 0, "green comes after the record is on the card"


@pytest.mark.parametrize(
    ("symptoms", "contact", "outcome"),
    [(False, True, "warn"), (True, False, "fail"), (True, True, "fail")],
)
def test_a_yes_is_answered_as_the_policy_says_and_its_particulars_are_sealed(
    door: Door, symptoms: bool, contact: bool, outcome: str
) -> None:
    answer = door.declare(symptoms, contact)
    assert (answer.outcome, answer.reason) == (outcome, "declared")
    assert door.rows() == [("in", outcome, "declared")]
    (person,) = door.people()
    assert person.claims["declared"] == {"symptoms": symptoms, "contact": contact, "by": "button"}


def test_the_record_is_of_the_moment_of_the_last_answer(door: Door) -> None:
    door.show(CARD, at=100)
    door.wall_ms += 3_600_000  # the clock is set while a question stands
    door.wait(15)
    door.press()
    door.press()
    door.outbox.tick(0, connected=True)
    segments = SealedSegments(door.directory)
    (segment,) = [segments.read(name) for name in segments.waiting()]
    assert segment is not None
    assert [(r.scanned_at_ms, r.boottime_ms) for r in segment.records] == [
        (WALL_MS + 3_600_000, 115_000)
    ]


def test_what_else_is_held_up_and_answered_needs_no_questions(door: Door) -> None:
    door.show(PHONE, at=100)
    assert [a.reason for a in door.answers] == ["accepted"]
    door.show(POSTER, at=103)
    assert door.answers[-1].reason == "place-code"
    assert door.asked == []


def test_without_the_section_nothing_is_asked(make: Callable[..., Door]) -> None:
    door = make(text='[needs]\none_of = ["declaration"]')
    door.show(CARD, at=100)
    assert [(a.outcome, a.reason) for a in door.answers] == [("warn", "more-needed")]
    assert door.parts.dialogue.state(100) == "none"


def test_a_question_is_said_again_while_it_stands(door: Door) -> None:
    door.show(CARD, at=100)
    door.wait(5)
    (first, *more) = door.said
    assert [q.at for q in more] == [100 + n * SAY_AGAIN_S for n in range(1, 10)]
    assert {(q.number, q.since, q.until) for q in more} == {(first.number, 100, 120)}


# Nobody answers


def test_who_does_not_answer_leaves_no_trace(door: Door) -> None:
    door.show(CARD, at=100)
    door.wait(19.5)
    assert door.parts.dialogue.stands
    door.wait(1)
    assert not door.parts.dialogue.stands
    door.press()
    assert (door.answers, door.rows(), door.pipeline.scans) == ([], [], 0)
    assert b"099199000001" not in repr(vars(door.parts.dialogue)).encode()


def test_the_second_question_has_its_own_time(door: Door) -> None:
    door.show(CARD, at=100)
    door.wait(19)
    door.press()
    door.wait(19)
    door.press()
    assert [a.outcome for a in door.answers] == ["pass"]


def test_half_an_answer_is_none(door: Door) -> None:
    door.show(CARD, at=100)
    door.press(yes=True)
    door.wait(25)
    assert (door.answers, door.rows()) == ([], [])
    assert door.declare().outcome == "pass", "shown again, both are asked anew"
    assert [q.asked for q in door.asked] == ["symptoms", "contact"] * 2


def test_a_card_that_is_left_before_the_camera_is_asked_about_once(door: Door) -> None:
    door.wait(200, CARD)
    assert len(door.asked) == 1
    door.wait(2)
    door.show(CARD, at=door.at)
    assert len(door.asked) == 2, "taken away and shown anew"


# Its own code, another code


def test_its_own_code_in_view_or_shown_anew_changes_nothing(door: Door) -> None:
    door.show(CARD, at=100)
    for _ in range(3):
        door.wait(2, CARD)
        door.wait(3)
    assert [(q.number, q.until) for q in door.asked] == [(1, 120)]
    door.press()
    door.press()
    assert [a.outcome for a in door.answers] == ["pass"]
    door.wait(1, CARD)
    assert len(door.answers) == 1, "held up all the while"


def test_another_code_ends_the_questions_and_is_answered(door: Door) -> None:
    door.show(CARD, at=100)
    door.press()
    door.wait(2)
    door.show(PHONE, at=door.at)
    assert [(a.outcome, a.reason) for a in door.answers] == [("pass", "accepted")]
    door.press()
    assert len(door.answers) == 1
    assert [person.format for person in door.people()] == ["vn_personal"]


def test_another_card_is_asked_about_in_its_turn(door: Door) -> None:
    door.show(CARD, at=100)
    door.press(yes=True)
    door.wait(2)
    door.show(OTHER, at=door.at)
    assert [q.asked for q in door.asked] == ["symptoms", "contact", "symptoms"]
    door.press()
    door.press()
    (person,) = door.people()
    assert person.subject == "vn-id:099099000002"
    assert person.claims["declared"]["symptoms"] is False, "nothing of the one before"


def test_a_poster_on_the_wall_does_not_stand_in_the_way(door: Door) -> None:
    door.wait(3, POSTER)
    door.wait(6, CARD, POSTER)
    assert [a.reason for a in door.answers] == ["place-code"]
    door.press()
    door.press()
    assert door.answers[-1].reason == "declared"


def test_shown_again_within_moments_the_answer_is_repeated(door: Door) -> None:
    door.declare(contact=True)
    door.wait(3)
    door.show(CARD, at=door.at)
    assert [(a.outcome, a.reason, a.repeated) for a in door.answers] == [
        ("warn", "declared", False),
        ("warn", "declared", True),
    ]
    assert len(door.asked) == 2


# What is no answer


def test_an_answer_too_late_ends_the_questions(door: Door) -> None:
    """A yes that was lost, and the impatient press after it, must not be a no."""
    door.show(CARD, at=100)
    door.wait(2)
    door.press(number=1, age=STALE_ANSWER_S + 0.1)
    door.press(number=1)
    assert [q.asked for q in door.asked] == ["symptoms"]


def test_a_press_before_the_question_was_seen_says_not_who_leaves(
    make: Callable[..., Door],
) -> None:
    door = make(kind="button")
    door.show(CARD, at=100)
    door.press(number=0)
    door.wait(2)
    door.press()
    door.wait(1)
    door.press()
    assert door.rows() == [("in", "pass", "declared")]


def test_an_answer_to_another_question_is_not_taken(door: Door) -> None:
    door.press(number=1)
    door.show(CARD, at=100)
    door.wait(2)
    door.press(number=7)
    door.press(number=1, age=-1)
    assert [q.asked for q in door.asked] == ["symptoms"]
    door.press(number=1)
    door.press(number=1)  # once more, before the panel shows the next one
    assert [q.asked for q in door.asked] == ["symptoms", "contact"]
    door.press(number=2, age=0.1)  # pressed before it was asked
    assert door.answers == []


def test_a_press_without_a_question_says_who_leaves(make: Callable[..., Door]) -> None:
    door = make(kind="button")
    door.pipeline.press(ButtonCue(number=1, at=door.at))
    assert door.parts.directions.leaving(door.at) == door.at + BUTTON_S
    door.show(CARD, at=door.at + 1)
    assert [(a.direction, a.reason) for a in door.answers] == [("out", "accepted")]
    assert door.asked == [], "who leaves declared on the way in"


def test_an_answer_does_not_say_who_leaves(make: Callable[..., Door]) -> None:
    door = make(kind="button")
    answer = door.declare()
    assert (answer.direction, answer.outcome) == ("in", "pass")
    assert door.parts.directions.leaving(door.at) == 0


# Where nothing can be asked


@pytest.mark.parametrize("panel", ["silent", "cannot ask", "was never heard", "says so later"])
def test_a_door_that_cannot_ask_answers_as_before(make: Callable[..., Door], panel: str) -> None:
    door = make(asks=panel == "silent")
    if panel == "was never heard":
        door.restart()
    at = door.at + (SILENT_S if panel == "silent" else 0)
    assert door.parts.dialogue.state(at) == "no-panel"
    door.show(CARD, at=at)
    assert [(a.outcome, a.reason) for a in door.answers] == [("warn", "more-needed")]
    assert door.rows() == [("in", "warn", "more-needed")]
    if panel == "says so later":
        door.wait(12, asks=True)
        assert door.parts.dialogue.state(door.at) == "ready"
        assert door.declare().reason == "declared"


@pytest.mark.parametrize("asks", [None, False])
def test_a_panel_or_button_that_breaks_ends_the_questions(door: Door, asks: bool | None) -> None:
    door.show(CARD, at=100)
    door.press()
    door.wait(SILENT_S + 0.5, asks=asks)
    assert not door.parts.dialogue.stands
    assert (door.answers, door.rows()) == ([], [])
    door.show(CARD, at=door.at)
    assert [a.reason for a in door.answers] == ["more-needed"]


def test_what_cannot_be_recorded_is_not_asked_for(door: Door) -> None:
    door.parts.outbox = None
    door.show(CARD, at=100)
    assert [(a.outcome, a.reason) for a in door.answers] == [("warn", "outbox-fault")]
    assert door.asked == []


def test_no_green_when_the_card_fails_after_the_last_answer(door: Door) -> None:
    door.show(CARD, at=100)
    door.press()
    outbox, door.parts.outbox = door.parts.outbox, None
    door.press()
    assert [(a.outcome, a.reason) for a in door.answers] == [("warn", "outbox-fault")]
    door.parts.outbox = outbox
    door.wait(2)
    assert door.declare().outcome == "pass", "shown anew, asked anew"


def test_who_is_on_the_risk_list_is_recorded_not_asked(make: Callable[..., Door]) -> None:
    """Even where the policy lets them pass: the centre must learn that they were here."""
    door = make(text=ASKING)
    door.policy = msgspec.structs.replace(
        door.policy, answer=door.policy.answer | {"at-risk": "pass"}
    )
    door.listed["vn-id:099199000001"] = "follow-up"
    door.show(CARD, at=100)
    assert [a.reason for a in door.answers] == ["more-needed"]
    assert [record and record.reason for record in door.hits] == ["more-needed"]
    assert door.asked == []


def test_a_scanner_that_starts_anew_knows_of_no_question(door: Door) -> None:
    door.show(CARD, at=100)
    door.restart()
    door.panel(True)
    door.at += 0.5
    door.press(number=1)
    assert (door.answers, door.rows()) == ([], [])


# A toggle door


@pytest.mark.parametrize("more_needed", ["warn", "fail"])
def test_within_the_minimum_stay_what_was_answered_is_repeated(
    make: Callable[..., Door], more_needed: str
) -> None:
    door = make(kind="toggle", more_needed=more_needed)
    assert (door.declare(contact=True).direction, door.answers[-1].outcome) == ("in", "warn")
    door.wait(60)
    door.show(CARD, at=door.at)
    assert len(door.asked) == 2
    last = door.answers[-1]
    assert (last.direction, last.outcome, last.reason, last.repeated) == (
        *("in", "warn", "declared", True),
    )
    door.wait(300)
    door.show(CARD, at=door.at)
    last = door.answers[-1]
    assert (last.direction, last.outcome, last.reason) == ("out", "pass", "accepted")
    door.wait(300)
    assert (door.declare().direction, door.answers[-1].outcome) == ("in", "pass")
    assert door.rows() == [
        ("in", "warn", "declared"),
        ("out", "pass", "accepted"),
        ("in", "pass", "declared"),
    ]


# Privacy


def test_neither_logs_nor_cues_tell_who_or_what(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    door.wait(1)
    assert "questions state=ready" in caplog.text
    before = len(caplog.text)
    logs = []
    for contact in (False, True):
        door.show(CARD, at=door.at)
        door.press(contact)
        door.wait(2)
        logs.append(caplog.text[before:])
        before = len(caplog.text)
        door.press(contact)
        door.wait(15)
        before = len(caplog.text)
    assert "question number=1 asked=symptoms" in logs[0]
    assert logs[0].replace("number=1", "n").replace("number=2", "n") == logs[1].replace(
        "number=3", "n"
    ).replace("number=4", "n"), "an answer leaves the same lines, whatever it is"
    for secret in ("099199000001", "Nguyễn", "Ánh", "yes", "True"):
        assert secret not in caplog.text
    for cue in door.asked:
        assert set(msgspec.to_builtins(cue)) == {"type", "number", "at", "asked", "since", "until"}


# Whatever happens in whatever order


class AnyOrder(RuleBasedStateMachine):
    """Codes, presses, waits and panels in any order. A record with answers is made by nothing but
    two presses, each for the question that stood, after a card and before anything else."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: list[Declared] = []
        self.model: dict[str, bool] = {}
        self.since = 0.0

    @initialize(kind=st.sampled_from(["in", "button", "toggle"]))
    def begin(self, kind: Direction) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.door = Door(Path(self.folder.name), kind=kind)

    @rule(code=st.sampled_from(CODES), seconds=st.sampled_from([0.1, 2.0, 12.0, 400.0]))
    def show(self, code: bytes, seconds: float) -> None:
        asked = len(self.door.asked)
        self.door.panel(True)
        self.door.at += seconds
        self.door.panel(True)
        self.door.parts.dialogue.turn(self.door.at)
        answers = len(self.door.answers)
        self.door.show(code, at=self.door.at)
        if len(self.door.asked) > asked or len(self.door.answers) > answers:
            self.model = {}

    @precondition(lambda self: self.door.asked)
    @rule(yes=st.booleans(), number=st.integers(-1, 1), age=st.sampled_from([0.0, 0.5, 3.0]))
    def press(self, yes: bool, number: int, age: float) -> None:
        last = self.door.asked[-1]
        stands = self.door.parts.dialogue.stands
        fits = stands and number == 0 and age < STALE_ANSWER_S and self.door.at - age >= last.since
        self.door.press(yes, last.number + number if last.number + number > 0 else 999, age)
        if fits:
            self.model[last.asked] = yes
            if len(self.model) == 2:
                self.expected.append(Declared(**self.model))
                self.model = {}

    @rule(asks=st.sampled_from([True, False, None]), seconds=st.sampled_from([0.3, 4.0, 25.0]))
    def wait(self, asks: bool | None, seconds: float) -> None:
        self.door.wait(seconds, asks=asks)
        if not self.door.parts.dialogue.stands:
            self.model = {}

    @rule()
    def restart(self) -> None:
        self.door.restart()
        self.door.panel(True)
        self.model = {}

    @invariant()
    def nothing_is_held_without_a_question(self) -> None:
        held = repr(vars(self.door.parts.dialogue))
        if not self.door.parts.dialogue.stands:
            assert "099199000001" not in held and "099099000002" not in held

    def teardown(self) -> None:
        people: list[Person] = self.door.people()
        made = [p.claims["declared"] for p in people if "declared" in p.claims]
        assert [(d["symptoms"], d["contact"]) for d in made] == [
            (d.symptoms, d.contact) for d in self.expected
        ]
        assert all(p.format == "cccd" for p in people if "declared" in p.claims)
        declared = [a for a in self.door.answers if a.reason == "declared" and not a.repeated]
        assert len(declared) == len(made)
        self.door.outbox.close()
        self.folder.cleanup()


class TestInAnyOrder(AnyOrder.TestCase):
    settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
