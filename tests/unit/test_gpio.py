"""Lamps and buzzer on gpiozero's mock pins."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import pytest
from gpiozero import Device, GPIOZeroError
from gpiozero.pins.mock import MockFactory, MockPWMPin

from drivers.gpio import PATTERNS, GpioError, GpioSignals, SignalOptions, Signals, open_signals
from drivers.gpio._factory import Factory

GREEN, RED, BLUE, BUZZER = 17, 27, 22, 18
OPTIONS = SignalOptions("mock", GREEN, RED, None, "cathode", BUZZER, "passive", silent=False)
RECORDED = {"pass", "goodbye", "again"}
FOR_TECHNICIANS = {"identify", "self-test"}


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()


def signals(factory: MockFactory, **more: object) -> GpioSignals:
    return GpioSignals(Factory(factory, (GPIOZeroError, OSError)), OPTIONS._replace(**more))


class State(NamedTuple):
    """At `at` seconds: the lamps that are lit, and the buzzer's tone and duty."""

    at: float
    lit: str
    hz: int = 0
    duty: float = 0


def state(factory: MockFactory, at: float, lamps: dict[str, int]) -> State:
    lit = "+".join(name for name, pin in lamps.items() if factory.pin(pin).state)
    duty = factory.pin(BUZZER).state
    return State(round(at, 2), lit, int(factory.pin(BUZZER).frequency) if duty else 0, duty)


def played(
    factory: MockFactory, signals: Signals, pattern: str, late: float = 0.0, blue: bool = False
) -> list[State]:
    """What the pins did, from one change to the next until all is dark and quiet."""
    lamps = {"green": GREEN, "red": RED} | ({"blue": BLUE} if blue else {})
    now = 100.0
    signals.play(pattern, now)
    seen = [state(factory, 0, lamps)]
    while (wait := signals.step(now)) is not None:
        now += wait + late
        signals.step(now)
        after = state(factory, now - 100, lamps)
        if after[1:] != seen[-1][1:]:
            seen.append(after)
    assert seen[-1][1:] == ("", 0, 0)
    return seen


def test_pass_is_one_short_high_beep_and_steady_green(factory: MockFactory) -> None:
    assert played(factory, signals(factory), "pass") == [
        State(0.0, "green", 2600, 0.5),
        State(0.12, "green"),
        State(1.5, ""),
    ]


def test_fail_is_one_long_low_tone_and_blinking_red(factory: MockFactory) -> None:
    assert played(factory, signals(factory), "fail") == [
        State(0.0, "red", 400, 0.5),
        State(0.3, "", 400, 0.5),
        State(0.6, "red", 400, 0.5),
        State(0.9, ""),
        State(1.2, "red"),
        State(1.5, ""),
        State(1.8, "red"),
        State(2.1, ""),
    ]


def test_warn_is_two_long_tones_and_two_long_flashes(factory: MockFactory) -> None:
    assert played(factory, signals(factory), "warn") == [
        State(0.0, "red", 1300, 0.5),
        State(0.4, "red"),
        State(0.5, ""),
        State(0.6, "", 1300, 0.5),
        State(0.8, "red", 1300, 0.5),
        State(1.0, "red"),
        State(1.3, ""),
    ]


def test_a_hint_is_faint_and_gone_in_a_moment(factory: MockFactory) -> None:
    seen = played(factory, signals(factory), "hint")
    assert {duty for *_, duty in seen} == {0, 0.04}
    assert seen[-1].at < 0.35
    assert sum(b.at - a.at for a, b in pairwise(seen) if a.hz) == pytest.approx(0.06)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_green_is_lit_for_what_was_recorded_alone(factory: MockFactory, pattern: str) -> None:
    """But for whoever tries the lamps, or looks for a kiosk."""
    lit = {name for _, name, *_ in played(factory, signals(factory), pattern)}
    assert ("green" in lit) == (pattern in RECORDED | FOR_TECHNICIANS)
    if pattern in RECORDED:
        assert lit == {"", "green"}


# ---- no two patterns can be taken for one another


class Pulse(NamedTuple):
    """On for so many seconds, after so many seconds of nothing."""

    before: float
    on: float


