"""Who this kiosk is: enrolled, and with a certificate that a broker will take."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import NameOID

from kiosk.clock import Clock
from kiosk.config import Config
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong

SOON = timedelta(days=14)


def check(config: Config, advice: Advice) -> Iterator[Finding]:
    """Enrolment, root, certificate, key."""
    broker = config.broker
    if config.kiosk.id:
        yield fine(f"enrolled as {config.kiosk.id}")
    else:
        yield wrong("this kiosk is not enrolled: kiosk.id is empty", advice.enrol)
    root = _certificate(broker.ca, advice)
    if isinstance(root, Finding):
        yield root
    certificate = _certificate(broker.certificate, advice)
    if isinstance(certificate, Finding):
        yield certificate
    else:
        yield from _worth(certificate, broker.certificate, config, advice)
        if not isinstance(root, Finding) and not _issued_here(certificate, broker.ca):
            yield wrong(
                f"the certificate {broker.certificate} was not issued by the authority in"
                f" {broker.ca}",
                "put ca.crt, kiosk.crt and kiosk.key of one and the same enrolment here",
            )
    key = _key(broker.key, advice)
    if isinstance(key, Finding):
        yield key
    elif not isinstance(certificate, Finding):
        yield _pair(certificate, key, config)


def _certificate(path: Path, advice: Advice) -> x509.Certificate | Finding:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        return unreadable("certificate", path, error, advice.enrol)
    except ValueError as error:
        return wrong(f"{path} is no certificate in PEM: {error}", advice.enrol)


def _issued_here(certificate: x509.Certificate, authorities: Path) -> bool:
    for root in x509.load_pem_x509_certificates(authorities.read_bytes()):
        try:
            certificate.verify_directly_issued_by(root)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def _worth(
    certificate: x509.Certificate, path: Path, config: Config, advice: Advice
) -> Iterator[Finding]:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = names[0].value if names else ""
    if name != config.kiosk.id:
        yield wrong(
            f"the certificate {path} is made out to {name!r}, this kiosk is {config.kiosk.id!r}",
            "put the certificate and the site.toml of one and the same enrolment here",
        )
    moment = Clock(config.clock.source, config.paths.run).now()
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    date = datetime.fromtimestamp(moment.wall_ms / 1000, UTC)
    if date > end:
        yield wrong(f"the certificate {path} expired on {end:%Y-%m-%d}", advice.enrol)
    elif date < begin and moment.clock == "synced":
        yield wrong(
            f"the certificate {path} is not valid before {begin:%Y-%m-%d %H:%M} UTC,"
            f" the clock says {date:%Y-%m-%d %H:%M} UTC",
            "let the kiosk reach a time server; if its clock is right, have it enrolled anew",
        )
    elif end - date < SOON:
        yield wrong(f"the certificate {path} ends soon, on {end:%Y-%m-%d}", advice.enrol)
    else:
        yield fine(f"certificate valid until {end:%Y-%m-%d}")


def _key(path: Path, advice: Advice) -> PrivateKeyTypes | Finding:
    try:
        return serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        return unreadable("private key", path, error, advice.enrol)
    except (ValueError, TypeError) as error:
        return wrong(f"{path} is no unencrypted private key in PEM: {error}", advice.enrol)


def _pair(certificate: x509.Certificate, key: PrivateKeyTypes, config: Config) -> Finding:
    if certificate.public_key() == key.public_key():
        return fine("the private key belongs to the certificate")
    return wrong(
        f"the private key {config.broker.key} does not belong to the certificate"
        f" {config.broker.certificate}",
        "put the key and the certificate of one and the same enrolment here",
    )


def unreadable(what: str, path: Path, error: OSError, remedy: str) -> Finding:
    """The finding for a file that is absent, or closed to this user."""
    if isinstance(error, FileNotFoundError):
        return wrong(f"the {what} {path} is missing", remedy)
    if isinstance(error, PermissionError):
        return wrong(f"the {what} {path} may not be read by this user", "try with sudo")
    return wrong(f"the {what} {path} cannot be read: {error.strerror}", remedy)
