"""One MQTT 5 connection over mutual TLS, from CONNECT to its end.

A client is made for each connection and forgotten with it: nothing that an earlier one
left unanswered is repeated behind the owner's back. The broker keeps the session
(clean start off), so that acknowledgements wait for a kiosk that is briefly away.
paho's callbacks only take notes; the owner acts on them between two turns.
"""

from __future__ import annotations

import logging
import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from kiosk import wire
from kiosk.config import Broker
from kiosk.errors import ConfigError, WireError
from kiosk.uplink import words
from kiosk.validity import Validity

log = logging.getLogger("kiosk.uplink")

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 10.0
SESSION_EXPIRY_S = 24 * 3600
WILL_DELAY_S = 30
_WITH_WILL = 4  # reason code of a DISCONNECT after which the broker publishes the will

Leaf = Literal["state", "info", "tele", "checkin", "alert"]
Birth = Callable[[str], wire.Info]


class Received(NamedTuple):
    """A message that is not the connection's own business. `reply_to` and `correlation` are MQTT
    5's response topic and correlation data; empty where the sender gave none."""

    topic: str
    payload: bytes
    reply_to: str = ""
    correlation: bytes = b""


def tls_context(broker: Broker) -> ssl.SSLContext:
    """Mutual TLS from the configured files. Raises ConfigError, naming the file at fault."""
    for key in ("ca", "certificate", "key"):
        path = getattr(broker, key)
        try:
            path.open("rb").close()  # ssl's own error does not say which file it was
        except OSError as error:
            raise ConfigError([f"broker.{key}: cannot read {path}: {error.strerror}"]) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(broker.ca)
    except ssl.SSLError as error:
        raise ConfigError([f"broker.ca: {broker.ca} holds no certificate in PEM"]) from error
    try:
        # An encrypted key would be asked for on the terminal if no password were given.
        context.load_cert_chain(broker.certificate, broker.key, password="")
    except ssl.SSLError as error:
        wrong = (
            "they do not belong together"
            if error.reason == "KEY_VALUES_MISMATCH"
            else "no certificate and unencrypted key in PEM"
        )
        files = f"{broker.certificate}, {broker.key}"
        raise ConfigError([f"broker.certificate, broker.key: {wrong}: {files}"]) from error
    return context


