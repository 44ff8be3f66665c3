"""The fleet's own certificate authority: `python -m provisioning.authority --help`.

One folder holds the fleet: root, broker, ingest workers, operators, the key pair to which every
check-in is sealed, and the one that signs what changes a kiosk. It belongs on a machine that
is not the broker; what each machine needs is copied out of it.
"""

from __future__ import annotations

from provisioning.authority.documents import sign
from provisioning.authority.fleet import add_operator, add_signer, add_worker, init_fleet
from provisioning.authority.kiosks import certify, enrol, renew

__all__ = [
    "add_operator",
    "add_signer",
    "add_worker",
    "certify",
    "enrol",
    "init_fleet",
    "renew",
    "sign",
]
