"""Every way in which a connection fails, in words for the technician at the door."""

from __future__ import annotations

import errno
import socket
import ssl

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.errors import KioskError

# Verification results of OpenSSL (X509_V_ERR_*, x509_vfy.h).
_VERIFY = {
    9: "the broker's certificate is not yet valid: this kiosk's clock is probably behind",
    10: "the broker's certificate has expired, or this kiosk's clock is ahead",
    18: "the broker's certificate is self-signed, not from our authority (broker.ca)",
    19: "the broker's certificate is from another authority than ours (broker.ca)",
    20: "the broker's certificate is from another authority than ours (broker.ca)",
    62: "the broker's certificate is for another name than the one in broker.hosts",
    64: "the broker's certificate is for another address than the one in broker.hosts",
}

# Alerts that the broker sends about our certificate (RFC 8446, section 6).
_ALERT = {
    "UNKNOWN_CA": "the broker's authority did not issue this kiosk's certificate",
    "CERTIFICATE_EXPIRED": "this kiosk's certificate has expired, or a clock is wrong",
    "CERTIFICATE_REVOKED": "this kiosk's certificate was revoked",
    "CERTIFICATE_REQUIRED": "the broker saw no certificate from this kiosk",
    "BAD_CERTIFICATE": "the broker calls this kiosk's certificate bad",
    "CERTIFICATE_UNKNOWN": "the broker does not accept this kiosk's certificate",
}

_ERRNO = {
    errno.ECONNREFUSED: "refused: no broker listens there",
    errno.ENETUNREACH: "no network, or no route to the broker",
    errno.EHOSTUNREACH: "no route to the broker",
    errno.ENETDOWN: "no network",
    errno.ECONNRESET: "the broker closed the connection",
    errno.EPIPE: "the broker closed the connection",
}

_NAME = {
    socket.EAI_AGAIN: "the name server does not answer",
    socket.EAI_NONAME: "name of the broker not found",
    socket.EAI_NODATA: "name of the broker has no address",
}

_REASON = {
    130: "what answers there does not speak MQTT 5",
    134: "not authorised: the broker does not know this kiosk",
    135: "not authorised: the broker does not admit this kiosk",
    139: "the broker is shutting down",
    141: "no sign of life from the broker, or none of this kiosk at the broker",
    142: "another device uses this kiosk's identity",
    149: "the broker finds a message of this kiosk too large",
}

OURS = (130, 141)
"""Reasons for which the client itself ends a connection: protocol error, silence."""


def failure(error: Exception) -> str:
    """What went wrong, as one phrase."""
    if isinstance(error, KioskError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return "TLS: " + _VERIFY.get(error.verify_code, error.verify_message)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "the broker closed the connection"
    if isinstance(error, ssl.SSLError):
        return "TLS: " + _tls(error.reason or str(error))
    if isinstance(error, socket.gaierror):
        return _NAME.get(error.errno or 0, f"name of the broker: {error.strerror}")
    if isinstance(error, TimeoutError):
        return "no answer from the broker's address"
    if isinstance(error, OSError):
        return _ERRNO.get(error.errno or 0, str(error))
    return f"{type(error).__name__}: {error}"


def _tls(reason: str) -> str:
    _, alert, what = reason.partition("ALERT_")
    if alert:
        return _ALERT.get(what, f"the broker answers {what.lower().replace('_', ' ')}")
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return "what answers there does not speak TLS; is the port right?"
    return reason.lower().replace("_", " ")


def verdict(reason: ReasonCode) -> str:
    """An MQTT 5 reason code of 128 and above, as one phrase."""
    return _REASON.get(reason.value, f"the broker answers {reason.getName()!r}")


def plain(text: str, length: int = 80) -> str:
    """Text from elsewhere, fit for one line of a log."""
    return "".join(c if c.isprintable() else "?" for c in text[:length])
