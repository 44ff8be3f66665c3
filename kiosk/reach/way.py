"""The way to a broker: by a proxy or not, TLS, and WebSocket where only port 443 is open.

Every step has a limit, but for looking up a name (getaddrinfo(3) takes none).
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from kiosk.errors import ConfigError
from kiosk.reach.reasons import reason
from kiosk.reach.telling import Unreachable, of_error

CONNECT_S = 5.0
"""For each address of a name, and for an answer in HTTP."""
TLS_S = 20.0
"""Longer: a broker to which a whole fleet comes back works off a queue of handshakes, and one
that is given up costs it as much as one that is not."""
REFUSAL_S = 1.0
_MAX_HEAD = 8192
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


class Address(NamedTuple):
    """One of `broker.hosts`. `path` is that of a WebSocket; empty: MQTT straight over TLS."""

    name: str
    port: int
    path: str = ""

    @property
    def at(self) -> str:
        """As HTTP writes it (RFC 9110, 7.2)."""
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


class Proxy(NamedTuple):
    """An HTTP proxy that opens ways by CONNECT (RFC 9110, 9.3.6)."""

    name: str
    port: int
    login: str

    @property
    def authorization(self) -> str:
        """The header that logs in, RFC 7617; empty when there is no login."""
        if not self.login:
            return ""
        return f"Proxy-Authorization: Basic {base64.b64encode(self.login.encode()).decode()}\r\n"


def address(host: str) -> Address:
    """`name:port`, `[IPv6]:port` or `wss://name:port/path`, apart."""
    if host.startswith("wss://"):
        parts = urlsplit(host)
        return Address(parts.hostname or "", parts.port or 443, parts.path or "/mqtt")
    name, _, port = host.rpartition(":")
    return Address(name.strip("[]"), int(port))


def proxy(url: str) -> Proxy | None:
    """`http://user:password@name:port`, apart, the login percent-decoded; None for ""."""
    if not url:
        return None
    parts = urlsplit(url)
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return Proxy(parts.hostname or "", parts.port or 80, login)


def tls_context(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """Mutual TLS from the configured files. Raises ConfigError, naming the file at fault."""
    for name, path in (("ca", ca), ("certificate", certificate), ("key", key)):
        try:
            path.open("rb").close()  # ssl's own error does not say which file it was
        except OSError as error:
            raise ConfigError([f"broker.{name}: cannot read {path}: {error.strerror}"]) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError as error:
        raise ConfigError([f"broker.ca: {ca} holds no certificate in PEM"]) from error
    try:
        # An encrypted key would be asked for on the terminal if no password were given.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        wrong = (
            "they do not belong together"
            if error.reason == "KEY_VALUES_MISMATCH"
            else "no certificate and unencrypted key in PEM"
        )
        raise ConfigError(
            [f"broker.certificate, broker.key: {wrong}: {certificate}, {key}"]
        ) from error
    return context


def connect(
    to: Address,
    by: Proxy | None,
    context: ssl.SSLContext,
    patient: bool = False,
    tls_s: float = TLS_S,
) -> ssl.SSLSocket:
    """A connection over which MQTT can be spoken, in frames of WebSocket if `to` has a path.

    In TLS 1.3 a broker judges our certificate after our handshake is done, and what is sent
    meanwhile may take the place of its refusal. `patient` waits for that, `REFUSAL_S`.
    Raises Unreachable.
    """
    secure = _tls(_tcp(to, by), to, context, tls_s)
    try:
        if patient:
            _wait_for_refusal(secure)
        if to.path:
            _upgrade(secure, to)
    except BaseException:
        secure.close()
        raise
    return secure


def _tcp(to: Address, by: Proxy | None) -> socket.socket:
    first = by or to
    try:
        plain = socket.create_connection((first.name, first.port), CONNECT_S)
    except (OSError, ValueError) as error:  # ValueError: a name that no name server takes
        raise Unreachable(of_error(error, "proxy" if by else "broker")) from error
    try:
        # An acknowledgement is two small packets; Nagle's algorithm would hold back one of them.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if by is not None:
            _through(plain, by, to)
    except BaseException:
        plain.close()
        raise
    return plain


def _through(plain: socket.socket, by: Proxy, to: Address) -> None:
    with _no_other_error("proxy"):
        plain.sendall(
            f"CONNECT {to.at} HTTP/1.1\r\nHost: {to.at}\r\n{by.authorization}\r\n".encode()
        )
        status, _ = _head(plain, "proxy-mute")
    if status // 100 != 2:
        code = {407: "proxy-login", 403: "proxy-forbids"}.get(status, "proxy-fails")
        raise Unreachable(reason(code, str(status)))


def _tls(
    plain: socket.socket, to: Address, context: ssl.SSLContext, within_s: float
) -> ssl.SSLSocket:
    try:
        plain.settimeout(within_s)
        return context.wrap_socket(plain, server_hostname=to.name)
    except TimeoutError as error:
        plain.close()
        raise Unreachable(reason("tls-silent")) from error
    except (OSError, ValueError) as error:
        plain.close()
        raise Unreachable(of_error(error)) from error


def _wait_for_refusal(secure: ssl.SSLSocket) -> None:
    secure.settimeout(REFUSAL_S)
    try:
        said = secure.recv(1)
    except TimeoutError:
        return
    except OSError as error:
        raise Unreachable(of_error(error)) from error
    raise Unreachable(reason("not-mqtt" if said else "unanswered"))


def _upgrade(secure: ssl.SSLSocket, to: Address) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    with _no_other_error("broker"):
        secure.sendall(
            f"GET {to.path} HTTP/1.1\r\nHost: {to.at}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: mqtt\r\n\r\n".encode()
        )
        status, fields = _head(secure, "not-http")
    if status != 101:
        raise Unreachable(reason("not-websocket", str(status)))
    proof = base64.b64encode(hashlib.sha1(f"{key}{_WEBSOCKET}".encode()).digest())
    if fields.get(b"sec-websocket-accept") != proof:
        raise Unreachable(reason("not-http"))


def _head(stream: socket.socket, otherwise: str) -> tuple[int, dict[bytes, bytes]]:
    """Status and fields of an answer in HTTP/1.1, byte by byte: what follows is not HTTP."""
    due = time.monotonic() + CONNECT_S
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        left = due - time.monotonic()
        if left <= 0 or len(head) > _MAX_HEAD:
            raise Unreachable(reason(otherwise))
        stream.settimeout(left)
        try:
            byte = stream.recv(1)
        except TimeoutError as error:
            raise Unreachable(reason(otherwise)) from error
        if not byte:
            raise Unreachable(reason(otherwise))
        head += byte
    status = _STATUS.match(head)
    if status is None:
        raise Unreachable(reason(otherwise))
    lines = [line.partition(b":") for line in bytes(head).split(b"\r\n")[1:]]
    return int(status[1]), {name.strip().lower(): value.strip() for name, _, value in lines}


@contextmanager
def _no_other_error(who: str) -> Iterator[None]:
    try:
        yield
    except Unreachable:
        raise
    except OSError as error:
        raise Unreachable(of_error(error, who)) from error
