"""The lines of bench.chaos: which side hears of a fault, and which does not."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from bench._links import Link, Network, Side


class Both:
    """A link and a connection through it, seen from both ends."""

    def __init__(self, network: Network, listener: socket.socket) -> None:
        self._listener = listener
        self.link: Link = network.link("gate-1", listener.getsockname()[1])
        self.client, self.broker = self.connect()

    def connect(self) -> tuple[socket.socket, socket.socket]:
        client = socket.create_connection(("127.0.0.1", self.link.port), 5)
        broker, _ = self._listener.accept()
        broker.settimeout(5)
        client.sendall(b"-")
        assert broker.recv(1) == b"-"
        return client, broker


@pytest.fixture
def both() -> Iterator[Both]:
    with closing(Network()) as network, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        both = Both(network, listener)
        yield both
        both.client.close()
        both.broker.close()


def gone(end: socket.socket) -> bool:
    """Whether it hears within half a second that the connection is over."""
    end.settimeout(0.5)
    try:
        return end.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_bytes_pass_both_ways_and_so_does_the_end(both: Both) -> None:
    both.client.sendall(b"x" * 20_000)
    got = b""
    while len(got) < 20_000:
        got += both.broker.recv(65536)
    both.broker.sendall(b"y")
    assert both.client.recv(1) == b"y"
    both.client.close()
    assert gone(both.broker)


def test_a_cut_is_heard_on_both_sides(both: Both) -> None:
    both.link.cut()
    assert gone(both.client)
    assert gone(both.broker)
    both.client, both.broker = both.connect()
    both.client.sendall(b"x")
    assert both.broker.recv(1) == b"x"


@pytest.mark.parametrize("unaware", [{"client"}, {"broker"}, {"client", "broker"}])
def test_who_is_unaware_hears_nothing_and_speaks_into_nothing(
    both: Both, unaware: set[Side]
) -> None:
    both.link.half_open(unaware)
    assert gone(both.client) is ("client" not in unaware)
    assert gone(both.broker) is ("broker" not in unaware)
    for name in unaware:
        end = both.client if name == "client" else both.broker
        end.sendall(b"x")
        assert not gone(end)
    client, broker = both.connect()
    client.sendall(b"y")
    assert broker.recv(1) == b"y", "a new connection is a good one"
    client.close()
    broker.close()


def test_what_is_held_up_arrives_in_the_end(both: Both) -> None:
    both.link.held = True
    both.client.sendall(b"x")
    both.broker.settimeout(0.3)
    with pytest.raises(TimeoutError):
        both.broker.recv(1)
    both.link.held = False
    assert both.broker.recv(1) == b"x"


def test_a_delay_and_a_slow_line_take_their_time(both: Both) -> None:
    both.link.delay_s = 0.4
    began = time.monotonic()
    both.client.sendall(b"x")
    assert both.broker.recv(1) == b"x"
    assert time.monotonic() - began >= 0.4
    both.link.delay_s, both.link.bytes_s = 0.0, 1000
    began = time.monotonic()
    both.client.sendall(b"x" * 400)
    left = 400
    while left:
        left -= len(both.broker.recv(left))
    assert time.monotonic() - began >= 0.25  # the last piece need not be waited for


def test_refused_and_taken_again(both: Both) -> None:
    both.link.refuse(True)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", both.link.port), 1)
    both.broker.sendall(b"x")
    assert both.client.recv(1) == b"x", "what is connected stays"
    both.link.refuse(False)
    client, broker = both.connect()
    client.close()
    broker.close()
