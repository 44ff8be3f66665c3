"""The contract between kiosk and centre: MQTT 5 topics and JSON payloads.

A kiosk id (`kid`) is opaque; it is at once the certificate's common name, the MQTT user
name and the client id. Decoders ignore unknown fields, since a fleet is always of mixed
age; whatever else is wrong raises `WireError`. Bytes travel as base64 (RFC 4648).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from kiosk.errors import WireError
from kiosk.model import (
    SCHEMA,
    CheckIn,
    ClockState,
    Hex,
    Instant,
    Millis,
    SegmentHeader,
    Seq,
    Word,
)

ROOT = f"kiosk/{SCHEMA}"
CHECKINS_OF_ALL = f"{ROOT}/+/up/checkin"
RISK_KEYS = f"{ROOT}/_all/down/risk-keys"
PACE = f"{ROOT}/_all/down/pace"
SERVERS = f"{ROOT}/_srv/"
PRESENCE_OF_ALL = f"{SERVERS}+/state"
MAX_BATCH_BYTES = 256 * 1024
MAX_COMMAND_BYTES = 16 * 1024
MAX_PART_BYTES = 64 * 1024
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
DOCUMENTS = ("policy", "trust", "risk")
"""Kinds of documents that are announced to all kiosks."""
HARMLESS = ("identify", "selftest")
"""Commands that need no signature of the fleet."""
MAX_LIFETIME_MS = 24 * 3600 * 1000

Severity = Literal["info", "warning", "critical"]
Line = Annotated[str, Meta(max_length=64)]
ConfigStatus = Literal["applied", "trial", "rolled-back", "refused"]
Status = Literal["accepted", "running", "done", "failed", "rejected", "expired"]
CommandId = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]

_PART = re.compile(
    rf"{ROOT}/[^/]+/down/doc/({'|'.join(DOCUMENTS)})/([1-9][0-9]{{0,15}})/(0|[1-9][0-9]{{0,8}})"
)

# A leading underscore is kept for topics that belong to no single kiosk (_all, _srv).
KID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def up(
    kid: str,
    leaf: Literal["state", "info", "tele", "checkin", "alert", "rsp", "cfg", "doc"],
) -> str:
    """Topic on which kiosk `kid` publishes."""
    return f"{ROOT}/{kid}/up/{leaf}"


def down(kid: str, leaf: Literal["ack", "cfg"]) -> str:
    """Topic on which the centre answers kiosk `kid`."""
    return f"{ROOT}/{kid}/down/{leaf}"


def command(kid: str, name: str) -> str:
    """Topic of one command to kiosk `kid`; `+` for all of them."""
    return f"{ROOT}/{kid}/down/cmd/{name}"


def announced(kind: str) -> str:
    """Topic on which the centre announces a document to all kiosks, retained: the two lines that
    come before its content."""
    return f"{ROOT}/_all/down/{kind}"


class Part(NamedTuple):
    """Which bytes of which document's content a message holds. They stand in its topic, so that
    the payload is those bytes and nothing else."""

    kind: str
    version: int
    offset: int

    def topic(self, kid: str) -> str:
        """Where kiosk `kid` receives it."""
        return f"{ROOT}/{kid}/down/doc/{self.kind}/{self.version}/{self.offset}"


def parts_of(kid: str) -> str:
    """Filter for the parts of documents that kiosk `kid` asked for."""
    return f"{ROOT}/{kid}/down/doc/#"


def part_of(topic: str) -> Part:
    """Raises WireError for any other topic."""
    match = _PART.fullmatch(topic)
    if match is None:
        raise WireError(f"topic {topic!r} is none of a document's part")
    return Part(match[1], int(match[2]), int(match[3]))


def presence(host: str) -> str:
    """Topic of the retained presence of one ingest worker."""
    return f"{SERVERS}{host}/state"


def kid_of(topic: str) -> str:
    """The kiosk that a topic belongs to. The broker's ACL vouches for it.

    Raises WireError for a topic that belongs to no kiosk.
    """
    parts = topic.split("/")
    if len(parts) < 4 or "/".join(parts[:2]) != ROOT or not KID.fullmatch(parts[2]):
        raise WireError(f"topic {topic!r} belongs to no kiosk; expected {ROOT}/<kid>/...")
    return parts[2]


class State(msgspec.Struct, frozen=True):
    """up/state, retained, and the will. A `lost` with an old `sid` is ignored."""

    st: Literal["online", "lost", "off"]
    sid: str


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """up/info, retained: the birth document."""

    sid: str
    firmware: str
    schema: int
    model: str
    place: str
    direction: str


class Host(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the machine tells of itself. None: it could not be read, or there is no such part.

    `throttled` (bits of the firmware's get_throttled: 0 under-voltage, 1 frequency capped, 2
    throttled, 3 soft temperature limit) and `under_voltage`: seen since the telemetry before;
    `throttled_ever`: since boot. `memory_kb` is available, `pss_kb` the uplink's own; `disk_kb` and
    `inodes` are free where the outbox lies. `card_life`: tenths of an eMMC's life that are used
    up, for each kind of its cells; `card_eol`: 1 normal, 2 warning, 3 urgent (JESD84-B51);
    `written_kb` since boot. `clock_offset_ms` and `ntp_synced` are the kernel's (adjtimex(2))."""

    soc_c: float | None = None
    under_voltage: bool | None = None
    throttled: int | None = None
    throttled_ever: int | None = None
    memory_kb: int | None = None
    pss_kb: int | None = None
    disk_kb: int | None = None
    inodes: int | None = None
    card_life: list[int] | None = None
    card_eol: int | None = None
    written_kb: int | None = None
    wifi_dbm: int | None = None
    clock_offset_ms: float | None = None
    ntp_synced: bool | None = None


