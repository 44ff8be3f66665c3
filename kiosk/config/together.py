"""Values that are right each for itself, but not together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kiosk.config.sections import NO_PIN, NONE

_NEVER_LOW = ("sh1107", "ch1115")
"""Controllers of which luma.oled knows no display of 32 lines."""
_I2C_PINS = {0: (0, 1), 1: (2, 3)}
_SPI_PINS = {0: (7, 8, 9, 10, 11), 1: (16, 17, 18, 19, 20, 21)}
"""BCM numbers of a Raspberry Pi's buses; the kernel has the chip selects too."""


class Setting(NamedTuple):
    """One effective value and the file that it came from."""

    section: str
    key: str
    value: Any
    source: Path


Settings = dict[tuple[str, str], Setting]
"""By section and key."""


def contradictions(settings: Settings) -> Iterator[str]:
    """A sentence for each."""
    pins: dict[object, Setting] = {}
    for pin in _pins(settings):
        other = pins.setdefault(pin.value, pin)
        if other is not pin:
            yield (
                f"{pin.source}: {pin.section}.{pin.key}: found {pin.value}, which"
                f" {other.section}.{other.key} uses already ({other.source}); each needs a pin"
                " of its own"
            )
        bus = _bus(settings, pin)
        if bus is not None:
            yield (
                f"{pin.source}: {pin.section}.{pin.key}: found {pin.value}, which {bus.section}."
                f"{bus.key} = {bus.value} needs for the panel ({bus.source}); choose another pin"
            )
    yield from _panel(settings)
    button = settings["gpio", "button"]
    direction, all_pins = settings["kiosk", "direction"], settings["gpio", "pins"]
    for lacking in (button, all_pins):
        if direction.value == "button" and lacking.value in (NO_PIN, NONE):
            yield (
                f'{direction.source}: kiosk.direction: found "button", but gpio.{lacking.key} is'
                f" {msgspec.json.encode(lacking.value).decode()} ({lacking.source}); nobody could"
                " press it"
            )
    camera, reader = settings["camera", "driver"], settings["reader", "driver"]
    if camera.value == reader.value == NONE:
        yield (
            f'{camera.source}: camera.driver: found "none", and so is reader.driver'
            f" ({reader.source}); a scanner needs one of them to see anything"
        )
    base, cap = settings["broker", "reconnect_base_s"], settings["broker", "reconnect_cap_s"]
    if base.value > cap.value:
        yield (
            f"{base.source}: broker.reconnect_base_s: found {base.value:g}, allowed: at most"
            f" broker.reconnect_cap_s, which is {cap.value:g} ({cap.source})"
        )


def _pins(settings: Settings) -> Iterator[Setting]:
    """Those that are in use."""
    keys = [("gpio", key) for key in ("green", "red", "blue", "buzzer", "button")]
    if settings["panel", "driver"].value == "luma_spi":
        keys += [("panel", "dc"), ("panel", "reset")]
    return (settings[key] for key in keys if settings[key].value != NO_PIN)


def _bus(settings: Settings, pin: Setting) -> Setting | None:
    """The key by which the panel's bus needs this pin (BCM numbers of a Raspberry Pi)."""
    driver = settings["panel", "driver"].value
    if driver == "luma_i2c":
        bus = settings["panel", "bus"]
        return bus if pin.value in _I2C_PINS.get(bus.value, ()) else None
    if driver == "luma_spi":
        port = settings["panel", "spi_port"]
        return port if pin.value in _SPI_PINS.get(port.value, ()) else None
    return None


def _panel(settings: Settings) -> Iterator[str]:
    controller, height = settings["panel", "controller"], settings["panel", "height"]
    if height.value == 32 and controller.value in _NEVER_LOW:
        yield (
            f"{height.source}: panel.height: found 32, but with panel.controller ="
            f' "{controller.value}" ({controller.source}) there is no such display; expected 64'
        )
    brightness = settings["panel", "brightness"]
    times = [entry.partition(" ")[0] for entry in brightness.value]
    for time in sorted({time for time in times if times.count(time) > 1}):
        yield (
            f"{brightness.source}: panel.brightness: found {time} more than once; each time of"
            " day has one brightness"
        )