def rhythm(pattern: str, of: str) -> list[Pulse]:
    """The light without its colours, or the sound without its tones."""
    if of == "light":
        moments = [(light.lasts, light.colour is not None) for light in PATTERNS[pattern].light]
    else:
        moments = [(sound.lasts, sound.hz > 0) for sound in PATTERNS[pattern].sound]
    pulses: list[Pulse] = []
    off = 0.0
    before = False
    for lasts, on in moments:
        if on and before:
            pulses[-1] = Pulse(pulses[-1].before, pulses[-1].on + lasts)
        elif on:
            pulses.append(Pulse(off, lasts))
        off = 0.0 if on else off + lasts
        before = on
    return pulses


TWICE = 2.0
"""A duration is told from another that is half of it."""


def apart(one: list[Pulse], other: list[Pulse]) -> bool:
    """One or two against another number; of the same number, or of three and more, a pulse or a
    pause in the same place is at least twice as long."""
    differ = any(
        max(a) >= TWICE * min(a) > 0
        for p, q in zip(one, other, strict=False)
        for a in ((p.on, q.on), (p.before, q.before))
    )
    return differ or (len(one) != len(other) and min(len(one), len(other)) <= 2)


PAIRS = [(a, b) for a in PATTERNS for b in PATTERNS if a < b]


@pytest.mark.parametrize("of", ["light", "sound"])
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_every_two_differ_in_rhythm_alone(one: str, other: str, of: str) -> None:
    assert apart(rhythm(one, of), rhythm(other, of))


def test_whoever_takes_patterns_apart_can_fail() -> None:
    assert not apart([Pulse(0, 0.3)], [Pulse(0, 0.4)])
    assert not apart([Pulse(0, 0.1)] * 3, [Pulse(0, 0.1)] * 4)
    assert apart([Pulse(0, 0.1)], [Pulse(0, 0.1), Pulse(0.1, 0.1)])
    assert apart([Pulse(0, 0.1), Pulse(0.1, 0.1)], [Pulse(0, 0.1), Pulse(0.2, 0.1)])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_silent_kiosk_tells_the_same_by_its_light(factory: MockFactory, pattern: str) -> None:
    aloud = played(factory, signals(factory), pattern)
    factory.reset()
    silent = played(factory, signals(factory, silent=True), pattern)
    assert all(hz == 0 for _, _, hz, _ in silent)

    def light(seen: list[State]) -> list[tuple[float, str]]:
        steps = [(at, lit) for at, lit, *_ in seen]
        return [step for before, step in pairwise([(0.0, "?"), *steps]) if before[1] != step[1]]

    assert light(silent) == light(aloud)


def test_no_flash_or_beep_is_too_short_to_be_noticed() -> None:
    for pattern, score in PATTERNS.items():
        assert min(light.lasts for light in score.light if light.colour) >= 0.06, pattern
        assert min(sound.lasts for sound in score.sound if sound.hz) >= 0.02, pattern


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_lamp_flashes_more_than_three_times_in_a_second(pattern: str) -> None:
    """WCAG 2.3.1, for those with epilepsy; identify and self-test are played again and again."""
    pulses = rhythm(pattern, "light")
    if pattern in FOR_TECHNICIANS - {"holding"}:
        dark = PATTERNS[pattern].light[-1]
        pulses += [Pulse(0 if dark.colour else dark.lasts, pulses[0].on), *pulses[1:]]
    begins: list[float] = []
    at = 0.0
    for pulse in pulses:
        begins.append(at + pulse.before)
        at = begins[-1] + pulse.on
    assert all(sum(a <= b < a + 1 for b in begins) <= 3 for a in begins)


@pytest.mark.parametrize("pattern", sorted(set(PATTERNS) - FOR_TECHNICIANS))
def test_a_pattern_is_over_before_the_answer_is(pattern: str) -> None:
    score = PATTERNS[pattern]
    assert sum(light.lasts for light in score.light) < 2.5
    assert sum(sound.lasts for sound in score.sound) < 2.5


# ---- kinds of hardware


