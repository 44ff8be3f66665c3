"""Commands from the centre to a kiosk and back: real broker, real uplink, the real daemon that
carries them out."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from doors import Door
from rig import Broker, Kiosk, Process, until

from central.fleet.line import Line, LineError, Sent
from central.fleet.orders import Course, Order, Orders, load_key, make
from kiosk import wire
from kiosk.cues import Cue, Inlet, ScreenCue
from provisioning.authority import certify, enrol, init_fleet


class Carrier(Process):
    """`kiosk.commands` of a door. systemd is a script that writes down what it is asked, and
    takes its time."""

    def __init__(self, door: Door, folder: Path) -> None:
        programs = folder / "bin"
        programs.mkdir()
        self._asked = folder / "asked"
        self.pace = folder / "pace"
        self.pace.write_text("0")
        systemctl = programs / "systemctl"
        systemctl.write_text(f'#!/bin/sh\necho "$*" >> {self._asked}; sleep $(cat {self.pace})\n')
        systemctl.chmod(0o755)
        quiet = folder / "quiet.toml"  # as docs/fleet.md spares the card
        quiet.write_text('[log]\nlevel = "warning"\n')
        command = ["/usr/bin/env", f"PATH={programs}:/usr/bin:/bin", sys.executable, "-m"]
        words = ["kiosk.commands", f"--config={quiet}", *door.options]
        super().__init__([*command, *words], folder / "commands.log")
        self.socket = door.run / "commands.sock"

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        super().start()
        until(self.socket.exists, "commands are listened for")

    def asked(self) -> list[str]:
        return self._asked.read_text().splitlines() if self._asked.exists() else []


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
        line += ["--identity", str(fleet), "--name", "_fleet-2", "command", "--wait", wait, *words]
        return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)

    return run


class Operator:
    """An operator in the test's hand."""

    def __init__(self, fleet: Path, address: str) -> None:
        self.key = load_key(fleet / "fleet-sign.key")
        self._line = Line(address, fleet, "_fleet-1")
        self.orders = Orders(self._line)
        self._line.open(self.orders.topics(None))

    def online(self, kid: str) -> str:
        """The kiosk's session."""
        self.orders.turn(0.05)
        return self.orders.sid(kid)

    def order(self, kid: str, name: str, lifetime_s: float = 600, **args: str) -> Order:
        return make(kid, name, args, lifetime_s, self.key, self.orders.sid(kid))

    def publish(self, topic: str, payload: bytes) -> Sent:
        """Whatever it is; what the broker says of it."""
        sent = self._line.publish(topic, payload)

        def answered() -> bool:
            self.orders.turn(0.05)
            return sent.answered

        until(answered, "the broker answers")
        return sent

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
    door.close_panel()
    panel, shown = Inlet(door.run, "feedback"), list[Cue]()
    done = command(door.config.kiosk.id, "identify", "--arg", "seconds=5", "--json")
    assert done.returncode == 0, done.stdout + done.stderr + carrier.said() + door.said()
    (row,) = table(done)
    assert row["course"][-1] == "done"
    shown += panel.drain()
    panel.close()
    assert [cue.lasts_s for cue in shown if isinstance(cue, ScreenCue)] == [5]


def test_what_can_harm_needs_the_key_and_is_told_step_by_step(
    door: Door, carrier: Carrier, command: Fleet, fleet: Path
) -> None:
    kid = door.config.kiosk.id
    unsigned = command(kid, "restart")
    assert unsigned.returncode == 1
    assert "--key fleet-sign.key" in unsigned.stderr
    door.start()
    carrier.start()
    until(lambda: door.state and door.state.online, "online")
    done = command(kid, "restart", "--arg", "daemon=scanner", "--key", f"{fleet}/fleet-sign.key")
    assert done.returncode == 0, done.stdout + done.stderr + carrier.said()
    assert "accepted -> running -> done" in done.stdout
    assert "restarted: scanner" in done.stdout
    assert "restart kiosk-scanner.service" in carrier.asked()
    key = re.search(
        r"command ended name=restart id=\w{16} key=(\w{16}) result=done", carrier.said()
    )
    assert key is not None or "INFO" not in carrier.said()


