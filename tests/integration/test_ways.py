"""The uplink's ways to a real broker: WebSocket, proxy, the next host; and what it tells after."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from doors import Centre, Door
from paho.mqtt.enums import CallbackAPIVersion
from rig import Broker, Database, Ingest, Kiosk, free_port, until
from ways import TunnelProxy

from kiosk import wire
from kiosk.config import load
from kiosk.ctl.doctor import broker as doctor
from kiosk.ctl.doctor.advice import ON_A_DESK
from provisioning.authority import enrol, init_fleet


@pytest.fixture
def broker(fleet: Path, tmp_path: Path) -> Iterator[Broker]:
    """One that takes WebSocket too."""
    broker = Broker(fleet, tmp_path / "broker", websocket=True)
    broker.start()
    yield broker
    broker.close()


@pytest.fixture
def door_by(fleet: Path, tmp_path: Path) -> Iterator[Callable[..., Door]]:
    """A kiosk with these hosts, and more lines of configuration."""
    made: list[Door] = []

    def one(hosts: str, more: str = "") -> Door:
        kid = f"ways-{free_port()}"
        site = enrol(fleet, kid, "Chợ Bến Thành", hosts, tmp_path / kid)
        text = site.read_text().replace('ca = "ca.crt"', f'{more}\nca = "ca.crt"')
        site.write_text(text)
        made.append(Door(site, tmp_path / f"door-{kid}"))
        return made[-1]

    yield one
    for door in made:
        door.close()


def websocket(broker: Broker) -> str:
    return f"wss://localhost:{broker.websocket_port}/mqtt"


def test_where_only_the_port_of_the_web_is_open_records_go_by_websocket(
    door_by: Callable[..., Door], centre: Centre, broker: Broker
) -> None:
    centre.is_("online")
    door = door_by(f"localhost:{free_port()},{websocket(broker)}")
    door.start()
    until(lambda: door.state and door.state.centre, "connected")
    door.visit(people=64)  # frames longer than 126 bytes, and more than one TLS record
    taken = 0
    while taken < 64:
        batch = centre.batch()
        taken += len(batch.records)
        centre.answer(batch)
    until(door.empty, "the segment is dropped")
    assert f"connected to {websocket(broker)}" in door.said()
    assert door.stop() == 0
    until(lambda: centre.last("state", wire.State).st == "off", "goodbye")


def test_over_websocket_the_broker_gives_each_kiosk_its_own_topics_alone(
    door_by: Callable[..., Door], centre: Centre, broker: Broker, tmp_path: Path
) -> None:
    ours = door_by(websocket(broker)).config.broker
    answers: list[tuple[int, int]] = []
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, "gate-x", protocol=mqtt.MQTTv5, transport="websockets"
    )
    client.tls_set(str(ours.ca), str(ours.certificate), str(ours.key))
    client.on_publish = lambda _c, _u, mid, code, _p: answers.append((mid, code.value))
    client.connect("localhost", broker.websocket_port or 0)
    until(lambda: client.loop(0.1) or client.is_connected(), "connected")
    other = client.publish(wire.up("gate-x", "state"), b"{}", 1).mid
    until(lambda: client.loop(0.1) or answers, "the broker answers")
    assert answers == [(other, 135)]
    client.disconnect()
    stranger = mqtt.Client(
        CallbackAPIVersion.VERSION2, "gate-x", protocol=mqtt.MQTTv5, transport="websockets"
    )
    stranger.tls_set(str(ours.ca))
    with pytest.raises(OSError, match=r"CERTIFICATE_REQUIRED|EOF|reset|handshake"):
        stranger.connect("localhost", broker.websocket_port or 0)


@pytest.mark.parametrize("way", ["straight", "websocket"])
def test_through_a_proxy_with_a_password(
    door_by: Callable[..., Door], centre: Centre, broker: Broker, way: str
) -> None:
    centre.is_("online")
    with TunnelProxy("door:sesame") as proxy:
        host = websocket(broker) if way == "websocket" else broker.address
        door = door_by(host, f'proxy = "http://door:sesame@localhost:{proxy.port}"')
        door.visit()
        door.start()
        centre.answer(centre.batch())
        until(door.empty, "the segment is dropped")
        (finding,) = doctor.check(load(door.files), ON_A_DESK)
        assert finding.ok
        assert "sesame" not in finding.what
        assert f"by the proxy localhost:{proxy.port}" in finding.what
        assert proxy.opened >= 2
        proxy.login = "door:other"
        proxy.cut()
        until(lambda: door.says("HTTP 407"), "the reason is told")
        (finding,) = doctor.check(load(door.files), ON_A_DESK)
        assert "HTTP 407" in finding.what
    until(lambda: door.says("no proxy listens there"), "and when it is gone")
    said = (
        door.said()
        + subprocess.run(
            [
                *(sys.executable, "-m", "kiosk.ctl"),
                *(f"--config={file}" for file in door.files),
                "config",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    assert "door:***@localhost" in said
    assert "sesame" not in said


def test_the_doctor_names_what_a_websocket_meets(
    door_by: Callable[..., Door], broker: Broker
) -> None:
    door = door_by(f"{websocket(broker)},wss://localhost:{broker.port}/mqtt")
    good, bad = doctor.check(door.config, ON_A_DESK)
    assert good.ok
    assert good.what == f"{websocket(broker)} takes the kiosk's certificate (TLSv1.3)"
    assert "does not speak WebSocket" in bad.what  # it speaks MQTT, and hangs up


def test_after_an_outage_the_centre_is_told_how_long_and_why(
    door: Door, centre: Centre, broker: Broker, fleet: Path, tmp_path: Path
) -> None:
    """A stranger at the broker's address is told however short it was."""
    centre.is_("online")
    door.start()
    until(lambda: door.state and door.state.centre, "connected")
    broker.kill()
    until(lambda: door.says("no broker listens there"), "offline")
    good = door.config.broker.ca.read_bytes()
    other = tmp_path / "other"
    init_fleet(other, ["localhost"])
    door.config.broker.ca.write_bytes((other / "ca.crt").read_bytes())
    broker.start()
    until(lambda: door.says("another authority"), "the reason is told")
    centre.pace(b"")  # once it has been taken, the centre is back and hears
    door.config.broker.ca.write_bytes(good)
    alerts = until(lambda: [a for a in centre.alerts("was-offline") if a.raised], "told")
    assert "refused: no broker listens there / bị từ chối" in alerts[0].detail
    assert "broker-stranger: TLS: the broker's certificate is from another" in alerts[0].detail
    assert alerts[0].detail.startswith("offline ")
    assert " / mất kết nối " in alerts[0].detail


