"""`kioskctl outbox`: what waits for the centre, and how to carry it there by hand, without a word
about anybody."""

from __future__ import annotations

import argparse
from pathlib import Path

from kiosk.clock import Clock
from kiosk.config import load
from kiosk.ctl.outbox import telling
from kiosk.ctl.outbox.words import many, say
from kiosk.ctl.words import language
from kiosk.outbox import seal_leftovers


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do with the outbox; without a word, a summary."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=["list", "seal", "export"],
        help="list: one line for each waiting segment, and why others are in quarantine; seal:"
        " hand over what a dead scanner left open (refused while a scanner is at work);"
        " export: copy all that waits to a USB stick, for the centre's"
        " `python -m central.ingest import`",
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="export: where the stick is mounted"
    )
    parser.add_argument(
        "--delete",
        action="store_true",
        help="export: remove from the kiosk what was read back from the stick and is the same",
    )
    parser.add_argument(
        "--unsigned",
        action="store_true",
        help="export: without the kiosk's signature, where its key is lost; the centre must be"
        " told so",
    )
    parser.add_argument(
        "--any-folder",
        action="store_true",
        help="export: DIR may lie on the kiosk's own card, as where no stick is mounted",
    )
    parser.add_argument(
        "--lang", choices=["vi", "en"], default=language(), help="default: by the locale"
    )
    parser.set_defaults(misused=parser.error)


def run(args: argparse.Namespace) -> int:
    """Raises OutboxError when the directory is absent or may not be read, when a live scanner
    holds what should be sealed, and when the stick fails."""
    if (args.folder is None) == (args.action == "export"):
        args.misused("expected `export DIR`, or `list`, `seal` or nothing without a DIR")
    config = load(args.config)
    directory = config.paths.outbox
    if args.action == "seal":
        sealed_now = seal_leftovers(directory)
        what = many(sealed_now, "segment", args.lang)
        key = "sealed" if sealed_now else "nothing-left"
        print(say(key, args.lang, segments=what))
        return 0
    if args.action == "export":
        # Only here: it needs cryptography, which takes long to load on a small board.
        from kiosk.ctl.outbox.export import run as export

        return export(config, args)
    now = Clock(config.clock.source, config.paths.run).now()
    if args.action == "list":
        return telling.listed(directory, now, args.lang)
    return telling.summary(directory, now, args.lang)
