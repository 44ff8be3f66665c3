"""Who may say and hear what at the broker, tested by delivery; and wrong configuration."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from rig import Broker, Database, Ingest, Kiosk, Postgres, sqlite_database, until

from central import db
from central.ingest.config import load_keys, shares
from kiosk import wire
from provisioning.authority import enrol, init_fleet


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return sqlite_database(tmp_path / "tracing.db")


@pytest.fixture
def online(ingest: Ingest, kiosk: Kiosk) -> Ingest:
    until(lambda: kiosk.centre("online"), "ingest is online")
    return ingest


def test_no_kiosk_publishes_as_another(
    kiosk: Kiosk, new_kiosk: Callable[[], Kiosk], database: Database, online: Ingest
) -> None:
    thief = new_kiosk()
    stolen = kiosk.segment(1)
    thief.publish_raw(wire.up(kiosk.kid, "checkin"), wire.encode(stolen))
    own = thief.segment(1)
    assert thief.send(own).accepted == [1]
    assert {r.device_id for r in database.rows(db.receipt)} == {thief.kid}
    assert database.rows(db.dead_letter) == []


def test_no_kiosk_hears_another(
    kiosk: Kiosk, enrolled: Callable[[], Path], database: Database, online: Ingest
) -> None:
    thief = Kiosk(enrolled())
    everything = wire.CHECKINS_OF_ALL
    thief.connect(listen=[wire.down(kiosk.kid, "ack"), "kiosk/#", f"$share/ingest/{everything}"])
    kiosk.send(kiosk.segment(1))
    assert thief.send(thief.segment(1)).accepted == [1]
    topics = {topic for topic, _ in thief.heard}
    thief.close()
    assert topics == {wire.down(thief.kid, "ack"), wire.presence("_ingest-1")}


def test_no_kiosk_swallows_what_is_meant_for_the_workers(
    kiosk: Kiosk, enrolled: Callable[[], Path], fleet: Path, online: Ingest
) -> None:
    def swallowed(group: str) -> int:
        thief = Kiosk(enrolled())
        thief.connect(listen=[f"$share/{group}/{wire.CHECKINS_OF_ALL}"])
        batches = [kiosk.segment(1) for _ in range(6)]
        for batch in batches:
            kiosk.publish(batch)
        answered = sum(kiosk.next_ack(1.0) is not None for _ in batches)
        thief.close()
        return len(batches) - answered

    for guess in ("ingest", "ingest-1", "ingest-" + "0" * 32):
        assert swallowed(guess) == 0
    # The secret is what keeps it out: with it, it takes its turn.
    (group,) = shares(load_keys([fleet / "centre-seal.key"]))
    assert swallowed(group) > 0


def test_a_kiosk_retains_nothing_beside_its_topics(
    kiosk: Kiosk,
) -> None:
    reasons: list[bool] = []
    client = kiosk._client
    assert client is not None
    client.on_publish = lambda _c, _u, _m, reason, _p: reasons.append(reason.is_failure)
    for leaf in ("state", "junk", "state/1", ""):
        kiosk.publish_raw(f"{wire.ROOT}/{kiosk.kid}/up/{leaf}", b"{}")
    kiosk.publish_raw(wire.RISK_KEYS, wire.encode(wire.RiskKeys([bytes(32)])))
    kiosk.publish_raw(wire.PACE, wire.encode(wire.Pace(reconnect_cap_s=3600)))
    until(lambda: len(reasons) == 6, "the broker has answered")
    assert reasons == [False, True, True, True, True, True]


def test_no_kiosk_speaks_for_the_centre(
    kiosk: Kiosk, new_kiosk: Callable[[], Kiosk], online: Ingest
) -> None:
    liar = new_kiosk()
    ack = wire.Ack(segment="s", accepted=[1], server_ms=0)
    liar.publish_raw(wire.down(kiosk.kid, "ack"), wire.encode(ack))
    liar.publish_raw(wire.down(liar.kid, "ack"), wire.encode(ack))
    liar.publish_raw(wire.presence("_ingest-1"), wire.encode(wire.Presence("away", "lie")))
    batch = kiosk.segment(1)
    kiosk.publish(batch)
    first = kiosk.next_ack(10)
    assert first is not None
    assert first.segment == batch.segment
    assert liar.silent
    assert kiosk.centre("online")


def test_a_client_id_cannot_be_stolen(
    kiosk: Kiosk, enrolled: Callable[[], Path], online: Ingest
) -> None:
    thief = Kiosk(enrolled())
    own, thief.kid = thief.kid, kiosk.kid  # asks for the other's client id
    thief.connect()
    thief.kid = own
    assert kiosk.send(kiosk.segment(1)).accepted == [1]
    assert thief.heard == [] or {t for t, _ in thief.heard} == {wire.presence("_ingest-1")}
    thief.close()


def test_certificates_of_another_root_are_refused(broker: Broker, tmp_path: Path) -> None:
    other = tmp_path / "other"
    init_fleet(other, ["localhost"])
    site = enrol(other, "gate-1", "elsewhere", broker.address, tmp_path / "gate-1")
    stranger = Kiosk(site)
    with pytest.raises(ssl.SSLCertVerificationError):  # it does not trust our broker ...
        stranger.connect()
    # ... and when it does, our broker does not trust it.
    fleet_ca = tmp_path / "broker" / "mosquitto.conf"
    ca = next(
        line.split(" ", 1)[1]
        for line in fleet_ca.read_text().splitlines()
        if line.startswith("cafile")
    )
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "gate-1", protocol=mqtt.MQTTv5)
    client.tls_set(ca, str(site.parent / "kiosk.crt"), str(site.parent / "kiosk.key"))
    connected = []
    client.on_connect = lambda *arguments: connected.append(arguments)
    try:
        client.connect("localhost", broker.port)
        for _ in range(20):
            client.loop(0.1)
    except ssl.SSLError:
        pass
    assert connected == []
    assert "gate-1" not in broker.said()


def test_without_any_certificate_nobody_enters(broker: Broker, fleet: Path) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "nobody", protocol=mqtt.MQTTv5)
    client.tls_set(str(fleet / "ca.crt"))
    connected = []
    client.on_connect = lambda *arguments: connected.append(arguments)
    try:
        client.connect("localhost", broker.port)
        for _ in range(20):
            client.loop(0.1)
    except ssl.SSLError:
        pass
    assert connected == []


def test_a_worker_says_why_it_does_not_get_in(
    fleet: Path, broker: Broker, database: Database, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    init_fleet(other, ["localhost"])
    stranger = Ingest(other, database.url, broker.address, tmp_path)
    stranger.start()
    until(lambda: "not to be trusted" in stranger.said(), "it says that it trusts not")
    assert stranger.stop() == 0
    shutil.copy(fleet / "ca.crt", other / "ca.crt")  # now it trusts, and is not trusted
    stranger.start()
    until(lambda: "is ours of its fleet" in stranger.said(), "it says that it is not trusted")
    assert stranger.stop() == 0


def test_a_worker_without_a_broker_waits_and_says_so(
    kiosk: Kiosk, ingest: Ingest, broker: Broker
) -> None:
    until(lambda: kiosk.centre("online"), "ingest is online")
    broker.kill()
    until(lambda: "the connection broke without a word" in ingest.said(), "it says so")
    broker.start()
    assert ingest.running
    until(lambda: ingest.said().count("connected to the broker as") == 2, "it is back")
    assert ingest.stop() == 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[database]", "[datebase]", "datebase"),
        ('url = "sqlite:', 'url = "mysql:', "expected sqlite:///FILE or postgresql+psycopg"),
        ("sqlite:////", "sqlite:///:memory:?x=/", "in memory"),
        ('host = "localhost:', 'host = "localhost', 'broker.host: found "localhost'),
        ("centre-seal.key", "centre-seal.pub", "centre-seal.pub: not an unencrypted private key"),
        ("centre-seal.key", "absent.key", "absent.key: cannot be read"),
        ("_ingest-1.crt", "broker.crt", "expected one for _ingest-1"),
        ("_ingest-1.key", "broker.key", "do not fit together"),
        ("[seal]", "[seal", "not TOML"),
    ],
)
def test_a_wrong_configuration_is_named(
    fleet: Path, broker: Broker, database: Database, tmp_path: Path, old: str, new: str, says: str
) -> None:
    worker = Ingest(fleet, database.url, broker.address, tmp_path)
    config = Path(worker.command[-1])
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))
    assert_refused(worker, says)


def test_a_database_of_a_newer_program_is_left_alone(
    fleet: Path, broker: Broker, database: Database, tmp_path: Path
) -> None:
    engine = db.connect(database.url)
    db.upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    assert_refused(
        Ingest(fleet, database.url, broker.address, tmp_path),
        "the database has schema 9999, this program knows 0",
    )


def test_a_database_without_an_encoding_is_refused(
    fleet: Path, broker: Broker, postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.create("ascii", "SQL_ASCII")
    assert_refused(
        Ingest(fleet, url, broker.address, tmp_path),
        "server_encoding is SQL_ASCII, it must be UTF8",
    )


def assert_refused(worker: Ingest, says: str) -> None:
    worker.start()
    assert worker.wait() == 78
    assert says in worker.said()
    assert "Traceback" not in worker.said()
