"""`python -m central.fleet status`: how each kiosk is, and what it works by."""

from __future__ import annotations

import argparse
import json
import time

import msgspec
from rich.table import Table

from central.fleet.line import Heard, Line
from central.fleet.telling import presence, presence_in_words, show
from central.words import both
from kiosk import wire
from kiosk.errors import WireError

HEARD_S = 2.0
"""Retained messages come with the subscription; this is how long none may be missing."""
TOPICS = [f"{wire.ROOT}/+/up/{what}" for what in ("state", "cfg", "tele")]
NOT_ALL = 1


class Known:
    """What a kiosk said last; None: nothing that this version can read."""

    def __init__(self) -> None:
        self.state: wire.State | None = None
        self.config: wire.Reported | None = None
        self.figures: wire.Telemetry | None = None

    @property
    def documents(self) -> dict[str, int]:
        return dict(self.figures.documents) if self.figures else {}

    @property
    def alerts(self) -> list[str]:
        return sorted(alert.code for alert in self.figures.alerts) if self.figures else []


def arguments(parser: argparse.ArgumentParser) -> None:
    """How it is told."""
    parser.add_argument("--json", action="store_true", help=both("cho máy đọc", "for machines"))
    parser.epilog = both(
        "kết thúc với 1 khi có máy từ chối hoặc bỏ cấu hình được gửi",
        "ends with 1 when a kiosk has refused or rolled back its configuration",
    )


def run(given: argparse.Namespace) -> int:
    """1 when a kiosk has refused or rolled back what was wanted of it. Raises LineError."""
    kiosks: dict[str, Known] = {}
    line: Line = given.line()
    try:
        line.open(TOPICS)
        quiet_at = time.monotonic() + HEARD_S
        while time.monotonic() < quiet_at:
            for heard in line.turn(0.1):
                quiet_at = time.monotonic() + HEARD_S if heard.retained else quiet_at
                take(kiosks, heard)
    finally:
        line.close()
    _tell(dict(sorted(kiosks.items())), given.json)
    reported = [known.config for known in kiosks.values() if known.config]
    return NOT_ALL if any(r.status in ("refused", "rolled-back") for r in reported) else 0


def take(kiosks: dict[str, Known], heard: Heard) -> None:
    """What is another firmware's is passed over; the others are told."""
    try:
        kid = wire.kid_of(heard.topic)
        known = kiosks.get(kid, Known())
        if heard.topic.endswith("/up/cfg"):
            known.config = wire.decode(heard.payload, wire.Reported)
        elif heard.topic.endswith("/up/state"):
            known.state = wire.decode(heard.payload, wire.State)
        else:
            known.figures = wire.decode(heard.payload, wire.Telemetry)
    except WireError:
        return
    kiosks[kid] = known


def _tell(kiosks: dict[str, Known], as_json: bool) -> None:
    if as_json:
        for kid, known in kiosks.items():
            told = {
                "kid": kid,
                "state": presence(known.state),
                "config": msgspec.to_builtins(known.config),
                "documents": known.documents if known.figures else None,
                "alerts": known.alerts if known.figures else None,
            }
            print(json.dumps(told))
        return
    if not kiosks:
        print(both("chưa máy nào từng kết nối", "no kiosk has ever connected"))
        return
    table = Table(box=None, pad_edge=False)
    words = (
        both("máy", "kiosk"),
        both("trạng thái", "state"),
        both("cấu hình", "config"),
        both("cần", "wanted"),
        both("tình trạng", "status"),
    )
    for heading in (*words, *wire.DOCUMENTS, both("cảnh báo", "alerts")):
        table.add_column(heading, overflow="fold")
    for kid, known in kiosks.items():
        config, has = known.config, known.documents
        by = (str(config.version), str(config.desired), config.status) if config else ("?",) * 3
        versions = (str(has.get(kind, "-")) for kind in wire.DOCUMENTS)
        alerts = ", ".join(known.alerts) if known.figures else "?"
        table.add_row(kid, presence_in_words(known.state), *by, *versions, alerts)
    show(table)
    for kid, known in kiosks.items():
        if known.config and known.config.why:
            print(f"{kid}: {known.config.why}")