def test_one_rgb_led_has_blue_for_what_is_neither(factory: MockFactory) -> None:
    seen = played(factory, signals(factory, blue=BLUE), "place-code", blue=True)
    assert {lit for _, lit, *_ in seen} == {"", "blue"}
    factory.reset()
    pair = played(factory, signals(factory), "place-code")
    assert [(s.at, s.lit.replace("blue", "red")) for s in seen] == [(s.at, s.lit) for s in pair]


def test_lamps_to_the_plus_are_lit_by_a_low_pin(factory: MockFactory) -> None:
    lamps = signals(factory, common="anode", blue=BLUE)
    assert [bool(factory.pin(pin).state) for pin in (GREEN, RED, BLUE)] == [True] * 3
    lamps.play("pass", 1.0)
    assert [bool(factory.pin(pin).state) for pin in (GREEN, RED, BLUE)] == [False, True, True]
    lamps.step(2.6)
    assert [bool(factory.pin(pin).state) for pin in (GREEN, RED, BLUE)] == [True] * 3


@pytest.mark.parametrize(("kind", "sounds"), [("active", True), ("active-low", False)])
def test_an_active_buzzer(factory: MockFactory, kind: str, sounds: bool) -> None:
    both = signals(factory, buzzer_kind=kind)
    pin = factory.pin(BUZZER)
    assert bool(pin.state) != sounds
    both.play("goodbye", 1.0)
    pin.clear_states()
    for now in (1.0, 1.121, 1.202, 1.603):
        both.step(now)
    assert [bool(state) == sounds for _, state in pin.states] == [True, False, True, False]


# ---- time


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_late_caller_loses_no_moment(factory: MockFactory, pattern: str) -> None:
    """Lamps and buzzer each go through the same states."""

    def tracks(seen: list[State]) -> tuple[list[str], list[int]]:
        light, sound = [seen[0].lit], [seen[0].hz]
        for state in seen:
            if state.lit != light[-1]:
                light.append(state.lit)
            if state.hz != sound[-1]:
                sound.append(state.hz)
        return light, sound

    in_time = tracks(played(factory, signals(factory), pattern))
    factory.reset()
    assert tracks(played(factory, signals(factory), pattern, late=0.01)) == in_time
    for track in ("light", "sound"):
        moments = getattr(PATTERNS[pattern], track)
        assert all(a[1:] != b[1:] for a, b in pairwise(moments)), "each moment is a change"


def test_the_newest_pattern_replaces_the_old(factory: MockFactory) -> None:
    both = signals(factory)
    both.play("fail", 10.0)
    both.play("pass", 10.1)
    assert factory.pin(GREEN).state
    assert not factory.pin(RED).state
    assert both.step(10.2) == pytest.approx(0.02)


def test_a_silent_pattern_ends_the_sound_of_the_one_before(factory: MockFactory) -> None:
    both = signals(factory)
    both.play("fail", 10.0)
    both.play("hint", 10.1)
    both.step(10.13)
    assert factory.pin(BUZZER).state == 0


def test_close_is_dark_quiet_and_leaves_no_thread(factory: MockFactory) -> None:
    before = threading.active_count()
    both = signals(factory)
    both.play("fail", 10.0)
    pins = [factory.pin(n) for n in (GREEN, RED, BUZZER)]
    both.close()
    both.close()
    assert [(pin.function, bool(pin.state)) for pin in pins] == [("input", False)] * 3
    assert threading.active_count() == before


def test_pins_that_cannot_be_shared(factory: MockFactory) -> None:
    with pytest.raises(GpioError, match="cannot use pins 17, 17, 18"):
        signals(factory, red=GREEN)


def test_factories_are_explicit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without lgpio there is an error and no other factory."""
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    monkeypatch.setitem(sys.modules, "lgpio", None)  # as if it were not installed
    with pytest.raises(GpioError, match="cannot load lgpio"):
        open_signals(OPTIONS._replace(pins="lgpio"))
    mock = open_signals(OPTIONS)
    mock.play("pass", 1.0)
    mock.close()
    nothing = open_signals(OPTIONS._replace(pins="none"))
    nothing.play("pass", 1.0)
    assert nothing.step(2.0) is None
    assert Device.pin_factory is None
