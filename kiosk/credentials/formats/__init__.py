"""One file per credential format. A new one: write the file, add its name to `FORMATS`.

A format module has `NAMES`, the names it gives to what it reads (policies speak of them);
`recognises(payload)`, cheap and without side effects, which claims a payload; and
`read(payload, trust)`, which is then the only one to be asked, and raises
`text.Malformed` when the payload breaks the format's rules. One whose codes are signed also says
what a trust list may say of it: `USAGES` and `listed(id)`, see `Signed`.

Claims have the same keys in every format. Persons have always, "" when unknown:

    name            as written, NFC
    birth           "YYYY", "YYYY-MM" or "YYYY-MM-DD"
    sex             "male" or "female"
    document        number of the identity card or passport, masked parts as "*"

and where the code tells them:

    old_document    number of the earlier identity card (CMND)
    document_masked, birth_masked, on_behalf   true or false
    phone, address  as written
    issued          date of issue of the document, like birth
    qid             id on the national declaration platform
    guardian_qid    the same of whoever declared on this person's behalf
    health_insurance   number of the health-insurance card
    facility, insured_from, insured_until   of that card: where to be treated, dates like birth
    guardian        name of a parent
    declaration     id of a declaration in another system
    group           what a door pass is for: a class, a commune
    standard_name   "SURNAME<<GIVEN<NAMES" (ICAO Doc 9303)
    kind            "vaccination", "test" or "recovery", "" for several or none
    certificate_id  unique id of the certificate (UVCI, rid, number of a pass)
    entry           the one entry of an EU DCC, with the keys of its schema
    kid             id of the signing key, as text
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from kiosk.credentials.formats import (
    bhyt,
    cccd,
    door_pass,
    hc1,
    hcmc,
    nzcp,
    place,
    shc,
    unknown,
    vds_nc,
    vn_personal,
)
from kiosk.credentials.trust import TrustList
from kiosk.model import Credential


class Format(Protocol):
    """What a module of this folder looks like."""

    NAMES: tuple[str, ...]

    def recognises(self, payload: bytes) -> bool:
        """Whether the payload claims to be of this format."""

    def read(self, payload: bytes, trust: TrustList) -> Credential:
        """What the payload says. Raises text.Malformed."""


@runtime_checkable
class Signed(Format, Protocol):
    """A module of this folder whose codes are signed."""

    USAGES: tuple[str, ...]
    """Kinds of certificate for which a signer may be believed alone."""

    def listed(self, id: str) -> tuple[str, ...]:
        """What `read` asks the trust list by, from an id that is revoked as somebody wrote it
        there. Raises text.Malformed when no code can have it."""


# In the order in which they are asked, those with a fixed beginning first, since asking them
# costs nothing; `unknown` takes what is left.
FORMATS: tuple[Format, ...] = (
    hc1,
    door_pass,
    shc,
    nzcp,
    vds_nc,
    vn_personal,
    cccd,
    bhyt,
    hcmc,
    place,
    unknown,
)

SIGNED: dict[str, Signed] = {
    name: known for known in FORMATS if isinstance(known, Signed) for name in known.NAMES
}
"""Those that a trust list may speak of, by name."""
