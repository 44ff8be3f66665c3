"""The fleet's own certificate authority: `python -m provisioning.authority --help`.

One folder holds the fleet: root, broker, ingest workers, operators, the key pair to which every
check-in is sealed, and the one that signs what changes a kiosk. It belongs on a machine that
is not the broker; what each machine needs is copied out of it.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kiosk import seal, signed
from kiosk.config import DEFAULTS, BrokerHost, DoorDirection
from kiosk.config import desired as configuration
from kiosk.credentials.lists import parse_trust
from kiosk.credentials.policy import Policy, parse_policy
from kiosk.credentials.risk import RiskList
from kiosk.errors import ConfigError, DocumentError, KioskError, SealError
from kiosk.wire import KID
from provisioning import certificates, files, sealing

ROOT_DAYS = 20 * 365
SERVICE_DAYS = 825
KIOSK_DAYS = 90
SIGNER = "fleet-sign"
DIRECTIONS: tuple[str, ...] = get_args(DoorDirection)


def _configuration(content: bytes) -> str:
    """Id of the kiosk that it is for. Raises ConfigError when none could use it."""
    checked = configuration.check(content)
    for pem in checked.seal_keys:
        try:
            seal.load_public(pem.encode())
        except SealError as error:
            raise ConfigError([f"configuration: seal.keys: {error}"]) from error
    return checked.kid


_CHECKS: dict[signed.Kind, Callable[[bytes], object]] = {
    "policy": parse_policy,
    "trust": parse_trust,
    "risk": RiskList,
    "config": _configuration,
}


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
    _issue(fleet, fleet / "broker", "broker", SERVICE_DAYS, ExtendedKeyUsageOID.SERVER_AUTH, names)
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


def sign(
    fleet: Path,
    kind: signed.Kind,
    content: bytes,
    version: int | None = None,
    before: bytes = b"",
) -> bytes:
    """`content` as a document signed by the fleet, in place of the signed one `before`. The
    version of a policy is the one that stands in it.

    Raises ConfigError when a kiosk could not use it: nothing is signed that is wrong, or not
    newer than `before`."""
    version = _version(_CHECKS[kind](content), version)
    if before:
        _newer(fleet, kind, version, before)
    try:
        key = signed.load_private(files.read(fleet / f"{SIGNER}.key"))
    except DocumentError as error:
        raise ConfigError(
            [f"{fleet / SIGNER}.key is not the key that init made: {error}"]
        ) from error
    return signed.sign(key, kind, version, content)


def _version(read: object, given: int | None) -> int:
    if isinstance(read, Policy):
        if not read.version:
            raise ConfigError(["[policy] version is missing; a signed policy needs it"])
        if given not in (None, read.version):
            raise ConfigError(
                [
                    f"--version {given}, and the file says [policy] version = {read.version};"
                    " leave --version out"
                ]
            )
        return read.version
    if given is None or given < 1:
        found = "missing" if given is None else given
        raise ConfigError([f"version is {found}; expected --version 1, 2, 3 .."])
    return given


def _newer(fleet: Path, kind: signed.Kind, version: int, before: bytes) -> None:
    public = fleet / f"{SIGNER}.pub"
    try:
        keys = signed.keys_by_id([signed.load_public(files.read(public))])
        last = signed.open_signed(before, kind, keys).version
    except DocumentError as error:
        raise ConfigError(
            [f"what is to be replaced is no signed {kind} of this fleet ({error}); remove it first"]
        ) from error
    if version <= last:
        where = "[policy] version" if kind == "policy" else "--version"
        raise ConfigError(
            [f"version {version} is to replace version {last}; raise {where} to {last + 1}"]
        )


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
    _issue(fleet, fleet / name, name, SERVICE_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH, [])


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
    certificate = _issue(fleet, out / "kiosk", kid, KIOSK_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH, [])
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
    issued = _issue(fleet, out / "kiosk", kid, KIOSK_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH, [])
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
    issued = _signed(fleet, public, kid, KIOSK_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH, [])
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


def _issue(
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
    certificate = _signed(fleet, key.public_key(), common_name, days, usage, names)
    files.write_new(paths[0], certificates.private_pem(key), files.PRIVATE)
    files.write_new(paths[1], certificate, files.PUBLIC)
    return certificate


def _signed(
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; exits 1 with one sentence per problem when it refuses."""
    parser = argparse.ArgumentParser(
        prog="python -m provisioning.authority",
        description="Creates a fleet's keys and certificates and enrols kiosks.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    init = commands.add_parser("init", help="create a new fleet")
    init.add_argument("fleet", type=Path, metavar="DIR", help="folder that will hold the fleet")
    init.add_argument(
        "--broker-host",
        action="append",
        required=True,
        metavar="HOST",
        help="name or address under which kiosks reach the broker; may be given again",
    )
    init.add_argument("--workers", type=int, default=1, help="ingest workers (default: 1)")
    _suite_option(init)
    init.set_defaults(run=_init)
    kiosk = commands.add_parser("enrol", help="make key, certificate and site.toml of one kiosk")
    kiosk.add_argument("fleet", type=Path, metavar="DIR", help="folder that `init` made")
    kiosk.add_argument("kid", metavar="KID", help="the kiosk's id, for good; as in gate-1")
    kiosk.add_argument("--place", required=True, help="where it hangs, for people")
    kiosk.add_argument(
        "--broker",
        required=True,
        metavar="HOST:PORT,wss://HOST:PORT/mqtt..",
        help="tried in this order",
    )
    kiosk.add_argument(
        "--out", type=Path, required=True, metavar="OUTDIR", help="new folder for /etc/kiosk"
    )
    kiosk.add_argument(
        "--direction", choices=DIRECTIONS, default="in", help="a scan means (default: %(default)s)"
    )
    kiosk.set_defaults(run=_enrol)
    again = commands.add_parser(
        "renew", help="make a new key and certificate of a kiosk, whose id and site.toml stay"
    )
    again.add_argument("fleet", type=Path, metavar="DIR", help="folder that `init` made")
    again.add_argument("kid", metavar="KID", help="the kiosk's id")
    again.add_argument(
        "--out", type=Path, required=True, metavar="OUTDIR", help="new folder for the three files"
    )
    again.set_defaults(run=_renew)
    asked = commands.add_parser(
        "certify", help="make a certificate for the key that a kiosk made by rotate-key"
    )
    asked.add_argument("fleet", type=Path, metavar="DIR", help="folder that `init` made")
    asked.add_argument("kid", metavar="KID", help="the kiosk's id")
    asked.add_argument("request", type=Path, metavar="FILE", help="its CSR, in PEM")
    asked.add_argument("--out", type=Path, required=True, metavar="FILE", help="the certificate")
    asked.set_defaults(run=_certify)
    worker = commands.add_parser("add-worker", help="make a certificate of one more ingest worker")
    worker.add_argument("fleet", type=Path, metavar="DIR", help="folder that `init` made")
    worker.add_argument("number", type=int, metavar="N", help="makes _ingest-N")
    worker.set_defaults(run=_add_worker)
    operator = commands.add_parser(
        "add-operator", help="make a certificate of one more who commands kiosks"
    )
    operator.add_argument("fleet", type=Path, metavar="DIR", help="folder that `init` made")
    operator.add_argument("number", type=int, metavar="N", help="makes _fleet-N")
    operator.set_defaults(run=_add_operator)
    signer = commands.add_parser("add-signer", help="make the signing key of an older fleet")
    signer.add_argument("fleet", type=Path, metavar="DIR", help="folder that `init` made")
    signer.set_defaults(run=_add_signer)
    sealer = commands.add_parser(
        "add-seal-key", help="make one more key that kiosks seal to, to follow the one before"
    )
    sealer.add_argument("fleet", type=Path, metavar="DIR", help="folder that `init` made")
    _suite_option(sealer)
    sealer.set_defaults(run=_add_seal_key)
    former = commands.add_parser(
        "retire-seal-key", help="enrol no more kiosks that seal to a key; its private half stays"
    )
    former.add_argument("fleet", type=Path, metavar="DIR", help="folder that `init` made")
    former.add_argument("name", metavar="NAME", help="as in centre-seal")
    former.set_defaults(run=_retire_seal_key)
    document = commands.add_parser("sign", help="sign a policy, a list, or a kiosk's configuration")
    document.add_argument("fleet", type=Path, metavar="DIR", help="folder that `init` made")
    document.add_argument("kind", choices=list(_CHECKS))
    document.add_argument("file", type=Path, metavar="FILE", help="what to sign")
    document.add_argument(
        "--version",
        type=int,
        metavar="N",
        help="higher than that of any before; a policy has its own in [policy]",
    )
    document.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="replaced if it is there"
    )
    document.set_defaults(run=_sign)
    given = parser.parse_args(arguments)
    try:
        print(given.run(given))
    except KioskError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


