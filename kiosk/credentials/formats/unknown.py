"""Everything else: web links, payment codes, VNeID (whose codes are documented nowhere),
bytes that are not text."""

from __future__ import annotations

from kiosk.credentials.trust import TrustList
from kiosk.model import Credential

NAMES: tuple[str, ...] = ("unknown",)


def recognises(payload: bytes) -> bool:
    """Always: it is asked last."""
    return True


def read(payload: bytes, trust: TrustList) -> Credential:
    """Nothing is kept of what is not understood: it may be anybody's private matter."""
    return Credential(format=NAMES[0], role="other")
