"""Whether a command may be carried out here and now. Pure: `now` and keys are arguments."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from kiosk import signed, wire
from kiosk.commands.memory import SKEW_MS
from kiosk.errors import DocumentError, KioskError, WireError
from kiosk.model import Instant


class Rejected(KioskError):
    """A command that is not carried out: `st` is "rejected" or "expired", `reason` a word of
    docs/wire.md. `id` is that of the command where it could be read."""

    def __init__(
        self, reason: str, detail: str, id: str = "", st: wire.Status = "rejected"
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail, self.id, self.st = reason, detail, id, st


class Admitted(NamedTuple):
    """A command for this kiosk. `key` is the id of the key that signed it, empty when none had
    to. `digest` is that of all that was sent."""

    command: wire.Command
    key: str
    digest: str


def read(payload: bytes, keys: signed.Keys) -> Admitted:
    """Raises Rejected when nobody known has signed what claims to be signed, or it is no
    command."""
    if len(payload) > wire.MAX_COMMAND_BYTES:
        raise Rejected(
            "too-large", f"{len(payload)} bytes, a command has at most {wire.MAX_COMMAND_BYTES}"
        )
    key, content = "", payload
    if signed.is_signed(payload):
        try:
            content = bytes(signed.open_signed(payload, "command", keys).content)
            key = signed.signer(payload)
        except DocumentError as error:
            raise Rejected("bad-signature", str(error)) from error
    try:
        command = wire.decode(content, wire.Command)
    except WireError as error:
        raise Rejected("unreadable", str(error)[:200]) from error
    return Admitted(command, key, hashlib.sha256(payload).hexdigest())


def check(found: Admitted, name: str, kid: str, sid: str, now: Instant) -> None:
    """`name` is that of the topic, `kid` this kiosk, `sid` its session with the broker.

    Raises Rejected."""
    command = found.command

    def no(reason: str, detail: str, st: wire.Status = "rejected") -> Rejected:
        return Rejected(reason, detail, command.id, st)

    if command.name not in wire.HARMLESS and not found.key:
        raise no("unsigned", f"{command.name} must be signed by the fleet's key")
    if command.kid != kid:
        raise no("wrong-kiosk", "it is for another kiosk")
    if command.name != name:
        raise no("wrong-topic", f"it is a command {command.name}, sent as another one")
    lifetime = command.expires_ms - command.issued_ms
    if not 0 < lifetime <= wire.MAX_LIFETIME_MS:
        raise no("lifetime", f"{lifetime} ms, allowed: up to {wire.MAX_LIFETIME_MS} ms")
    if now.clock != "unknown" and now.wall_ms >= command.expires_ms:
        late_s = (now.wall_ms - command.expires_ms) // 1000
        raise no("expired", f"{late_s} s ago, by this kiosk's clock", "expired")
    if not found.key:
        return
    if now.clock == "synced":
        if command.issued_ms > now.wall_ms + SKEW_MS:
            raise no("not-yet", "it is dated ahead of this kiosk's clock; compare the clocks")
    elif not command.sid or command.sid != sid:
        # Nothing else tells it from one that was kept back since yesterday.
        raise no(
            "clock-unset",
            "the kiosk's clock is not set, and the command is not for its present connection;"
            " send it again while the kiosk is online",
        )
