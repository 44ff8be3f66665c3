"""Declaration in the system of Ho Chi Minh City, unsigned: a link to what was declared.

    https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id=<id>

It names nobody; who declared, and what, only that system's server knows.
"""

from __future__ import annotations

import re

from kiosk.credentials.subjects import number_key
from kiosk.credentials.text import Malformed, decode
from kiosk.credentials.trust import TrustList
from kiosk.model import Credential

NAMES: tuple[str, ...] = ("hcmc",)

_LINK = re.compile(rb"\s*https?://kbyt\.khambenh\.gov\.vn/?#tokhai_yte/ketqua\?id=", re.IGNORECASE)
_ID = re.compile("[0-9A-Za-z-]{1,64}")  # a UUID as far as was seen


def recognises(payload: bytes) -> bool:
    """Whether it is the link to a declaration."""
    return _LINK.match(payload) is not None


def read(payload: bytes, trust: TrustList) -> Credential:
    """A declaration. Raises Malformed. Subject: its id, the same for whoever declares once."""
    id = decode(payload).partition("=")[2]
    if _ID.fullmatch(id) is None:
        raise Malformed("id is not letters, digits and hyphens, at most 64")
    return Credential(
        format=NAMES[0],
        role="declaration",
        subject=number_key("vn-hcmc", id.lower()),
        claims={"name": "", "birth": "", "sex": "", "document": "", "declaration": id},
    )
