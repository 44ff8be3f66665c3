"""`python -m central.fleet status`: which configuration and which documents each kiosk has."""

from __future__ import annotations

import argparse
import json
import time

import msgspec
from rich.console import Console
from rich.table import Table

from central.fleet.line import Line
from central.words import both
from kiosk import wire
from kiosk.errors import WireError

HEARD_S = 2.0
"""Retained messages come with the subscription; this is how long none may be missing."""
TOPICS = [f"{wire.ROOT}/+/up/cfg", f"{wire.ROOT}/+/up/tele"]
NOT_ALL = 1


def arguments(parser: argparse.ArgumentParser) -> None:
    """How it is told."""
    parser.add_argument("--json", action="store_true", help=both("cho máy đọc", "for machines"))


def run(given: argparse.Namespace) -> int:
    """1 when a kiosk has refused or rolled back what was wanted of it. Raises LineError."""
    reported: dict[str, wire.Reported] = {}
    documents: dict[str, dict[str, int]] = {}
    line: Line = given.line()
    try:
        line.open(TOPICS)
        quiet_at = time.monotonic() + HEARD_S
        while time.monotonic() < quiet_at:
            for heard in line.turn(0.1):
                quiet_at = time.monotonic() + HEARD_S if heard.retained else quiet_at
                try:
                    kid = wire.kid_of(heard.topic)
                    if heard.topic.endswith("/up/cfg"):
                        reported[kid] = wire.decode(heard.payload, wire.Reported)
                    else:
                        telemetry = wire.decode(heard.payload, wire.Telemetry)
                        documents[kid] = dict(telemetry.documents)
                except WireError:  # another firmware's; the others are told
                    continue
    finally:
        line.close()
    _tell(reported, documents, given.json)
    bad = [r for r in reported.values() if r.status in ("refused", "rolled-back")]
    return NOT_ALL if bad else 0


def _tell(
    reported: dict[str, wire.Reported], documents: dict[str, dict[str, int]], as_json: bool
) -> None:
    kids = sorted(reported.keys() | documents.keys())
    if as_json:
        for kid in kids:
            config = msgspec.to_builtins(reported[kid]) if kid in reported else None
            print(json.dumps({"kid": kid, "config": config, "documents": documents.get(kid)}))
        return
    table = Table(box=None)
    words = "config", both("cần", "wanted"), both("tình trạng", "status")
    for heading in ("KID", *words, *wire.DOCUMENTS):
        table.add_column(heading)
    for kid in kids:
        config, has = reported.get(kid), documents.get(kid, {})
        told = (str(config.version), str(config.desired), config.status) if config else ("?",) * 3
        table.add_row(kid, *told, *(str(has.get(kind, "-")) for kind in wire.DOCUMENTS))
    console = Console(width=None)
    console.print(table)
    for kid in kids:
        if kid in reported and reported[kid].why:
            console.print(f"{kid}: {reported[kid].why}", markup=False, highlight=False)
