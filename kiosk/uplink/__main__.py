"""`python -m kiosk.uplink`: wires session, outbox, drain, telemetry and cues together."""

from __future__ import annotations

import logging
from functools import partial

from kiosk import clock, service, wire
from kiosk.config import Config
from kiosk.cues import AlertCue, Inlet, Outlet, UplinkState
from kiosk.errors import OutboxError
from kiosk.outbox import ConnectedMark, SealedSegments
from kiosk.uplink.drain import Drain
from kiosk.uplink.session import Session
from kiosk.uplink.telemetry import Alerts, Telemetry, birth
from kiosk.uplink.watch import SealedWatch

log = logging.getLogger("kiosk.uplink")

TURN_S = 0.1
TELL_EVERY_S = 1.0


class Uplink:
    """The parts of the daemon and the order of a turn."""

    def __init__(self, config: Config, daemon: service.Service) -> None:
        now = partial(clock.now, config.clock.source)
        outbox, run = config.paths.outbox, config.paths.run
        self._daemon = daemon
        self._inlet = Inlet(run, "uplink")
        self._panel = Outlet(run, "feedback", "uplink")
        self._mark = ConnectedMark(run / "connected")
        self._session = Session(config.broker, config.kiosk.id, partial(birth, config))
        segments = SealedSegments(outbox)
        self._watch = SealedWatch(outbox / "sealed", segments.waiting, clock.boottime)
        self._drain = Drain(
            segments, self._publish, now, config.uplink.window, config.uplink.ack_timeout_s
        )
        self._telemetry = Telemetry(segments, now, config.uplink.telemetry_s)
        self._alerts = Alerts(now)
        self._trouble = ""
        self._told_at = 0.0
        self._number = 0

    def run(self) -> None:
        """Until SIGTERM. Being offline is a normal state and feeds the watchdog too."""
        self._daemon.ready("starting")
        while not self._daemon.stopping.is_set():
            self.turn()
            self._daemon.alive()
        self._mark.set(False)
        self._session.close()

    def turn(self) -> None:
        """One round: network, outbox, cues, figures."""
        acks = self._session.turn(TURN_S)
        self._outbox(acks)
        for cue in self._inlet.drain():
            if isinstance(cue, AlertCue):
                self._alerts.keep(cue)
        if self._session.link is not None:
            self._alerts.turn(self._session.link)
        self._panel.flush()
        if clock.boottime() - self._told_at >= TELL_EVERY_S:
            self._tell()

    def _outbox(self, acks: list[wire.Ack]) -> None:
        at = clock.boottime()
        able = self._session.centre
        try:
            names = self._watch.look()
            if names is not None:
                self._drain.saw(names)
            for ack in acks:
                self._drain.acknowledged(ack)
            if able != self._drain.live:
                self._drain.start() if able else self._drain.stop()
            self._drain.turn(at)
            if self._session.link is not None:
                self._telemetry.turn(self._session.link, at)
        except OutboxError as error:
            self._outbox_is(str(error))
        else:
            self._outbox_is("")
        self._mark_connected(able)

    def _publish(self, name: str, payload: bytes) -> bool:
        link = self._session.link
        return link is not None and link.publish("checkin", payload, f"segment {name}")

    def _mark_connected(self, connected: bool) -> None:
        try:
            self._mark.set(connected)
        except BlockingIOError:  # the scanner looks at it just now; the next turn sets it
            log.debug("the mark of the connection is busy")

    def _outbox_is(self, trouble: str) -> None:
        if trouble == self._trouble:
            return
        if trouble:
            log.error("%s", trouble)
        else:
            log.info("the outbox can be read again")
        self._trouble = trouble
        self._number += 1
        self._alerts.keep(
            AlertCue(
                number=self._number,
                at=clock.boottime(),
                code="outbox-unreadable",
                severity="critical",
                raised=bool(trouble),
                detail=trouble,
            )
        )

    def _tell(self) -> None:
        self._told_at = clock.boottime()
        self._number += 1
        state = UplinkState(
            number=self._number,
            at=self._told_at,
            online=self._session.link is not None,
            centre=self._session.centre,
            pending=self._drain.pending,
            why=self._trouble or self._session.why,
        )
        self._panel.send(state)
        self._daemon.status(
            online=int(state.online),
            centre=int(state.centre),
            pending=state.pending,
            sent=self._drain.sent,
            acked=self._drain.acked,
            refused=self._drain.refused,
            why=state.why,
        )


def main(config: Config, daemon: service.Service) -> None:
    """Runs until SIGTERM."""
    Uplink(config, daemon).run()


if __name__ == "__main__":
    service.run("uplink", "Sends sealed check-ins to the centre.", main)
