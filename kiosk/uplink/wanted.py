"""All that the centre wants of this kiosk: its configuration, and the documents for all kiosks."""

from __future__ import annotations

import logging
from pathlib import Path

from kiosk import wire
from kiosk.config import Config
from kiosk.documents import newest
from kiosk.errors import DocumentError, WireError
from kiosk.service import Service
from kiosk.signed import Keys, read_keys
from kiosk.uplink.connection import Connection, Received
from kiosk.uplink.desired import Desired
from kiosk.uplink.fetching import Fetching
from kiosk.uplink.health import Health
from kiosk.uplink.memory import Memory

log = logging.getLogger("kiosk.uplink")


class Wanted:
    """`topics` are to be subscribed to; what comes by them goes to `hear`."""

    def __init__(self, config: Config, daemon: Service, memory: Memory) -> None:
        assert daemon.desired is not None, "run() reads it"
        kid, judge = config.kiosk.id, config.judge
        keys = _keys(judge.fleet_keys)
        self._desired = Desired(
            daemon.desired,
            daemon.paths,
            keys,
            memory,
            Health(config.paths.run),
            config.uplink.trial_s,
        )
        self._documents = {
            wire.announced(kind): Fetching(
                kind, newest(config, kind, keys), keys, memory, config.uplink.spread_s
            )
            for kind in judge.from_centre
            if keys
        }
        self._configuration = wire.down(kid, "cfg")
        self.topics = (self._configuration, *self._documents, wire.parts_of(kid))
        self._link: Connection | None = None

    def hear(self, received: Received, at: float) -> None:
        """Passes over what is none of ours."""
        topic, payload = received.topic, received.payload
        if topic == self._configuration:
            self._desired.hear(payload)
        elif topic in self._documents:
            self._documents[topic].announced(payload, at)
        elif "/down/doc/" in topic:
            try:
                part = wire.part_of(topic)
            except WireError as error:
                log.warning("message of the centre not understood: %s", error)
                return
            fetching = self._documents.get(wire.announced(part.kind))
            if fetching is not None:
                fetching.part(part, payload, at)

    def turn(self, at: float, link: Connection | None, centre_lacks: str) -> None:
        """`centre_lacks`: why the centre does not answer; empty when it does."""
        self._desired.turn(at, centre_lacks, link)
        for fetching in self._documents.values():
            if link is not None and link is not self._link:
                fetching.connected(at)
            fetching.turn(at, lambda request: _ask(link, request))
        self._link = link

    def troubles(self) -> dict[str, str]:
        """Alerts of ours, and why they stand; empty where they do not."""
        refused = "; ".join(f.trouble for f in self._documents.values() if f.trouble)
        return {
            "config-refused": self._desired.trouble("refused"),
            "config-rolled-back": self._desired.trouble("rolled-back"),
            "document-refused": refused,
        }


def _ask(link: Connection | None, request: wire.DocumentRequest) -> bool:
    what = f"request for {request.kind}"
    return link is not None and link.publish("doc", wire.encode(request), what)


def _keys(files: list[Path]) -> Keys:
    """None where they cannot be read: then nothing of the centre is taken."""
    try:
        return read_keys(files)
    except (OSError, DocumentError) as error:
        log.error("nothing that the centre signed can be checked: %s", error)
        return {}
