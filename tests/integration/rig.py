"""Real neighbours for integration tests: Mosquitto, PostgreSQL, ingest, a kiosk's session."""

from __future__ import annotations

import os
import queue
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import sqlalchemy as sa
from paho.mqtt.enums import CallbackAPIVersion

from bench._databases import locked, stopped
from central import db
from demo.postgres import Postgres
from kiosk import seal, wire
from kiosk.model import CheckIn, Instant, Person
from provisioning import broker as broker_config

WAIT_S = 15.0
NOW_MS = 1_750_000_000_000  # past on every machine: the centre believes no time ahead of its own


def until(what: Callable[[], Any], says: str, timeout_s: float = WAIT_S) -> Any:
    """The first true value of `what`; fails the test after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if value := what():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{says}: not within {timeout_s} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A subprocess whose standard error goes to a file."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.command, self.log = command, log
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(self.command, stdout=log, stderr=log)

    @property
    def running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def kill(self) -> None:
        """kill -9."""
        assert self._popen is not None
        self._popen.kill()
        self._popen.wait(WAIT_S)

    def signal(self, number: int) -> None:
        assert self._popen is not None
        self._popen.send_signal(number)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self._popen is not None
        self._popen.send_signal(signal.SIGTERM)
        return self._popen.wait(WAIT_S)

    def wait(self) -> int:
        assert self._popen is not None
        return self._popen.wait(WAIT_S)

    def close(self) -> None:
        if self.running:
            self.kill()

    def said(self) -> str:
        return self.log.read_text()


class Broker(Process):
    """Mosquitto with the fleet's real configuration."""

    def __init__(self, fleet: Path, state: Path, websocket: bool = False) -> None:
        binary = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert binary, "mosquitto is not installed; `make test` installs it"
        self.port = free_port()
        self.address = f"localhost:{self.port}"
        self.websocket_port = free_port() if websocket else None
        conf = broker_config.prepare(fleet, state, self.port, websocket_port=self.websocket_port)
        super().__init__([binary, "-c", str(conf)], state / "mosquitto.log")

    def start(self) -> None:
        super().start()
        until(self._listens, "mosquitto listens")

    def _listens(self) -> bool:
        assert self.running, self.said()
        ports = (self.port, self.websocket_port or self.port)
        return all(answers(port) for port in ports)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Ingest(Process):
    """One worker as a process of its own."""

    def __init__(self, fleet: Path, url: str, address: str, folder: Path, number: int = 1) -> None:
        config = folder / f"ingest-{number}.toml"
        config.write_text(
            f"""
[database]
url = "{url}"
[broker]
host = "{address}"
ca = "{fleet}/ca.crt"
certificate = "{fleet}/_ingest-{number}.crt"
key = "{fleet}/_ingest-{number}.key"
[seal]
keys = ["{fleet}/centre-seal.key"]
"""
        )
        command = [sys.executable, "-m", "central.ingest", "--config", str(config)]
        super().__init__(command, folder / f"ingest-{number}.log")


class Database:
    """An empty tracing database. `away` makes it unusable for a while."""

    def __init__(self, url: str, away: Callable[[], Any]) -> None:
        self.url, self.away = url, away
        self._engine = db.connect(url)

    def rows(self, table: sa.Table) -> list[Any]:
        with self._engine.connect() as connection:
            return list(connection.execute(sa.select(table)))

    def count(self, table: sa.Table) -> int:
        """0 also while there is no such table yet."""
        with self._engine.connect() as connection:
            if not sa.inspect(connection).has_table(table.name):
                return 0
            counted = connection.execute(sa.select(sa.func.count()).select_from(table))
            return int(counted.scalar_one())

    def forbid(self, table: sa.Table, condition: str) -> None:
        """The database refuses new rows of `table` for which `condition` on NEW holds."""
        when = f"WHEN {condition} BEGIN SELECT RAISE(ABORT, 'forbidden'); END"
        with self._engine.begin() as connection:
            if self._engine.name == "postgresql":
                connection.exec_driver_sql(
                    "CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS"
                    " $$ BEGIN RAISE check_violation; END $$"
                )
                when = f"FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION forbid()"
            connection.exec_driver_sql(
                f"CREATE TRIGGER forbidden BEFORE INSERT ON {table.name} {when}"
            )

    def close(self) -> None:
        self._engine.dispose()


def sqlite_database(file: Path) -> Database:
    return Database(f"sqlite:///{file}", lambda: locked(file))


def postgres_database(cluster: Postgres) -> Database:
    url = cluster.create(f"t_{secrets.token_hex(6)}")
    return Database(url, lambda: stopped(cluster))


