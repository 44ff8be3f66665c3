"""A kiosk's card, and what the centre signs for it, in a test's hand."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kiosk import signed, wire
from kiosk.config.desired import InForce, in_force
from kiosk.desired import Files, mark
from kiosk.signed import Kind
from kiosk.uplink.desired import Desired, begin
from kiosk.uplink.health import Health
from kiosk.uplink.memory import Memory

FLEET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEYS = signed.keys_by_id([FLEET.public_key()])
KID = "gate-1"
TRIAL_S = 60.0
OTHERS = ("scanner", "feedback")


class Card:
    """/etc/kiosk, /var/lib/kiosk and /run/kiosk of one kiosk, below `root`."""

    def __init__(self, root: Path, state: Path | None = None) -> None:
        self.etc, self.state, self.run = root / "etc", state or root / "state", root / "run"
        for folder in (self.etc, self.state, self.run):
            folder.mkdir(exist_ok=True)
        self.files = Files.below(self.state)
        public = FLEET.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (self.etc / "fleet-sign.pub").write_bytes(public)
        self.site = self.etc / "site.toml"
        self.site.write_text(
            f"""
[kiosk]
id = "{KID}"
place = "Chợ"
[paths]
state = "{self.state}"
run = "{self.run}"
[judge]
fleet_keys = ["fleet-sign.pub"]
[broker]
hosts = ["localhost:8883"]
"""
        )
        self.paths = [self.site]
        self._locks: dict[str, int] = {}

    def in_force(self) -> InForce:
        return in_force(self.paths)

    def value(self, section: str, key: str) -> object:
        return next(
            s.value for s in self.in_force().settings if (s.section, s.key) == (section, key)
        )

    def works(self, daemon: str, version: int) -> None:
        """A daemon is up, with this version of the configuration."""
        self.dies(daemon)
        file = mark(self.run, daemon)
        file.write_text(f"{version}\n")
        self._locks[daemon] = os.open(file, os.O_RDWR)
        fcntl.flock(self._locks[daemon], fcntl.LOCK_EX)

    def dies(self, daemon: str) -> None:
        if daemon in self._locks:
            os.close(self._locks.pop(daemon))


def document(
    version: int,
    text: str = "",
    kid: str | None = KID,
    kind: Kind = "config",
    key: Ed25519PrivateKey = FLEET,
) -> bytes:
    """A signed configuration."""
    named = f'[kiosk]\nid = "{kid}"\n' if kid is not None else ""
    return signed.sign(key, kind, version, (named + text).encode())


class Link:
    """A connection that takes everything."""

    def __init__(self) -> None:
        self.said: list[wire.Reported] = []

    def publish(self, leaf: str, payload: bytes, what: str, *, retain: bool) -> bool:
        assert (leaf, retain, what) == ("cfg", True, "reported configuration")
        self.said.append(wire.decode(payload, wire.Reported))
        return True


class Kiosk:
    """The uplink's part, again and again begun by systemd; the other daemons are ours."""

    def __init__(self, root: Path, state: Path | None = None) -> None:
        self.card = Card(root, state)
        self.files = self.card.files
        self.at = 1000.0
        self.centre = ""
        self.link: Link | None = Link()
        self.retained = b""
        self.others_work_with: Callable[[int], bool] = lambda version: True
        self.starts = 0
        self.desired: Desired | None = None

    def start(self) -> bool:
        """Whether the uplink came so far as to run."""
        self.starts += 1
        self.desired = None
        self.found = self.card.in_force()
        for daemon in OTHERS:
            if self.others_work_with(self.found.version):
                self.card.works(daemon, self.found.version)
            else:
                self.card.dies(daemon)
        memory = Memory(self.files)
        if not begin(self.found, memory):
            return False
        health = Health(self.card.run)
        self.desired = Desired(self.found, self.card.paths, KEYS, memory, health, TRIAL_S)
        if self.retained and self.link is not None:
            self.desired.hear(self.retained)
        return True

    def publish(self, signed: bytes) -> None:
        self.retained = signed
        if self.desired is not None:
            self.desired.hear(signed)

    def turn(self, seconds: float = 1.0) -> None:
        """A turn of the uplink, or its next start."""
        self.at += seconds
        if self.desired is None or self.found.changed:
            self.start()
            return
        link: Any = self.link
        self.desired.turn(self.at, self.centre, link)

    def settle(self, turns: int = 200) -> wire.Reported:
        """What it says in the end."""
        for _ in range(turns):
            self.turn()
        assert self.desired is not None
        return self.desired.reported

    def cut(self) -> None:
        """Nothing runs any more."""
        self.desired = None
        for daemon in OTHERS:
            self.card.dies(daemon)
