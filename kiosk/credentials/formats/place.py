"""Codes that name a place, not a person: somebody holds up the placard from the wall.

Known are those of khambenh.gov.vn (HCMC), tokhaiyte.vn, PC-Covid and Hong Kong's
LeaveHomeSafe.
"""

from __future__ import annotations

import re

from kiosk.credentials.trust import TrustList
from kiosk.model import Credential

NAMES: tuple[str, ...] = ("place",)

_PLACES = re.compile(
    rb"https?://kbyt\.khambenh\.gov\.vn/qr/(?P<khambenh>[0-9a-f-]{1,64})/?"
    rb"|https?://tokhaiyte\.vn/\?page=group\.checkin&groupid=(?P<tokhaiyte>[0-9a-f]{24})"
    rb"|https?://qr\.(?P<site>tokhaiyte\.vn|pccovid\.gov\.vn)(?:[:/?#].*)?"
    rb"|hken:0(?P<leavehomesafe>[0-9a-z]{8}).*",
    re.IGNORECASE | re.DOTALL,
)


def recognises(payload: bytes) -> bool:
    """Whether it is the code of a place."""
    return _PLACES.fullmatch(payload.strip()) is not None


def read(payload: bytes, trust: TrustList) -> Credential:
    """A place, of which nothing is kept: no person is in it."""
    return Credential(format=NAMES[0], role="place")
