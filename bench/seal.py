"""Sealing and opening check-ins: one envelope per segment beside HPKE for each record.

`ours` makes segments of 64 records (a queue, or offline) and of 1 (one visitor at a time, online),
sealed to one key or, while one follows another, to two. `bare` is `Suite.encrypt` and `decrypt`
of the library for each record by itself. All in turn, on the same records, in milliseconds of
the processor's time per record; bytes are those that a record takes more than its plain text,
before base64.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import msgspec

from bench._report import arguments, machine, whole, write
from kiosk.model import Person
from kiosk.seal import HYBRID, X25519, PrivateKey, new_key, new_segment, open_segment

SEGMENT = 64
_PERSON = Person(
    format="cccd",
    role="identity",
    subject="vn-id:099031571153",
    signed="none",
    issuer="",
    claims={
        "name": "Nguyễn Thị Ngọc Ánh",
        "birth": "1999-01-01",
        "sex": "female",
        "document": "099031571153",
        "former": "301571153",
        "residence": "Số 1, Phố Huế, Hà Nội",
        "issued": "2021-06-01",
    },
)


class Case(NamedTuple):
    """`records` in one segment, sealed to `keys`."""

    name: str
    keys: list[PrivateKey]
    records: int


def main() -> None:
    """Command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--rounds", type=whole(2), default=200, help="default: %(default)s")
    given = parser.parse_args()
    plain = msgspec.json.encode(_PERSON)
    curve, hybrid = new_key(X25519), new_key(HYBRID)
    cases = [
        Case(f"{name}, {records} a segment", keys, records)
        for name, keys in (
            ("x25519", [curve]),
            ("x25519-mlkem768", [hybrid]),
            ("both", [curve, hybrid]),
        )
        for records in (SEGMENT, 1)
    ]
    contestants = {case.name: _ours(case, plain) for case in cases}
    contestants |= {
        f"bare {name}": _bare(key, plain)
        for name, key in (("x25519", curve), ("x25519-mlkem768", hybrid))
    }
    figures = _measured(contestants, given.rounds)
    print(f"{machine()}, {len(plain)} bytes a record")
    print(f"{'':30} {'seal ms':>8} {'open ms':>8} {'seals/s':>8} {'bytes':>7}")
    for name, one in figures.items():
        seal, opened, bytes_added = one["seal_ms"], one["open_ms"], one["bytes_added"]
        print(f"{name:30} {seal:8.4f} {opened:8.4f} {one['seals_per_s']:8.0f} {bytes_added:7.1f}")
    write(given.json, {"machine": machine(), "plain_bytes": len(plain), "cases": figures})


class Contestant(NamedTuple):
    """`seal` makes what `open` opens: so many records, so many bytes more than they had."""

    seal: Callable[[], Any]
    open: Callable[[Any], list[bytes]]
    records: int
    more: Callable[[Any], int]
    plain: bytes


def _ours(case: Case, plain: bytes) -> Contestant:
    public = [key.public for key in case.keys]
    # The centre has one key, in the end; the one that is harder to open with.
    private = {key.public.kid: key for key in case.keys[-1:]}

    def seal() -> Any:
        segment = new_segment(public, "gate-1", "ab" * 8, 1)
        return segment.header, [segment.seal(1 + n, plain) for n in range(case.records)]

    def opened(sealed: Any) -> list[bytes]:
        header, records = sealed
        opener = open_segment(private, header)
        return [opener.open(1 + n, record) for n, record in enumerate(records)]

    def more(sealed: Any) -> int:
        header, records = sealed
        envelopes = sum(len(envelope.sealed_key) for envelope in header.envelopes)
        return envelopes + sum(len(record) - len(plain) for record in records)

    return Contestant(seal, opened, case.records, more, plain)


def _bare(key: PrivateKey, plain: bytes) -> Contestant:
    info = b"1|gate-1|abababababababab|1"
    return Contestant(
        lambda: key.public.wrap(plain, info),
        lambda sealed: [key.unwrap(sealed, info)],
        1,
        lambda sealed: len(sealed) - len(plain),
        plain,
    )


def _measured(contestants: dict[str, Contestant], rounds: int) -> dict[str, dict[str, float]]:
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in contestants}
    added: dict[str, float] = {}
    for _ in range(rounds):
        for name, one in contestants.items():
            sealing, opening = times[name]
            began = time.thread_time_ns()
            sealed = one.seal()
            sealing.append((time.thread_time_ns() - began) / 1e6 / one.records)
            began = time.thread_time_ns()
            records = one.open(sealed)
            opening.append((time.thread_time_ns() - began) / 1e6 / one.records)
            if records != [one.plain] * one.records:
                raise RuntimeError(f"{name}: what was opened is not what was sealed")
            added[name] = one.more(sealed) / one.records
    return {
        name: {
            "seal_ms": round(median(sealing), 4),
            "open_ms": round(median(opening), 4),
            "seals_per_s": round(1000 / median(sealing)),
            "bytes_added": round(added[name], 1),
        }
        for name, (sealing, opening) in times.items()
    }


if __name__ == "__main__":
    main()
