"""Reads what a code says and who signed it. Pure: no clock, no disk, no hardware.

`Credential.subject` is one key per person, by the first rule that applies:

1. `vn-id:<12 digits>`: number of the identity card, whichever code carries it
2. `vn-cmnd:<9 digits>`: number of the earlier card
3. `passport:<number>:<YYYY-MM-DD>`: any other whole document number, and date of birth
4. `vn-qid:<id>`: the platform's id, when the document is absent or masked
5. `vn-bhyt:<10 digits>`: insurance number, the same on old and new health-insurance cards
6. `vn-hcmc:<id>`: a declaration in HCMC's system, which tells nothing else
7. `name:<NGUYEN<VAN<A>:<YYYY-MM-DD>`: standard name (surname first) and date of birth
8. `<format>:<id>`: a certificate whose name or date of birth is incomplete, by its own id
   (`shc`: the hash of its signature)

What stands where there is no number (`0`, `000000000`) is nobody's key.

A door pass is `door-pass:<key id of the issuer>:<number>`. `subjects.known_as` gives further
keys that a code proves to be the same person, `listed_as` all that the risk list is asked by.
docs/subjects.md tells what leads to one person, and what cannot.
"""

from __future__ import annotations

from kiosk.credentials.formats import FORMATS
from kiosk.credentials.text import Malformed
from kiosk.credentials.trust import TrustList
from kiosk.errors import CredentialError
from kiosk.model import Credential

PAYLOAD_MAX = 4296
"""Bytes: what the largest QR code holds as letters. Only digits could be more, and a SMART
Health Card (`shc:/` and digits) may be half of that at most."""


def parse(payload: bytes, trust: TrustList) -> Credential:
    """What a payload says, and whether its signature is that of a believed signer.

    Raises CredentialError when the payload is empty, too long, or of a known format whose
    rules it breaks. A payload of no known format is no error: its role is "other".
    """
    if not payload:
        raise CredentialError("unknown", "empty payload")
    if len(payload) > PAYLOAD_MAX:
        raise CredentialError("unknown", f"{len(payload)} bytes, at most {PAYLOAD_MAX}")
    claimant = next(known for known in FORMATS if known.recognises(payload))
    try:
        return claimant.read(payload, trust)
    except Malformed as problem:
        # Not chained: the causes of some hold pieces of the payload.
        raise CredentialError(claimant.NAMES[0], str(problem)) from None
