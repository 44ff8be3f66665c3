"""`kioskctl outbox`: how much waits for the centre, without a word about anybody."""

from __future__ import annotations

import argparse

from kiosk.config import load
from kiosk.ctl.words import count, opened, span
from kiosk.errors import OutboxError
from kiosk.outbox import SealedSegments, scanner_at_work, seal_leftovers


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do with the outbox; without a word, a summary."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=["list", "seal"],
        help="list: one line for each waiting segment; seal: hand over what a dead scanner"
        " left open (refused while a scanner is at work)",
    )


def run(args: argparse.Namespace) -> int:
    """Raises OutboxError when the directory is absent or may not be read, and when a live
    scanner holds what should be sealed."""
    directory = load(args.config).paths.outbox
    if args.action == "seal":
        sealed_now = seal_leftovers(directory)
        print(f"sealed {count(sealed_now, 'segment')}" if sealed_now else "nothing was left open")
        return 0
    sealed = SealedSegments(directory)
    if args.action == "list":
        return _list(sealed)
    waiting = sealed.waiting()
    oldest = f", the oldest for {span(sealed.age_s(waiting[0]))}" if waiting else ""
    print(f"waiting: {count(len(waiting), 'segment')}{oldest}")
    if still_open := sealed.still_open():
        whose = "in the scanner's hands" if scanner_at_work(directory) else "left by a dead scanner"
        print(f"open: {opened(still_open)}, {whose}")
    print(f"quarantine: {count(len(sealed.quarantined()), 'file')}")
    return 0


def _list(sealed: SealedSegments) -> int:
    for name in sealed.waiting():
        try:
            segment = sealed.read(name)
        except OutboxError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                continue  # sent meanwhile
            raise
        if segment is None:
            print(f"{name}  unreadable, moved to quarantine")
            continue
        first, last = segment.records[0].seq, segment.records[-1].seq
        print(
            f"{name}  waiting {span(sealed.age_s(name))},"
            f" {count(len(segment.records), 'record')}, numbers {first} to {last}"
            f"{', DAMAGED' if segment.damaged else ''}"
        )
    for name in sealed.quarantined():
        print(f"{name}  in quarantine: {sealed.why(name)}")
    return 0
