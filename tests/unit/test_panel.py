"""The rules of the panel, with panel, lamps and time handed in."""

from __future__ import annotations

import logging

import msgspec
import pytest
from PIL import Image

from kiosk import screens
from kiosk.cues import (
    AlertCue,
    Answer,
    Cue,
    HintCue,
    ScannerState,
    ScreenCue,
    Trial,
    UplinkState,
)
from kiosk.device import RETRY_S, Device
from kiosk.faults import Faults
from kiosk.feedback.glow import DIMMED, MOVED_S, Glow, moved
from kiosk.feedback.news import PAGE_S, Known
from kiosk.feedback.panel import (
    FAULTS,
    HINT_QUIET_S,
    LANGUAGE_S,
    REFRESH_S,
    TURN_S,
    Feedback,
    Rules,
)
from kiosk.feedback.patterns import pattern
from kiosk.model import ClockState, Direction, Hint, Instant

RULES = Rules(
    known=Known(enrolled=True, silent_s=5.0, kiosk="k-1", place="Cổng 1"),
    answer_s=3.0,
    brightness=("06:00 100%", "19:00 40%"),
    dim_after_s=120.0,
)
TIME = "08:45"
MORNING_MS = 1_800_000_000_000 // 86_400_000 * 86_400_000 + (8 * 60 + 45 - 7 * 60) * 60_000
WELL = screens.Situation(
    enrolled=True, scanner="well", time=TIME, kiosk="k-1", place="Cổng 1", page="pixels"
)
IDLE = screens.state(WELL)
PASS = screens.answer("pass", "accepted", name="Nguyễn A.", time=TIME)


class Glass:
    """Records what it is told; raises while `broken`, and when it is to send while `loose`. A
    picture takes `parts` steps."""

    def __init__(self, told: list[str]) -> None:
        self.broken = self.loose = False
        self.shown: list[Image.Image] = []
        self.level = -1
        self.parts = 1
        self.refreshed = 0
        self._left = 0
        self._told = told

    def _works(self) -> None:
        if self.broken:
            raise OSError("panel: no answer")

    def show(self, picture: Image.Image) -> None:
        self._works()
        self.shown.append(picture)
        self._left = self.parts
        self._told.append("picture")

    def step(self) -> bool:
        self._works()
        if self.loose:
            raise OSError("panel: not acknowledged")
        self._left = max(0, self._left - 1)
        return self._left > 0

    def refresh(self) -> None:
        self.refreshed += 1

    def contrast(self, level: int) -> None:
        self._works()
        self.level = level

    def close(self) -> None:
        self._told.append("panel closed")


PATTERN_S = 3.0


class Lamps:
    """Each pattern takes `PATTERN_S`."""

    def __init__(self, told: list[str]) -> None:
        self.broken = False
        self.until = 0.0
        self._told = told

    def play(self, pattern: str, now: float) -> None:
        if self.broken:
            raise OSError("pin: no answer")
        self._told.append(pattern)
        self.until = now + PATTERN_S

    def step(self, now: float) -> float | None:
        return self.until - now if now < self.until else None

    def close(self) -> None:
        self._told.append("lamps closed")


