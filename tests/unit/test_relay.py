"""Between the uplink and the daemon with the rights: what is passed on, what a broken end costs."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from kiosk import relay, wire
from kiosk.errors import CueError
from kiosk.model import Instant
from kiosk.uplink import commands
from kiosk.uplink.commands import Commands
from kiosk.uplink.connection import Connection, Received

KID, SID = "gate-1", "5d1c5d1c5d1c5d1c"


@pytest.fixture
def run() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        yield Path(folder)


class Link:
    """A connection to a broker that takes what it is given, when it is told to."""

    def __init__(self) -> None:
        self.published: list[tuple[bytes, bytes]] = []
        self._taken: list[Callable[[], None]] = []

    def publish(self, leaf: str, payload: bytes, _what: str, **more: Any) -> bool:
        assert leaf == "rsp"
        self.published.append((payload, more["correlation"]))
        if more.get("taken"):
            self._taken.append(more["taken"])
        return True

    def take(self) -> None:
        taken, self._taken = self._taken, []
        for one in taken:
            one()


def as_link(link: Link) -> Connection:
    found: Any = link
    return found  # type: ignore[no-any-return]


def command(payload: bytes = b"{}", name: str = "reboot") -> Received:
    return Received(wire.command(KID, name), payload, "", b"c")


def uplink(run: Path) -> Commands:
    return Commands(run, run, KID, lambda: Instant(1, "synced", "boot-1", 1))


def next_packet(line: relay.Line) -> relay.Packet:
    due = time.monotonic() + 5
    while (packet := line.receive()) is None:
        assert time.monotonic() < due and not line.closed
    return packet


def test_a_command_is_passed_on_once_and_its_response_goes_out_until_taken(run: Path) -> None:
    listener, ours, link = relay.Listener(run), uplink(run), Link()
    assert ours.take(command(), SID, 0.0)
    ours.turn(as_link(link), 0.0)
    line = listener.accept()
    assert line is not None
    passed = next_packet(line)
    assert passed == relay.Passed(name="reboot", payload=b"{}", correlation=b"c", sid=SID)
    line.send(relay.Got())
    line.send(relay.Told(number=7, response=b"r", correlation=b"c"))
    ours.turn(as_link(link), 1.0)
    ours.turn(as_link(link), 2.0)
    assert link.published == [(b"r", b"c")]
    other = Link()  # the connection was lost before the broker had it
    ours.turn(None, 3.0)
    ours.turn(as_link(other), 4.0)
    assert other.published == [(b"r", b"c")]
    other.take()
    assert next_packet(line) == relay.Taken(7)
    assert line.receive() is None
    for end in (ours, line, listener):
        end.close()


def test_what_the_other_end_did_not_get_is_passed_on_again(run: Path) -> None:
    listener, ours = relay.Listener(run), uplink(run)
    ours.take(command(), SID, 0.0)
    ours.turn(None, 0.0)
    first = listener.accept()
    assert first is not None
    next_packet(first)
    first.close()  # it died before it said so
    for at in (1.0, 2.0, 3.0):
        ours.turn(None, at)
    second = listener.accept()
    assert second is not None
    assert isinstance(next_packet(second), relay.Passed)
    for end in (ours, second, listener):
        end.close()


def test_a_kiosk_without_that_daemon_says_so(run: Path) -> None:
    ours, link = uplink(run), Link()
    order = wire.Command(id="0" * 16, kid=KID, name="reboot", issued_ms=1, expires_ms=2)
    ours.take(command(b"x\ny\n" + wire.encode(order)), SID, 0.0)
    ours.take(command(b"\xff"), SID, 0.0)
    ours.turn(as_link(link), 1.0)
    assert link.published == []
    ours.turn(as_link(link), commands.PATIENCE_S + 1)
    said = [wire.decode(payload, wire.Response) for payload, _ in link.published]
    assert [(r.id, r.st, r.reason) for r in said] == [
        ("0" * 16, "rejected", "no-daemon"),
        ("", "rejected", "no-daemon"),
    ]
    assert [correlation for _, correlation in link.published] == [b"c", b"c"]


def test_of_a_flood_only_a_few_wait(run: Path) -> None:
    ours, link = uplink(run), Link()
    for _ in range(1000):
        assert ours.take(command(), SID, 0.0)
    assert ours.take(command(b"x" * (wire.MAX_COMMAND_BYTES + 1)), SID, 0.0)
    ours.turn(as_link(link), commands.PATIENCE_S + 1)
    assert len(link.published) == commands.WAITING_MAX
    assert ours.dropped == 1001 - commands.WAITING_MAX


def test_other_topics_are_somebody_elses(run: Path) -> None:
    ours = uplink(run)
    for topic in (wire.down(KID, "ack"), wire.command("gate-2", "reboot"), f"kiosk/1/{KID}/down/x"):
        assert not ours.take(Received(topic, b"{}"), SID, 0.0)


@pytest.mark.parametrize("data", [b"junk", b"{}", b'{"type":"told"}', b"x" * 100_000, b"\xff"])
def test_whoever_sends_junk_is_hung_up_on(run: Path, data: bytes) -> None:
    listener = relay.Listener(run)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.connect(str(relay.socket_path(run)))
        stranger.send(data)
        line = listener.accept()
        assert line is not None
        assert line.receive() is None
        assert line.closed
        line.close()
    listener.close()


def test_a_whole_result_fits_a_packet(run: Path) -> None:
    listener = relay.Listener(run)
    ours = relay.connect(run)
    line = listener.accept()
    assert ours is not None and line is not None
    told = relay.Told(number=1, response=os.urandom(64 * 1024))
    assert line.send(told)
    assert next_packet(ours) == told
    for end in (ours, line, listener):
        end.close()


def test_the_socket_is_for_its_owner_and_takes_the_place_of_a_dead_one(run: Path) -> None:
    first = relay.Listener(run)
    path = relay.socket_path(run)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first.close()
    assert relay.connect(run) is None
    relay.Listener(run).close()
    path.unlink()
    path.write_text("no socket")
    with pytest.raises(CueError, match=r"kiosk-commands\.socket"):
        relay.Listener(run)


def test_a_kiosk_that_was_commanded_before_asks_what_became_of_it(run: Path) -> None:
    listener = relay.Listener(run)
    quiet = uplink(run)
    quiet.turn(None, 0.0)
    assert listener.accept() is None
    relay.memory_path(run).write_text("")
    asking = uplink(run)
    asking.turn(None, 0.0)
    line = listener.accept()
    assert line is not None
    for end in (quiet, asking, line, listener):
        end.close()
