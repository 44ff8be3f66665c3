"""`python -m kiosk.uplink.checking KIND FILE`: whether a signed document says what a door can use.

A process of its own: a list may need a hundred megabytes for a moment, and nobody waits. Its
signature is the uplink's matter. Exits 1 with one sentence per mistake.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from kiosk.credentials.lists import parse_trust
from kiosk.credentials.policy import parse_policy
from kiosk.credentials.risk import RiskList
from kiosk.errors import ConfigError, DocumentError
from kiosk.signed import Kind, unchecked

_PARSERS: dict[str, Callable[[bytes], object]] = {
    "policy": parse_policy,
    "trust": parse_trust,
    "risk": RiskList,
}


def main(kind: Kind, file: str) -> None:
    """Reads it as the scanner will."""
    try:
        _PARSERS[kind](bytes(unchecked(Path(file).read_bytes(), kind).content))
    except (ConfigError, DocumentError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]