def test_a_key_of_another_fleet_moves_nothing(
    door: Door, carrier: Carrier, command: Fleet, tmp_path: Path
) -> None:
    init_fleet(tmp_path / "other", ["localhost"])
    door.start()
    carrier.start()
    until(lambda: door.state and door.state.online, "online")
    done = command(door.config.kiosk.id, "reboot", "--key", f"{tmp_path}/other/fleet-sign.key")
    assert done.returncode == 1
    assert "rejected" in done.stdout
    assert "bad-signature" in done.stdout
    assert carrier.asked() == []


def test_who_does_not_answer_is_told_apart(
    door: Door, carrier: Carrier, command: Fleet, operator: Operator
) -> None:
    kid = door.config.kiosk.id
    nobody = command("gate-999", "identify", wait="1")
    assert (nobody.returncode, "nobody listens there" in nobody.stdout) == (3, True)
    carrier.start()
    door.start()
    until(lambda: operator.online(kid), "online")
    door.stop()
    waits = command(kid, "identify", wait="1")
    assert (waits.returncode, "it waits at the broker" in waits.stdout) == (3, True)
    dry = command(kid, "gate-999", "identify", "--dry-run", "--json")
    assert json.loads(dry.stdout) == [
        {"kid": kid, "state": "off"},
        {"kid": "gate-999", "state": "never"},
    ]
    every = command("--all", "identify", "--dry-run")
    assert (every.returncode, kid in every.stdout) == (0, True)


