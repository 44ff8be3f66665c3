"""Commands from the centre to a kiosk and back: real broker, real uplink, the real daemon that
carries them out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import Door
from rig import Broker, Process, until

from central.fleet.line import Line
from central.fleet.orders import Course, Order, Orders
from kiosk import wire


class Carrier(Process):
    """`kiosk.commands` of a door."""

    def __init__(self, door: Door, folder: Path) -> None:
        command = [sys.executable, "-m", "kiosk.commands", *door.files]
        super().__init__(command, folder / "commands.log")
        self.socket = door.run / "commands.sock"

    def start(self) -> None:
        super().start()
        until(self.socket.exists, "commands are listened for")


@pytest.fixture
def carrier(door: Door, tmp_path: Path) -> Iterator[Carrier]:
    carrier = Carrier(door, tmp_path)
    yield carrier
    carrier.close()


Fleet = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(fleet: Path, broker: Broker) -> Fleet:
    """`central.fleet command` as an operator types it."""

    def run(*words: str, wait: str = "20") -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "central.fleet", "--broker", broker.address]
        line += ["--identity", str(fleet), "command", "--wait", wait, *words]
        return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)

    return run


class Operator:
    """An operator in the test's hand."""

    def __init__(self, fleet: Path, address: str) -> None:
        self._line = Line(address, fleet)
        self.orders = Orders(self._line)
        self._line.open(self.orders.topics(None))

    def online(self, kid: str) -> bool:
        self.orders.turn(0.05)
        return bool(self.orders.sid(kid))

    def send(self, order: Order) -> Course:
        return self.orders.send(order)

    def over(self, course: Course) -> wire.Response:
        def is_over() -> bool:
            self.orders.turn(0.05)
            return course.over

        until(is_over, "the command ends")
        assert course.last is not None
        return course.last

    def close(self) -> None:
        self._line.close()


@pytest.fixture
def operator(fleet: Path, broker: Broker) -> Iterator[Operator]:
    operator = Operator(fleet, broker.address)
    yield operator
    operator.close()


def table(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return list(json.loads(done.stdout))


def test_an_operator_identifies_a_kiosk(door: Door, carrier: Carrier, command: Fleet) -> None:
    door.start()
    carrier.start()
    until(lambda: door.state and door.state.online, "online")
    done = command(door.config.kiosk.id, "identify", "--arg", "seconds=5", "--json")
    assert done.returncode == 0, done.stdout + done.stderr + carrier.said() + door.said()
    (row,) = table(done)
    assert row["course"][-1] == "done"
