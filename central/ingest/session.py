"""The worker's MQTT session. Everything happens in the caller's thread, within `turn`:
an exception in a callback of paho's own thread would end that thread and nobody would know.
"""

from __future__ import annotations

import logging
import random
import socket
import ssl
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from kiosk import wire

log = logging.getLogger("central.ingest")

NO_PACE = wire.Pace()
KEEPALIVE_S = 10  # a connection that died silently is found within twice as long
# So long the broker gives its share of the check-ins, one in two of two workers, to a worker that
# never comes back: Mosquitto takes turns among sessions, not among connections.
SESSION_S = 60
GOODBYE_S = 5.0
_UNSPECIFIED = 128  # what paho calls the end of a connection that nobody explained
_IN_SESSION_TAKEN_OVER = 142  # MQTT 5, 3.14.2.1


# With TLS 1.3 a refused certificate looks like this to the client, RFC 8446, 4.4.2.4.
_UNWELCOME = (
    "it ended the connection without an answer, as a broker does that does not trust a"
    " certificate; is ours of its fleet, and not expired?"
)


class Backoff:
    """Full jitter: a random time up to a limit that doubles with each failure."""

    def __init__(self, base_s: float = 0.2, cap_s: float = 5.0) -> None:
        self._base_s, self._cap_s = base_s, cap_s
        self._failures = 0
        self.next_try = 0.0  # on the monotonic clock

    def failed(self) -> None:
        """Moves `next_try` into the future."""
        limit = min(self._cap_s, self._base_s * 2 ** min(self._failures, 16))
        self._failures += 1
        self.next_try = time.monotonic() + random.uniform(0, limit)

    def succeeded(self) -> None:
        """The next failure is the first again."""
        self._failures = 0


