"""`kioskctl trust import`: one trust list in our format, of any that this firmware reads."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from kiosk.credentials.listing import encode
from kiosk.credentials.trust import MAX_BYTES
from kiosk.ctl.rules import read_lists
from kiosk.ctl.words import count


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to read, where to write."""
    parser.description = (
        "trust: makes one trust list of several: the EU's list of signers and its revocation"
        " batches, VCI's snapshot, an issuer's key set with its URL, a DID document, country"
        " signers (DER, PEM, base64), and our own. Whoever installs it answers for it."
    )
    parser.add_argument("action", choices=["import"])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the new list")


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError when a list cannot be read."""
    listing = read_lists(args.files)
    made = encode(listing)
    if len(made) > MAX_BYTES:
        print(f"{args.out}: {len(made)} bytes, and a kiosk reads {MAX_BYTES}", file=sys.stderr)
        return 1
    try:
        args.out.write_bytes(made)
    except OSError as error:
        print(f"cannot write {args.out}: {error.strerror}", file=sys.stderr)
        return 1
    for format, number in sorted(Counter(i.format for i in listing.issuers).items()):
        print(f"{format:<12} {count(number, 'key')}")
    codes = sum(len(entry.ids) for entry in listing.revoked if entry.ids is not None)
    keys = sum(entry.ids is None for entry in listing.revoked)
    print(f"{'revoked':<12} {count(codes, 'code')}, {count(keys, 'key')}")
    return 0
