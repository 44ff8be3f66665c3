"""Configuration and rules from afar at a kiosk that systemd has booted: users, rights and restarts
are the real ones. Named so that it comes before the kiosk is decommissioned."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from booted import BOOT_S, KID, Machine
from paho.mqtt.enums import CallbackAPIVersion
from rig import Broker, until

from central.fleet.documents import Documents
from central.fleet.line import Line
from kiosk import signed, wire
from provisioning.authority import sign

POLICY = Path(__file__).parents[2] / "config/policy.toml"
DAEMONS = ("scanner", "feedback", "uplink")


@pytest.fixture(scope="module")
def centre(fleet: Path, broker: Broker) -> Iterator[None]:
    """An ingest worker, as far as kiosks see one."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "_ingest-1", protocol=mqtt.MQTTv5)
    tls = ssl.create_default_context(cafile=str(fleet / "ca.crt"))
    tls.load_cert_chain(fleet / "_ingest-1.crt", fleet / "_ingest-1.key")
    client.tls_set_context(tls)
    client.connect("localhost", broker.port, 30)
    client.loop_start()
    topic, here = wire.presence("_ingest-1"), wire.encode(wire.Presence("online"))
    client.publish(topic, here, 1, True).wait_for_publish(10)
    yield
    client.publish(topic, b"", 1, True).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


class Wish:
    """What the centre wants, and what the kiosk says to it."""

    def __init__(self, fleet: Path, broker: Broker, machine: Machine) -> None:
        self._key = signed.load_private((fleet / "fleet-sign.key").read_bytes())
        self._machine = machine
        self._line = Line(broker.address, fleet, "_fleet-1")
        self._line.open([wire.up(KID, "cfg")])
        self.said: wire.Reported | None = None
        self._closed = False

    def want(self, version: int, text: str) -> None:
        document = f'[kiosk]\nid = "{KID}"\n{text}\n'.encode()
        signed_one = signed.sign(self._key, "config", version, document)
        self._line.publish(wire.down(KID, "cfg"), signed_one, retain=True)

    def comes(self, version: int, desired: int, status: str, within_s: float) -> wire.Reported:
        def came() -> bool:
            for heard in self._line.turn(0.2):
                self.said = wire.decode(heard.payload, wire.Reported)
            said = self.said
            return said is not None and (said.version, said.desired, said.status) == (
                version,
                desired,
                status,
            )

        try:
            until(came, status, within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.said}\n{self._machine.journal()}") from error
        assert self.said is not None
        return self.said

    def close(self) -> None:
        """May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._line.publish(wire.down(KID, "cfg"), b"", retain=True)
        self._line.turn(0.5)
        self._line.close()


@pytest.fixture(scope="module")
def wish(fleet: Path, broker: Broker, machine: Machine, centre: None) -> Iterator[Wish]:
    with (machine.etc / "board.toml").open("a") as board:
        board.write("[uplink]\ntrial_s = 30\nspread_s = 0\n")
    assert machine.does("systemctl restart kiosk.target")
    wish = Wish(fleet, broker, machine)
    yield wish
    wish.close()


def pids(machine: Machine) -> list[str]:
    asked = "systemctl show --value --property=MainPID kiosk-{}.service"
    return [machine.says(asked.format(daemon)) for daemon in DAEMONS]


def works(machine: Machine) -> bool:
    return all(
        machine.says(f"systemctl is-active kiosk-{daemon}.service") == "active"
        for daemon in DAEMONS
    )


def test_a_good_one_is_kept_and_every_daemon_has_begun_anew(machine: Machine, wish: Wish) -> None:
    wish.comes(0, 0, "applied", BOOT_S)
    until(lambda: works(machine), "all daemons work")
    before = pids(machine)
    wish.want(1, "[panel]\nanswer_s = 4")
    wish.comes(1, 1, "applied", 90)
    assert not set(before) & set(pids(machine))
    config = "/opt/kiosk/venv/bin/kioskctl config"
    assert "# of the centre, version 1" in machine.says(config)
    owned = machine.says("stat -c '%U %a' /var/lib/kiosk/desired/config.signed")
    assert owned == "kiosk-uplink 644"
    for other in ("kiosk-scanner", "kiosk-feedback"):
        wrote = "sh -c 'echo > /var/lib/kiosk/desired/trial.signed'"
        assert not machine.does(f"runuser -u {other} -- {wrote}")


@pytest.mark.parametrize(
    ("version", "text", "why"),
    [
        (2, '[seal]\nrecipients = ["gone.pub"]', "the scanner does not work with it"),
        (3, '[broker]\nhosts = ["localhost:1"]', "no broker listens there"),
    ],
)
def test_one_that_does_not_do_is_rolled_back_and_all_work_again(
    machine: Machine, wish: Wish, version: int, text: str, why: str
) -> None:
    wish.want(version, text)
    said = wish.comes(1, version, "rolled-back", 120)
    assert why in said.why
    until(lambda: works(machine), "all daemons work")
    assert "# of the centre, version 1" in machine.says("/opt/kiosk/venv/bin/kioskctl config")


def test_a_policy_comes_and_is_in_force_without_a_restart(
    machine: Machine, wish: Wish, fleet: Path, broker: Broker, tmp_path: Path
) -> None:
    before = pids(machine)
    wish.close()  # its certificate serves now
    documents = Documents(tmp_path)
    text = POLICY.read_bytes().replace(b"version = 1", b"version = 7", 1)
    documents.put(sign(fleet, "policy", text))
    words = ["--broker", broker.address, "--identity", str(fleet), "--name", "_fleet-1"]
    server = subprocess.Popen(
        [sys.executable, "-m", "central.fleet", *words, "serve", "--documents", str(tmp_path)]
    )
    try:
        read = "journalctl -u kiosk-scanner.service | grep 'policy version=7'"
        until(lambda: machine.does(read), "the policy is in force", 60)
    finally:
        server.kill()
        server.wait()
    assert pids(machine) == before
