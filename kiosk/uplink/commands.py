"""Commands of the centre on their way to `kiosk.commands`, and its responses on theirs.

The uplink has the network and no rights; it believes no command and carries none out. What it
passes on is checked by the one who has the rights.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path

from kiosk import relay, wire
from kiosk.errors import WireError
from kiosk.model import Instant
from kiosk.uplink import words
from kiosk.uplink.connection import Connection, Received

log = logging.getLogger("kiosk.uplink")

WAITING_MAX = 16
PATIENCE_S = 20.0
"""So long a command waits for the daemon that carries it out: its start takes seconds on a Pi."""
RETRY_S = 1.0
_NOBODY = (
    "the daemon for commands does not answer; look at the kiosk:"
    " systemctl status kiosk-commands.socket kiosk-commands.service"
)


class _Waiting:
    """A command that is not passed on yet, or not taken yet."""

    def __init__(self, passed: relay.Passed, at: float) -> None:
        self.passed, self.since = passed, at
        self.sent = False


class Commands:
    """`turn` never waits. `dropped` counts what a flood has cost."""

    def __init__(self, run: Path, state: Path, kid: str, now: Callable[[], Instant]) -> None:
        self.topic = wire.command(kid, "+")
        self.dropped = 0
        self._run, self._now = run, now
        self._prefix = self.topic.removesuffix("+")
        self._waiting: deque[_Waiting] = deque()
        self._line: relay.Line | None = None
        self._retry_at = 0.0
        self._untaken: dict[int, relay.Told] = {}
        self._sent: set[int] = set()  # of these, on the present connection
        self._link: Connection | None = None
        # Something may have ended while nobody was connected, such as a reboot.
        self._asks = relay.memory_path(state).exists()

    def take(self, message: Received, sid: str, at: float) -> bool:
        """Whether it is a command."""
        if not message.topic.startswith(self._prefix):
            return False
        name = message.topic.removeprefix(self._prefix)
        if len(message.payload) > wire.MAX_COMMAND_BYTES or len(self._waiting) >= WAITING_MAX:
            self.dropped += 1
            if self.dropped.bit_count() == 1:  # 1, 2, 4, 8 ..: a flood must not fill the journal
                log.warning("commands dropped, too many or too large: %d", self.dropped)
            return True
        passed = relay.Passed(
            name=name, payload=message.payload, correlation=message.correlation[:64], sid=sid
        )
        self._waiting.append(_Waiting(passed, at))
        return True

    @property
    def wakers(self) -> list[relay.Line]:
        """What is readable when there is something to do."""
        return [] if self._line is None else [self._line]

    def turn(self, link: Connection | None, at: float) -> None:
        """Passes on, and publishes what has become of it. `link`: None while offline."""
        if self._line is None and (self._waiting or self._asks) and at >= self._retry_at:
            self._retry_at = at + RETRY_S
            self._line = relay.connect(self._run)
        if self._line is not None:
            self._asks = False
            self._exchange(self._line)
        while self._waiting and at - self._waiting[0].since > PATIENCE_S:
            self._give_up(self._waiting.popleft().passed, link)
        self._publish(link)

    def _exchange(self, line: relay.Line) -> None:
        if self._waiting and not self._waiting[0].sent:
            self._waiting[0].sent = line.send(self._waiting[0].passed)
        while (packet := line.receive()) is not None:
            if isinstance(packet, relay.Got) and self._waiting and self._waiting[0].sent:
                self._waiting.popleft()
            elif isinstance(packet, relay.Told):
                self._untaken[packet.number] = packet
        if line.closed:
            # It says again what was not taken. What it did not get is passed on again.
            line.close()
            self._line = None
            self._untaken.clear()
            self._sent.clear()
            for waiting in self._waiting:
                waiting.sent = False

    def _publish(self, link: Connection | None) -> None:
        if link is not self._link:
            self._link, self._sent = link, set()
        if link is None:
            return
        for number, told in list(self._untaken.items()):
            if number not in self._sent and link.publish(
                "rsp",
                told.response,
                "response to a command",
                correlation=told.correlation,
                taken=lambda number=number: self._taken(number),  # type: ignore[misc]
            ):
                self._sent.add(number)

    def _taken(self, number: int) -> None:
        if self._untaken.pop(number, None) is not None and self._line is not None:
            self._line.send(relay.Taken(number))

    def _give_up(self, passed: relay.Passed, link: Connection | None) -> None:
        log.error("%s", _NOBODY)
        if link is None:
            return
        now = self._now()
        response = wire.Response(
            id=_id_of(passed.payload),
            name=words.plain(passed.name, 64),
            st="rejected",
            at_ms=now.wall_ms,
            clock=now.clock,
            reason="no-daemon",
            detail=_NOBODY,
        )
        link.publish(
            "rsp",
            wire.encode(response),
            "response to a command",
            correlation=passed.correlation,
        )

    def close(self) -> None:
        """Hangs up."""
        if self._line is not None:
            self._line.close()


def _id_of(payload: bytes) -> str:
    """Of a command that nobody checks; empty when it cannot be read. By it the sender knows his
    command again, no more."""
    try:
        return wire.decode(payload[payload.rfind(b"\n") + 1 :], wire.Command).id
    except WireError:
        return ""
