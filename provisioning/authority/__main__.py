"""`python -m provisioning.authority`: the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from kiosk import signed
from kiosk.errors import ConfigError, KioskError
from provisioning import files, sealing
from provisioning.authority.documents import CHECKS, SIGNER, sign
from provisioning.authority.fleet import add_operator, add_signer, add_worker, init_fleet
from provisioning.authority.kiosks import DIRECTIONS, KIOSK_DAYS, certify, enrol, renew


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
    document.add_argument("kind", choices=list(CHECKS))
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