class Unit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What systemd tells of one daemon: `state` as "active/running", `restarts` since it was
    last started by hand or at boot, `memory_kb` of its cgroup where the kernel counts it."""

    state: Line
    restarts: int | None = None
    memory_kb: int | None = None


class Scanning(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the scanner tells in its status line. `last_scan_s` ago an answer was given. `next_seq`
    is the first number of `epoch` that no record has: the centre has them all when it has those
    before it."""

    fps: float | None = None
    decode_ms: float | None = None
    scans: int | None = None
    rejected: int | None = None
    last_scan_s: int | None = None
    epoch: Hex | None = None
    next_seq: Seq | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that is raised now, and since when."""

    code: Line
    severity: Severity
    since_ms: Millis


class Telemetry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """up/tele, retained, expires: figures without personal data. What could not be read is
    absent. `alerts` are those that stand; once they are `alerts_whole`, every other one is
    cleared, whatever was last heard on up/alert. `up_s` is CLOCK_BOOTTIME, `documents` the
    versions of the signed lists on the card."""

    at_ms: int
    clock: ClockState
    pending_segments: int | None = None
    quarantined: int | None = None
    oldest_pending_s: int | None = None
    up_s: int | None = None
    firmware: Line = ""
    clock_source: Line = ""
    certificate_end_ms: int | None = None
    documents: dict[Line, int] = {}
    host: Host | None = None
    scanner: Scanning | None = None
    units: dict[Line, Unit] = {}
    alerts: list[Standing] = []
    alerts_whole: bool = False


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """up/alert: something was raised or cleared."""

    code: str
    severity: Severity
    raised: bool
    at_ms: int
    detail: str = ""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """up/checkin: records of one segment, 1 to 64. `anchor` is the kiosk's moment of
    sending, by which the centre corrects records made before the clock was right."""

    segment: str
    header: SegmentHeader
    anchor: Instant
    records: list[CheckIn]


class Refusal(msgspec.Struct, frozen=True):
    """A record that the centre keeps as a dead letter; the kiosk may forget it."""

    seq: int
    reason: str


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """down/ack, published after the database commit: every record of the message is
    either accepted or refused. `server_ms` is the centre's wall clock."""

    segment: str
    accepted: list[int]
    refused: list[Refusal] = []
    server_ms: int


