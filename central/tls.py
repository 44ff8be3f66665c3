"""Ours towards the broker."""

from __future__ import annotations

import ssl
from pathlib import Path

from kiosk.errors import ConfigError


def tls_context(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """Mutual TLS. Raises ConfigError when the files cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(ca)
        context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        raise ConfigError(
            [f"broker.ca, .certificate and .key do not fit together: {error}"]
        ) from error
    return context
