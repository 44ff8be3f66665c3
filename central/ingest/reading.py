"""From a message to what goes into the database. Pure: no clock, no network, no database.

A record that cannot be taken becomes a `DeadLetter` with a reason, never an exception:
one bad record must not hold up the others, nor the kiosk that sent it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from central.ingest.moments import LATEST_MS
from kiosk import seal, wire
from kiosk.errors import SealError, WireError
from kiosk.model import SCHEMA, CheckIn, Instant, Person, Seq

Keys = Mapping[str, seal.PrivateKey]
"""The centre's private keys by their `kid`."""

_SEGMENT = re.compile(r"[ -~]{1,200}")
_MAX_SUBJECT = 500  # it is indexed, and PostgreSQL indexes no value above 2,700 bytes
_MAX_DEPTH = 16


@dataclass(frozen=True)
class Row:
    """A readable record. `anchor`: the kiosk's moment of sending it."""

    record: CheckIn
    person: Person
    anchor: Instant


@dataclass(frozen=True)
class DeadLetter:
    """What cannot be taken, and why. `record` is None when the message is no batch; then
    `seqs` are the records that it held, as far as they could be counted."""

    reason: str
    raw: bytes
    record: CheckIn | None = None
    seqs: tuple[int, ...] = ()

    @property
    def digest(self) -> str:
        """Key of the row. A message's anchor differs each time that it is sent, so it
        does not count."""
        r = self.record
        what = f"{r.epoch}|{r.seq}|{r.id}|".encode() + r.sealed if r else _unanchored(self.raw)
        return hashlib.sha256(self.reason.encode() + b"|" + what).hexdigest()


@dataclass(frozen=True)
class Reading:
    """One message: from whom, which segment (None when it names none and nothing can be
    answered), the batch (None when it is none), what of it can be stored."""

    kid: str | None
    segment: str | None
    batch: wire.Batch | None
    rows: list[Row] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)


def read(topic: str, payload: bytes, keys: Keys) -> Reading:
    """Decodes, checks and unseals one up/checkin message."""
    kid = None
    try:
        kid = wire.kid_of(topic)
        batch = wire.decode(payload, wire.Batch)
    except WireError:
        return _unreadable(kid, payload)
    if not _SEGMENT.fullmatch(batch.segment):
        return _unreadable(kid, payload)
    reading = Reading(kid, batch.segment, batch)
    reason, opened = _open(kid, batch, keys)
    for record in batch.records:
        row = _row(record, batch, opened) if opened else reason
        if isinstance(row, Row):
            reading.rows.append(row)
        else:
            reading.dead.append(dead_letter(row, batch, record))
    return reading


def dead_letter(reason: str, batch: wire.Batch, record: CheckIn) -> DeadLetter:
    """Keeps one record in a form that could be sent again as it is."""
    alone = msgspec.structs.replace(batch, records=[record])
    return DeadLetter(reason, wire.encode(alone), record, (record.seq,))


def refused(reading: Reading, reason: str) -> Reading:
    """The same message with every row of it a dead letter."""
    if reading.batch is None:
        return reading
    letters = [dead_letter(reason, reading.batch, row.record) for row in reading.rows]
    return Reading(reading.kid, reading.segment, reading.batch, dead=[*reading.dead, *letters])


class _Numbered(msgspec.Struct):
    seq: Seq


class _Outline(msgspec.Struct):
    """What must be readable of a message so that it can be answered at all."""

    segment: str
    records: list[_Numbered]


def _unreadable(kid: str | None, payload: bytes) -> Reading:
    """No batch. Where segment and numbers can be read all the same its records are
    refused; otherwise the kiosk would send them again for ever."""
    try:
        outline = msgspec.json.decode(payload, type=_Outline)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        outline = None
    if kid is None or outline is None or not _SEGMENT.fullmatch(outline.segment):
        return Reading(kid, None, None, dead=[DeadLetter("not-a-batch", payload)])
    letter = DeadLetter("unreadable", payload, seqs=tuple(r.seq for r in outline.records))
    return Reading(kid, outline.segment, None, dead=[letter])


def _unanchored(payload: bytes) -> bytes:
    """A message without its anchor, where it has one."""
    try:
        fields = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return payload
    fields.pop("anchor", None)
    return msgspec.json.encode(fields)


def _open(kid: str, batch: wire.Batch, keys: Keys) -> tuple[str, seal.SegmentOpener | None]:
    header = batch.header
    if header.schema != SCHEMA:
        return "unknown-schema", None
    if header.device_id != kid:
        return "wrong-device", None
    if not any(e.kid in keys and e.suite == keys[e.kid].public.suite for e in header.envelopes):
        return "no-key", None
    try:
        return "", seal.open_segment(keys, header)
    except SealError:
        return "envelope-altered", None


def _row(record: CheckIn, batch: wire.Batch, opened: seal.SegmentOpener) -> Row | str:
    """The record as a row, or the reason why it is none."""
    if record.epoch != batch.header.epoch:
        return "wrong-epoch"
    try:
        plain = opened.open(record.seq, record.sealed)
    except SealError:
        return "altered"
    try:
        person = msgspec.json.decode(plain, type=Person)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "not-a-person"
    texts = [person.format, person.subject, person.issuer, person.claims, person.party]
    texts.append(record.boot_id)
    if len(person.subject) > _MAX_SUBJECT or not all(_storable(t) for t in texts):
        return "not-storable"
    if record.scanned_at_ms >= LATEST_MS:
        return "time-out-of-range"
    return Row(record, person, batch.anchor)


def _storable(value: Any, depth: int = 0) -> bool:
    """PostgreSQL has no NUL in text and a limited stack for JSON."""
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, list | dict) and depth >= _MAX_DEPTH:
        return False
    if isinstance(value, dict):
        return all("\0" not in k and _storable(v, depth + 1) for k, v in value.items())
    return not isinstance(value, list) or all(_storable(v, depth + 1) for v in value)
