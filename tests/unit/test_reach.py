"""The way to the broker: by proxies and portals as they are met, and every reason in words."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from tlsdoor import Authority, speaking_tls

from kiosk import reach
from kiosk.config import ConfigError, effective, load, shown_value

ROOT = Path(__file__).parents[2]
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n"


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path, "ours")
    authority.issue("kiosk")
    return authority


def context(folder: Path) -> ssl.SSLContext:
    return reach.tls_context(folder / "ours.crt", folder / "kiosk.crt", folder / "kiosk.key")


def why(folder: Path, port: int, path: str = "", by: str = "", patient: bool = False) -> str:
    """Code of the reason for which the way ends."""
    to = reach.Address("127.0.0.1", port, path)
    with pytest.raises(reach.Unreachable) as caught:
        reach.connect(to, reach.proxy(by), context(folder), patient)
    return caught.value.reason.code


def head(connection: socket.socket) -> bytes:
    said = b""
    while not said.endswith(b"\r\n\r\n"):
        said += connection.recv(4096)
    return said


def answering(answer: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(answer)
        connection.recv(1)

    return serve


class Forwarding:
    """A proxy that lets those in who say `login`."""

    def __init__(self, login: str = "") -> None:
        self.login = login
        self.asked: list[bytes] = []

    def __call__(self, connection: socket.socket) -> None:
        said = head(connection)
        self.asked.append(said.partition(b"\r\n")[0])
        word = base64.b64encode(self.login.encode())
        if self.login and b"Proxy-Authorization: Basic " + word + b"\r\n" not in said:
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        name, _, port = said.split()[1].rpartition(b":")
        beyond = socket.create_connection((name.decode(), int(port)))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")
        for one, other in ((connection, beyond), (beyond, connection)):
            threading.Thread(target=_pour, args=(one, other), daemon=True).start()


def _pour(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:  # the test is over
        return


def test_a_proxy_opens_the_way_for_who_has_its_password(
    ours: Authority, listening, tmp_path: Path
) -> None:
    server = listening(speaking_tls(ours.issue("broker"), b"hello"))
    proxy = Forwarding("cửa:se/sam:e")
    door = listening(proxy)
    to = reach.Address("127.0.0.1", server.port)
    by = reach.proxy(f"http://c%E1%BB%ADa:se%2Fsam%3Ae@127.0.0.1:{door.port}")
    with reach.connect(to, by, context(tmp_path)) as way:
        way.sendall(b"hello?")
        assert way.recv(99) == b"hello"
    assert proxy.asked == [f"CONNECT 127.0.0.1:{server.port} HTTP/1.1".encode()]
    assert why(tmp_path, server.port, by=f"http://127.0.0.1:{door.port}") == "proxy-login"
    assert why(tmp_path, server.port, by=f"http://x:y@127.0.0.1:{door.port}") == "proxy-login"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "proxy-forbids"),
        (b"HTTP/1.0 502 Bad Gateway\r\nServer: x\r\n\r\n", "proxy-fails"),
        (b"HTTP/1.1 503 \r\n\r\n", "proxy-fails"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "proxy-mute"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 3000, "proxy-mute"),
        (b"", "proxy-mute"),
    ],
)
def test_what_a_proxy_says_is_named(
    ours: Authority, listening, tmp_path: Path, monkeypatch, answer: bytes, code: str
) -> None:
    monkeypatch.setattr("kiosk.reach.way.CONNECT_S", 0.5)
    door = listening(answering(answer))
    assert why(tmp_path, 1, by=f"http://u:sesame@127.0.0.1:{door.port}") == code


def test_a_proxy_that_is_not_there_is_told_from_a_broker_that_is_not(
    ours: Authority, tmp_path: Path
) -> None:
    assert why(tmp_path, 1, by="http://127.0.0.1:1") == "proxy-refused"
    assert why(tmp_path, 1) == "refused"
    assert why(tmp_path, 1, by="http://no-such-proxy.invalid:1").startswith("proxy-dns-")


@pytest.mark.parametrize("trickle", [b"H", b"HTTP/1.1 101 X\r\n"])
def test_an_answer_that_trickles_in_has_an_end(
    ours: Authority, listening, tmp_path: Path, monkeypatch, trickle: bytes
) -> None:
    monkeypatch.setattr("kiosk.reach.way.CONNECT_S", 1.0)

    def serve(connection: socket.socket) -> None:
        while True:
            connection.sendall(trickle)
            time.sleep(0.1)

    door = listening(serve)
    began = time.monotonic()
    assert why(tmp_path, 1, by=f"http://127.0.0.1:{door.port}") == "proxy-mute"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n", "not-websocket"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "not-websocket"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "not-websocket"),
        (UPGRADED + b"Sec-WebSocket-Accept: bm8=\r\n\r\n", "not-http"),
        (UPGRADED + b"\r\n", "not-http"),
        (b"\x20\x03\x00\x00\x00", "not-http"),
        (b"", "not-http"),
    ],
)
def test_what_answers_instead_of_a_websocket_is_named(
    ours: Authority, listening, tmp_path: Path, monkeypatch, answer: bytes, code: str
) -> None:
    monkeypatch.setattr("kiosk.reach.way.CONNECT_S", 0.5)
    server = listening(speaking_tls(ours.issue("broker"), answer))
    assert why(tmp_path, server.port, "/mqtt") == code


def test_a_login_page_in_plain_http_is_named(ours: Authority, listening, tmp_path: Path) -> None:
    server = listening(lambda c: c.sendall(b"HTTP/1.1 302 Found\r\n\r\n"))
    assert why(tmp_path, server.port) == "not-tls"
    assert why(tmp_path, server.port, "/mqtt") == "not-tls"


def test_silence_instead_of_tls_is_named(
    ours: Authority, listening, tmp_path: Path, monkeypatch
) -> None:
    server = listening(lambda _connection: None)
    to = reach.Address("127.0.0.1", server.port)
    with pytest.raises(reach.Unreachable) as caught:
        reach.connect(to, None, context(tmp_path), tls_s=0.5)
    assert caught.value.reason.code == "tls-silent"


def test_a_clock_that_is_wrong_is_named_with_what_it_says(
    ours: Authority, listening, tmp_path: Path
) -> None:
    server = listening(speaking_tls(ours.issue("broker", begin=5)))
    to = reach.Address("127.0.0.1", server.port)
    with pytest.raises(reach.Unreachable) as caught:
        reach.connect(to, None, context(tmp_path))
    said = caught.value.reason
    assert said.code == "broker-early"
    now = time.strftime("%Y-%m-%d %H:", time.gmtime())
    assert now in said.en
    assert now in said.vi


def test_a_name_that_the_broker_does_not_have_is_named(
    ours: Authority, listening, tmp_path: Path
) -> None:
    server = listening(speaking_tls(ours.issue("broker")))
    to = reach.Address("localhost", server.port)
    with pytest.raises(reach.Unreachable) as caught:
        reach.connect(to, None, context(tmp_path))
    assert caught.value.reason.code == "broker-name"


def openssl_server(
    ours: Authority, folder: Path, client: tuple[Path, Path], crl: Path | None = None
) -> tuple[Callable[[socket.socket], None], ssl.SSLContext]:
    """A server that judges the kiosk's certificate, and the kiosk's context with `client`."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*ours.issue("broker"))
    server.load_verify_locations(ours.file)
    server.verify_mode = ssl.CERT_REQUIRED
    if crl is not None:
        server.load_verify_locations(crl)
        server.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF

    def serve(connection: socket.socket) -> None:
        connection.settimeout(5)
        with server.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    return serve, reach.tls_context(ours.file, *client)