@pytest.mark.parametrize(
    "words",
    [
        ("identify",),
        ("a/b", "identify"),
        ("gate-1", "identify", "--all"),
        ("gate-1", "identify", "--arg", "seconds"),
        ("gate-1", "identify", "--expires", "0"),
        ("gate-1", "identify", "--arg", "x=@/nowhere"),
        ("gate-1", "Re boot"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anybody_is_asked(
    command: Fleet, words: tuple[str, ...]
) -> None:
    done = command(*words, wait="1")
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_a_reboot_that_is_delivered_again_happens_once(
    door: Door, carrier: Carrier, operator: Operator
) -> None:
    kid = door.config.kiosk.id
    carrier.pace.write_text("60")
    carrier.start()
    door.start()
    until(lambda: operator.online(kid), "online")
    order = operator.order(kid, "reboot")
    course = operator.send(order)
    until(lambda: operator.orders.turn(0.05) or "reboot" in carrier.asked(), "it is asked for")
    carrier.kill()  # as everything is when it comes
    door.kill()
    operator.send(order)
    carrier.start()
    door.start()
    again = operator.send(order)
    end = operator.over(again)
    # The boot is the same here, so that nobody can say that it is done. Not again, in any case.
    assert (end.st, end.reason) == ("failed", "interrupted")
    assert [r.st for r in course.responses] == ["accepted", "running"]
    time.sleep(1)
    assert carrier.asked() == ["reboot"]


def test_a_response_outlasts_the_connection(
    door: Door, carrier: Carrier, operator: Operator, fleet: Path, broker: Broker
) -> None:
    kid = door.config.kiosk.id
    carrier.pace.write_text("1")
    carrier.start()
    door.start()
    until(lambda: operator.online(kid), "online")
    order = operator.order(kid, "restart", daemon="scanner")
    operator.send(order)
    until(lambda: operator.orders.turn(0.05) or carrier.asked(), "it runs")
    broker.kill()
    until(lambda: len(carrier.asked()) == 2, "it goes on")
    time.sleep(1.5)
    door.signal(signal.SIGSTOP)
    broker.start()
    later = Operator(fleet, broker.address)
    later.orders.follow(order)
    door.signal(signal.SIGCONT)
    assert later.over(later.orders.courses[0]).st == "done"
    later.close()


def test_two_with_one_certificate_are_told(operator: Operator, fleet: Path, broker: Broker) -> None:
    other = Operator(fleet, broker.address)
    with pytest.raises(LineError, match="does somebody else use this certificate"):
        until(lambda: operator.online("gate-1"), "the first one is told")
    other.close()


def test_strangers_and_neighbours_command_nobody(
    door: Door, carrier: Carrier, operator: Operator, new_kiosk: Callable[[], Kiosk]
) -> None:
    thief, kid = new_kiosk(), door.config.kiosk.id
    thief.close()
    thief.connect(listen=[f"{wire.ROOT}/+/down/cmd/+", f"{wire.ROOT}/+/up/rsp"])
    carrier.start()
    door.start()
    until(lambda: operator.online(kid), "online")
    stolen = operator.order(kid, "identify").payload
    thief.publish_raw(wire.command(kid, "identify"), stolen)
    thief.publish_raw(wire.up(kid, "rsp"), b"{}")
    assert operator.publish(wire.command(kid, "dance"), stolen).why == ""
    for topic in (wire.down(kid, "ack"), wire.RISK_KEYS, wire.up(kid, "rsp")):
        assert "Not authorized" in operator.publish(topic, b"{}").why
    course = operator.send(operator.order(kid, "identify", seconds="0.1"))
    assert operator.over(course).st in ("done", "failed")
    assert {topic for topic, _ in thief.heard} <= {wire.presence("_ingest-1")}


def test_a_flood_and_giants_leave_the_kiosk_at_work(
    door: Door, carrier: Carrier, operator: Operator
) -> None:
    kid = door.config.kiosk.id
    carrier.start()
    door.start()
    until(lambda: operator.online(kid), "online")
    for size in (0, 10, 200_000):
        for _ in range(60 if size < 1000 else 5):
            operator.publish(wire.command(kid, "reboot"), b"x" * size)
    until(lambda: "commands dropped, too many or too large" in door.said(), "the journal says so")

    def works() -> bool:
        course = operator.send(operator.order(kid, "restart", daemon="uplink"))
        return operator.over(course).st == "done"

    until(works, "a command is carried out", 30)
    assert carrier.running
    assert carrier.asked().count("reboot") == 0


def test_a_new_key_is_taken_when_the_broker_takes_it(
    door: Door, carrier: Carrier, operator: Operator, fleet: Path, broker: Broker, tmp_path: Path
) -> None:
    kid, files = door.config.kiosk.id, door.config.broker
    carrier.start()
    door.start()
    until(lambda: operator.online(kid), "online")

    def asked(name: str, **args: str) -> wire.Response:
        return operator.over(operator.send(operator.order(kid, name, **args)))

    csr = asked("rotate-key").result["csr"]
    certify(fleet, kid, x509.load_pem_x509_csr(csr.encode()), tmp_path / "good.crt")
    before = files.key.read_bytes(), files.certificate.read_bytes()
    stranger = tmp_path / "stranger"
    init_fleet(stranger, ["localhost"])
    enrol(stranger, kid, "x", "localhost:1", tmp_path / "x")
    certify(stranger, kid, x509.load_pem_x509_csr(csr.encode()), tmp_path / "bad.crt")
    bad = asked("install-certificate", certificate=(tmp_path / "bad.crt").read_text())
    assert (bad.st, bad.reason) == ("failed", "other-fleet")
    assert (files.key.read_bytes(), files.certificate.read_bytes()) == before
    good = (tmp_path / "good.crt").read_text()
    files.ca.write_bytes((stranger / "ca.crt").read_bytes() + files.ca.read_bytes())
    bad = asked("install-certificate", certificate=(tmp_path / "bad.crt").read_text())
    assert (bad.st, bad.reason) == ("failed", "not-taken"), bad  # the broker has the last word
    assert (files.key.read_bytes(), files.certificate.read_bytes()) == before
    assert asked("install-certificate", certificate=good).st == "done"
    assert files.certificate.read_text() == good
    assert files.key.read_bytes() != before[0]
    assert not list(files.key.parent.glob("*.next"))
    sid = operator.orders.sid(kid)
    broker.kill()
    broker.start()
    # The operator's line is gone with the broker.
    later = Operator(fleet, broker.address)
    until(lambda: later.online(kid) not in ("", sid), "online with the new one")
    later.close()
