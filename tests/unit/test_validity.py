"""Whether what a TLS server shows is valid, by what is known of the time. Real handshakes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from kiosk.reach import of_error
from kiosk.validity import Validity
from provisioning import certificates

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


class Fleet:
    """A root and a server's certificate for localhost, of any dates (days from now)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def makes(
        self,
        monkeypatch: pytest.MonkeyPatch,
        server: tuple[int, int],
        root: tuple[int, int] = (-900, 900),
    ) -> None:
        key, root_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        dates = {"kiosk fleet root": root, "localhost": server}

        def dated(
            subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, _days: int
        ) -> x509.CertificateBuilder:
            begin, end = dates[subject.rfc4514_string().removeprefix("CN=")]
            number = x509.random_serial_number()
            return x509.CertificateBuilder(
                issuer, subject, public, number, NOW + begin * DAY, NOW + end * DAY
            )

        monkeypatch.setattr(certificates, "_builder", dated)
        above = certificates.root(root_key, 1)
        names = [x509.DNSName("localhost")]
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        leaf = certificates.leaf(above, root_key, key.public_key(), "localhost", 1, usage, names)
        self.ca = self._file("ca.crt", certificates.pem(above))
        self.crt = self._file("server.crt", certificates.pem(leaf))
        self.key = self._file("server.key", certificates.private_pem(key))

    def _file(self, name: str, content: bytes) -> Path:
        file = self.folder / name
        file.write_bytes(content)
        return file

    def meets(self, validity: Validity, host: str = "localhost", ca: Path | None = None) -> str:
        """Empty when the client trusts the server, else why not; nothing is sent before."""
        heard: list[bytes] = []
        here, there = socket.socketpair()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.crt, self.key)

        def serve() -> None:
            try:
                with context.wrap_socket(there, server_side=True) as server:
                    heard.append(server.recv(9))
            except OSError:
                there.close()

        thread = threading.Thread(target=serve)
        thread.start()
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.load_verify_locations(ca or self.ca)
        validity.judge(client)
        try:
            with client.wrap_socket(here, server_hostname=host) as secure:
                secure.sendall(b"name")
            why = ""
        except ssl.SSLCertVerificationError as error:
            self.error, why = error, error.verify_message
            assert error.verify_code
        finally:
            here.close()
            thread.join(10)
        assert heard in ([b"name"], [b""], []) and (b"name" in heard) == (why == "")
        return why


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def days(number: float) -> Callable[[], int]:
    return lambda: int((NOW + number * DAY).timestamp() * 1000)


def never() -> bool:
    return False


def always() -> bool:
    return True


EXPIRED, EARLY = "certificate has expired", "certificate is not yet valid"


@pytest.mark.parametrize(
    ("server", "is_set", "earliest", "why"),
    [
        # The clock was never set: the beginning says nothing, the end is judged by the floor.
        ((5, 9), never, -400, ""),
        ((5, 9), never, 7, ""),
        ((5, 9), never, 10, EXPIRED),
        ((-9, -5), never, -7, ""),
        ((-9, -5), never, -4, EXPIRED),
        ((-9, 5), never, 6, EXPIRED),
        # It was set: both are judged by it, and the end by what is certain, too.
        ((-5, 5), always, -400, ""),
        ((5, 9), always, -400, EARLY),
        ((-9, -5), always, -400, EXPIRED),
        ((-5, 5), always, 6, EXPIRED),
    ],
)
def test_a_certificate_is_judged_by_what_is_known_of_the_time(
    fleet: Fleet,
    monkeypatch: pytest.MonkeyPatch,
    server: tuple[int, int],
    is_set: Callable[[], bool],
    earliest: int,
    why: str,
) -> None:
    fleet.makes(monkeypatch, server)
    validity = Validity(is_set, days(earliest))
    assert fleet.meets(validity) == why
    assert validity.end_ms == (None if why else days(server[1])())


def test_so_is_the_root_that_signed_it(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.makes(monkeypatch, (-9, 90), root=(-9, 5))
    assert fleet.meets(Validity(never, days(4))) == ""
    assert fleet.meets(Validity(never, days(6))) == EXPIRED


def test_the_time_that_is_told_is_the_one_that_it_was_judged_by(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.makes(monkeypatch, (-9, 5))
    assert fleet.meets(Validity(never, days(400))) == EXPIRED
    assert f"{NOW + 400 * DAY:%Y-%m-%d %H:%M} UTC" in str(of_error(fleet.error))


def test_an_unset_clock_makes_nobody_else_trusted(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.makes(monkeypatch, (5, 9))
    (tmp_path / "other").mkdir()
    other = Fleet(tmp_path / "other")
    with monkeypatch.context() as patch:
        other.makes(patch, (5, 9))
    assert "Hostname mismatch" in fleet.meets(Validity(never, days(-400)), host="elsewhere")
    assert fleet.meets(Validity(never, days(-400)), ca=other.ca) != ""