class Kiosk:
    """An enrolled kiosk at the wire: seals segments, publishes them, hears answers."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self._given = tomllib.loads(site.read_text())
        self.kid: str = self._given["kiosk"]["id"]
        self.seal_to(self._given["seal"]["recipients"])
        self.epoch = secrets.token_hex(8)
        self.next_seq = 1
        self._acks: queue.Queue[wire.Ack] = queue.Queue()
        self.heard: list[tuple[str, bytes]] = []
        self._client: mqtt.Client | None = None

    def seal_to(self, names: list[str]) -> None:
        """From now on, to the keys in these files beside site.toml."""
        self._recipients = [seal.load_public((self.site.parent / n).read_bytes()) for n in names]

    def segment(self, count: int = 3, **changes: Any) -> wire.Batch:
        """The next `count` records; `changes` are fields of CheckIn."""
        first = self.next_seq
        self.next_seq += count
        sealing = seal.new_segment(self._recipients, self.kid, self.epoch, first)
        records = []
        for seq in range(first, first + count):
            record = CheckIn(
                epoch=self.epoch,
                seq=seq,
                id=secrets.token_hex(8),
                scanned_at_ms=NOW_MS + seq,
                clock="synced",
                boot_id="boot-1",
                boottime_ms=1000 * seq,
                direction="in",
                outcome="pass",
                reason="ok",
                sealed=sealing.seal(seq, self.plain(seq)),
            )
            records.append(msgspec.structs.replace(record, **changes))
        return wire.Batch(
            segment=f"{self.epoch}-{first}",
            header=sealing.header,
            anchor=Instant(NOW_MS + 500_000, "synced", "boot-1", 500_000),
            records=records,
        )

    def plain(self, seq: int, **changes: Any) -> bytes:
        """What is sealed for record `seq`."""
        person = Person(
            format="vn-id",
            role="identity",
            subject=f"vn-id:{seq:012}",
            signed="none",
            issuer="",
            claims={"name": "Nguyễn Văn A", "seq": seq},
        )
        return msgspec.json.encode(msgspec.structs.replace(person, **changes))

    def connect(self, *, listen: list[str] | None = None) -> None:
        """Connects with the kiosk's certificate; subscribes to its answers, the centre's
        presence and `listen`."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, self.kid, protocol=mqtt.MQTTv5)
        part = self._given["broker"]
        ca, certificate, key = (
            str(self.site.parent / part[name]) for name in ("ca", "certificate", "key")
        )
        client.tls_set(ca, certificate, key)
        client.reconnect_delay_set(0.1, 0.5)
        client.on_socket_open = lambda _c, _u, connection: connection.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        ready: queue.Queue[bool] = queue.Queue()
        topics = [wire.down(self.kid, "ack"), wire.PRESENCE_OF_ALL, *(listen or [])]
        client.on_connect = lambda c, *_: c.subscribe([(topic, 1) for topic in topics])
        client.on_subscribe = lambda *_: ready.put(True)
        client.on_message = lambda _c, _u, message: self._hear(message)
        host, _, port = part["hosts"][0].rpartition(":")
        client.connect(host, int(port), 30)
        client.loop_start()
        self._client = client
        ready.get(timeout=WAIT_S)

    def publish(self, batch: wire.Batch) -> None:
        self.publish_raw(wire.up(self.kid, "checkin"), wire.encode(batch))

    def publish_raw(self, topic: str, payload: bytes) -> None:
        """QoS 1; returns when the broker has it or refused it."""
        assert self._client is not None
        info = self._client.publish(topic, payload, qos=1)
        if info.rc == mqtt.MQTT_ERR_NO_CONN:  # kept, and sent when the connection is back
            info.rc = mqtt.MQTT_ERR_SUCCESS
        info.wait_for_publish(WAIT_S)

    def ack(self, segment: str, timeout_s: float = WAIT_S) -> wire.Ack:
        """The next answer for `segment`; others are dropped."""
        end = time.monotonic() + timeout_s
        while True:
            ack = self._acks.get(timeout=max(0.001, end - time.monotonic()))
            if ack.segment == segment:
                return ack

    def next_ack(self, timeout_s: float) -> wire.Ack | None:
        """The next answer for any segment; None when there is none in time."""
        try:
            return self._acks.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def send(self, batch: wire.Batch) -> wire.Ack:
        """Publishes and waits for the answer."""
        self.publish(batch)
        return self.ack(batch.segment)

    @property
    def silent(self) -> bool:
        """No answer waits to be read."""
        return self._acks.empty()

    def presence(self) -> dict[str, wire.Presence]:
        """What each worker said last, by topic."""
        return {
            topic: wire.decode(payload, wire.Presence)
            for topic, payload in list(self.heard)
            if "/_srv/" in topic
        }

    def centre(self, st: str) -> bool:
        """Whether every worker that was ever heard is `st`, and one was."""
        return {p.st for p in self.presence().values()} == {st}

    def close(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()

    def _hear(self, message: mqtt.MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))
        if message.topic == wire.down(self.kid, "ack"):
            self._acks.put(wire.decode(bytes(message.payload), wire.Ack))
