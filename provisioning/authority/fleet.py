"""A new fleet, and who else belongs to it: broker, ingest workers, operators, signing key."""

from __future__ import annotations

import ipaddress
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID

from kiosk.config import DEFAULTS
from kiosk.errors import ConfigError
from provisioning import certificates, files, sealing
from provisioning.authority.documents import SIGNER, sign
from provisioning.authority.issuing import issue

ROOT_DAYS = 20 * 365
SERVICE_DAYS = 825


def init_fleet(
    fleet: Path, broker_hosts: Sequence[str], workers: int = 1, suite: str = sealing.DEFAULT
) -> None:
    """Creates a new fleet in `fleet`: ca, broker, _ingest-1.., _fleet-1, centre-seal,
    fleet-sign, and the shipped policy, signed as version 1.

    `broker_hosts` are the names and addresses under which kiosks reach the broker;
    localhost is always among them. `suite` is a name of `sealing.SUITES`. Raises ConfigError
    when a fleet is there already.
    """
    if (fleet / "ca.key").exists() or (fleet / "ca.crt").exists():
        raise ConfigError([f"{fleet} already holds a fleet; choose another folder"])
    if workers < 1:
        raise ConfigError([f"{workers} ingest workers asked for; there must be at least one"])
    if fleet.exists() and not fleet.is_dir():
        raise ConfigError([f"{fleet} is not a folder; choose another"])
    if fleet.is_dir() and any(fleet.iterdir()):
        raise ConfigError([f"{fleet} is not empty; choose a folder that does not exist yet"])
    names = [
        certificates.general_name(host) for host in dict.fromkeys([*broker_hosts, "localhost"])
    ]
    names += [x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1")]
    files.make_folder(fleet.absolute().parent)
    try:
        # Made beside it and renamed: there is a whole fleet or none.
        with tempfile.TemporaryDirectory(prefix=".fleet-", dir=fleet.absolute().parent) as made:
            _fill(Path(made) / "fleet", names, workers, suite)
            (Path(made) / "fleet").replace(fleet)
    except OSError as error:
        raise ConfigError([f"{fleet} cannot be made: {error.strerror}"]) from error


def _fill(fleet: Path, names: Sequence[x509.GeneralName], workers: int, suite: str) -> None:
    files.make_folder(fleet)
    key = ec.generate_private_key(ec.SECP256R1())
    files.write_new(fleet / "ca.key", certificates.private_pem(key), files.PRIVATE)
    files.write_new(
        fleet / "ca.crt", certificates.pem(certificates.root(key, ROOT_DAYS)), files.PUBLIC
    )
    issue(fleet, fleet / "broker", "broker", SERVICE_DAYS, ExtendedKeyUsageOID.SERVER_AUTH, names)
    for number in range(1, workers + 1):
        add_worker(fleet, number)
    add_operator(fleet, 1)
    sealing.add_key(fleet, suite)
    add_signer(fleet)


def add_signer(fleet: Path) -> None:
    """Signing key of a fleet that has none, and the shipped policy signed with it."""
    paths = fleet / f"{SIGNER}.key", fleet / f"{SIGNER}.pub", fleet / "policy.signed"
    files.refuse_existing(paths)
    files.read(fleet / "ca.crt")
    key = Ed25519PrivateKey.generate()
    files.write_new(paths[0], certificates.private_pem(key), files.PRIVATE)
    files.write_new(paths[1], certificates.public_pem(key), files.PUBLIC)
    shipped = DEFAULTS.with_name("policy.toml")
    files.write_new(paths[2], sign(fleet, "policy", files.read(shipped)), files.PUBLIC)


def add_worker(fleet: Path, number: int) -> None:
    """Key and certificate `_ingest-<number>` for one more ingest worker."""
    _add_client(fleet, "_ingest", number)


def add_operator(fleet: Path, number: int) -> None:
    """Key and certificate `_fleet-<number>` for one who commands kiosks over the broker. What
    can harm needs a signature of the fleet as well."""
    _add_client(fleet, "_fleet", number)


def _add_client(fleet: Path, kind: str, number: int) -> None:
    if number < 1:
        raise ConfigError([f"number of the new {kind} is {number}; expected 1, 2, 3 .."])
    name = f"{kind}-{number}"
    issue(fleet, fleet / name, name, SERVICE_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH, [])
