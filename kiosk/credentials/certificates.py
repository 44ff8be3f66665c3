"""X.509 certificates, of which none is expected to be well made: some on the published lists
have an extension that a strict parser refuses, and strangers send what they like.

What stays true of a certificate is remembered, for a door meets the same few signers again
and again; whether it is valid at some time is for others to compare, each time.
"""

from __future__ import annotations

import hashlib
import warnings
from functools import lru_cache
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning

Kind = TypeVar("Kind", bound=x509.ExtensionType)

# A serial number that is not positive, as some signers have, is told to nobody who could mend it.
warnings.filterwarnings("ignore", "Parsed a serial number", CryptographyDeprecationWarning)

_REMEMBERED = 16
"""Strangers can make a door forget a certificate, but fill no memory."""


class Loaded(NamedTuple):
    """A certificate, its key, its first second of validity and the first one after it."""

    certificate: x509.Certificate
    key: object
    valid_from: float
    valid_until: float


@lru_cache(_REMEMBERED)
def load(der: bytes) -> Loaded | None:
    """A certificate whose key and validity can be read; None for any other."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        start = certificate.not_valid_before_utc.timestamp()
        return Loaded(certificate, key, start, certificate.not_valid_after_utc.timestamp() + 1)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        return None


def extension(certificate: x509.Certificate, kind: type[Kind]) -> Kind | None:
    """The extension of that kind; None when it is absent, or any cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (ValueError, *_BAD_EXTENSIONS):
        return None


def unknown_extension(certificate: x509.Certificate, oid: str) -> bytes:
    """DER of an extension that the library does not know; empty when it is absent."""
    try:
        unknown = (e.value for e in certificate.extensions if e.oid.dotted_string == oid)
        value = next(unknown, None)
    except (ValueError, *_BAD_EXTENSIONS):
        return b""
    return value.value if isinstance(value, x509.UnrecognizedExtension) else b""


_BAD_EXTENSIONS = (
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it may sign certificates."""
    found = extension(certificate, x509.BasicConstraints)
    return found is not None and found.ca


@lru_cache(_REMEMBERED)
def is_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority's name and signature stand on the certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def authority_key_id(certificate: x509.Certificate) -> bytes:
    """Whose key signed it; empty when it does not say."""
    found = extension(certificate, x509.AuthorityKeyIdentifier)
    return (found.key_identifier or b"") if found is not None else b""


def key_id(certificate: x509.Certificate) -> bytes:
    """Id of its own key: as it says, else after RFC 5280 section 4.2.1.2, method 1."""
    found = extension(certificate, x509.SubjectKeyIdentifier)
    if found is None:
        found = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    return found.digest


def kid(der: bytes) -> bytes:
    """Key id of an EU DCC signer: the first 8 bytes of SHA-256 of its certificate."""
    return hashlib.sha256(der).digest()[:8]