class Door:
    """A Feedback at second `now` with everything around it. The picture has not been moved
    about yet, and for some seconds will not be."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.now = 9 * MOVED_S * 10
        self.wall_ms, self.clock = MORNING_MS, "synced"
        self.told: list[str] = []
        self.alerts: list[tuple[str, bool, str]] = []
        self.glass, self.lamps = Glass(self.told), Lamps(self.told)
        faults = Faults(self._alert, lambda: self.now, FAULTS, logging.getLogger("kiosk.feedback"))
        self.panel: Device[Glass] = Device("panel", lambda: self.glass, faults)
        self.pins: Device[Lamps] = Device("pins", lambda: self.lamps, faults)
        self.feedback = Feedback(rules, self.panel, self.pins, lambda: faults.warnings, self.now)

    def _alert(self, cue: Cue) -> None:
        assert isinstance(cue, AlertCue)
        self.alerts.append((cue.code, cue.raised, cue.detail.partition(";")[0]))

    @property
    def wall(self) -> Instant:
        state: ClockState = self.clock
        return Instant(self.wall_ms, state, "boot", int(self.now * 1000))

    def turn(self, *cues: Cue, after: float = 0.0) -> Image.Image:
        """What the glass shows after a turn `after` seconds later."""
        self.now += after
        self.feedback.hear(cues, self.now)
        self.feedback.turn(self.now, self.wall)
        while self.feedback.draw(self.now):
            pass
        return self.glass.shown[-1]

    def live(self, seconds: float, *asked: Cue) -> list[Image.Image]:
        """What the glass shows in so many seconds with all others well, each once."""
        before = len(self.glass.shown)
        end = self.now + seconds
        cues = asked
        while self.now < end:
            self.turn(self.alive(), self.uplink(), *cues)
            cues = ()
            self.now += 0.25
        return self.glass.shown[before:]

    def answer(self, number: int = 1, age: float = 0.0, **more: object) -> Answer:
        given = {"outcome": "pass", "reason": "accepted", "name": "Nguyễn A."} | more
        return Answer(number=number, at=self.now - age, **given)

    def hint(self, hint: Hint = "closer", age: float = 0.0) -> HintCue:
        return HintCue(number=9, at=self.now - age, hint=hint)

    def alive(self, *faults: str, moved_at: float = 0.0) -> ScannerState:
        return ScannerState(number=1, at=self.now, faults=list(faults), moved_at=moved_at)

    def uplink(self, online: bool = True, centre: bool = True, pending: int = 0) -> UplinkState:
        return UplinkState(number=1, at=self.now, online=online, centre=centre, pending=pending)

    def asked(self, screen: str | None, **more: object) -> ScreenCue:
        return ScreenCue(number=1, at=self.now, screen=screen, **more)


def any_of(**of: object) -> list[Image.Image]:
    """All that may be shown of a state: it moves, and speaks two languages."""
    return [state(n, language, **of) for n in range(4) for language in ("vi", "en")]


@pytest.fixture
def door() -> Door:
    return Door()


def state(frame: int = 0, language: screens.Language = "vi", **of: object) -> Image.Image:
    return screens.state(WELL._replace(**of), frame=frame, language=language)


def test_light_and_sound_come_before_the_picture(door: Door) -> None:
    door.turn(door.alive())
    door.told.clear()
    assert door.turn(door.answer()) == PASS
    assert door.told == ["pass", "picture"]


def test_answer_stays_and_then_the_state_returns(door: Door) -> None:
    door.turn(door.alive())
    assert door.turn(door.answer()) == PASS
    assert door.turn(after=1.4) == PASS
    second = screens.answer("pass", "accepted", name="Nguyễn A.", time=TIME, language="en")
    assert door.turn(after=0.2) == second, "half of its time for each language"
    assert door.turn(after=1.3) == second
    assert door.turn(after=0.2) == IDLE


def test_newest_answer_wins_and_one_line_tells_it(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    second = door.answer(2, outcome="fail", reason="forged", name="", repeated=True)
    assert door.turn(door.alive(), door.answer(1), second) == screens.answer(
        "fail", "forged", time=TIME
    )
    assert door.feedback.answers == 1
    lines = [record.message for record in caplog.records if "answer" in record.message]
    assert lines == ["answer number=2 outcome=fail reason=forged repeated=True"]
    assert "Nguyễn" not in caplog.text


@pytest.mark.parametrize("age", [1.01, 3600.0, -0.1])
def test_an_old_answer_is_never_shown(door: Door, age: float) -> None:
    assert door.turn(door.alive(), door.answer(age=age)) == IDLE
    assert (door.feedback.answers, door.feedback.stale) == (0, 1)
    assert "pass" not in door.told


def test_a_hint_is_shown_while_it_is_said(door: Door) -> None:
    closer, still = screens.hint("closer"), screens.hint("hold-still")
    assert door.turn(door.alive(), door.hint()) == closer
    door.now += 0.9
    assert door.turn(door.hint("hold-still")) == still
    assert door.turn(after=0.5) == still
    assert door.turn(door.alive(), after=0.6) == IDLE
    assert door.turn(door.hint(age=1.1)) == IDLE, "said to somebody who has gone"
    assert door.told.count("hint") == 1, "who tries again and again hears the first alone"
    assert not {"pass", "warn", "fail"} & set(door.told)
    door.now += HINT_QUIET_S + 1
    door.turn(door.alive(), door.hint())
    assert door.told.count("hint") == 2


def test_a_hint_that_lasts_is_said_in_both_languages(door: Door) -> None:
    shown = []
    for _ in range(8):
        shown.append(door.turn(door.alive(), door.hint()))
        door.now += 0.5
    assert shown[0] == screens.hint("closer")
    assert screens.hint("closer", language="en") in shown


def test_an_answer_stands_above_a_hint_and_a_fault_too(door: Door) -> None:
    assert door.turn(door.alive(), door.answer(), door.hint()) == PASS
    door.now += 3.1
    assert door.turn(door.hint()) == screens.hint("closer")
    assert door.turn(door.answer()) == PASS
    door.now += 3.1
    fault = state(faults=("card-full",))
    assert door.turn(door.alive("card-full"), door.uplink(), door.hint()) == fault


def test_draws_only_on_change(door: Door) -> None:
    for _ in range(3):
        door.now += 0.2
        door.turn(door.alive())
    door.turn(door.answer(1, name=""))
    door.now += 1.0
    door.turn(door.answer(2, name=""))  # looks the same, sounds again
    assert len(door.glass.shown) == 2
    assert door.told.count("pass") == 2


def test_a_trial_is_marked_and_a_real_answer_wins(door: Door) -> None:
    trial = Trial(number=9, at=door.now, outcome="warn", reason="expired")
    marked = screens.answer("warn", "expired", trial=True, time=TIME)
    assert door.turn(door.alive(), trial) == marked
    assert door.feedback.answers == 0
    assert door.turn(door.answer(), trial) == PASS
    later = Trial(number=10, at=door.now, outcome="fail", reason="forged")
    assert door.turn(later) == PASS, "somebody reads it"
    assert "fail" not in door.told
    door.now += 3.1
    last = Trial(number=11, at=door.now, outcome="warn", reason="expired")
    assert door.turn(door.alive(), last) == marked
    assert door.turn(door.answer()) == PASS


@pytest.mark.parametrize(
    ("outcome", "reason", "direction", "repeated", "expected"),
    [
        ("pass", "accepted", "in", False, "pass"),
        ("pass", "accepted", "unknown", False, "pass"),
        ("pass", "accepted", "out", False, "goodbye"),
        ("pass", "accepted", "out", True, "again"),
        ("warn", "unknown-key", "out", True, "warn"),
        ("warn", "place-code", "in", False, "place-code"),
        ("fail", "place-code", "in", False, "place-code"),
        ("fail", "expired", "in", True, "fail"),
    ],
)
def test_each_answer_has_its_light_and_sound(
    door: Door, outcome: str, reason: str, direction: Direction, repeated: bool, expected: str
) -> None:
    cue = door.answer(outcome=outcome, reason=reason, direction=direction, repeated=repeated)
    assert pattern(cue) == expected
    door.turn(door.alive(), cue)
    assert door.told[-2:] == [expected, "picture"]
    trial = Trial(
        number=1,
        at=door.now,
        outcome=cue.outcome,
        reason=reason,
        direction=direction,
        repeated=repeated,
    )
    assert pattern(trial) == expected, "and a technician can try it"


def test_the_time_is_shown_only_if_it_can_be_trusted(door: Door) -> None:
    door.clock = "floor"
    untimed = screens.answer("pass", "accepted", name="Nguyễn A.")
    assert door.turn(door.alive(), door.answer()) == untimed
    door.now += 3.1
    assert door.turn(door.alive(), door.uplink()) == state(time="", clock_set=False)
    door.clock = "synced"
    assert door.turn() == IDLE
    door.wall_ms += 60_000
    assert door.turn() == state(time="08:46")


def test_ten_thousand_cues_show_the_newest(door: Door) -> None:
    door.turn(door.alive())
    before = len(door.glass.shown)
    many = [door.answer(n, outcome="fail", reason="expired", name="") for n in range(10_000)]
    assert door.turn(*many, door.answer(10_000)) == PASS
    assert len(door.glass.shown) == before + 1
    assert door.feedback.answers == 1


def test_a_newer_answer_need_not_wait_for_the_picture_of_an_older_one(door: Door) -> None:
    door.turn(door.alive())
    door.glass.parts = 8
    door.feedback.hear([door.answer(1, outcome="fail", reason="expired", name="")], door.now)
    door.feedback.turn(door.now, door.wall)
    assert door.feedback.draw(door.now), "a part of it, and it says that there is more"
    assert door.turn(door.answer(2)) == PASS


def test_starting_until_the_scanner_speaks_up(door: Door) -> None:
    assert door.turn() == state(scanner="awaited")
    assert door.turn(after=4.9) in any_of(scanner="awaited")
    assert door.turn(after=0.2) == state(scanner="silent", link="uplink-silent")
    assert door.turn(door.alive(), door.uplink()) == IDLE


def test_dead_mans_handle(door: Door) -> None:
    door.turn(door.alive(), door.uplink())
    door.now += 5.1
    assert door.turn(door.uplink()) == state(scanner="silent")
    assert door.turn(door.alive()) == IDLE


def test_heartbeats_from_before_a_restart_prove_nothing(door: Door) -> None:
    old = ScannerState(number=1, at=door.now - 60)
    assert door.turn(old) == state(scanner="silent")


def test_faults_and_links(door: Door) -> None:
    assert door.turn(door.alive("camera-absent")) == state(faults=("camera-absent",))
    assert door.turn(door.alive("never-heard-of")) == state(faults=("never-heard-of",))
    assert door.turn(door.alive(), door.uplink(online=False, pending=7)) == state(
        link="offline", pending=7
    )
    assert door.turn(door.uplink(centre=False)) == state(link="centre-away")
    door.now += 5.1
    assert door.turn(door.alive()) in any_of(link="uplink-silent")


def test_what_does_not_stop_the_door_is_a_mark(door: Door) -> None:
    door.lamps.broken = True
    door.turn(door.alive(), door.uplink(pending=3), door.answer())
    door.now += 3.1
    door.turn(door.alive(), door.uplink(pending=3))
    marked = state(warnings=("pins-absent",), pending=3)
    assert door.turn(after=0.1) == marked
    assert door.alerts == [("pins-absent", True, "pin: no answer")]


def test_after_the_button_the_idle_screen_waits_for_who_is_leaving(door: Door) -> None:
    leaving = state(leaving=True)
    pressed = msgspec.structs.replace(door.alive(), leaving_until=door.now + 4)
    assert door.turn(pressed) == leaving
    assert door.turn(door.alive()) == IDLE  # somebody has been recorded
    assert door.turn(pressed) == leaving
    assert door.turn(after=3.9) == state(3, leaving=True)
    assert door.turn(after=0.2) == IDLE
    broken = msgspec.structs.replace(pressed, faults=["camera-absent"], leaving_until=2e9)
    assert door.turn(broken) not in (leaving, IDLE)


def test_not_enrolled() -> None:
    door = Door(RULES._replace(known=RULES.known._replace(enrolled=False)))
    assert door.turn() == state(enrolled=False, scanner="awaited")


def test_ready_moves_and_speaks_both_languages(door: Door) -> None:
    shown = door.live(2 * LANGUAGE_S)
    assert shown[:4] == [state(n) for n in range(4)]
    assert shown[4:8] == [state(n, "en") for n in range(4)]
    assert len(shown) == 8, "one picture a second"


def test_one_language_if_the_configuration_says_so() -> None:
    door = Door(RULES._replace(languages=("en",)))
    shown = door.live(2 * LANGUAGE_S)
    assert {picture.tobytes() for picture in shown} == {state(n, "en").tobytes() for n in range(4)}


def test_turns_when_the_picture_is_to_change(door: Door) -> None:
    door.turn(door.alive())
    door.now += 0.9
    assert door.feedback.turn(door.now, door.wall) == pytest.approx(0.1)
    door.turn(door.answer())
    door.now += 1.3
    assert door.feedback.turn(door.now, door.wall) == pytest.approx(0.2)


def test_brightness_by_the_hour_and_dimmed_when_nobody_is_there(door: Door) -> None:
    door.turn(door.alive(), door.uplink())
    assert door.glass.level == 255
    door.wall_ms += 12 * 3_600_000
    door.turn()
    assert door.glass.level == 102
    door.live(RULES.dim_after_s)
    door.turn(door.alive(), door.uplink())
    assert door.glass.level == round(102 * DIMMED)
    still = len(door.glass.shown)
    door.live(LANGUAGE_S - 1)
    assert len(door.glass.shown) - still <= 1, "and nothing moves but the language"
    door.turn(door.alive(moved_at=door.now))
    assert door.glass.level == 102
    door.live(RULES.dim_after_s + 1)
    assert door.glass.level == round(102 * DIMMED)
    door.turn(door.answer())
    assert door.glass.level == 102


def test_glow() -> None:
    assert Glow([]).percent(None, dimmed=False) == 100
    glow = Glow(["19:00 30%", "06:00 90%"])
    day = {minute: glow.percent(minute, False) for minute in (0, 359, 360, 1139, 1140, 1439)}
    assert list(day.values()) == [30, 30, 90, 90, 30, 30]
    assert glow.percent(None, dimmed=False) == 90, "by day it must be seen"
    assert Glow(["00:00 1%"]).percent(5, dimmed=True) == 1


def test_a_picture_that_stands_is_moved_about() -> None:
    door = Door(RULES._replace(languages=("vi",)))
    first = state(faults=("camera-silent",))
    assert door.turn(door.alive("camera-silent"), door.uplink()) == first
    seen = {first.tobytes()}
    for _ in range(9):
        door.now += MOVED_S
        shown = door.turn(door.alive("camera-silent"), door.uplink())
        seen.add(shown.tobytes())
        assert shown.crop(shown.getbbox()) == first.crop(first.getbbox())
    assert len(seen) >= 8
    assert {moved(n * MOVED_S) for n in range(9)} == {
        (x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)
    }


def test_identify_flashes_and_sounds_until_it_ends(door: Door) -> None:
    door.turn(door.alive(), door.uplink())
    shown = door.live(2.0, door.asked("identify", lasts_s=10.0))
    wanted = [state(n, asked="identify") for n in range(4)]
    assert shown[:4] == wanted, "two flashes in two seconds"
    assert door.told.count("identify") == 1
    door.live(PATTERN_S)
    assert door.told.count("identify") == 2, "when it has ended"
    answered = door.turn(door.alive(), door.uplink(), door.answer())
    assert answered == PASS, "a visitor comes first"
    door.live(10.0)
    assert door.turn(door.alive(), door.uplink()) in any_of()


def test_a_screen_can_be_ended(door: Door) -> None:
    updating = door.asked("updating", percent=40, lasts_s=900.0)
    wanted = state(asked="updating", percent=40)
    assert door.turn(door.alive(), door.uplink(), updating) == wanted
    door.now += 20
    assert door.turn(updating) in any_of(asked="updating", percent=40), (
        "the scanner is silent while it is renewed"
    )
    assert door.turn(door.alive(), door.uplink(), door.asked(None)) == IDLE


def test_the_self_test_shows_all_pages_in_turn(door: Door) -> None:
    door.turn(door.alive(), door.uplink())
    shown = door.live(5 * PAGE_S, door.asked("self-test", lasts_s=60.0))
    pixels = [state(n, asked="self-test") for n in range(4)]
    assert shown[:4] == pixels
    for page in screens.PAGES[1:]:
        assert {
            state(0, language, asked="self-test", page=page).tobytes() for language in ("vi", "en")
        } & {picture.tobytes() for picture in shown}, page
    assert "self-test" in door.told
    one = door.asked("self-test", page="button", lasts_s=60.0)
    assert door.turn(one) == state(asked="self-test", page="button")
    door.feedback.pressed(door.now)
    assert door.turn() == state(asked="self-test", page="button", pressed=True)


def test_absent_panel_is_told_once_and_tried_again(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    door.turn(door.alive())
    door.glass.broken = True
    door.turn(door.answer())
    for _ in range(10):
        door.now += 1.0
        door.turn(door.alive())
    assert door.told.count("pass") == 1  # the lamps go on without it
    assert door.panel.condition == "absent"
    assert door.alerts == [("panel-absent", True, "panel: no answer")]
    assert caplog.text.count("fault code=panel-absent") == 1
    door.glass.broken = False
    door.now += RETRY_S - 11
    door.turn(door.alive(), door.uplink())
    assert len(door.glass.shown) == 1
    door.now += 2.0
    assert door.turn(door.alive(), door.uplink()) in any_of()
    assert door.alerts[1:] == [("panel-absent", False, "")]
    assert door.panel.condition == "ok"
    assert door.glass.level == 255, "what was set before is lost"


def test_a_panel_that_comes_back_shows_nothing_older_than_a_second() -> None:
    door = Door(RULES._replace(answer_s=60.0))
    door.turn(door.alive(), door.uplink())
    door.glass.broken = True
    door.turn(door.answer())
    door.now += RETRY_S + 0.1
    door.glass.broken = False
    shown = door.turn(door.alive(), door.uplink())
    assert shown in any_of(), "whoever it was for has gone"


def test_a_panel_that_fails_while_it_is_drawn_is_drawn_anew(door: Door) -> None:
    door.turn(door.alive())
    door.now += RETRY_S + 1
    door.glass.loose = True
    door.turn(door.alive(), door.uplink(), door.answer())
    assert door.panel.condition == "absent"
    assert not door.feedback.draw(door.now)
    door.glass.loose = False
    assert door.turn(door.alive(), door.uplink(), after=RETRY_S) != PASS, "not the old answer"
    assert len(door.glass.shown) == 3
    assert door.panel.condition == "ok"


def test_a_panel_that_was_never_away_keeps_its_answer() -> None:
    door = Door(RULES._replace(answer_s=60.0))
    door.turn(door.alive(), door.answer())
    assert door.turn(door.alive(), door.uplink(), after=20.0) == PASS


def test_what_the_glass_may_have_lost_is_sent_again(door: Door) -> None:
    door.live(4 * REFRESH_S)
    assert 3 <= door.glass.refreshed <= 4


def test_absent_pins_leave_the_panel_alone(door: Door) -> None:
    door.lamps.broken = True
    assert door.turn(door.alive(), door.answer()) == PASS
    assert door.pins.condition == "absent"
    assert door.alerts == [("pins-absent", True, "pin: no answer")]


def test_wakes_for_the_next_moment_of_a_pattern(door: Door) -> None:
    door.turn(door.alive())
    door.lamps.until = door.now + 0.12
    assert door.feedback.turn(door.now, door.wall) == pytest.approx(0.12)
    door.lamps.until = 0.0
    assert door.feedback.turn(door.now, door.wall) == TURN_S


def test_close_darkens_both(door: Door) -> None:
    door.turn(door.answer())
    door.feedback.close()
    assert door.told[-2:] == ["lamps closed", "panel closed"]