class Session:
    """`inbox` holds what the broker delivered and `done` has not acknowledged, oldest
    first. It empties when the connection is lost: the broker delivers all of it again."""

    def __init__(
        self,
        host: str,
        tls: ssl.SSLContext,
        name: str,
        shares: list[str],
        receive_maximum: int,
        risk_keys: list[bytes],
        pace: wire.Pace = NO_PACE,
    ) -> None:
        """`host` is "host:port"; the first of `shares` names the group of workers,
        the others are groups to leave. `risk_keys` (if there are any) and `pace` are published
        for all kiosks after each connecting. Does not connect."""
        self.inbox: list[mqtt.MQTTMessage] = []
        self._name = name
        self._filter, *self._former = [f"$share/{s}/{wire.CHECKINS_OF_ALL}" for s in shares]
        self._risk_keys = risk_keys
        self._pace = pace
        self._presence = wire.Presence("away", "starting")
        self._subscribed = False
        self._welcome = False  # the broker has answered on this connection
        self._said: int | None = None  # message id of a presence not yet confirmed
        self._lost_why = self._said_why = ""
        self._backoff = Backoff()
        self._client = client = mqtt.Client(
            CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5, manual_ack=True
        )
        library = log.getChild("mqtt")
        library.setLevel(logging.ERROR)  # below that it logs every topic
        client.enable_logger(library)
        client.on_socket_open = _without_delay
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.tls_set_context(tls)
        gone = wire.Presence("away", "connection lost")
        client.will_set(wire.presence(name), wire.encode(gone), qos=1, retain=True)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_S
        properties.ReceiveMaximum = receive_maximum
        properties.MaximumPacketSize = wire.MAX_BATCH_BYTES + 4096
        self._host, _, port = host.rpartition(":")
        client.connect_async(
            self._host.strip("[]"), int(port), KEEPALIVE_S, clean_start=False, properties=properties
        )

    def turn(self, timeout_s: float) -> None:
        """Waits up to `timeout_s` for something to happen, and lets it happen."""
        if self._client.socket() is None:
            wait = self._backoff.next_try - time.monotonic()
            if wait > 0:
                time.sleep(min(wait, timeout_s))
                return
            self._connect()
        else:
            self._client.loop(timeout_s)
        if self._client.socket() is None:
            self._lost()

    def say(self, presence: wire.Presence) -> None:
        """Publishes the presence, now or as soon as the subscription stands."""
        self._presence = presence
        if self._subscribed:
            topic = wire.presence(self._name)
            info = self._client.publish(topic, wire.encode(presence), qos=1, retain=True)
            self._said = info.mid

    def answer(self, kid: str, ack: wire.Ack) -> None:
        """Tells a kiosk what became of a segment. Lost when the connection is: the kiosk
        sends the segment again and gets the same answer."""
        self._client.publish(wire.down(kid, "ack"), wire.encode(ack), qos=1)

    def done(self, messages: list[mqtt.MQTTMessage]) -> None:
        """Acknowledges the first of the inbox to the broker, in their order (MQTT 5, 4.6).
        Those of a connection that is gone by now are not in it any more."""
        for message in messages:
            if not self.inbox or self.inbox[0] is not message:
                return
            # First out of the inbox: it is emptied when the connection ends in this call.
            del self.inbox[0]
            self._client.ack(message.mid, message.qos)

    def close(self, why: str) -> None:
        """Says that the worker is away, waits a moment for what is under way, leaves."""
        self.say(wire.Presence("away", why))
        until = time.monotonic() + GOODBYE_S
        # The broker confirms in order: with this, every answer before it has arrived.
        while self._subscribed and self._said and time.monotonic() < until:
            self.turn(0.1)
        self._client.disconnect()
        while self._client.socket() and time.monotonic() < until:
            self._client.loop(0.1)

    def _connect(self) -> None:
        self._lost_why = ""
        self._welcome = False
        self._forget()
        try:
            self._client.reconnect()
        except ssl.SSLCertVerificationError as error:
            self._lost_why = f"its certificate is not to be trusted: {error.verify_message}"
        except (OSError, ValueError) as error:
            self._lost_why = str(error)

    def _lost(self) -> None:
        if self._lost_why != self._said_why:  # once, however long it lasts
            log.warning("no connection to the broker %s: %s", self._host, self._lost_why)
            self._said_why = self._lost_why
        self._forget()
        self._backoff.failed()

    def _forget(self) -> None:
        """What belongs to one connection: the broker delivers again what it held."""
        self.inbox.clear()
        self._subscribed = False
        self._said = None

    def _on_connect(
        self, _c: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Properties | None
    ) -> None:
        self._welcome = True
        if reason.is_failure:
            self._lost_why = f"refused: {reason}"
            return
        # The broker's session remembers subscriptions of our last life.
        if self._former:
            self._client.unsubscribe(self._former)
        self._client.subscribe(self._filter, options=SubscribeOptions(qos=1))

    def _on_subscribe(
        self, _c: mqtt.Client, _u: Any, _m: int, reasons: list[ReasonCode], _p: Properties | None
    ) -> None:
        if reasons[0].is_failure:
            log.error("the broker refuses the subscription: %s; see its ACL", reasons[0])
            self._client.disconnect()
            return
        log.info("connected to the broker as %s", self._name)
        self._backoff.succeeded()
        self._said_why = ""
        self._subscribed = True
        if self._risk_keys:
            keys = wire.encode(wire.RiskKeys(self._risk_keys))
            self._client.publish(wire.RISK_KEYS, keys, qos=1, retain=True)
        # Nothing takes back what was said before.
        pace = wire.encode(self._pace) if self._pace != NO_PACE else b""
        self._client.publish(wire.PACE, pace, qos=1, retain=True)
        self.say(self._presence)

    def _on_message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        self.inbox.append(message)

    def _on_publish(
        self, _c: mqtt.Client, _u: Any, mid: int, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if mid == self._said:
            self._said = None
        if reason.is_failure:
            log.error("the broker refuses a message of ours: %s; see its ACL", reason)

    def _on_disconnect(
        self, _c: mqtt.Client, _u: Any, _f: Any, reason: ReasonCode, _p: Properties | None
    ) -> None:
        self._forget()  # it may end in any call that sends, not only in `turn`
        if not self._lost_why:
            broke = reason.value == _UNSPECIFIED
            said = "the connection broke without a word" if broke else str(reason)
            self._lost_why = said if self._welcome else _UNWELCOME
        if reason.value == _IN_SESSION_TAKEN_OVER:
            self._lost_why += f"; does another worker use the certificate of {self._name}?"


def _without_delay(_c: mqtt.Client, _u: Any, connection: Any) -> None:
    """An acknowledgement is two small packets; Nagle's algorithm would hold back the second
    until the first is confirmed, 40 ms later."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
