"""`python -m central.fleet publish` and `config`: put signed documents where `serve` finds them."""

from __future__ import annotations

import argparse
from pathlib import Path

from central import files
from central.fleet.documents import Documents
from central.fleet.serving import arguments as folder
from central.words import both
from kiosk import wire
from kiosk.errors import ConfigError, DocumentError
from kiosk.signed import Keys, keys_by_id, load_public


def arguments(parser: argparse.ArgumentParser) -> None:
    """What, and where to."""
    if parser.prog.endswith(" config"):
        parser.add_argument("kid", metavar="KID", help=both("máy nào", "which kiosk"))
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help=both("tài liệu đã ký", "as `python -m provisioning.authority sign` made it"),
    )
    folder(parser)
    parser.add_argument(
        "--key",
        type=Path,
        required=True,
        metavar="FILE",
        help=both("kiểm chữ ký bằng khóa này", "check the signature with this key")
        + ": fleet-sign.pub",
    )
    parser.set_defaults(kid="")


def run(given: argparse.Namespace) -> int:
    """Raises ConfigError; then what it names, and what comes after it, is not published."""
    if given.kid and (not wire.KID.fullmatch(given.kid) or len(given.files) > 1):
        raise ConfigError([both("cần một KID và một tệp", "one KID and one file are needed")])
    documents, keys = Documents(given.documents), _keys(given.key)
    for file in given.files:
        content = files.read(file)
        try:
            header = documents.put(content, keys, given.kid)
        except ConfigError as error:
            raise ConfigError([f"{file}: {problem}" for problem in error.problems]) from error
        whom = given.kid or both("mọi máy", "all kiosks")
        print(f"{header.kind} {header.version}, {header.bytes} bytes -> {whom}")
    return 0


def _keys(file: Path) -> Keys:
    try:
        return keys_by_id([load_public(files.read(file))])
    except DocumentError as error:
        raise ConfigError([f"{file}: {error}"]) from error
