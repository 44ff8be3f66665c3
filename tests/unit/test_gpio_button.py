"""A push button on gpiozero's mock pins, with time handed in."""

from __future__ import annotations

import select
import sys
import threading
from collections.abc import Iterator

import pytest
from gpiozero import GPIOZeroError
from gpiozero.pins.mock import MockFactory

from drivers.gpio import Button, GpioError, open_button
from drivers.gpio._factory import Factory

PIN = 22


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory()
    yield factory
    factory.reset()


@pytest.fixture
def button(factory: MockFactory) -> Button:
    return make(factory)


def make(factory: MockFactory, pin: int = PIN) -> Button:
    return Button(Factory(factory, (GPIOZeroError, OSError)), pin=pin, hold_s=5.0)


def down(factory: MockFactory) -> None:
    factory.pin(PIN).drive_low()


def up(factory: MockFactory) -> None:
    factory.pin(PIN).drive_high()


def waits(button: Button) -> bool:
    return select.select([button], [], [], 0)[0] == []


def test_presses_are_counted_and_wake_whoever_waits(factory: MockFactory, button: Button) -> None:
    assert (factory.pin(PIN).function, factory.pin(PIN).pull) == ("input", "up")
    assert waits(button)
    assert button.presses(10.0) == []
    for _ in range(2):
        down(factory)
        up(factory)
    assert not waits(button)
    assert button.presses(10.1) == ["pressed", "pressed"]
    assert waits(button)


def test_a_press_counts_when_it_is_let_go(factory: MockFactory, button: Button) -> None:
    down(factory)
    assert button.presses(10.0) == []
    assert button.down_for(14.9) == pytest.approx(4.9)
    up(factory)
    assert not waits(button)
    assert button.presses(14.9) == ["pressed"]
    assert button.down_for(14.9) is None


def test_held_is_told_once_while_it_is_down(factory: MockFactory, button: Button) -> None:
    down(factory)
    assert button.presses(10.0) == []
    assert button.presses(14.99) == []
    assert button.presses(15.0) == ["held"]
    assert button.presses(20.0) == []
    up(factory)
    assert button.presses(21.0) == []
    down(factory)
    up(factory)
    assert button.presses(22.0) == ["pressed"]


def test_held_and_let_go_before_anybody_looked(factory: MockFactory, button: Button) -> None:
    down(factory)
    button.presses(10.0)
    up(factory)
    assert button.presses(17.0) == ["held"]


def test_one_that_is_stuck_is_broken(factory: MockFactory, button: Button) -> None:
    down(factory)
    button.presses(10.0)
    button.presses(69.9)
    with pytest.raises(GpioError, match="down for a minute"):
        button.presses(70.0)
    button.close()


def test_one_that_is_down_when_it_is_opened_is_stuck_too(
    factory: MockFactory, button: Button, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull = type(factory.pin(PIN))._set_pull
    monkeypatch.setattr(
        type(factory.pin(PIN)),
        "_set_pull",
        lambda pin, value: (pull(pin, value), pin.drive_low()),
    )
    button.close()
    with pytest.raises(GpioError, match="pin 22 is down: stuck"):
        make(factory)


def test_a_closed_button_leaves_no_thread_and_no_file(factory: MockFactory) -> None:
    before = threading.active_count()
    button = make(factory)
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
        make(factory, pin=99)
    monkeypatch.setitem(sys.modules, "lgpio", None)
    with pytest.raises(GpioError, match="cannot load lgpio"):
        open_button("lgpio", pin=PIN, hold_s=5.0)
