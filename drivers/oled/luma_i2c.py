"""Displays on I2C, by luma.oled."""

from __future__ import annotations

from luma.core.interface.serial import i2c

from drivers.oled import Panel, PanelOptions
from drivers.oled._luma import Line, LumaPanel


def open_panel(options: PanelOptions) -> Panel:
    """Initialises the display and clears it. Raises PanelError."""
    return LumaPanel(
        options,
        f"at 0x{options.address:02x} on /dev/i2c-{options.bus}",
        lambda: Line(i2c(port=options.bus, address=options.address)),
    )
