"""From the configuration to drivers: how a kiosk opens what the configuration names.

For whoever wires or tries hardware: the daemons' __main__ and kioskctl. Each function
gives what opens the device.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from drivers import driver
from kiosk.config import NO_PIN, NONE, Config

# Within the functions as well: a panel needs no numpy, a camera no drawing.
if TYPE_CHECKING:
    from drivers.camera import Camera
    from drivers.gpio import Button, Signals
    from drivers.oled import Panel
    from drivers.reader import Reader


def camera(config: Config) -> Callable[[], Camera] | None:
    """None: this door has no camera."""
    from drivers.camera import CameraOptions

    camera = config.camera
    if camera.driver == NONE:
        return None
    options = CameraOptions(
        camera.width,
        camera.height,
        camera.fps,
        str(camera.folder),
        camera.hold_s,
        str(camera.device),
    )
    return partial(driver("camera", camera.driver).open_camera, options)


def reader(config: Config) -> Callable[[], Reader]:
    """The external scanner."""
    from drivers.reader import ReaderOptions

    reader = config.reader
    options = ReaderOptions(str(reader.device), reader.baud, reader.end, reader.alt)
    return partial(driver("reader", reader.driver).open_reader, options)


def panel(config: Config) -> Callable[[], Panel]:
    """The display."""
    from drivers.oled import PanelOptions

    panel = config.panel
    options = PanelOptions(
        controller=panel.controller,
        width=panel.width,
        height=panel.height,
        rotate=panel.rotate,
        contrast=255,  # until the owner says otherwise
        bus=panel.bus,
        address=panel.address,
        spi=(panel.spi_port, panel.spi_device),
        spi_mhz=panel.spi_mhz,
        pins="mock" if config.gpio.pins == "mock" else "lgpio",
        dc=panel.dc,
        reset=_pin(panel.reset),
        folder=str(panel.folder),
    )
    return partial(driver("oled", panel.driver).open_panel, options)


def signals(config: Config) -> Callable[[], Signals]:
    """Lamps and buzzer."""
    from drivers.gpio import SignalOptions, open_signals

    gpio = config.gpio
    options = SignalOptions(
        pins=gpio.pins,
        green=gpio.green,
        red=gpio.red,
        blue=_pin(gpio.blue),
        common=gpio.common,
        buzzer=gpio.buzzer,
        buzzer_kind=gpio.buzzer_kind,
        silent=gpio.silent,
    )
    return partial(open_signals, options)


def button(config: Config) -> Callable[[], Button] | None:
    """None: this door has no button."""
    from drivers.gpio import open_button

    gpio = config.gpio
    if gpio.button == NO_PIN or gpio.pins == "none":
        return None
    return partial(open_button, gpio.pins, pin=gpio.button, hold_s=gpio.hold_s)


def _pin(number: int) -> int | None:
    return None if number == NO_PIN else number
