"""What presses of the button lead to, with button, lamps and time handed in."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.gpio import Press
from kiosk.cues import ButtonCue, FeedbackState, Inlet, Outlet
from kiosk.device import Device
from kiosk.faults import Faults
from kiosk.feedback.button import Presses
from kiosk.feedback.panel import FAULTS, Shown


class Knob:
    """A button that was used for `found`, and is down since `since`."""

    def __init__(self) -> None:
        self.broken = False
        self.found: list[Press] = []
        self.since: float | None = None

    def fileno(self) -> int:
        return 7

    def presses(self, now: float) -> list[Press]:
        if self.broken:
            raise OSError("pin: no answer")
        found, self.found = self.found, []
        return found

    def down_since(self) -> float | None:
        return self.since

    def close(self) -> None:
        pass


class Lamps:
    def __init__(self) -> None:
        self.played: list[str] = []

    def play(self, pattern: str, now: float) -> None:
        self.played.append(pattern)

    def step(self, now: float) -> float | None:
        return None

    def close(self) -> None:
        pass


class Case:
    """At second `now` after boot, with `shown` on the panel."""

    def __init__(self, run: Path) -> None:
        self.now, self.shown = 1000.0, Shown()
        self.knob, self.lamps = Knob(), Lamps()
        faults = Faults(lambda cue: None, lambda: 0.0, FAULTS, logging.getLogger("test"))
        self.scanner = Inlet(run, "scanner")
        self.presses = Presses(
            Device("button", lambda: self.knob, faults),
            Outlet(run, "scanner", "feedback"),
            Device("pins", lambda: self.lamps, faults),
        )

    def turn(self, after: float = 0.0) -> float:
        """Seconds until the next turn."""
        self.now += after
        return self.presses.turn(self.now, self.shown) - self.now

    def down(self) -> float:
        self.knob.since = self.now
        return self.turn()

    def up(self, after: float = 0.0) -> float:
        """Lets go after so many seconds more; what lasted 5 has been told already."""
        self.now += after
        began, self.knob.since = self.knob.since, None
        if began is not None and self.now - began < 5:
            self.knob.found = [Press(began, self.now - began, False)]
        return self.turn()

    def holds(self, after: float) -> float:
        """It is down for long now."""
        self.now += after
        assert self.knob.since is not None
        self.knob.found = [Press(self.knob.since, self.now - self.knob.since, True)]
        return self.turn()

    def press(self, seconds: float) -> None:
        """Down for so long, looked at every 0.05 s."""
        self.down()
        while self.now + 0.05 < self.knob.since + seconds:
            self.turn(after=0.05)
        self.up(after=self.knob.since + seconds - self.now)

    def late(self, seconds: float, ago: float) -> None:
        """Went down `ago`, was down for so long, and nobody looked."""
        self.knob.found = [Press(self.now - ago, seconds, seconds >= 5)]
        self.turn()

    def ask(self, number: int, ago: float = 5.0) -> None:
        """A question that can be seen for so long."""
        self.shown = Shown(number, self.now - ago)

    @property
    def told(self) -> list[ButtonCue]:
        return [cue for cue in self.scanner.drain() if isinstance(cue, ButtonCue)]

    @property
    def answers(self) -> list[tuple[int, bool]]:
        """Number of the question, and whether it was yes; (0, False): somebody leaves."""
        return [(cue.answers, cue.yes) for cue in self.told]


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    case = Case(tmp_path)
    yield case
    case.presses.close()
    case.scanner.close()


def test_a_press_is_told_to_the_scanner(case: Case) -> None:
    assert case.turn() == float("inf")
    case.knob.found = [Press(999.0, 0.2, False), Press(999.5, 0.2, False)]
    case.turn()
    assert [(cue.number, cue.answers) for cue in case.told] == [(1, 0), (2, 0)]
    assert case.lamps.played == []


def test_held_it_ticks_each_second_and_then_asks_for_the_set_up_screen(case: Case) -> None:
    assert case.down() == pytest.approx(1.0)
    assert case.turn(after=0.7) == pytest.approx(0.3)
    assert case.lamps.played == []
    assert case.turn(after=0.4) == pytest.approx(0.9)
    assert case.turn(after=0.4) == pytest.approx(0.5)
    case.turn(after=0.5)
    assert case.lamps.played == ["holding", "holding"]
    assert case.holds(after=3.0) == float("inf")
    assert case.turn(after=1.0) == float("inf")
    assert case.lamps.played == ["holding", "holding"], "no lamp test, which has green"
    assert case.presses.set_up_at == case.now - 1.0
    case.up(after=1.0)
    assert case.told == [], "the scanner does not hear of it"
    case.down()
    case.turn(after=1.0)
    assert case.lamps.played[2:] == ["holding"], "anew"


def test_it_does_not_tick_into_an_answer(case: Case) -> None:
    case.down()
    case.shown = Shown(quiet=False)
    case.turn(after=1.1)
    assert case.lamps.played == []
    case.shown = Shown()
    case.turn(after=1.0)
    assert case.lamps.played == ["holding"]


# Questions


@pytest.mark.parametrize(
    ("seconds", "answer"),
    [(0.1, [(7, False)]), (0.7, [(7, False)]), (1.0, []), (1.4, []), (1.6, [(7, True)])],
)
@pytest.mark.parametrize("looked", [True, False], ids=["looked", "late"])
def test_short_is_no_long_is_yes_and_between_is_no_answer(
    case: Case, seconds: float, answer: list[tuple[int, bool]], looked: bool
) -> None:
    case.ask(7)
    if looked:
        case.press(seconds)
    else:
        case.late(seconds, ago=2.0)
    assert case.answers == answer
    assert case.lamps.played == []


def test_a_yes_needs_no_letting_go_and_shows_how_much_of_it_is_done(case: Case) -> None:
    case.ask(7)
    assert case.down() == pytest.approx(0.1)
    assert case.turn(after=0.75) == pytest.approx(0.1)
    assert case.presses.held == pytest.approx(0.5)
    assert case.turn(after=0.7) == pytest.approx(0.05)
    assert case.answers == []
    assert case.turn(after=0.05) == float("inf")
    assert (case.presses.held, case.answers) == (1.0, [(7, True)])
    case.turn(after=0.1)
    assert (case.presses.held, case.answers) == (0.0, []), "once"


def test_a_yes_does_not_depend_on_what_counts_as_long_elsewhere(case: Case) -> None:
    """gpio.hold_s may be 1 s."""
    case.ask(7)
    case.down()
    case.holds(after=1.0)
    assert case.answers == []
    case.turn(after=0.6)
    assert case.answers == [(7, True)]
    case.up(after=0.2)
    case.ask(8)
    case.knob.found = [Press(case.now + 0.1, 2.0, True)]  # nobody looked
    case.turn(after=3.0)
    assert case.answers == [(8, True)]
    assert case.lamps.played == []


def test_held_on_it_answers_no_other_question_and_shows_no_other_screen(case: Case) -> None:
    case.ask(7)
    case.down()
    case.turn(after=1.6)
    case.ask(8, ago=0.0)
    for _ in range(3):
        case.turn(after=1.0)
    case.holds(after=1.0)
    case.up(after=1.0)
    assert case.answers == [(7, True)]
    assert case.lamps.played == []
    case.press(0.2)
    assert case.answers == [(8, False)]


def test_who_pressed_before_the_question_came_does_not_answer_it(case: Case) -> None:
    case.down()
    case.ask(7, ago=0.0)
    case.up(after=0.3)
    case.late(0.2, ago=0.4)
    assert case.told == [], "nor leave: there is a question now"


def test_held_since_before_the_question_it_does_nothing(case: Case) -> None:
    case.down()
    case.ask(7, ago=0.0)
    for _ in range(3):
        assert case.turn(after=1.5) == float("inf")
    case.holds(after=0.6)
    case.up(after=1.0)
    assert (case.told, case.lamps.played) == ([], [])


def test_a_question_that_nobody_can_have_read_is_not_answered(case: Case) -> None:
    """The second press of two in a row."""
    case.ask(7)
    case.press(0.1)
    case.ask(8, ago=0.2)
    case.press(0.1)
    case.ask(9, ago=0.2)
    case.press(2.0)
    assert case.answers == [(7, False)]


def test_a_question_that_ends_while_the_button_is_down_is_not_answered(case: Case) -> None:
    case.ask(7)
    case.down()
    case.ask(8, ago=0.0)
    case.up(after=0.3)
    case.down()
    case.shown = Shown()
    case.up(after=0.2)
    assert case.told == [], "nor does it say that somebody leaves"
    case.ask(9)
    case.down()
    case.shown = Shown()
    case.turn(after=1.6)
    case.holds(after=3.4)
    assert (case.told, case.lamps.played) == ([], [])


def test_after_the_questions_a_press_says_again_who_leaves(case: Case) -> None:
    case.ask(7)
    case.press(0.2)
    case.shown = Shown()
    case.press(0.2)
    case.turn(after=1.0)
    case.press(1.6)
    assert case.answers == [(7, False)], "a double press, or an answer too late"
    case.turn(after=3.5)
    case.press(0.2)
    assert case.answers == [(0, False)]


def test_a_question_is_answered_once(case: Case) -> None:
    case.ask(7)
    case.press(1.6)
    case.press(0.2)
    assert case.answers == [(7, True)]


def test_on_the_self_test_a_press_is_only_tried(case: Case) -> None:
    case.shown = Shown(testing=True)
    case.press(0.2)
    assert case.told == []
    assert case.presses.pressed_at == case.now
    case.down()
    case.holds(after=5.0)
    assert case.told == []


# What the scanner is told


def states(case: Case) -> list[tuple[float, bool]]:
    cues = case.scanner.drain()
    return [(cue.at, cue.asks) for cue in cues if isinstance(cue, FeedbackState)]


def test_the_scanner_hears_whether_it_can_ask_each_second_and_when_it_changes(case: Case) -> None:
    for after in (0.0, 0.4, 0.7):
        case.now += after
        case.presses.tell(True, case.now)
    assert states(case) == [(1000.0, True), (1001.1, True)]
    case.presses.tell(False, case.now + 0.1)
    case.presses.tell(True, case.now + 0.2)
    assert [asks for _, asks in states(case)] == [False, True]


def test_a_button_that_breaks_or_is_not_there_can_answer_nothing(
    case: Case, tmp_path: Path
) -> None:
    case.knob.broken = True
    case.turn()
    case.presses.tell(True, case.now)
    assert states(case) == [(1000.0, False)]
    without = Presses(None, Outlet(tmp_path, "scanner", "feedback"), case.presses._signals)
    without.tell(True, case.now)
    assert states(case) == [(1000.0, False)]


def test_a_button_that_breaks_while_it_is_down_answers_nothing(case: Case) -> None:
    case.ask(7)
    case.down()
    case.knob.broken = True
    case.turn(after=1.0)
    case.knob.broken, case.knob.since = False, None
    case.turn(after=40.0)
    case.press(0.2)
    assert case.answers == [(7, False)], "a press of its own"


def test_a_door_without_a_button(tmp_path: Path) -> None:
    faults = Faults(lambda cue: None, lambda: 0.0, FAULTS, logging.getLogger("test"))
    pins: Device[Lamps] = Device("pins", Lamps, faults)
    presses = Presses(None, Outlet(tmp_path, "scanner", "feedback"), pins)
    assert presses.turn(1.0, Shown()) == float("inf")
    assert (presses.awaited(1.0), presses.condition) == ([], "none")
