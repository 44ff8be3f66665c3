"""Whether the panel answers."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.oled import PanelError
from kiosk import hardware
from kiosk.config import Config
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.daemons import panel_in_use
from kiosk.ctl.doctor.finding import Finding, fine, wrong


def check(config: Config, advice: Advice) -> Iterator[Finding]:
    """Opens it and closes it again; not while kiosk-feedback shows something on it."""
    options = config.panel
    if panel_in_use(config.paths.run, advice):
        yield fine("in use by kiosk-feedback; kioskctl cue shows an answer on it")
        return
    open_panel = hardware.panel(config)
    try:
        open_panel().close()
    except PanelError as error:
        if options.driver == "png":
            yield wrong(str(error), "correct panel.folder in the configuration")
        else:
            yield wrong(str(error), f"i2cdetect -y {options.bus} shows what answers on the bus")
        return
    yield fine(f"{options.driver} answers")
