"""From what libraries and broker say to the reasons of the table."""

from __future__ import annotations

import errno
import socket
import ssl
import time

from kiosk.errors import KioskError
from kiosk.reach.reasons import Reason, reason

# Verification results of OpenSSL (X509_V_ERR_*, x509_vfy.h).
_VERIFY = {
    9: "broker-early",
    10: "broker-expired",
    18: "broker-stranger",
    19: "broker-stranger",
    20: "broker-stranger",
    62: "broker-name",
    64: "broker-name",
}

# Alerts that the broker sends about our certificate (RFC 8446, section 6).
_ALERT = {
    "UNKNOWN_CA": "kiosk-unknown",
    "CERTIFICATE_EXPIRED": "kiosk-expired",
    "CERTIFICATE_REVOKED": "kiosk-revoked",
    "CERTIFICATE_REQUIRED": "kiosk-bad",
    "BAD_CERTIFICATE": "kiosk-bad",
    "UNSUPPORTED_CERTIFICATE": "kiosk-bad",
    "CERTIFICATE_UNKNOWN": "kiosk-bad",
}

_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")

_ERRNO = {
    errno.ECONNREFUSED: "refused",
    errno.ENETUNREACH: "no-route",
    errno.EHOSTUNREACH: "no-route",
    errno.ENETDOWN: "no-network",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "no-answer",
}

_NAME = {
    socket.EAI_AGAIN: "dns-silent",
    socket.EAI_NONAME: "dns-unknown",
    socket.EAI_NODATA: "dns-unknown",
}

# MQTT 5, 2.4.
_MQTT = {
    130: "not-mqtt",
    132: "not-mqtt",
    134: "not-known",
    135: "not-admitted",
    136: "busy",
    137: "busy",
    138: "banned",
    139: "shutting-down",
    141: "no-life",
    142: "taken-over",
    149: "too-large",
    150: "busy",
    151: "busy",
    156: "moved",
    157: "moved",
    159: "busy",
}

OURS = (130, 141)
"""MQTT 5 reason codes for which the client itself ends a connection: protocol error, silence."""


class Unreachable(KioskError, OSError):
    """The way to the broker ends somewhere; `reason` says where and why."""

    def __init__(self, why: Reason) -> None:
        super().__init__(str(why))
        self.reason = why


def of_error(error: Exception, who: str = "broker") -> Reason:
    """What an error of the network, of TLS or of our own means."""
    if isinstance(error, Unreachable):
        return error.reason
    if isinstance(error, KioskError):
        return reason("files", str(error))
    if isinstance(error, ssl.SSLCertVerificationError):
        code = _VERIFY.get(error.verify_code, "broker-unfit")
        at_ms = getattr(error, "at_ms", None)  # whoever judged by another time than the system's
        return reason(code, error.verify_message, clock=_clock(at_ms))
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return reason("reset", who=who)
    if isinstance(error, ssl.SSLError):
        return _of_tls(error.reason or str(error))
    if isinstance(error, socket.gaierror):
        return reason(_NAME.get(error.errno or 0, "dns-other"), error.strerror or "", who=who)
    if isinstance(error, TimeoutError):
        return reason("no-answer", who=who)
    if isinstance(error, OSError) and error.errno in _ERRNO:
        return reason(_ERRNO[error.errno], who=who)
    return reason("other", str(error) if isinstance(error, OSError) else repr(error))


def _of_tls(said: str) -> Reason:
    _, alert, what = said.partition("ALERT_")
    if not alert and said in _NOT_TLS:
        return reason("not-tls")
    plain = (what or said).lower().replace("_", " ")
    return reason(_ALERT.get(what, "tls-other"), plain, clock=_clock())


def of_mqtt(code: int, name: str) -> Reason:
    """An MQTT 5 reason code of 128 and above; `name` is its own."""
    return reason(_MQTT.get(code, "broker-says"), name)


def _clock(at_ms: int | None = None) -> str:
    """None: what the system's clock says now."""
    at_s = None if at_ms is None else at_ms / 1000
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at_s))
