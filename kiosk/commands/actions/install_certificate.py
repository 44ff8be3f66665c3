"""Takes the certificate for the key that `rotate-key` made, if the broker takes it too."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kiosk import durable, reach
from kiosk.clock import Clock
from kiosk.commands import keys
from kiosk.commands.action import Args as _Args
from kiosk.commands.action import Failed, Kiosk, Result
from kiosk.config import Broker, Config
from kiosk.errors import ConfigError
from kiosk.model import Instant
from kiosk.validity import Validity

LIMIT_S = 120.0


class Args(_Args, frozen=True):
    """In PEM."""

    certificate: str


def act(args: Args, kiosk: Kiosk) -> Result:
    """The old pair stays in use until the new one has connected to a broker. Raises Failed, and
    then nothing has changed; OSError."""
    broker = kiosk.config.broker
    certificate = keys.read_certificate(args.certificate, broker)
    _check(certificate, kiosk.config.kiosk.id, broker, kiosk.now())
    path = keys.waiting(broker.certificate)
    durable.replace(path, args.certificate.encode())
    try:
        where = _tried(kiosk.config)
    except Failed:
        durable.remove(path)
        raise
    keys.take_over(broker)
    end = certificate.not_valid_after_utc
    return Result(f"{where} takes it; valid until {end:%Y-%m-%d}, in use from the next connection")


def _check(certificate: x509.Certificate, kid: str, broker: Broker, now: Instant) -> None:
    names = [str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [kid]:
        raise Failed("other-name", "it is for another name than this kiosk's")
    if not any(_issued_by(certificate, root) for root in _roots(broker)):
        raise Failed("other-fleet", "it is not issued by a root that this kiosk knows")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise Failed("other-use", "it is not for clients")
    moment = datetime.fromtimestamp(now.wall_ms / 1000, UTC)
    if now.clock != "unknown" and moment >= certificate.not_valid_after_utc:
        raise Failed("certificate-ended", f"it ended {certificate.not_valid_after_utc:%Y-%m-%d}")
    if now.clock == "synced" and moment < certificate.not_valid_before_utc:
        raise Failed("certificate-not-yet", "it is not valid yet")


def _roots(broker: Broker) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(broker.ca.read_bytes())
    except ValueError as error:
        raise Failed("no-root", f"{broker.ca} holds no certificate in PEM") from error


def _issued_by(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _tried(config: Config) -> str:
    """The first broker that takes the new pair. Raises Failed."""
    broker, kept = config.broker, Clock(config.clock.source, config.paths.run)
    try:
        context = reach.tls_context(
            broker.ca, keys.waiting(broker.certificate), keys.waiting(broker.key)
        )
    except ConfigError as error:
        raise Failed("not-taken", str(error)) from error
    Validity(kept.is_set, kept.earliest_ms).judge(context)
    # Before the handshake ends, the server has judged our certificate: not so in TLS 1.3.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    by, refusals = reach.proxy(broker.proxy), []
    for where in broker.hosts:
        try:
            reach.connect(reach.address(where), by, context, patient=True).close()
            return where
        except reach.Unreachable as error:
            refusals.append(f"{where}: {error.reason}")
    raise Failed("not-taken", f"no broker takes it; the old one stays: {'; '.join(refusals)}"[:400])
