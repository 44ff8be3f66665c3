"""An operator's connection to the broker. Everything happens in the caller's thread, within
`turn`, as long as it is called.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from cryptography import x509
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from central import files
from central.tls import tls_context
from central.words import both
from kiosk.errors import ConfigError, KioskError

CONNECT_S = 10.0
KEEPALIVE_S = 30
NOBODY = 16  # MQTT 5, 3.4.2.1: the broker took it, and knows nobody whom it is for


class LineError(KioskError, OSError):
    """There is no connection to the broker."""


class Heard(NamedTuple):
    """A message of a topic that was subscribed to."""

    topic: str
    payload: bytes
    retained: bool
    correlation: bytes


class Sent:
    """What became of a message: `taken` once the broker has it, `nobody` if it then knew no
    receiver, `why` it refused it."""

    def __init__(self) -> None:
        self.taken = self.nobody = False
        self.why = ""

    @property
    def answered(self) -> bool:
        return self.taken or bool(self.why)


class Line:
    """Mutual TLS with `<folder>/<name>.crt` and `.key` and the fleet's `ca.crt`, where `name`
    is the one `_fleet-*` that lies there."""

    def __init__(self, broker: str, folder: Path, name: str = "") -> None:
        """`broker` is "host:port". Raises ConfigError when the files cannot be used."""
        self.name = operator_name(folder, name)
        stem = folder / self.name
        tls = tls_context(
            folder / "ca.crt",
            stem.with_name(f"{self.name}.crt"),
            stem.with_name(f"{self.name}.key"),
        )
        self._heard: list[Heard] = []
        self._sent: dict[int, Sent] = {}
        self._topics: Sequence[str] = ()
        self._ready = False
        self._why = ""
        host, _, port = broker.rpartition(":")
        self._broker, self._address = broker, (host.strip("[]"), int(port))
        self._client = client = mqtt.Client(
            CallbackAPIVersion.VERSION2, self.name, protocol=mqtt.MQTTv5
        )
        client.tls_set_context(tls)
        client.connect_timeout = CONNECT_S
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect

    def open(self, topics: Sequence[str]) -> None:
        """Connects and subscribes. Raises LineError."""
        self._topics = topics
        try:
            self._client.connect(*self._address, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            raise self._lost(str(error)) from error
        due = time.monotonic() + CONNECT_S
        while not self._ready:
            self._turn(0.1)
            if time.monotonic() > due:
                raise self._lost(both("không trả lời", "no answer"))

    def turn(self, wait_s: float) -> list[Heard]:
        """What came, after at most `wait_s`. Raises LineError."""
        self._turn(wait_s)
        heard, self._heard = self._heard, []
        return heard

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        expiry_s: int | None = None,
        reply_to: str = "",
        correlation: bytes = b"",
    ) -> Sent:
        """QoS 1; `turn` sees to it. Raises LineError."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expiry_s is not None:
            properties.MessageExpiryInterval = expiry_s
        if reply_to:
            properties.ResponseTopic = reply_to
        if correlation:
            properties.CorrelationData = correlation
        info = self._client.publish(topic, payload, 1, retain, properties)
        if info.rc != mqtt.MQTT_ERR_SUCCESS:
            raise self._lost(mqtt.error_string(info.rc))
        self._sent[info.mid] = sent = Sent()
        return sent

    def close(self) -> None:
        """May be called at any time."""
        self._client.disconnect()

    def _turn(self, wait_s: float) -> None:
        code = self._client.loop(wait_s)
        if self._why or code != mqtt.MQTT_ERR_SUCCESS:
            raise self._lost(self._why or mqtt.error_string(code))

    def _lost(self, why: str) -> LineError:
        return LineError(
            f"{self._broker}: {both('không có kết nối', 'no connection')} ({self.name}): {why}"
        )

    def _on_connect(
        self, client: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Any
    ) -> None:
        if reason.is_failure:
            self._why = str(reason)
        else:
            client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, _c: Any, _u: Any, _m: int, reasons: list[ReasonCode], _p: Any) -> None:
        self._ready = True
        self._why = next((str(reason) for reason in reasons if reason.is_failure), "")

    def _on_message(self, _c: Any, _u: Any, message: mqtt.MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", b"")
        self._heard.append(
            Heard(message.topic, bytes(message.payload), message.retain, correlation)
        )

    def _on_publish(self, _c: Any, _u: Any, mid: int, reason: ReasonCode, _p: Any) -> None:
        sent = self._sent.pop(mid, None)
        if sent is not None:
            sent.taken = not reason.is_failure
            sent.nobody = reason.value == NOBODY
            sent.why = str(reason) if reason.is_failure else ""

    def _on_disconnect(self, _c: Any, _u: Any, _f: Any, reason: ReasonCode, _p: Any) -> None:
        # Mosquitto does not always say so (MQTT 5, 3.14.2.1: session taken over).
        taken_over = both(
            "có ai khác đang dùng chứng thư này không?", "does somebody else use this certificate?"
        )
        self._why = self._why or (f"{reason}; {taken_over}" if self._ready else str(reason))


def operator_name(folder: Path, name: str = "") -> str:
    """Whose certificate lies in `folder`: `name`, or the only one there. Raises ConfigError."""
    found = sorted(path.stem for path in folder.glob("_fleet-*.crt"))
    if name and name not in found:
        found = []
    if not found or (len(found) > 1 and not name):
        what = ", ".join(found) or "0"
        raise ConfigError(
            [
                f"{folder}: "
                + both(
                    f"cần đúng một chứng thư _fleet-*.crt (thấy {what}); chọn bằng --name",
                    f"one certificate _fleet-*.crt is needed (found {what}); choose with --name",
                )
            ]
        )
    chosen = name or found[0]
    try:
        subject = x509.load_pem_x509_certificate(files.read(folder / f"{chosen}.crt")).subject
    except ValueError as error:
        raise ConfigError([f"{folder / chosen}.crt: not a certificate in PEM"]) from error
    names = [str(a.value) for a in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [chosen]:
        raise ConfigError([f"{folder / chosen}.crt is for {names}; expected {chosen}"])
    return chosen
