"""The kiosk's private key and its successor, which waits beside it until its certificate comes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kiosk import durable
from kiosk.commands.action import Failed
from kiosk.config import Broker

_PIECE = 1024 * 1024


def waiting(path: Path) -> Path:
    """Where the successor of a key or certificate waits."""
    return path.with_name(f"{path.name}.next")


def new_request(broker: Broker, kid: str) -> str:
    """Makes a new key, in place of one that waits already, with owner and mode of the one in use;
    its CSR (PKCS #10) in PEM. Raises OSError."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path, like = waiting(broker.key), broker.key.stat()
    wipe(path)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.fchown(fd, like.st_uid, like.st_gid)
        os.fchmod(fd, like.st_mode & 0o640)
        os.write(fd, pem)
        os.fsync(fd)
    finally:
        os.close(fd)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, kid)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def public_of(path: Path) -> bytes | None:
    """Public half of the private key in a file, as DER; None when there is none that can be
    read."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        return None
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def certified(certificate: x509.Certificate) -> bytes:
    """The public key in a certificate, as DER."""
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def take_over(broker: Broker) -> None:
    """The two that wait take the places of the two in use. After a power cut between the two
    steps, `mend` does the second. Raises OSError."""
    durable.move(waiting(broker.certificate), broker.certificate)
    _key_takes_over(broker)


def _key_takes_over(broker: Broker) -> None:
    old = os.open(broker.key, os.O_WRONLY | os.O_CLOEXEC)
    try:
        durable.move(waiting(broker.key), broker.key)
        _overwrite(old)
        os.fsync(old)
    finally:
        os.close(old)


def mend(broker: Broker) -> bool:
    """Ends a change that a power cut has interrupted; whether there was one. Raises OSError."""
    with suppress(OSError, ValueError):
        certificate = x509.load_pem_x509_certificate(broker.certificate.read_bytes())
        needed = certified(certificate)
        if public_of(broker.key) != needed and public_of(waiting(broker.key)) == needed:
            _key_takes_over(broker)
            return True
    return False


def wipe(*paths: Path) -> None:
    """Overwrites and removes files; one that is not there is no mistake. What a
    card's controller keeps elsewhere of it is out of reach. Raises OSError."""
    for path in paths:
        if path.is_symlink():  # what it names is somebody else's
            continue
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        try:
            _overwrite(fd)
        finally:
            os.close(fd)
    os.sync()  # once: a backlog is thousands of files, and a card needs tens of ms for each
    for path in paths:
        path.unlink(missing_ok=True)
    os.sync()


def _overwrite(fd: int) -> None:
    found = os.fstat(fd)
    # A hole holds nothing, and would be filled.
    end, at = min(found.st_size, found.st_blocks * 512 + _PIECE), 0
    while at < end:
        at += os.pwrite(fd, bytes(min(end - at, _PIECE)), at)


def read_certificate(pem: str, broker: Broker) -> x509.Certificate:
    """The certificate for the key that waits, proved to be of the fleet. Raises Failed."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise Failed("no-certificate", "it is no certificate in PEM") from error
    waits = public_of(waiting(broker.key))
    if waits is None:
        raise Failed("no-key-waits", "no new key waits for a certificate; first: rotate-key")
    if certified(certificate) != waits:
        raise Failed("other-key", "it is for another key than the one that waits here")
    return certificate
