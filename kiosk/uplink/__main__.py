"""`python -m kiosk.uplink`: wires session, outbox, drain, telemetry and cues together."""

from __future__ import annotations

import logging
from functools import partial

from kiosk import clock, service, wire
from kiosk.config import Config
from kiosk.cues import AlertCue, Inlet, Outlet, RiskKeysCue, UplinkState
from kiosk.desired import Files
from kiosk.errors import KioskError
from kiosk.outbox import ConnectedMark, SealedSegments
from kiosk.uplink.alerts import Alerts
from kiosk.uplink.commands import Commands
from kiosk.uplink.desired import begin
from kiosk.uplink.drain import Drain
from kiosk.uplink.gathering import Gatherer, Gathering
from kiosk.uplink.memory import Memory
from kiosk.uplink.outage import Outage
from kiosk.uplink.rules import Rules
from kiosk.uplink.session import Session
from kiosk.uplink.telemetry import Queue, Telemetry, birth
from kiosk.uplink.timekeeping import Timekeeper
from kiosk.uplink.troubles import Troubles
from kiosk.uplink.wanted import Wanted
from kiosk.uplink.watch import SealedWatch
from kiosk.validity import Validity

log = logging.getLogger("kiosk.uplink")

TURN_S = 0.1
REST_S = 0.5  # while nothing is under way, and sealed/ wakes it
TELL_EVERY_S = 1.0
QUARANTINE_EVERY_S = 5.0
RISK_KEYS_EVERY_S = 5.0  # so long at most a scanner that started anew checks nobody
SILENT = "the centre does not answer / trung tâm không trả lời"
STALE = "figures of the machine cannot be read any more: something that is asked for them hangs"


