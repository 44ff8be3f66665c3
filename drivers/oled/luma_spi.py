"""Displays on SPI with four wires (clock, data, D/C, chip select), by luma.oled.

Such a display cannot answer: one that is absent looks like one that works.
"""

from __future__ import annotations

from typing import Any

from luma.core.error import Error as LumaError
from luma.core.interface.serial import spi

from drivers import missing
from drivers.gpio._factory import Factory, open_factory
from drivers.oled import Panel, PanelError, PanelOptions
from drivers.oled._luma import Line, LumaPanel


class _Outputs:
    """What luma asks of RPi.GPIO, which newer kernels no longer serve: the pins D/C and RES by
    gpiozero. Owns the factory."""

    OUT, LOW, HIGH = "out", False, True

    def __init__(self, factory: Factory) -> None:
        self._factory = factory
        self._pins: dict[int, Any] = {}

    def setup(self, pin: int, _direction: str) -> None:
        from gpiozero import DigitalOutputDevice

        self._pins[pin] = DigitalOutputDevice(pin, pin_factory=self._factory.pins)

    def output(self, pin: int, level: bool) -> None:
        self._pins[pin].value = level

    def close(self) -> None:
        for pin in self._pins.values():
            pin.close()
        self._factory.pins.close()


def open_panel(options: PanelOptions) -> Panel:
    """Initialises the display and clears it. Raises PanelError."""
    port, device = options.spi
    return LumaPanel(options, f"on /dev/spidev{port}.{device}", lambda: _line(options))


def _line(options: PanelOptions) -> Line:
    try:
        import spidev
    except ImportError as error:
        raise PanelError(missing("spidev", error, "pi")) from error
    factory = open_factory(options.pins)
    outputs = _Outputs(factory)
    port, device = options.spi
    try:
        serial = spi(
            spi=spidev.SpiDev(),
            gpio=outputs,
            port=port,
            device=device,
            bus_speed_hz=options.spi_mhz * 1_000_000,
            gpio_DC=options.dc,
            gpio_RST=options.reset,
        )
    except (LumaError, *factory.errors) as error:
        outputs.close()
        raise PanelError(f"/dev/spidev{port}.{device}, D/C on pin {options.dc}: {error}") from error
    return Line(serial, outputs.close, factory.errors)
