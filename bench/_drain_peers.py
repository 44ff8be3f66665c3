"""The parts of a drain that nobody can do without, each by itself."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from central.db import connect
from central.ingest.config import load_keys
from central.ingest.reading import read
from central.ingest.store import Store
from kiosk import reach, wire
from kiosk.config import Broker

MESSAGES = 8  # of a transaction


def bare_publish(broker: Broker, kid: str, sent: list[bytes], window: int) -> float:
    """Seconds until the broker has taken all of it: paho as it comes, `window` in flight."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, kid, protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(window)
    client.tls_set(str(broker.ca), str(broker.certificate), str(broker.key))
    to = reach.address(broker.hosts[0])
    client.connect(to.name, to.port)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    began = time.perf_counter()
    infos = [client.publish(wire.up(kid, "checkin"), payload, qos=1) for payload in sent]
    for info in infos:
        info.wait_for_publish()
    took_s = time.perf_counter() - began
    client.disconnect()
    client.loop_stop()
    return took_s


def commit_alone(url: str, key: Path, kid: str, sent: list[bytes]) -> float:
    """Seconds that the centre needs to open and commit all of it into an empty database."""
    keys = load_keys([key])
    store = Store(connect(url))
    store.commit([], datetime.now(UTC))  # makes the tables
    reading = partial(read, wire.up(kid, "checkin"), keys=keys)
    began = time.perf_counter()
    for start in range(0, len(sent), MESSAGES):
        some = [reading(payload) for payload in sent[start : start + MESSAGES]]
        store.commit(some, datetime.now(UTC))
    took_s = time.perf_counter() - began
    store.close()
    return took_s