def test_the_pace_of_coming_back_is_the_centres(door: Door, centre: Centre, broker: Broker) -> None:
    centre.pace(wire.encode(wire.Pace(reconnect_base_s=3600, reconnect_cap_s=3600)))
    door.start()
    until(lambda: door.state and door.state.online, "connected")
    until(lambda: "back within 3600 s" in door.said(), "it is heard")
    broker.kill()
    until(lambda: door.says("closed the connection"), "offline")
    broker.start()
    with pytest.raises(AssertionError):  # but for one in 700 runs
        until(lambda: door.state and door.state.online, "not back at once", timeout_s=5)


def test_a_pace_that_would_do_harm_is_ignored(door: Door, centre: Centre, broker: Broker) -> None:
    centre.pace(b'{"reconnect_cap_s": 1e9}')
    door.start()
    until(lambda: "message of the centre not understood" in door.said(), "a warning")
    broker.kill()
    until(lambda: door.says("closed the connection") or door.says("refused"), "offline")
    broker.start()
    until(lambda: door.state and door.state.online, "back as it is configured")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_workers_say_the_pace_of_their_file_and_take_it_back(
    fleet: Path, broker: Broker, database: Database, enrolled: Callable[[], Path], tmp_path: Path
) -> None:
    worker = Ingest(fleet, database.url, broker.address, tmp_path)
    config = Path(worker.command[-1])
    plain = config.read_text()
    config.write_text(f"{plain}\n[pace]\nreconnect_base_s = 20\n")
    worker.start()
    kiosk = Kiosk(enrolled())
    kiosk.connect(listen=[wire.PACE])

    def heard() -> list[bytes]:
        return [payload for topic, payload in kiosk.heard if topic == wire.PACE]

    until(heard, "the pace")
    assert wire.decode(heard()[0], wire.Pace) == wire.Pace(reconnect_base_s=20)
    assert worker.stop() == 0
    config.write_text(plain)
    worker.start()
    until(lambda: heard()[-1] == b"", "taken back")
    assert worker.stop() == 0
    kiosk.close()
