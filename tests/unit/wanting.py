"""A kiosk's card, and what the centre signs for it, in a test's hand."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kiosk import signed
from kiosk.config.desired import InForce, in_force
from kiosk.desired import Files, mark
from kiosk.signed import Kind

FLEET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEYS = signed.keys_by_id([FLEET.public_key()])
KID = "gate-1"


class Card:
    """/etc/kiosk, /var/lib/kiosk and /run/kiosk of one kiosk, below `root`."""

    def __init__(self, root: Path) -> None:
        self.etc, self.state, self.run = root / "etc", root / "state", root / "run"
        for folder in (self.etc, self.state, self.run):
            folder.mkdir()
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
