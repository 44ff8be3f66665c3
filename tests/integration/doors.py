"""A kiosk's uplink as a process, and a centre in the test's hand."""

from __future__ import annotations

import queue
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from rig import Process, until

from kiosk import seal, wire
from kiosk.config import load
from kiosk.cues import Inlet, UplinkState
from kiosk.model import CheckIn, Person
from kiosk.outbox import Outbox, SealedSegments


class Door(Process):
    """A kiosk without camera and panel: the test writes the outbox and hears the cues, and
    `machine` looks like /, as far as the test puts something there."""

    def __init__(
        self,
        site: Path,
        folder: Path,
        ack_timeout_s: float = 1.0,
        telemetry_s: int = 1,
        keepalive_s: int = 5,
    ) -> None:
        self.outbox, self.run, self.machine = folder / "outbox", folder / "run", folder / "machine"
        self.outbox.mkdir(parents=True)
        self.run.mkdir()
        self.machine.mkdir()
        self.state_folder = folder / "state"
        self.state_folder.mkdir()
        board = folder / "board.toml"
        board.write_text(
            f"""
[paths]
outbox = "{self.outbox}"
run = "{self.run}"
state = "{self.state_folder}"
kernel = "{self.machine}"
[clock]
source = "system"
[broker]
keepalive_s = {keepalive_s}
reconnect_base_s = 0.1
reconnect_cap_s = 0.5
[uplink]
ack_timeout_s = {ack_timeout_s}
telemetry_s = {telemetry_s}
"""
        )
        self.files = [site, board]
        self.config = load(self.files)
        self._recipients = [seal.load_public(p.read_bytes()) for p in self.config.seal.recipients]
        self._writer = Outbox(self.outbox, 64, self._begin)
        self._panel = Inlet(self.run, "feedback")
        self._state: UplinkState | None = None
        self.segments = SealedSegments(self.outbox)
        self.options = [f"--config={file}" for file in self.files]
        command = [sys.executable, "-m", "kiosk.uplink", *self.options]
        super().__init__(command, folder / "uplink.log")

    def _begin(self, epoch: str, first_seq: int) -> seal.SegmentSeal:
        return seal.new_segment(self._recipients, self.config.kiosk.id, epoch, first_seq)

    def record(self, sealing: seal.SegmentSeal, seq: int) -> CheckIn:
        person = Person(
            format="vn-id",
            role="identity",
            subject=f"vn-id:{seq:012}",
            signed="none",
            issuer="",
            claims={},
        )
        return CheckIn(
            epoch=sealing.header.epoch,
            seq=seq,
            id=secrets.token_hex(8),
            scanned_at_ms=time.time_ns() // 1_000_000,
            clock="synced",
            boot_id="boot-1",
            boottime_ms=1000 * seq,
            direction="in",
            outcome="pass",
            reason="accepted",
            sealed=sealing.seal(seq, msgspec.json.encode(person)),
        )

    def visit(self, people: int = 1) -> None:
        """One more sealed segment."""
        for _ in range(people):
            self._writer.put(self.record)
        self._writer.tick(0.0, connected=True)

    @property
    def state(self) -> UplinkState | None:
        """What the uplink told the panel last."""
        for cue in self._panel.drain():
            assert isinstance(cue, UplinkState)
            self._state = cue
        return self._state

    def says(self, text: str) -> bool:
        assert self.running, self.said()
        return self.state is not None and text in self.state.why

    def empty(self) -> bool:
        assert self.running, self.said()
        return not self.segments.waiting()

    def close_panel(self) -> None:
        """Somebody else is the panel from now on."""
        self._panel.close()

    def close(self) -> None:
        super().close()
        self._writer.close()
        self._panel.close()


class Centre:
    """A centre in the test's hand: takes batches and answers as it is told."""

    def __init__(self, fleet: Path, port: int) -> None:
        self.batches: queue.Queue[wire.Batch] = queue.Queue()
        self.heard: list[tuple[str, bytes, bool]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "_ingest-2", protocol=mqtt.MQTTv5)
        stem = fleet / "_ingest-2"
        self._client.tls_set(str(fleet / "ca.crt"), f"{stem}.crt", f"{stem}.key")
        ready: queue.Queue[bool] = queue.Queue()
        everything = f"{wire.ROOT}/+/up/#"
        self._client.on_connect = lambda c, *_: c.subscribe(everything, 1)
        self._client.on_subscribe = lambda *_: ready.put(True)
        self._client.on_message = lambda _c, _u, message: self._hear(message)
        self._client.connect("localhost", port, 30)
        self._client.loop_start()
        ready.get(timeout=10)

    def _hear(self, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        self.heard.append((message.topic, payload, message.retain))
        if message.topic.endswith("/up/checkin"):
            self.batches.put(wire.decode(payload, wire.Batch))

    def alerts(self, code: str) -> list[wire.Alert]:
        """What was published of one alert, in order."""
        payloads = [p for topic, p, _ in self.heard if topic.endswith("/up/alert")]
        alerts = [wire.decode(p, wire.Alert) for p in payloads]
        return [alert for alert in alerts if alert.code == code]

    def last(self, leaf: str, kind: type[Any]) -> Any:
        """The last message on a topic of any kiosk; None while there is none."""
        payloads = [p for topic, p, _ in self.heard if topic.endswith(f"/up/{leaf}")]
        return wire.decode(payloads[-1], kind) if payloads else None

    def is_(self, st: Any) -> None:
        payload = wire.encode(wire.Presence(st))
        self._client.publish(wire.presence("_ingest-2"), payload, 1, True).wait_for_publish(10)

    def risk_keys(self, payload: bytes) -> None:
        until(self._client.is_connected, "the centre is connected")
        self._client.publish(wire.RISK_KEYS, payload, 1, True).wait_for_publish(10)

    def pace(self, payload: bytes) -> None:
        until(self._client.is_connected, "the centre is connected")
        self._client.publish(wire.PACE, payload, 1, True).wait_for_publish(10)

    def batch(self, timeout_s: float = 15) -> wire.Batch:
        return self.batches.get(timeout=timeout_s)

    def answer(self, batch: wire.Batch, leave_out: int = 0, refuse: str = "") -> None:
        seqs = [r.seq for r in batch.records][leave_out:]
        ack = wire.Ack(
            segment=batch.segment,
            accepted=[] if refuse else seqs,
            refused=[wire.Refusal(seq, refuse) for seq in seqs] if refuse else [],
            server_ms=time.time_ns() // 1_000_000,
        )
        topic = wire.down(batch.header.device_id, "ack")
        self._client.publish(topic, wire.encode(ack), 1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
