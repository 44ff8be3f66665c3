"""Kiosks of a fleet: enrolled, and given certificates anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kiosk.config import BrokerHost, DoorDirection
from kiosk.errors import ConfigError
from kiosk.wire import KID
from provisioning import certificates, files, sealing
from provisioning.authority.documents import SIGNER
from provisioning.authority.issuing import certificate_pem, issue

KIOSK_DAYS = 90
DIRECTIONS: tuple[str, ...] = get_args(DoorDirection)


def enrol(fleet: Path, kid: str, place: str, broker: str, out: Path, direction: str = "in") -> Path:
    """Key, certificate and site.toml for one kiosk, in the new folder `out`, with the signed
    documents that lie in `fleet`: policy.signed, and trust.signed, risk.signed if there.

    `broker` is what `broker.hosts` may hold, several with commas between. Returns the path of
    site.toml, which names its neighbours by relative paths: the folder may be copied as a
    whole. Raises ConfigError for a name or address that cannot be, for a kiosk enrolled
    before, and when something would be overwritten.
    """
    if not KID.fullmatch(kid):
        raise ConfigError(
            [
                f"{kid!r} cannot be a kiosk id: 1 to 64 letters, digits, '.', '_' or '-',"
                " beginning with a letter or a digit, as in gate-1"
            ]
        )
    if direction not in DIRECTIONS:
        raise ConfigError(
            [f"direction is {direction!r}; it must be one of {', '.join(DIRECTIONS)}"]
        )
    if not place.strip() or not place.isprintable() or len(place) > 120:
        raise ConfigError([f"place is {place!r}; expected one line of at most 120 characters"])
    try:
        hosts = msgspec.convert(broker.split(","), list[BrokerHost])
    except msgspec.ValidationError as error:
        raise ConfigError(
            [
                f"broker is {broker!r}; expected host:port, as in centre.example:8883, or"
                " wss://host:port/mqtt; several with commas between"
            ]
        ) from error
    register = fleet / "kiosks" / f"{kid}.crt"
    if register.exists():
        raise ConfigError(
            [
                f"{kid} is enrolled already ({register}); choose another kiosk id, or use renew"
                " to give this kiosk a new certificate"
            ]
        )
    recipients = sealing.recipients(fleet)
    names = ["ca.crt", *recipients, f"{SIGNER}.pub", "policy.signed"]
    documents = {"policy": "policy.signed"}
    for kind in ("trust", "risk"):
        if (fleet / f"{kind}.signed").exists():
            documents[kind] = f"{kind}.signed"
            names.append(documents[kind])
    copied = {name: files.read(fleet / name) for name in names}
    files.refuse_existing(out / name for name in (*names, "site.toml"))
    files.make_folder(register.parent)
    files.make_folder(out)
    certificate = issue(fleet, out / "kiosk", kid, KIOSK_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH, [])
    for name, data in copied.items():
        files.write_new(out / name, data, files.PUBLIC)
    site = out / "site.toml"
    files.write_new(
        site, _site(kid, place, hosts, direction, recipients, documents).encode(), files.PUBLIC
    )
    files.write_new(register, certificate, files.PUBLIC)
    return site


def renew(fleet: Path, kid: str, out: Path) -> x509.Certificate:
    """New key and certificate for an enrolled kiosk, in `out`: kiosk.key, kiosk.crt, and
    the fleet's ca.crt. Returns the certificate.

    They replace those beside the kiosk's site.toml, which stays as it is: names in it do
    not change, and what an operator wrote into it since is nobody else's to write. The
    certificate before is kept in the register under its serial number. Raises ConfigError
    for a kiosk that was never enrolled, and when something would be overwritten.
    """
    before = _enrolled(fleet, kid)
    root = files.read(fleet / "ca.crt")
    files.refuse_existing((_archive(fleet, kid, before), out / "ca.crt"))
    files.make_folder(out)
    issued = issue(fleet, out / "kiosk", kid, KIOSK_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH, [])
    files.write_new(out / "ca.crt", root, files.PUBLIC)
    _register(fleet, kid, before, issued)
    return x509.load_pem_x509_certificate(issued)


def certify(
    fleet: Path, kid: str, request: x509.CertificateSigningRequest, out: Path
) -> x509.Certificate:
    """A new certificate for an enrolled kiosk that has made its key by itself, in the file `out`;
    returns it. `request` (PKCS #10) is what it answered to the command rotate-key.

    Raises ConfigError for a kiosk that was never enrolled, a request for another name, and
    when something would be overwritten.
    """
    before = _enrolled(fleet, kid)
    public = request.public_key()
    names = [str(a.value) for a in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [kid]:
        found = ", ".join(names) or "nobody"
        raise ConfigError([f"the request is {found}'s, not {kid}'s; give the one that {kid} made"])
    if not request.is_signature_valid:
        raise ConfigError(["the request's signature does not hold; have the kiosk make a new one"])
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise ConfigError([f"the request is for a {type(public).__name__}; expected an EC key"])
    files.refuse_existing((_archive(fleet, kid, before), out))
    issued = certificate_pem(fleet, public, kid, KIOSK_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH, [])
    files.write_new(out, issued, files.PUBLIC)
    _register(fleet, kid, before, issued)
    return x509.load_pem_x509_certificate(issued)


def _enrolled(fleet: Path, kid: str) -> x509.Certificate:
    """The certificate that the register has of a kiosk. Raises ConfigError."""
    register = fleet / "kiosks" / f"{kid}.crt"
    if not KID.fullmatch(kid) or not register.exists():
        raise ConfigError([f"{kid!r} was never enrolled ({register} is missing); use enrol"])
    try:
        return x509.load_pem_x509_certificate(files.read(register))
    except ValueError as error:
        raise ConfigError([f"{register}: not a certificate in PEM"]) from error


def _archive(fleet: Path, kid: str, before: x509.Certificate) -> Path:
    return fleet / "kiosks" / f"{kid}@{before.serial_number:x}.crt"


def _register(fleet: Path, kid: str, before: x509.Certificate, issued: bytes) -> None:
    files.write_new(_archive(fleet, kid, before), certificates.pem(before), files.PUBLIC)
    files.replace(fleet / "kiosks" / f"{kid}.crt", issued)


def _site(
    kid: str,
    place: str,
    hosts: list[str],
    direction: str,
    recipients: list[str],
    documents: dict[str, str],
) -> str:
    judge = "".join(f'{kind} = "{name}"\n' for kind, name in documents.items())

    def text(value: str) -> str:  # a JSON string of printable text is a TOML string
        return json.dumps(value, ensure_ascii=False)

    return f"""\
# This kiosk alone; everything else stands in the defaults and in the board's file.
[kiosk]
id = {text(kid)}
place = {text(place)}
direction = {text(direction)}

[broker]
hosts = [{", ".join(map(text, hosts))}]
ca = "ca.crt"
certificate = "kiosk.crt"
key = "kiosk.key"

[seal]
recipients = {json.dumps(recipients)}

[judge]
{judge}fleet_keys = ["{SIGNER}.pub"]
"""
