"""`kioskctl trust import`: one trust list in our format, of any that this firmware reads."""

from __future__ import annotations

import argparse
import sys
from base64 import b64encode
from collections import Counter
from pathlib import Path

from kiosk.credentials.listing import Listing, encode
from kiosk.credentials.lists import MAX_BYTES
from kiosk.credentials.trust import unusable
from kiosk.ctl.rules import Source, read_lists
from kiosk.ctl.words import count


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to read, where to write."""
    parser.description = (
        "trust: makes one trust list of several: the EU's list of signers and its revocation"
        " batches, VCI's snapshot, an issuer's key set (URL=FILE), a DID document, country"
        " signers (DER, PEM, base64), and our own. Whoever installs it answers for it. What is"
        " of no use is named and left out; when nothing is left, no list is written."
    )
    parser.add_argument("action", choices=["import"])
    parser.add_argument("files", type=Source.of, nargs="+", metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the new list")


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError when a list cannot be read."""
    listing = _of_use(read_lists(args.files))
    for what in listing.left_out:
        print(f"left out: {what}", file=sys.stderr)
    if not listing.issuers and not listing.revoked:
        print("nothing in these files is of use; no list was written", file=sys.stderr)
        return 1
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
    if listing.left_out:
        print(f"{'left out':<12} {len(listing.left_out)}, see above")
    codes = sum(len(entry.ids) for entry in listing.revoked if entry.ids is not None)
    keys = sum(entry.ids is None for entry in listing.revoked)
    print(f"{'revoked':<12} {count(codes, 'code')}, {count(keys, 'key')}")
    return 0


def _of_use(listing: Listing) -> Listing:
    """The list without the keys that cannot be read, or are of no kind that their format uses."""
    useless = unusable(listing)
    told = [
        f"key of {issuer.issuer or issuer.format}, kid {b64encode(issuer.kid).decode()}: cannot be"
        f" read, or is of no kind that {issuer.format} uses"
        for issuer in useless
    ]
    kept = [issuer for issuer in listing.issuers if issuer not in useless]
    return Listing(kept, listing.revoked, listing.left_out + told)
