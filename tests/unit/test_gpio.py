from __future__ import annotations

import select
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from gpiozero import Device, GPIOZeroError
from gpiozero.pins.mock import MockFactory, MockPWMPin

from drivers.gpio import (
    PATTERNS,
    Button,
    GpioError,
    GpioSignals,
    Signals,
    open_button,
    open_signals,
)

GREEN, RED, BUZZER = 17, 27, 18


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()


def signals(factory: MockFactory, silent: bool = False) -> GpioSignals:
    return GpioSignals(
        factory, (GPIOZeroError, OSError), green=GREEN, red=RED, buzzer=BUZZER, silent=silent
    )


def played(
    factory: MockFactory, signals: Signals, pattern: str, late: float = 0.0
) -> list[tuple[float, bool, bool, float]]:
    """(time, green, red, Hz) after each change until all is dark."""
    seen = []
    now = 100.0
    signals.play(pattern, now)
    while True:
        buzzer = factory.pin(BUZZER)
        tone = buzzer.frequency if buzzer.state == 0.5 else 0
        green, red = (bool(factory.pin(pin).state) for pin in (GREEN, RED))
        seen.append((round(now - 100, 2), green, red, tone))
        wait = signals.step(now)
        if wait is None:
            return seen
        now += wait + late
        signals.step(now)


def test_pass_is_one_short_high_beep_and_steady_green(factory: MockFactory) -> None:
    assert played(factory, signals(factory), "pass") == [
        (0.0, True, False, 2600),
        (0.12, True, False, 0),
        (1.5, False, False, 0),
    ]


def test_warn_is_two_beeps_and_two_flashes(factory: MockFactory) -> None:
    seen = played(factory, signals(factory), "warn")
    assert [bool(tone) for *_, tone in seen] == [True, False, True, *[False] * 3]
    assert [red for _, _, red, _ in seen] == [True, False, True, False, True, False]
    assert seen[-1] == (1.5, False, False, 0)


@pytest.mark.parametrize("pattern", [name for name in PATTERNS if name != "pass"])
def test_green_is_lit_for_a_pass_alone(factory: MockFactory, pattern: str) -> None:
    assert not any(green for _, green, _, _ in played(factory, signals(factory), pattern))


def test_fail_is_long_and_low_and_blinking_red(factory: MockFactory) -> None:
    seen = played(factory, signals(factory), "fail")
    assert [tone for *_, tone in seen] == [400, 400, 0, 0, 0, 0]
    assert [red for _, _, red, _ in seen] == [True, False, True, False, True, False]
    assert not any(green for _, green, _, _ in seen)


def test_silent_keeps_the_light(factory: MockFactory) -> None:
    seen = played(factory, signals(factory, silent=True), "warn")
    assert all(tone == 0 for *_, tone in seen)
    assert [red for _, _, red, _ in seen[:2]] == [True, False]


@pytest.mark.parametrize("pattern", list(PATTERNS))
def test_a_late_caller_loses_no_moment(factory: MockFactory, pattern: str) -> None:
    in_time = [state[1:] for state in played(factory, signals(factory), pattern)]
    factory.reset()
    late = [state[1:] for state in played(factory, signals(factory), pattern, late=0.4)]
    assert late == in_time


def test_the_newest_pattern_replaces_the_old(factory: MockFactory) -> None:
    both = signals(factory)
    both.play("fail", 10.0)
    both.play("pass", 10.1)
    assert factory.pin(GREEN).state
    assert not factory.pin(RED).state
    assert both.step(10.2) == pytest.approx(0.02)


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
        GpioSignals(factory, (GPIOZeroError,), green=17, red=17, buzzer=18, silent=False)


def test_factories_are_explicit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without lgpio there is an error and no other factory."""
    given = {"green": GREEN, "red": RED, "buzzer": BUZZER, "silent": False}
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    monkeypatch.setitem(sys.modules, "lgpio", None)  # as if it were not installed
    with pytest.raises(GpioError, match="cannot load lgpio"):
        open_signals("lgpio", **given)
    mock = open_signals("mock", **given)
    mock.play("pass", 1.0)
    mock.close()
    nothing = open_signals("none", **given)
    nothing.play("pass", 1.0)
    assert nothing.step(2.0) is None
    assert Device.pin_factory is None


PIN = 22


def press(factory: MockFactory, times: int = 1) -> None:
    pin = factory.pin(PIN)
    for _ in range(times):
        pin.drive_low()
        pin.drive_high()


def test_presses_are_counted_and_wake_whoever_waits(factory: MockFactory) -> None:
    button = Button(factory, (GPIOZeroError, OSError), pin=PIN)
    assert (factory.pin(PIN).function, factory.pin(PIN).pull) == ("input", "up")
    assert select.select([button], [], [], 0)[0] == []
    assert button.presses() == 0
    press(factory, 2)
    assert select.select([button], [], [], 1)[0] == [button]
    assert button.presses() == 2
    assert select.select([button], [], [], 0)[0] == []


def test_a_button_that_is_held_or_stuck_is_one_press(factory: MockFactory) -> None:
    button = Button(factory, (GPIOZeroError, OSError), pin=PIN)
    factory.pin(PIN).drive_low()
    time.sleep(0.1)
    assert button.presses() == 1
    assert button.presses() == 0


def test_a_closed_button_leaves_no_thread_and_no_file(factory: MockFactory) -> None:
    before = threading.active_count()
    button = Button(factory, (GPIOZeroError, OSError), pin=PIN)
    fd = button.fileno()
    button.close()
    button.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        select.select([fd], [], [], 0)
    assert threading.active_count() == before


def test_a_button_on_a_pin_that_is_none(
    factory: MockFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GpioError, match="cannot use pin 99 for the button"):
        Button(factory, (GPIOZeroError, OSError), pin=99)
    monkeypatch.setitem(sys.modules, "lgpio", None)
    with pytest.raises(GpioError, match="cannot load lgpio"):
        open_button("lgpio", pin=PIN)
