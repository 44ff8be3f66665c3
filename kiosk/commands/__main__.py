"""`python -m kiosk.commands`: wires socket, memory and dispatch together."""

from __future__ import annotations

import logging
import select
import sys
import time
from functools import partial

from kiosk import clock, service, signed
from kiosk.commands import keys
from kiosk.commands.action import Kiosk
from kiosk.commands.dispatch import Dispatch
from kiosk.commands.memory import Memory
from kiosk.config import Config
from kiosk.errors import DocumentError
from kiosk.relay import Got, Line, Listener, Passed, Taken, memory_path

log = logging.getLogger("kiosk.commands")

TURN_S = 0.1
IDLE_S = 20.0
SAID_AGAIN_S = 30.0


class Commands:
    """The parts of the daemon and the order of a turn."""

    def __init__(self, config: Config, daemon: service.Service) -> None:
        # What was commanded is told whatever `log.level` spares the card.
        log.setLevel(min(logging.INFO, logging.getLogger().level))
        self._daemon = daemon
        self._listener = Listener(config.paths.run)
        self._memory = Memory(memory_path(config.paths.state))
        if self._memory.damage:
            log.error("no command that can harm is carried out: %s", self._memory.damage)
        if keys.mend(config.broker):
            log.warning("the change of key that was interrupted is complete now")
        kiosk = Kiosk(
            config=config,
            options=[f"--config={path}" for path in _named(sys.argv[1:])],
            now=partial(clock.now, config.clock.source),
            set_clock=partial(time.clock_settime, time.CLOCK_REALTIME),
        )
        self._dispatch = Dispatch(self._memory, _fleet_keys(config), kiosk, clock.boot_id())
        self._line: Line | None = None
        self._said: dict[int, float] = {}
        self._idle_since = time.monotonic()
        self._told: tuple[str, str, int] | None = None

    def run(self) -> None:
        """Until SIGTERM, or, where systemd would start it again, until nothing is left to do."""
        self._daemon.ready("listening")
        while not self._daemon.stopping.is_set() and not self._is_idle():
            self._turn()
            self._daemon.alive(busy=self._dispatch.busy)
            self._tell()
        try:
            self._memory.close()
        except OSError as error:  # then the ends are told once more
            log.warning("cannot write down that the ends were told: %s", error.strerror)
        if self._line is not None:
            self._line.close()
        self._listener.close()

    def _tell(self) -> None:
        dispatch = self._dispatch
        if self._told != (now := (dispatch.running or "none", dispatch.last, len(dispatch.untold))):
            self._told = now
            self._daemon.status(running=now[0], last=now[1], untold=now[2])

    def _is_idle(self) -> bool:
        if self._dispatch.busy or self._dispatch.untold:
            self._idle_since = time.monotonic()
        return self._listener.inherited and time.monotonic() - self._idle_since > IDLE_S

    def _turn(self) -> None:
        ends = [self._listener.fileno()]
        if self._line is not None:
            ends.append(self._line.fileno())
        ready, _, _ = select.select(ends, [], [], TURN_S)
        if self._listener.fileno() in ready:
            self._accept()
        if self._line is not None:
            self._hear(self._line)
        self._dispatch.turn()
        if self._line is not None:
            self._say(self._line)

    def _accept(self) -> None:
        line = self._listener.accept()
        if line is not None:  # the uplink is one: another connection is its next life
            if self._line is not None:
                self._line.close()
            self._line, self._said = line, {}

    def _hear(self, line: Line) -> None:
        packet = line.receive()
        if packet is not None:
            self._idle_since = time.monotonic()
        if isinstance(packet, Passed):
            line.send(Got())
            self._dispatch.passed(packet)
        elif isinstance(packet, Taken):
            self._dispatch.taken(packet.number)
        if line.closed:
            line.close()
            self._line = None

    def _say(self, line: Line) -> None:
        now = time.monotonic()
        for number, told in list(self._dispatch.untold.items()):
            if now - self._said.get(number, -SAID_AGAIN_S) >= SAID_AGAIN_S:
                if not line.send(told):
                    return
                self._said[number] = now


def _named(words: list[str]) -> list[str]:
    """The files that `--config` names, as the daemons' arguments have it."""
    return [
        word.removeprefix("--config=") if word.startswith("--config=") else words[at]
        for at, word in enumerate(words, 1)
        if word.startswith("--config=") or (word == "--config" and at < len(words))
    ]


def _fleet_keys(config: Config) -> signed.Keys:
    try:
        return signed.read_keys(config.judge.fleet_keys)
    except (DocumentError, OSError) as error:
        log.error("no command that can harm can be checked: %s", error)
        return {}


def main(config: Config, daemon: service.Service) -> None:
    """Runs until there is nothing to do."""
    Commands(config, daemon).run()


if __name__ == "__main__":
    service.run("commands", "Carries out what the fleet commands.", main)
