"""Lamps, a buzzer and a push button on GPIO pins, by gpiozero."""

from __future__ import annotations

from drivers.gpio._factory import GpioError
from drivers.gpio.button import Button, Press, open_button
from drivers.gpio.patterns import PATTERNS, Light, Pattern, Score, Sound
from drivers.gpio.signals import GpioSignals, SignalOptions, Signals, open_signals

__all__ = [
    "PATTERNS",
    "Button",
    "GpioError",
    "GpioSignals",
    "Light",
    "Pattern",
    "Press",
    "Score",
    "SignalOptions",
    "Signals",
    "Sound",
    "open_button",
    "open_signals",
]
