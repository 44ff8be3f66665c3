"""Certificates that the fleet's root signs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kiosk.errors import ConfigError
from provisioning import certificates, files


def issue(
    fleet: Path,
    stem: Path,
    common_name: str,
    days: int,
    usage: x509.ObjectIdentifier,
    names: Sequence[x509.GeneralName],
) -> bytes:
    """Writes `stem`.key and `stem`.crt, signed by the fleet's root; returns the latter."""
    paths = stem.with_name(stem.name + ".key"), stem.with_name(stem.name + ".crt")
    files.refuse_existing(paths)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = certificate_pem(fleet, key.public_key(), common_name, days, usage, names)
    files.write_new(paths[0], certificates.private_pem(key), files.PRIVATE)
    files.write_new(paths[1], certificate, files.PUBLIC)
    return certificate


def certificate_pem(
    fleet: Path,
    public: ec.EllipticCurvePublicKey,
    common_name: str,
    days: int,
    usage: x509.ObjectIdentifier,
    names: Sequence[x509.GeneralName],
) -> bytes:
    """A certificate in PEM, signed by the fleet's root."""
    root = x509.load_pem_x509_certificate(files.read(fleet / "ca.crt"))
    root_key = serialization.load_pem_private_key(files.read(fleet / "ca.key"), password=None)
    if not isinstance(root_key, ec.EllipticCurvePrivateKey):
        raise ConfigError([f"{fleet / 'ca.key'} is not the EC key that init made"])
    return certificates.pem(
        certificates.leaf(root, root_key, public, common_name, days, usage, names)
    )