def _suite_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--suite",
        choices=sealing.SUITES,
        default=sealing.DEFAULT,
        help="x25519-mlkem768 keeps records sealed even from who records them now and has a"
        " quantum computer later, at 1.1 kB more a segment (default: %(default)s)",
    )


def _init(given: argparse.Namespace) -> str:
    init_fleet(given.fleet, given.broker_host, given.workers, given.suite)
    return (
        f"fleet created in {given.fleet}; ca.key and {SIGNER}.key stay off the network,"
        " centre-seal.key goes to the ingest workers alone"
    )


def _enrol(given: argparse.Namespace) -> str:
    site = enrol(given.fleet, given.kid, given.place, given.broker, given.out, given.direction)
    return f"{given.kid} enrolled for {KIOSK_DAYS} days; its configuration is {site}"


def _renew(given: argparse.Namespace) -> str:
    certificate = renew(given.fleet, given.kid, given.out)
    return (
        f"{given.kid} renewed until {certificate.not_valid_after_utc:%Y-%m-%d}; put kiosk.key and"
        f" kiosk.crt from {given.out} beside its site.toml and restart kiosk-uplink"
    )


def _certify(given: argparse.Namespace) -> str:
    try:
        request = x509.load_pem_x509_csr(files.read(given.request))
    except ValueError as error:
        raise ConfigError([f"{given.request}: no CSR in PEM"]) from error
    certificate = certify(given.fleet, given.kid, request, given.out)
    return (
        f"{given.out}: for {given.kid}, until {certificate.not_valid_after_utc:%Y-%m-%d}; send it"
        f" by python -m central.fleet command {given.kid} install-certificate"
        f" --arg certificate=@{given.out} --key fleet-sign.key"
    )


