"""`python -m kiosk.feedback`: wires panel, lamps, buzzer and cues.

lgpio writes a file into the working directory, so that must be one this daemon owns: the
unit sets it to its RuntimeDirectory.
"""

from __future__ import annotations

import logging
import select

from kiosk import clock, config, cues, hardware, screens, service
from kiosk.device import Device
from kiosk.faults import Faults, standing_file
from kiosk.feedback.button import Presses
from kiosk.feedback.ending import machine_stops
from kiosk.feedback.news import Known
from kiosk.feedback.panel import FAULTS, PANEL_RETRY_S, Feedback, Panel, Rules, Signals


def main(settings: config.Config, daemon: service.Service) -> None:
    """Runs until SIGTERM; leaves the panel dark, or saying that the machine is switched off."""
    run = settings.paths.run
    inlet = cues.Inlet(run, "feedback")
    uplink = cues.Outlet(run, "uplink", "feedback")
    log, standing = logging.getLogger("kiosk.feedback"), standing_file(run, "feedback")
    faults = Faults(uplink.send, clock.boottime, FAULTS, log, standing)
    panel: Device[Panel] = Device("panel", hardware.panel(settings), faults, PANEL_RETRY_S)
    scanner = cues.Outlet(settings.paths.run, "scanner", "feedback")
    pins: Device[Signals] = Device("pins", hardware.signals(settings), faults)
    button = hardware.button(settings)
    presses = Presses(Device("button", button, faults) if button else None, scanner, pins)
    wall = clock.Clock(settings.clock.source, run).now
    feedback = Feedback(_rules(settings), panel, pins, lambda: faults.warnings, clock.boottime())
    due = clock.boottime()
    feedback.turn(due, wall())
    while feedback.draw(clock.boottime()):  # the first picture, before what may take a while
        pass
    screens.prepare(settings.panel.languages, (settings.panel.width, settings.panel.height))
    daemon.ready(feedback.state)
    has_panel = settings.panel.driver != config.NONE
    told: dict[str, object] = {}
    heard_at = clock.boottime()  # what waited while this daemon started is for nobody
    while not daemon.stopping.is_set():
        now = clock.boottime()
        busy = now - heard_at
        ears: list[cues.Inlet | int] = [inlet, *presses.awaited(now)]
        select.select(ears, [], [], max(0.0, due - now))
        now = clock.boottime()
        holding = presses.turn(now, feedback.shown)
        ears = [inlet, *presses.awaited(now)]  # a broken button is closed
        feedback.pressed(presses.pressed_at, presses.held, presses.set_up_at)
        heard_at = clock.boottime()
        feedback.hear(list(inlet.drain()), heard_at, busy)
        due = min(now + feedback.turn(now, wall()), holding)
        # A page of the picture at a time: nobody who speaks, and no lamp, waits for the whole.
        while feedback.draw(now) and not select.select(ears, [], [], 0)[0]:
            now = clock.boottime()
            if now >= due:
                break
        presses.tell(has_panel and feedback.can_be_seen, now)
        faults.remind()
        uplink.flush()
        daemon.alive()
        figures = {
            "answers": feedback.said.answers,
            "stale": feedback.said.stale,
            "refused": inlet.refused,
            "screen": feedback.state,
            "panel": panel.condition,
            "pins": pins.condition,
            "button": presses.condition,
        }
        if figures != told:
            daemon.status(**figures)
            told = figures
    if machine_stops():
        feedback.last(clock.boottime(), wall())
    feedback.close()
    presses.close()
    for end in (inlet, uplink, scanner):
        end.close()


def _rules(settings: config.Config) -> Rules:
    kiosk, panel = settings.kiosk, settings.panel
    return Rules(
        known=Known(bool(kiosk.id), panel.scanner_silent_s, kiosk.id, kiosk.place),
        answer_s=panel.answer_s,
        languages=panel.languages,
        brightness=panel.brightness,
        dim_after_s=panel.dim_after_s,
        size=(panel.width, panel.height),
    )


if __name__ == "__main__":
    service.run("feedback", "Answers on panel, lamps and buzzer.", main)
