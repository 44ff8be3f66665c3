"""One MQTT 5 connection over mutual TLS, from CONNECT to its end.

A client is made for each connection and forgotten with it: nothing that an earlier one
left unanswered is repeated behind the owner's back. The broker keeps the session
(clean start off), so that acknowledgements wait for a kiosk that is briefly away.
paho's callbacks only take notes; the owner acts on them between two turns.
"""

from __future__ import annotations

import logging
import secrets
import select
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from kiosk import reach, wire
from kiosk.config import Broker
from kiosk.errors import WireError
from kiosk.reach import Address, Reason, reason
from kiosk.uplink import words
from kiosk.uplink.transport import Client, ErrorNotes
from kiosk.validity import Validity

log = logging.getLogger("kiosk.uplink")

ANSWER_TIMEOUT_S = 20.0
SESSION_EXPIRY_S = 24 * 3600
WILL_DELAY_S = 30
_WITH_WILL = 4  # reason code of a DISCONNECT after which the broker publishes the will

Leaf = Literal["state", "info", "tele", "checkin", "alert", "rsp", "cfg", "doc"]
Birth = Callable[[str], wire.Info]


class HasFileno(Protocol):
    """What select(2) takes."""

    def fileno(self) -> int: ...


class Received(NamedTuple):
    """A message that is not the connection's own business. `reply_to` and `correlation` are MQTT
    5's response topic and correlation data; empty where the sender gave none."""

    topic: str
    payload: bytes
    reply_to: str = ""
    correlation: bytes = b""