def test_a_certificate_that_has_expired_or_was_revoked_is_named(
    ours: Authority, listening, tmp_path: Path
) -> None:
    expired = ours.issue("expired", begin=-9, end=-1)
    revoked = ours.issue("revoked")
    serial = x509.load_pem_x509_certificate(revoked[0].read_bytes()).serial_number
    now = datetime.now(UTC)
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
    listed = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ours.name)
        .last_update(now - timedelta(days=1))
        .next_update(now + timedelta(days=1))
        .add_revoked_certificate(entry)
        .sign(ours.key, hashes.SHA256())
    )
    crl = tmp_path / "crl.pem"
    crl.write_bytes(listed.public_bytes(Encoding.PEM))
    for files, code in ((expired, "kiosk-expired"), (revoked, "kiosk-revoked")):
        serve, kiosk = openssl_server(ours, tmp_path, files, crl)
        to = reach.Address("127.0.0.1", listening(serve).port)
        with pytest.raises(reach.Unreachable) as caught:
            reach.connect(to, None, kiosk, patient=True)
        assert caught.value.reason.code == code


def test_a_patient_way_to_who_is_content_takes_a_second(
    ours: Authority, listening, tmp_path: Path
) -> None:
    serve, kiosk = openssl_server(ours, tmp_path, (tmp_path / "kiosk.crt", tmp_path / "kiosk.key"))
    to = reach.Address("127.0.0.1", listening(serve).port)
    began = time.monotonic()
    reach.connect(to, None, kiosk, patient=True).close()
    assert 0.9 < time.monotonic() - began < 3


@pytest.mark.parametrize("mqtt", range(128, 163))
def test_every_refusal_of_mqtt_has_words_in_both_languages(mqtt: int) -> None:
    said = reach.of_mqtt(mqtt, "a name")
    assert said.code in reach.CODES
    assert said.en
    assert said.vi
    assert said.todo.count(" / ") == 1


def test_the_operators_page_has_every_reason() -> None:
    page = (ROOT / "docs/offline.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    told = [reach.reason(code, "…", clock="…") for code in reach.CODES]
    assert rows == [
        f"| `{one.code}` | {one.vi} | {one.en} | {one.todo_vi} | {one.todo_en} |" for one in told
    ]


def test_the_password_of_a_proxy_is_shown_by_nobody(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[broker]\nproxy = "http://door:sesame@proxy.example:3128"\n')
    assert reach.proxy(load([site]).broker.proxy) == ("proxy.example", 3128, "door:sesame")
    shown = [shown_value(s) for s in effective([site]) if s.key == "proxy"]
    assert shown == ["http://door:***@proxy.example:3128"]
    for wrong in ("http://door:sesame@proxy.example", "socks5://door:sesame@x:1", "sesame"):
        site.write_text(f'[broker]\nproxy = "{wrong}"\n')
        with pytest.raises(ConfigError) as caught:
            load([site])
        assert "sesame" not in str(caught.value)
