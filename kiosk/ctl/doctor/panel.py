"""Whether the panel answers."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.oled import PanelError
from kiosk import hardware
from kiosk.config import Config, Panel
from kiosk.ctl.doctor import standing
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.daemons import panel_in_use
from kiosk.ctl.doctor.finding import Finding, fine, wrong


def check(config: Config, advice: Advice) -> Iterator[Finding]:
    """Opens it and closes it again; while kiosk-feedback shows something on it, what that says
    of it and of lamps and buzzer."""
    options = config.panel
    if panel_in_use(config.paths.run, advice):
        yield from standing.in_use(
            config.paths.run, "feedback", ("",), lambda code, _why: _remedy(options, code)
        )
        return
    open_panel = hardware.panel(config)
    try:
        open_panel().close()
    except PanelError as error:
        yield wrong(str(error), _remedy(options, "panel-absent"))
        return
    if options.driver == "luma_spi":
        yield fine("luma_spi has what it needs; whether a panel is there, SPI cannot tell")
        return
    yield fine(f"{options.driver} answers")


def _remedy(options: Panel, code: str) -> str:
    if code == "pins-absent":
        return "correct [gpio] in the configuration; gpioinfo shows what uses the pins"
    if options.driver == "png":
        return "correct panel.folder in the configuration"
    if options.driver == "luma_spi":
        return "ls /dev/spidev* shows the ports (raspi-config nonint do_spi 0); gpioinfo the pins"
    return f"i2cdetect -y {options.bus} shows what answers on the bus"