class Uplink:
    """The parts of the daemon and the order of a turn."""

    def __init__(self, config: Config, daemon: service.Service, memory: Memory) -> None:
        kept = clock.Clock(config.clock.source, config.paths.run)
        now = kept.now
        outbox, run = config.paths.outbox, config.paths.run
        self._daemon = daemon
        self._inlet = Inlet(run, "uplink")
        self._panel = Outlet(run, "feedback", "uplink")
        self._scanner = Outlet(run, "scanner", "uplink")
        self._mark_path = run / "connected"
        try:
            self._mark = ConnectedMark(self._mark_path)
        except OSError as error:
            raise KioskError(
                f"cannot open {self._mark_path}: {error.strerror}; does its directory exist, may"
                " this user write there, is the file its own?"
            ) from error
        self._commands = Commands(run, config.paths.state, config.kiosk.id, now)
        self._wanted = Wanted(config, daemon, memory)
        topics = [self._commands.topic, *self._wanted.topics]
        validity = Validity(kept.is_set, kept.earliest_ms)
        self._session = Session(
            config.broker, config.kiosk.id, partial(birth, config), topics, validity=validity
        )
        self._time = Timekeeper(config, kept, validity)
        self._segments = SealedSegments(outbox)
        self._watch = SealedWatch(outbox / "sealed", self._segments.collect, clock.boottime)
        self._drain = Drain(
            self._segments,
            self._publish,
            now,
            config.uplink.window,
            config.uplink.ack_timeout_s,
            config.uplink.rate_kb_s * 1000,
        )
        self._now = now
        self._queue = Queue(self._segments)
        self._alerts = Alerts(now)
        self._telemetry = Telemetry(self._queue, self._alerts, now, config)
        self._rules = Rules()
        self._gathering = Gathering(
            Gatherer(config, clock.boottime), clock.boottime, config.uplink.telemetry_s
        )
        self._troubles = Troubles()
        self._outage = Outage(now)
        self._risk_keys: list[bytes] | None = None
        self._risk_keys_at = 0.0
        self._quarantine_at = 0.0
        self._told_at = 0.0
        self._number = 0

    def run(self) -> None:
        """Until SIGTERM. Being offline is a normal state and feeds the watchdog too."""
        self._gathering.start()
        self._daemon.ready("starting")
        while not self._daemon.stopping.is_set():
            self._rest()
            self.turn()
            self._daemon.alive()
        self._gathering.stop()
        self._time.close()
        self._commands.close()
        self._mark_connected(False)
        self._session.close()

    @property
    def _centre(self) -> bool:
        """Somebody says that he takes records, and does."""
        return self._session.centre and not self._drain.silent

    @property
    def _lacks(self) -> str:
        """What keeps records from being taken, in words; empty when nothing does."""
        return "" if self._centre else self._session.why or SILENT

    def _rest(self) -> None:
        """Until there is something to do: a turn costs more than all of its looking."""
        told = self._watch.wakers
        idle = told and not (self._drain.live and self._drain.pending)
        self._session.wait(REST_S if idle else TURN_S, (self._inlet, *self._commands.wakers, *told))

    def turn(self) -> None:
        """One round: network, outbox, cues, figures."""
        acks = self._session.turn()
        self._outage.turn(clock.boottime(), self._session.link is not None, self._session.reason)
        self._alerts.own("was-offline", self._outage.told)
        self._outbox(acks, clock.boottime())
        self._time.turn(clock.boottime())
        self._alerts.own("clock-differs", self._time.trouble)
        self._hear(clock.boottime())
        self._figures(clock.boottime())
        self._mark_connected(self._centre)
        for cue in self._inlet.drain():
            if isinstance(cue, AlertCue):
                self._alerts.keep(cue)
        if self._session.link is not None:
            self._alerts.turn(self._session.link)
        self._pass_on_risk_keys(clock.boottime())
        self._panel.flush()
        if clock.boottime() - self._told_at >= TELL_EVERY_S:
            self._tell()

    def _hear(self, at: float) -> None:
        link = self._session.link
        for message in self._session.take_received():
            self._commands.take(message, link.sid if link is not None else "", at)
            self._wanted.hear(message, at)
        self._commands.turn(link, at)
        self._wanted.turn(at, link, self._lacks)
        for code, trouble in self._wanted.troubles().items():
            self._alerts.own(code, trouble)

    def _outbox(self, acks: list[wire.Ack], at: float) -> None:
        listed = False
        with self._troubles.of("listing"):
            changes = self._watch.look()
            listed = True
            self._queue.waiting = self._watch.names
            if changes is not None:
                self._drain.follow(changes)
        if not listed:
            self._queue.waiting = None
        for ack in acks:
            self._time.heard(ack)
            self._drain.acknowledged(ack, at)
            self._alerts.own("records-refused", self._drain.refusal)
        live = self._session.centre
        if live != self._drain.live:
            self._drain.start() if live else self._drain.stop()
        self._drain.turn(at)
        self._troubles.note("reading and removing", self._drain.trouble)
        if at >= self._quarantine_at:
            self._quarantine_at = at + QUARANTINE_EVERY_S
            self._queue.quarantined = None
            with self._troubles.of("setting aside"):
                self._segments.set_strays_aside()
            with self._troubles.of("quarantine"):
                self._alerts.own("segment-quarantined", self._quarantined())
        self._alerts.own("outbox-unreadable", self._troubles.first)

    def _figures(self, at: float) -> None:
        gathered = self._gathering.latest(at)
        self._alerts.own("figures-stale", STALE if self._gathering.hangs(at) else "")
        if gathered is not None and self._rules.is_new(gathered):
            now = self._now()
            oldest_s = self._queue.oldest_s(now) if self._centre else None
            for change in self._rules.turn(gathered, now, oldest_s):
                self._alerts.own(change.code, change.detail)
        link = self._session.link
        if link is not None and self._telemetry.is_due(at):
            self._telemetry.publish(link, at, gathered)

    def _pass_on_risk_keys(self, at: float) -> None:
        """They outlast their connection, in memory: offline, the door goes on checking."""
        link = self._session.link
        if link is not None and link.risk_keys not in (None, self._risk_keys):
            self._risk_keys, self._risk_keys_at = link.risk_keys, 0.0
        self._scanner.flush()
        if self._risk_keys is not None and at >= self._risk_keys_at:
            self._risk_keys_at = at + RISK_KEYS_EVERY_S
            self._scanner.send(RiskKeysCue(number=self._number, at=at, keys=self._risk_keys))

    def _quarantined(self) -> str:
        self._queue.quarantined = count = len(self._segments.quarantined())
        return f"files in quarantine: {count}; kioskctl outbox list says why" if count else ""

    def _publish(self, name: str, payload: bytes) -> bool:
        link = self._session.link
        self._time.sent(name)
        return link is not None and link.publish("checkin", payload, f"segment {name}")

    def _mark_connected(self, connected: bool) -> None:
        try:
            self._mark.set(connected)
        except BlockingIOError:  # the scanner looks at it just now; the next turn sets it
            log.debug("the mark of the connection is busy")
        except OSError as error:
            raise KioskError(f"cannot lock {self._mark_path}: {error.strerror}") from error

    def _tell(self) -> None:
        self._told_at = clock.boottime()
        self._number += 1
        state = UplinkState(
            number=self._number,
            at=self._told_at,
            online=self._session.link is not None,
            centre=self._centre,
            pending=self._drain.pending,
            why=self._troubles.first or self._lacks,
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
    """Runs until SIGTERM, or until another configuration of the centre is in force."""
    memory = Memory(Files.below(config.paths.state))
    if daemon.desired is None or begin(daemon.desired, memory):
        Uplink(config, daemon, memory).run()


if __name__ == "__main__":
    service.run("uplink", "Sends sealed check-ins to the centre.", main)
