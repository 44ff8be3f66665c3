"""A push button on gpiozero's mock pins, with time handed in."""

from __future__ import annotations

import select
import sys
import threading
from collections.abc import Iterator

import pytest
from gpiozero import GPIOZeroError
from gpiozero.pins.mock import MockFactory

from drivers.gpio import Button, GpioError, Press, open_button
from drivers.gpio._factory import Factory

PIN = 22


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory()
    yield factory
    factory.reset()


class Clock:
    now = 10.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def button(factory: MockFactory, clock: Clock) -> Button:
    return make(factory, clock)


def make(factory: MockFactory, clock: Clock, pin: int = PIN) -> Button:
    return Button(
        Factory(factory, (GPIOZeroError, OSError)), pin=pin, hold_s=5.0, clock=lambda: clock.now
    )


def down(factory: MockFactory, clock: Clock, at: float) -> None:
    clock.now = at
    factory.pin(PIN).drive_low()


def up(factory: MockFactory, clock: Clock, at: float) -> None:
    clock.now = at
    factory.pin(PIN).drive_high()


def waits(button: Button) -> bool:
    return select.select([button], [], [], 0)[0] == []


def test_presses_are_told_and_wake_whoever_waits(
    factory: MockFactory, button: Button, clock: Clock
) -> None:
    assert (factory.pin(PIN).function, factory.pin(PIN).pull) == ("input", "up")
    assert waits(button)
    assert button.presses(10.0) == []
    for at in (10.0, 10.5):
        down(factory, clock, at)
        up(factory, clock, at + 0.25)
    assert not waits(button)
    assert button.presses(11.0) == [Press(10.0, 0.25, False), Press(10.5, 0.25, False)]
    assert waits(button)


def test_a_press_counts_when_it_is_let_go(
    factory: MockFactory, button: Button, clock: Clock
) -> None:
    down(factory, clock, 10.0)
    assert button.presses(10.1) == []
    assert button.down_since() == 10.0
    up(factory, clock, 14.5)
    assert not waits(button)
    assert button.presses(14.6) == [Press(10.0, 4.5, False)]
    assert button.down_since() is None


def test_held_is_told_once_while_it_is_down(
    factory: MockFactory, button: Button, clock: Clock
) -> None:
    down(factory, clock, 10.0)
    assert button.presses(10.0) == []
    assert button.presses(14.99) == []
    assert button.presses(15.0) == [Press(10.0, 5.0, True)]
    assert button.presses(20.0) == []
    up(factory, clock, 21.0)
    assert button.presses(21.0) == []
    down(factory, clock, 22.0)
    up(factory, clock, 22.5)
    assert button.presses(22.5) == [Press(22.0, 0.5, False)]


def test_however_late_somebody_looks_a_press_was_as_long_as_it_was(
    factory: MockFactory, button: Button, clock: Clock
) -> None:
    for at, until in ((10.0, 12.0), (13.0, 20.0), (20.5, 20.75)):
        down(factory, clock, at)
        up(factory, clock, until)
    down(factory, clock, 21.0)
    assert button.presses(24.0) == [
        Press(10.0, 2.0, False),
        Press(13.0, 7.0, True),
        Press(20.5, 0.25, False),
    ]
    assert button.down_since() == 21.0


def test_one_that_is_stuck_is_broken(factory: MockFactory, button: Button, clock: Clock) -> None:
    down(factory, clock, 10.0)
    button.presses(10.0)
    button.presses(69.9)
    with pytest.raises(GpioError, match="down for a minute"):
        button.presses(70.0)
    button.close()


def test_one_that_is_down_when_it_is_opened_is_stuck_too(
    factory: MockFactory, button: Button, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull = type(factory.pin(PIN))._set_pull
    monkeypatch.setattr(
        type(factory.pin(PIN)),
        "_set_pull",
        lambda pin, value: (pull(pin, value), pin.drive_low()),
    )
    button.close()
    with pytest.raises(GpioError, match="pin 22 is down: stuck"):
        make(factory, clock)


def test_a_closed_button_leaves_no_thread_and_no_file(factory: MockFactory, clock: Clock) -> None:
    before = threading.active_count()
    button = make(factory, clock)
    fd = button.fileno()
    button.close()
    button.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        select.select([fd], [], [], 0)
    assert threading.active_count() == before


def test_a_button_on_a_pin_that_is_none(
    factory: MockFactory, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GpioError, match="cannot use pin 99 for the button"):
        make(factory, clock, pin=99)
    monkeypatch.setitem(sys.modules, "lgpio", None)
    with pytest.raises(GpioError, match="cannot load lgpio"):
        open_button("lgpio", pin=PIN, hold_s=5.0)