class Connection:
    """`ready` once subscribed, `over` once ended, with the reason in `why`. `risk_keys` are
    those that the centre sent last, None when it said nothing of them. `topics` are further
    filters to subscribe to; what comes by them waits for `take_received`. `validity` judges the
    broker's certificate; without one the system's clock does."""

    def __init__(
        self,
        broker: Broker,
        host: str,
        port: int,
        kid: str,
        birth: Birth,
        topics: Sequence[str] = (),
        *,
        validity: Validity | None = None,
    ) -> None:
        self.ready = False
        self.over = False
        self.why = ""
        self.risk_keys: list[bytes] | None = None
        self._acks: list[wire.Ack] = []
        self._received: list[Received] = []
        self._topics = topics
        self._broker = broker
        self._validity = validity
        self._address = (host, port)
        self._kid = kid
        self._birth = birth
        self._sid = secrets.token_hex(8)
        self._centres: dict[str, wire.Presence] = {}
        self._answer_due = float("inf")
        self._unanswered: dict[int, tuple[str, Callable[[], None] | None]] = {}
        self._errors = _ErrorNotes()
        self._client = self._made()

    def _made(self) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._kid, protocol=mqtt.MQTTv5)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.enable_logger(self._errors.logger)
        client.will_set(
            wire.up(self._kid, "state"),
            wire.encode(wire.State("lost", self._sid)),
            qos=1,
            retain=True,
            properties=_properties(PacketTypes.WILLMESSAGE, WillDelayInterval=WILL_DELAY_S),
        )
        return client

    def open(self) -> None:
        """Looks the name up, connects, shakes hands, sends CONNECT. Blocks for as long as
        the resolver does and `CONNECT_TIMEOUT_S` per address.

        Raises OSError (ssl.SSLError and socket.gaierror among them) or ValueError.
        """
        context = tls_context(self._broker)
        if self._validity is not None:
            self._validity.judge(context)
        self._client.tls_set_context(context)
        expiry = _properties(PacketTypes.CONNECT, SessionExpiryInterval=SESSION_EXPIRY_S)
        self._client.connect(
            *self._address, self._broker.keepalive_s, clean_start=False, properties=expiry
        )
        self._answer_due = time.monotonic() + ANSWER_TIMEOUT_S

    def turn(self, wait_s: float) -> None:
        """Reads and writes what there is, waits at most `wait_s` for it."""
        code = self._client.loop(wait_s)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS and not self.over:
            self._end(mqtt.error_string(code))
        if not self.ready and time.monotonic() > self._answer_due:
            self._end(f"the broker takes connections but says nothing for {ANSWER_TIMEOUT_S:g} s")

    def take_acks(self) -> list[wire.Ack]:
        """The centre's acknowledgements since the last call."""
        acks, self._acks = self._acks, []
        return acks

    def take_received(self) -> list[Received]:
        """What came by the further topics since the last call, oldest first."""
        received, self._received = self._received, []
        return received

    @property
    def centre(self) -> bool:
        """At least one ingest worker says that it is there."""
        return self.ready and any(c.st == "online" for c in self._centres.values())

    @property
    def centre_why(self) -> str:
        """Why the centre is away, in its own words if it left any."""
        said = [c.why for c in self._centres.values() if c.why]
        return words.plain("centre away: " + said[0] if said else "centre away")

    def publish(
        self,
        leaf: Leaf,
        payload: bytes,
        what: str,
        *,
        qos: Literal[0, 1] = 1,
        retain: bool = False,
        expiry_s: int | None = None,
        taken: Callable[[], None] | None = None,
    ) -> bool:
        """False when it could not be sent. `what` names it in the log should the broker
        refuse it; `taken` is called when the broker has taken it."""
        if not self.ready or self.over:
            return False
        expiry = {} if expiry_s is None else {"MessageExpiryInterval": expiry_s}
        properties = _properties(PacketTypes.PUBLISH, **expiry)
        sent = self._client.publish(wire.up(self._kid, leaf), payload, qos, retain, properties)
        if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS and qos:
            self._unanswered[sent.mid] = (what, taken)
        return sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def leave(self, within_s: float) -> None:
        """Says `off`, waits until the broker has it, disconnects without the will."""
        due = time.monotonic() + within_s
        gone: list[bool] = []
        state = wire.encode(wire.State("off", self._sid))
        self.publish("state", state, "state", retain=True, taken=lambda: gone.append(True))
        while not self.over and not gone and time.monotonic() < due:
            self.turn(0.1)
        self._client.disconnect()

    def drop(self) -> None:
        """Closes what is left. The broker publishes the will if the session was alive."""
        self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=_WITH_WILL))
        # The client's callbacks refer to us: without this both would outlive their use.
        del self._client

    def _end(self, why: str) -> None:
        if not self.over:  # the first reason is the true one
            self.over, self.why = True, why

    def _on_connect(
        self, client: mqtt.Client, _user: Any, _flags: Any, reason: ReasonCode, _more: Any
    ) -> None:
        if reason.is_failure:
            self._end(words.verdict(reason))
            return
        own = (wire.down(self._kid, "ack"), wire.RISK_KEYS, wire.PRESENCE_OF_ALL)
        topics = (*own, *self._topics)
        client.subscribe([(topic, 1) for topic in topics])

    def _on_subscribe(
        self, _client: Any, _user: Any, _mid: int, reasons: list[ReasonCode], _more: Any
    ) -> None:
        refused = [r for r in reasons if r.is_failure]
        if refused:
            self._end("no acknowledgement could be received: " + words.verdict(refused[0]))
            return
        self.ready = True
        state = wire.State("online", self._sid)
        self.publish("state", wire.encode(state), "state", retain=True)
        self.publish("info", wire.encode(self._birth(self._sid)), "info", retain=True)

    def _on_message(self, _client: Any, _user: Any, message: mqtt.MQTTMessage) -> None:
        try:
            if message.topic == wire.down(self._kid, "ack"):
                self._acks.append(wire.decode(bytes(message.payload), wire.Ack))
            elif message.topic == wire.RISK_KEYS:
                payload = bytes(message.payload)
                self.risk_keys = wire.decode(payload, wire.RiskKeys).keys if payload else []
            elif not message.topic.startswith(wire.SERVERS):
                self._received.append(_received(message))
            elif message.payload:
                self._centres[message.topic] = wire.decode(bytes(message.payload), wire.Presence)
            else:  # an empty retained message takes back what was retained
                self._centres.pop(message.topic, None)
        except (WireError, UnicodeDecodeError) as error:
            log.warning("message of the centre not understood: %s", words.plain(str(error), 200))

    def _on_publish(
        self, _client: Any, _user: Any, mid: int, reason: ReasonCode, _more: Any
    ) -> None:
        what, taken = self._unanswered.pop(mid, ("", None))
        if reason.is_failure:
            log.error("broker refused %s: %s", what, words.verdict(reason))
        elif taken is not None:
            taken()

    def _on_disconnect(
        self,
        _client: Any,
        _user: Any,
        flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _more: Any,
    ) -> None:
        if flags.is_disconnect_packet_from_server or reason.value in words.OURS:
            self._end(words.verdict(reason))
        elif self._errors.last:
            self._end(self._errors.last)
        elif self.ready:
            self._end("the broker closed the connection")
        else:
            self._end("the broker closed the connection before it answered")


def _received(message: mqtt.MQTTMessage) -> Received:
    properties = message.properties
    return Received(
        message.topic,
        bytes(message.payload),
        getattr(properties, "ResponseTopic", ""),
        getattr(properties, "CorrelationData", b""),
    )


def _properties(kind: int, **values: int) -> Properties:
    properties = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


class _ErrorNotes(logging.Handler):
    """paho tells errors of the socket to its logger alone; this keeps the last, in words."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last = ""
        self.logger = logging.Logger("paho", logging.ERROR)  # not of the tree: says nothing
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        for argument in record.args or ():
            if isinstance(argument, OSError):
                self.last = words.failure(argument)
