"""What flows through the kiosk, from a camera frame to a sealed check-in. No I/O.

Times that leave the device are integers in milliseconds: `*_ms` on the wall clock count
from 1970-01-01 UTC, `boottime_ms` is Linux's CLOCK_BOOTTIME.
"""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FIRMWARE = "0.1.0"
"""Version of this firmware; `setup.py` reads it here."""

SCHEMA = 1
"""Version of everything that is stored in the outbox and sent on the wire."""

VIETNAM = timezone(timedelta(hours=7))
"""Everybody's clock here: UTC+7, all year, since 1975."""

Outcome = Literal["pass", "warn", "fail"]
Direction = Literal["in", "out", "unknown"]
ClockState = Literal["synced", "floor", "unknown"]
Signature = Literal["none", "valid", "invalid", "unknown-key"]
Seq = Annotated[int, Meta(ge=1, le=2**53)]
Hex = Annotated[str, Meta(pattern=r"^[0-9a-f]{8,64}\Z")]
Word = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,40}\Z")]
Millis = Annotated[int, Meta(ge=0, le=2**53)]
Hint = Literal["closer", "hold-still", "too-bright", "one-at-a-time"]
"""What a visitor could do so that the code can be read."""
Asked = Literal["identify", "self-test", "updating", "set-up", "shutdown"]
"""Screens that a technician or the centre asks for."""
Page = Literal["pixels", "words", "light", "sound", "button"]
"""Pages of the panel's self-test."""
Question = Literal["symptoms", "contact"]
"""Of the health declaration (Decision 2666/QD-BYT): symptoms; contact in the last 21 days. In the
order in which they are asked."""
Risk = Literal["none", "not-checked", "clear", "follow-up", "quarantine"]
"""What the risk list says of a person, the gravest last: none = the kiosk has none;
not-checked = it has one, and could not ask it; clear = not on it."""
RISKY: tuple[Risk, ...] = ("follow-up", "quarantine")
Role = Literal["identity", "declaration", "certificate", "place", "other"]


class Frame(Protocol):
    """One picture as the decoder needs it; camera drivers bring their own class."""

    @property
    def grey(self) -> npt.NDArray[np.uint8]:
        """Luma, shape (height, width)."""

    @property
    def at(self) -> float:
        """CLOCK_BOOTTIME in seconds when the frame became available."""


class Symbol(msgspec.Struct, frozen=True):
    """A code found in a frame. `corners` are (x, y) pixels; `payload` is bytes, never text."""

    payload: bytes
    kind: str
    corners: tuple[tuple[int, int], ...]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What a health certificate attests of its holder, the same whatever the format.

    `date`: ISO 8601, a day ("2021-08-02") or a moment with its offset from UTC; of a
    vaccination the day of the dose, of a test that of the sample, of a recovery that of the
    first positive result. Vaccination: `product` is a name of `credentials.products`, or the
    code as it was written; `dose` is its number, 0 = not said. Test: `method` and whether the
    virus was `detected`.
    """

    kind: Literal["vaccination", "test", "recovery"]
    date: str
    product: str = ""
    dose: int = 0
    method: Literal["", "pcr", "antigen"] = ""
    detected: bool = False


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What a payload says, once its format has read it. Nothing here is judged yet.

    `subject` is one key per person across formats ("vn-id:001093029317"), empty when the
    code names nobody. `display` is the abbreviated name for the panel. `valid_from` and
    `valid_until` are seconds since 1970 UTC, None when the code does not say. `events`: what it
    attests, oldest first. `signed` says whether the signature holds, `revoked` whether its issuer
    took the code or the key back since; of a forged code nothing is revoked.
    """

    format: str
    role: Role
    subject: str = ""
    display: str = ""
    claims: dict[str, Any] = {}
    events: tuple[Event, ...] = ()
    signed: Signature = "none"
    revoked: bool = False
    issuer: str = ""
    valid_from: float | None = None
    valid_until: float | None = None


class Verdict(msgspec.Struct, frozen=True):
    """The answer to one showing. `reason` is a word of `credentials.policy.REASONS`, by which
    `screens.texts` has the sentence for the panel; `recorded` says whether a check-in is made
    of it; `colour` is what the policy's rules give, "" = none, or it cannot be told. `questions`:
    the visitor may answer those of the declaration instead of getting this answer."""

    outcome: Outcome
    reason: str
    recorded: bool
    colour: str = ""
    questions: bool = False


class Declared(msgspec.Struct, frozen=True):
    """What somebody answered to each `Question`: True = yes."""

    symptoms: bool
    contact: bool


class Visit(msgspec.Struct, frozen=True):
    """What the kiosk knows of a showing besides the code: which way the person goes, how many
    others are inside by its own count, seconds since the same person was last recorded, if
    that was in the same direction and lately, and what they declared here just now, if they
    were asked."""

    direction: Direction = "unknown"
    inside: int = 0
    since_s: float | None = None
    declared: Declared | None = None


class Instant(msgspec.Struct, frozen=True):
    """A moment with everything that is known of it: wall clock, how far to trust it,
    which boot, and how long after that boot (suspend included)."""

    wall_ms: Millis
    clock: ClockState
    boot_id: Annotated[str, Meta(max_length=64)]
    boottime_ms: Millis


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed part of a check-in: readable at the centre alone. `signed` is "revoked" where
    the credential is. `party` is a random token that the records of an adult and of the
    dependants shown right after share."""

    format: str
    role: Role
    subject: str
    signed: Signature | Literal["revoked"]
    issuer: str
    claims: dict[str, Any]
    risk: Risk = "none"
    party: str = ""
    colour: Annotated[str, Meta(pattern=r"^[a-z0-9-]{0,40}\Z")] = ""


class CheckIn(msgspec.Struct, frozen=True, kw_only=True):
    """One durable record. `(device_id, epoch, seq)` is its key; the device stands in the
    header of its segment. `id` is random and tells a re-sent record from a reused key.
    `sealed` is a `Person`, encrypted by `kiosk.seal`."""

    epoch: Hex
    seq: Seq
    id: Hex
    scanned_at_ms: Millis
    clock: ClockState
    boot_id: Annotated[str, Meta(max_length=64)]
    boottime_ms: Millis
    direction: Direction
    outcome: Outcome
    reason: Word
    sealed: bytes


class Envelope(msgspec.Struct, frozen=True):
    """A segment's key, sealed to one recipient. `kid` names the recipient's public key."""

    kid: str
    suite: str
    sealed_key: bytes


class EpochEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Where an epoch ended: every number of it below `next_seq` was used."""

    epoch: Hex
    next_seq: Seq


class SegmentHeader(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a segment says about itself; every record in it is bound to it, but for `previous`:
    the epoch before, when records of it still lay on the card as this one began."""

    schema: int
    device_id: str
    epoch: Hex
    first_seq: Seq
    envelopes: list[Envelope]
    previous: EpochEnd | None = None