class Connection:
    """`ready` once subscribed, `over` once ended, with the reason in `why`. `risk_keys` are
    those that the centre sent last, None when it said nothing of them; `pace` likewise. `topics`
    are further filters to subscribe to; what comes by them waits for `take_received`. `patient`
    waits for a refusal of our certificate, see `kiosk.reach.connect`. `validity` judges the
    broker's certificate; without one the system's clock does."""

    def __init__(
        self,
        broker: Broker,
        to: Address,
        kid: str,
        birth: Birth,
        topics: Sequence[str] = (),
        patient: bool = False,
        *,
        validity: Validity | None = None,
    ) -> None:
        self.ready = False
        self.over = False
        self.why = reason("connecting")
        self.risk_keys: list[bytes] | None = None
        self.pace: wire.Pace | None = None
        self._acks: list[wire.Ack] = []
        self._received: list[Received] = []
        self._topics = topics
        self._broker = broker
        self._validity = validity
        self._to = to
        self._patient = patient
        self._kid = kid
        self._birth = birth
        self._sid = secrets.token_hex(8)
        self._centres: dict[str, wire.Presence] = {}
        self._answer_due = float("inf")
        self._unanswered: dict[int, tuple[str, Callable[[], None] | None]] = {}
        self._errors = ErrorNotes()
        self._client = self._made()

    def _made(self) -> mqtt.Client:
        client = Client(self._kid, self._to, self._way)
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

    def _way(self) -> ssl.SSLSocket:
        broker = self._broker
        context = reach.tls_context(broker.ca, broker.certificate, broker.key)
        if self._validity is not None:
            self._validity.judge(context)
        return reach.connect(self._to, reach.proxy(broker.proxy), context, self._patient)

    def open(self) -> None:
        """Looks the name up, connects, shakes hands, sends CONNECT. Blocks for as long as
        the resolver does, and a few seconds more.

        Raises KioskError (Unreachable, ConfigError) or OSError.
        """
        expiry = _properties(PacketTypes.CONNECT, SessionExpiryInterval=SESSION_EXPIRY_S)
        self._client.connect(
            self._to.name,
            self._to.port,
            sign_of_life_s(self._broker.keepalive_s),
            clean_start=False,
            properties=expiry,
        )
        self._answer_due = time.monotonic() + ANSWER_TIMEOUT_S

    def wait(self, wait_s: float, others: Sequence[HasFileno]) -> None:
        """Until the line or one of `others` has something to say, at most `wait_s`."""
        line: Any = self._client.socket()
        if line is not None and not line.pending():  # what TLS has read already wakes no select
            writing = [line] if self._client.want_write() else []
            select.select([line, *others], writing, [], wait_s)

    def turn(self, wait_s: float) -> None:
        """Reads and writes what there is, waits at most `wait_s` for it."""
        code = self._client.loop(wait_s)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS and not self.over:
            self._end(reason("other", mqtt.error_string(code)))
        if not self.ready and time.monotonic() > self._answer_due:
            self._end(reason("mute", f"{ANSWER_TIMEOUT_S:g} s"))

    def take_acks(self) -> list[wire.Ack]:
        """The centre's acknowledgements since the last call."""
        acks, self._acks = self._acks, []
        return acks

    def take_received(self) -> list[Received]:
        """What came by the further topics since the last call, oldest first."""
        received, self._received = self._received, []
        return received

    @property
    def sid(self) -> str:
        """What this connection is called in `State` and `Info`."""
        return self._sid

    @property
    def centre(self) -> bool:
        """At least one ingest worker says that it is there."""
        return self.ready and any(c.st == "online" for c in self._centres.values())

    @property
    def centre_why(self) -> str:
        """Why the centre is away, in its own words if it left any."""
        said = [c.why for c in self._centres.values() if c.why]
        if self._centres:
            away = "centre away / trung tâm vắng"
            return words.plain(f"{away}: {said[0]}" if said else away, 200)
        # Mosquitto 2.0 grants a subscription that its ACL forbids, and never delivers.
        return (
            "centre away: no worker of it was heard; does one run, do the broker's rules let it"
            " through? / trung tâm vắng: chưa nghe thấy central.ingest; nó có chạy không, luật của"
            " máy chủ có cho qua không?"
        )

    def publish(
        self,
        leaf: Leaf,
        payload: bytes,
        what: str,
        *,
        qos: Literal[0, 1] = 1,
        retain: bool = False,
        expiry_s: int | None = None,
        correlation: bytes = b"",
        taken: Callable[[], None] | None = None,
    ) -> bool:
        """False when it could not be sent. `what` names it in the log should the broker
        refuse it; `taken` is called when the broker has taken it."""
        if not self.ready or self.over:
            return False
        wanted = {"MessageExpiryInterval": expiry_s, "CorrelationData": correlation or None}
        given = {name: value for name, value in wanted.items() if value is not None}
        properties = _properties(PacketTypes.PUBLISH, **given)
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

    def _end(self, why: Reason) -> None:
        if not self.over:  # the first reason is the true one
            self.over, self.why = True, why

    def _on_connect(
        self, client: mqtt.Client, _user: Any, _flags: Any, code: ReasonCode, _more: Any
    ) -> None:
        if code.is_failure:
            self._end(_of(code))
            return
        own = (wire.down(self._kid, "ack"), wire.RISK_KEYS, wire.PACE, wire.PRESENCE_OF_ALL)
        topics = (*own, *self._topics)
        client.subscribe([(topic, 1) for topic in topics])

    def _on_subscribe(
        self, _client: Any, _user: Any, _mid: int, codes: list[ReasonCode], _more: Any
    ) -> None:
        if any(code.is_failure for code in codes):
            self._end(reason("deaf"))
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
            elif message.topic == wire.PACE:
                payload = bytes(message.payload)
                self.pace = wire.decode(payload, wire.Pace) if payload else wire.Pace()
            elif not message.topic.startswith(wire.SERVERS):
                self._received.append(_received(message))
            elif message.payload:
                self._centres[message.topic] = wire.decode(bytes(message.payload), wire.Presence)
            else:  # an empty retained message takes back what was retained
                self._centres.pop(message.topic, None)
        except (WireError, UnicodeDecodeError) as error:
            log.warning("message of the centre not understood: %s", words.plain(str(error), 200))

    def _on_publish(self, _client: Any, _user: Any, mid: int, code: ReasonCode, _more: Any) -> None:
        what, taken = self._unanswered.pop(mid, ("", None))
        if code.is_failure:
            log.error("broker refused %s: %s", what, _of(code))
        elif taken is not None:
            taken()

    def _on_disconnect(
        self,
        _client: Any,
        _user: Any,
        flags: mqtt.DisconnectFlags,
        code: ReasonCode,
        _more: Any,
    ) -> None:
        if flags.is_disconnect_packet_from_server or code.value in reach.OURS:
            self._end(_of(code))
        elif self._errors.last is not None:
            self._end(self._errors.last)
        else:
            self._end(reason("reset" if self.ready else "unanswered"))


def sign_of_life_s(keepalive_s: int) -> int:
    """MQTT's keep alive. The client gives a silent line up after twice as long (a ping, and the
    wait for its answer), the broker after 1.5 times: 1.5 and 1.1 times `keepalive_s`."""
    return max(1, keepalive_s * 3 // 4)


def _of(code: ReasonCode) -> Reason:
    return reach.of_mqtt(code.value, code.getName())


def _received(message: mqtt.MQTTMessage) -> Received:
    properties = message.properties
    return Received(
        message.topic,
        bytes(message.payload),
        getattr(properties, "ResponseTopic", ""),
        getattr(properties, "CorrelationData", b""),
    )


def _properties(kind: int, **values: int | bytes) -> Properties:
    properties = Properties(kind)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties
