"""`python -m kiosk.feedback`: wires panel, lamps, buzzer and cues.

lgpio writes a file into the working directory, so that must be one this daemon owns: the
unit sets it to its RuntimeDirectory.
"""

from __future__ import annotations

import logging
import select
from collections.abc import Callable
from functools import partial

from drivers.gpio import Button, open_button, open_signals
from kiosk import clock, config, cues, hardware, service
from kiosk.device import Device
from kiosk.faults import Faults, standing_file
from kiosk.feedback.button import Presses
from kiosk.feedback.panel import FAULTS, Feedback, Rules, Signals


def main(settings: config.Config, daemon: service.Service) -> None:
    """Runs until SIGTERM; leaves the panel dark."""
    run = settings.paths.run
    inlet = cues.Inlet(run, "feedback")
    uplink = cues.Outlet(run, "uplink", "feedback")
    log, standing = logging.getLogger("kiosk.feedback"), standing_file(run, "feedback")
    faults = Faults(uplink.send, clock.boottime, FAULTS, log, standing)
    panel = Device("panel", hardware.panel(settings), faults)
    scanner = cues.Outlet(settings.paths.run, "scanner", "feedback")
    button = _button(settings.gpio)
    presses = Presses(Device("button", button, faults) if button else None, scanner)
    pins = Device("pins", _signals(settings.gpio), faults)
    rules = Rules(bool(settings.kiosk.id), settings.panel.answer_s, settings.panel.scanner_silent_s)
    feedback = Feedback(rules, panel, pins, clock.boottime())
    wait = feedback.turn(clock.boottime())
    daemon.ready(feedback.state)
    told: dict[str, object] = {}
    while not daemon.stopping.is_set():
        ears: list[cues.Inlet | int] = [inlet, *presses.awaited(clock.boottime())]
        select.select(ears, [], [], wait)
        presses.turn(clock.boottime())
        heard = list(inlet.drain())
        feedback.hear(heard, clock.boottime())
        wait = feedback.turn(clock.boottime())
        faults.remind()
        uplink.flush()
        daemon.alive()
        figures = {
            "answers": feedback.answers,
            "stale": feedback.stale,
            "refused": inlet.refused,
            "screen": feedback.state,
            "panel": panel.condition,
            "pins": pins.condition,
            "button": presses.condition,
        }
        if figures != told:
            daemon.status(**figures)
            told = figures
    feedback.close()
    presses.close()
    for end in (inlet, uplink, scanner):
        end.close()


def _button(gpio: config.Gpio) -> Callable[[], Button] | None:
    if gpio.button == config.NO_BUTTON or gpio.pins == "none":
        return None
    return partial(open_button, gpio.pins, pin=gpio.button)


def _signals(gpio: config.Gpio) -> Callable[[], Signals]:
    return partial(
        open_signals,
        gpio.pins,
        green=gpio.green,
        red=gpio.red,
        buzzer=gpio.buzzer,
        silent=gpio.silent,
    )


if __name__ == "__main__":
    service.run("feedback", "Answers on panel, lamps and buzzer.", main)