def _add_worker(given: argparse.Namespace) -> str:
    add_worker(given.fleet, given.number)
    return (
        f"{given.fleet}/_ingest-{given.number}.crt made; configure the broker anew, so that its"
        " ACL knows the worker"
    )


def _add_operator(given: argparse.Namespace) -> str:
    add_operator(given.fleet, given.number)
    return (
        f"{given.fleet}/_fleet-{given.number}.crt made; configure the broker anew, so that its"
        " ACL knows the operator"
    )


def _add_signer(given: argparse.Namespace) -> str:
    add_signer(given.fleet)
    return (
        f"{given.fleet}/{SIGNER}.key made; it stays off the network. A kiosk enrolled before takes"
        f" unsigned files until judge.fleet_keys in its site.toml names {SIGNER}.pub"
    )


def _add_seal_key(given: argparse.Namespace) -> str:
    name = sealing.add_key(given.fleet, given.suite)
    return (
        f"{given.fleet}/{name}.key and {name}.pub made; first add {name}.key in front of seal.keys"
        f" of every ingest worker, then {name}.pub to seal.recipients of every kiosk"
    )


def _retire_seal_key(given: argparse.Namespace) -> str:
    sealing.retire_key(given.fleet, given.name)
    return (
        f"{given.name}: new kiosks do not seal to it any more; leave {given.name}.key in seal.keys"
        " of the workers while a kiosk still seals to it alone, and keep a copy for ever"
    )


def _sign(given: argparse.Namespace) -> str:
    try:
        content = given.file.read_bytes()
    except OSError as error:
        raise ConfigError([f"{given.file}: {error.strerror}"]) from error
    before = files.read(given.out) if given.out.exists() else b""
    document = sign(given.fleet, given.kind, content, given.version, before)
    files.replace(given.out, document)
    version = signed.unchecked(document, given.kind).version
    return f"{given.out}: {given.kind} version {version}, signed"


if __name__ == "__main__":
    main()
