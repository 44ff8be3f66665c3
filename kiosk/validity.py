"""Validity periods of the certificates that a TLS server shows, under a clock that may be unset.

OpenSSL judges them by the system's clock. A kiosk whose clock was never set would find every
certificate "not yet valid" and could reach nobody who could tell it the time; one whose clock was
set back would find a stolen one that ended long ago valid again. So they are judged by what is
known of the time: the end (RFC 5280, notAfter) by the earliest that it can be, always; beginning
and end by OpenSSL as well once the clock was set. Until then a beginning that lies ahead says only
that the clock is behind: our own authority signed it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME
_HAS_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED (both x509_vfy.h)


class HasEnded(ssl.SSLCertVerificationError):
    """By what is known of the time: it is `at_ms` or later, whatever the system's clock says."""

    def __init__(self, at_ms: int) -> None:
        super().__init__(1, "certificate verify failed")
        self.verify_code, self.verify_message = _HAS_EXPIRED, "certificate has expired"
        self.at_ms = at_ms


class Validity:
    """`is_set`: whether the clock was set; `earliest_ms`: what the end is judged by, in ms of the
    wall clock. `end_ms` is when what the last trusted server showed ends; None: nobody yet."""

    def __init__(self, is_set: Callable[[], bool], earliest_ms: Callable[[], int]) -> None:
        self._is_set = is_set
        self._earliest_ms = earliest_ms
        self.end_ms: int | None = None

    def judge(self, context: ssl.SSLContext) -> None:
        """From now on in handshakes of this client's `context`, which fail with
        ssl.SSLCertVerificationError as they do by OpenSSL's own verdict."""
        if not self._is_set():
            context.verify_flags |= _NO_CHECK_TIME
        accept = self._accept

        class Judged(ssl.SSLSocket):
            """Refuses after the handshake, before anything is sent."""

            def do_handshake(self, block: bool = False) -> None:
                super().do_handshake(block)
                accept(self.getpeercert() or {}, self.context)

        context.sslsocket_class = Judged

    def _accept(self, shown: dict[str, Any], context: ssl.SSLContext) -> None:
        named = (ca for ca in context.get_ca_certs() if ca["subject"] == shown.get("issuer"))
        end_ms = min(_end_ms(shown), max(map(_end_ms, named), default=_end_ms(shown)))
        if end_ms < (earliest_ms := self._earliest_ms()):
            raise HasEnded(earliest_ms)
        self.end_ms = end_ms


def _end_ms(certificate: Any) -> int:
    return ssl.cert_time_to_seconds(certificate["notAfter"]) * 1000