class Presence(msgspec.Struct, frozen=True):
    """_srv/<host>/state, retained, and the will of an ingest worker."""

    st: Literal["online", "away"]
    why: str = ""


class RiskKeys(msgspec.Struct, frozen=True):
    """_all/down/risk-keys, retained: the keys of the risk lists in use, two while one list
    follows another. A kiosk keeps them in memory alone; an empty payload takes them back."""

    keys: Annotated[list[Annotated[bytes, Meta(min_length=32, max_length=32)]], Meta(max_length=4)]


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """down/cmd/<name>: one thing that one kiosk shall do, once. What is not `HARMLESS` travels as
    the content of a document of kind "command" that the fleet signed (`kiosk.signed`).

    `id` is new for each command and kiosk. `expires_ms` is at most `MAX_LIFETIME_MS` after
    `issued_ms`. `sid` is the kiosk's session when it was issued: a kiosk whose clock is not
    set cannot know otherwise that the command is of today."""

    id: CommandId
    kid: Annotated[str, Meta(max_length=64)]
    name: Word
    args: Annotated[dict[Line, Annotated[str, Meta(max_length=8192)]], Meta(max_length=16)] = {}
    issued_ms: Millis
    expires_ms: Millis
    sid: Line = ""


class Response(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """up/rsp: how far a command has come; the last three are final, and so is `done`. `reason` is
    a word, `detail` a sentence for a person; `result` is what was asked for. The same may come
    again."""

    id: Annotated[str, Meta(max_length=64)]
    name: Line
    st: Status
    at_ms: int
    clock: ClockState
    reason: Line = ""
    detail: str = ""
    result: dict[str, Any] = {}

    @property
    def final(self) -> bool:
        """Nothing else will come of it."""
        return self.st not in ("accepted", "running")


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """up/cfg, retained: version of the centre's configuration that the kiosk works by, 0 = none,
    and of the last one that was wanted. `why` it is not in force, in words."""

    version: int
    desired: int
    status: ConfigStatus
    why: str = ""


class DocumentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """up/doc: `bytes` of a document's content, from `offset` on, are asked for."""

    kind: Literal["policy", "trust", "risk"]
    version: Annotated[int, Meta(ge=1, le=2**53)]
    offset: Annotated[int, Meta(ge=0, lt=MAX_DOCUMENT_BYTES)]
    bytes: Annotated[int, Meta(ge=1, le=MAX_PART_BYTES)]


class Pace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """_all/down/pace, retained: how fast kiosks come back after their connection was lost, for
    all of them; seconds, see `Broker` in the configuration. What is None, and everything after an
    empty payload, is as configured. It is not signed, so its bounds keep it from doing harm."""

    reconnect_base_s: Annotated[float, Meta(ge=0.1, le=3600)] | None = None
    reconnect_cap_s: Annotated[float, Meta(ge=1, le=3600)] | None = None


Message = (
    State
    | Info
    | Telemetry
    | Alert
    | Batch
    | Ack
    | Presence
    | RiskKeys
    | Pace
    | Command
    | Response
    | Reported
    | DocumentRequest
)
M = TypeVar(
    "M",
    State,
    Info,
    Telemetry,
    Alert,
    Batch,
    Ack,
    Presence,
    RiskKeys,
    Pace,
    Command,
    Response,
    Reported,
    DocumentRequest,
)


def encode(message: Message) -> bytes:
    """Payload of a message, JSON in UTF-8."""
    return msgspec.json.encode(message)


def decode(payload: bytes, kind: type[M]) -> M:
    """Validated message from a payload. Raises WireError; the error quotes no value."""
    if len(payload) > MAX_BATCH_BYTES:
        raise WireError(f"{kind.__name__}: {len(payload)} bytes, at most {MAX_BATCH_BYTES}")
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"{kind.__name__}: {error}") from error
