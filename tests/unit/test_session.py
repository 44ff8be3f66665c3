"""The session's own promises: never blocks, waits at random, names every failure."""

from __future__ import annotations

import errno
import gc
import socket
import ssl
import time
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
)
from tlsdoor import Authority, speaking_tls

from kiosk import reach, wire
from kiosk.config import Broker
from kiosk.uplink.session import Session, backoff

CONNACK_NOT_AUTHORISED = bytes.fromhex("2003008700")
CONNACK = bytes.fromhex("2003000000")
SUBACK_REFUSED = bytes.fromhex("9005000100" + "8787")
CONNACK_BUSY = bytes.fromhex("2003008900")
CONNACK_BANNED = bytes.fromhex("2003008a00")
CONNACK_KEEPALIVE_1_S = bytes.fromhex("2006000003130001")
SUBACK = bytes.fromhex("9007000100" + "01010101")
DISCONNECT_TAKEN_OVER = bytes.fromhex("e0028e00")
DISCONNECT_MOVED = bytes.fromhex("e0029d00")


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path, "ours")
    authority.issue("kiosk")
    authority.issue("broker")
    return authority


def birth(sid: str) -> wire.Info:
    return wire.Info(sid=sid, firmware="1", schema=1, model="m", place="p", direction="in")


def broker(folder: Path, *hosts: str, base_s: float = 0.01, proxy: str = "") -> Broker:
    return Broker(
        hosts=list(hosts),
        proxy=proxy,
        ca=folder / "ours.crt",
        certificate=folder / "kiosk.crt",
        key=folder / "kiosk.key",
        keepalive_s=30,
        reconnect_base_s=base_s,
        reconnect_cap_s=max(base_s, 0.02),
    )


def turn(session: Session, wait_s: float) -> list[wire.Ack]:
    """One turn, and the rest before it."""
    session.wait(wait_s, ())
    return session.turn()


def why_of(session: Session, within_s: float = 10) -> str:
    """The first failure that the session names."""
    due = time.monotonic() + within_s
    while session.reason.code == "connecting" and time.monotonic() < due:
        turn(session, 0.01)
    return session.why


@pytest.mark.parametrize(
    ("begin", "end", "address_", "expected"),
    [
        (-10, -1, "127.0.0.1", "has expired"),
        (5, 10, "127.0.0.1", "not yet valid: this kiosk's clock is probably behind"),
        (0, 10, "192.0.2.1", "name or address"),
    ],
)
def test_a_wrong_certificate_of_the_broker_is_named(
    ours: Authority, listening, tmp_path: Path, begin: int, end: int, address_: str, expected: str
) -> None:
    server = listening(speaking_tls(ours.issue("other", address_, begin, end)))
    session = Session(broker(tmp_path, f"127.0.0.1:{server.port}"), "k-1", birth)
    assert expected in why_of(session)
    assert session.why.startswith("TLS: ")


def test_a_broker_of_another_authority_is_named(ours: Authority, listening, tmp_path) -> None:
    theirs = Authority(tmp_path, "theirs")
    server = listening(speaking_tls(theirs.issue("other")))
    session = Session(broker(tmp_path, f"127.0.0.1:{server.port}"), "k-1", birth)
    assert "another authority" in why_of(session)


def test_our_certificate_refused_is_named(ours: Authority, listening, tmp_path: Path) -> None:
    theirs = Authority(tmp_path, "theirs")
    server = listening(speaking_tls(ours.issue("broker"), client_ca=theirs.file))
    session = Session(broker(tmp_path, f"127.0.0.1:{server.port}"), "k-1", birth)
    assert why_of(session).partition(" / ")[0] in (
        "TLS: the broker's authority did not issue this kiosk's certificate",
        # the reset may overtake the alert
        "the broker closed the connection",
    )


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([CONNACK_NOT_AUTHORISED], "not authorised"),
        ([CONNACK_BANNED], "banned at the broker"),
        ([CONNACK_BUSY], "the broker is busy (Server busy)"),
        ([CONNACK, SUBACK_REFUSED], "no acknowledgement could be received: not authorised"),
        ([CONNACK, DISCONNECT_TAKEN_OVER], "another device uses this kiosk's identity"),
        ([b""], "says nothing"),
        ([b"\x20\x03\x00"], "says nothing"),
        ([b"\x00" * 64], "does not speak MQTT"),
    ],
)
def test_refusals_of_the_broker_are_named(
    ours: Authority,
    listening,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[bytes],
    expected: str,
) -> None:
    monkeypatch.setattr("kiosk.uplink.connection.ANSWER_TIMEOUT_S", 0.5)
    server = listening(speaking_tls(ours.issue("broker"), *answers))
    session = Session(broker(tmp_path, f"127.0.0.1:{server.port}"), "k-1", birth)
    assert expected in why_of(session)
    assert session.link is None


def test_what_does_not_speak_tls_is_named(ours: Authority, listening, tmp_path: Path) -> None:
    server = listening(lambda c: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    session = Session(broker(tmp_path, f"127.0.0.1:{server.port}"), "k-1", birth)
    assert "does not speak TLS" in why_of(session)


def test_nobody_listening_is_named_and_the_next_host_is_tried(
    ours: Authority, listening, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        closed = unused.getsockname()[1]
    server = listening(speaking_tls(ours.issue("broker"), CONNACK_NOT_AUTHORISED))
    hosts = f"127.0.0.1:{closed}", f"127.0.0.1:{server.port}"
    session = Session(broker(tmp_path, *hosts), "k-1", birth)
    assert why_of(session).startswith("refused")
    due = time.monotonic() + 10
    while "not authorised" not in session.why and time.monotonic() < due:
        turn(session, 0.01)
    assert "not authorised" in session.why


def test_the_keep_alive_that_the_broker_wants_is_kept(
    ours: Authority, listening, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ours.issue("broker"))
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            for answer in (CONNACK_KEEPALIVE_1_S, SUBACK):
                tls.recv(4096)
                tls.sendall(answer)
            while said := tls.recv(4096):  # and says nothing any more
                heard.append(said)

    server = listening(serve)
    session = Session(broker(tmp_path, f"127.0.0.1:{server.port}"), "k-1", birth)
    assert why_of(session).startswith("no sign of life")
    assert heard[-1] == bytes.fromhex("c000")  # PINGREQ


def test_a_broker_that_is_busy_is_left_alone_for_a_while(
    ours: Authority, listening, tmp_path: Path
) -> None:
    server = listening(speaking_tls(ours.issue("broker"), CONNACK_BUSY))
    config = broker(tmp_path, f"127.0.0.1:{server.port}")
    session = Session(msgspec.structs.replace(config, reconnect_cap_s=3600), "k-1", birth)
    assert "busy" in why_of(session)
    due = time.monotonic() + 1
    while time.monotonic() < due:
        turn(session, 0.01)
    assert session.attempts == 1  # but for one in 3600 runs


def test_a_broker_that_moved_makes_the_next_of_our_own_hosts_the_one_to_try(
    ours: Authority, listening, tmp_path: Path
) -> None:
    moved = listening(speaking_tls(ours.issue("broker"), CONNACK, SUBACK, DISCONNECT_MOVED))
    other = listening(speaking_tls(ours.issue("broker"), CONNACK_BANNED))
    hosts = (f"127.0.0.1:{port}" for port in (moved.port, other.port))
    session = Session(broker(tmp_path, *hosts, base_s=0.02), "k-1", birth)
    assert why_of(session).startswith("the broker sends this kiosk to another server")
    due = time.monotonic() + 10
    while session.reason.code == "moved" and time.monotonic() < due:
        turn(session, 0.01)
    assert session.reason.code == "banned"
    assert len(moved.taken) == 1


def test_who_was_hung_up_on_without_a_word_listens_for_one_before_it_speaks(
    ours: Authority, listening, tmp_path: Path
) -> None:
    """A server that closes when it is spoken to too soon, so that its alert is lost."""
    ours.issue("kiosk", begin=-9, end=-1)
    files = ours.issue("broker")
    judge = speaking_tls(files, client_ca=ours.file)
    server = listening(judge)
    session = Session(broker(tmp_path, f"127.0.0.1:{server.port}"), "k-1", birth)
    due = time.monotonic() + 10
    while session.reason.code != "kiosk-expired" and time.monotonic() < due:
        turn(session, 0.01)
    assert session.reason.code == "kiosk-expired"
    now = time.strftime("%Y-%m-%d", time.gmtime())
    assert now in session.why


def test_a_name_that_leads_nowhere_is_named(ours: Authority, tmp_path: Path) -> None:
    session = Session(broker(tmp_path, "no-such-broker.invalid:8883"), "k-1", birth)
    assert "name" in why_of(session, within_s=30)


def test_turns_and_goodbye_stay_short_while_a_connection_hangs(
    ours: Authority, listening, tmp_path: Path
) -> None:
    server = listening(lambda _connection: None)  # takes the connection and says nothing
    session = Session(broker(tmp_path, f"127.0.0.1:{server.port}"), "k-1", birth)
    due = time.monotonic() + 5
    while not server.taken and time.monotonic() < due:
        turn(session, 0.01)
    assert server.taken
    longest = 0.0
    for _ in range(50):
        began = time.monotonic()
        turn(session, 0.01)
        longest = max(longest, time.monotonic() - began)
    assert longest < 0.5
    began = time.monotonic()
    session.close()
    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize("answers", [[CONNACK_NOT_AUTHORISED], [CONNACK, DISCONNECT_TAKEN_OVER]])
def test_connections_that_failed_leave_nothing_open(
    ours: Authority, listening, tmp_path: Path, answers: list[bytes]
) -> None:
    server = listening(speaking_tls(ours.issue("broker"), *answers))
    hosts = f"127.0.0.1:{server.port}", "127.0.0.1:1"
    session = Session(broker(tmp_path, *hosts), "k-1", birth)
    ends: list[int] = []
    gc.disable()  # what needs the collector comes too late on a small machine
    try:
        due = time.monotonic() + 20
        while len(server.taken) < 20 and time.monotonic() < due:
            turn(session, 0.002)
            while len(server.taken) > len(ends):
                server.taken[len(ends)].close()
                ends.append(len(list(Path("/proc/self/fd").iterdir())))
    finally:
        gc.enable()
        session.close()
    assert len(ends) == 20
    assert max(ends) - ends[0] <= 6


@pytest.mark.parametrize("name", ["ca", "certificate", "key"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_certificate_files_at_fault_are_named_and_may_be_mended(
    ours: Authority, listening, tmp_path: Path, name: str, content: bytes | None
) -> None:
    server = listening(speaking_tls(ours.issue("broker"), CONNACK_NOT_AUTHORISED))
    config = broker(tmp_path, f"127.0.0.1:{server.port}")
    path: Path = getattr(config, name)
    good = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    session = Session(config, "k-1", birth)
    assert f"broker.{name}" in why_of(session)
    assert str(path) in session.why
    path.write_bytes(good)
    due = time.monotonic() + 10
    while "not authorised" not in session.why and time.monotonic() < due:
        turn(session, 0.01)
    assert "not authorised" in session.why


def test_key_and_certificate_of_different_kiosks_are_named(ours: Authority, tmp_path) -> None:
    _, other_key = ours.issue("other")
    (tmp_path / "kiosk.key").write_bytes(other_key.read_bytes())
    session = Session(broker(tmp_path, "127.0.0.1:1"), "k-1", birth)
    assert "do not belong together" in why_of(session)


def test_an_encrypted_key_is_refused_and_not_asked_for(ours: Authority, tmp_path: Path) -> None:
    ours.issue("kiosk", encryption=BestAvailableEncryption(b"secret"))
    session = Session(broker(tmp_path, "127.0.0.1:1"), "k-1", birth)
    assert "unencrypted key" in why_of(session)


@pytest.mark.parametrize(
    ("kid", "hosts", "expected"),
    [("", ["127.0.0.1:1"], "not enrolled"), ("k-1", [], "no broker configured")],
)
def test_a_kiosk_without_identity_or_broker_says_so_and_stays_up(
    tmp_path: Path, kid: str, hosts: list[str], expected: str
) -> None:
    session = Session(broker(tmp_path, *hosts), kid, birth)
    for _ in range(5):
        turn(session, 0.01)
    assert expected in session.why
    session.close()


def test_the_same_failure_is_logged_once(
    ours: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        closed = unused.getsockname()[1]
    session = Session(broker(tmp_path, f"127.0.0.1:{closed}"), "k-1", birth)
    due = time.monotonic() + 1
    while time.monotonic() < due:
        turn(session, 0.01)
    told = [m for m in caplog.messages if m.startswith("not connected")]
    (line,) = told
    assert line.startswith(f"not connected: 127.0.0.1:{closed}: refused: no broker listens there")


def test_backoff_is_spread_over_a_range_that_doubles_up_to_its_cap() -> None:
    for failures, limit in [(0, 1), (1, 2), (3, 8), (6, 60), (10**6, 60)]:
        waits = [backoff(failures, 1, 60) for _ in range(2000)]
        assert 0 <= min(waits) < limit * 0.1
        assert limit * 0.9 < max(waits) <= limit


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("centre.example:8883", ("centre.example", 8883, "")),
        ("[2001:db8::1]:1", ("2001:db8::1", 1, "")),
        ("wss://centre.example:443/mqtt", ("centre.example", 443, "/mqtt")),
        ("wss://[2001:db8::1]:443", ("2001:db8::1", 443, "/mqtt")),
    ],
)
def test_addresses(host: str, expected: tuple[str, int, str]) -> None:
    assert reach.address(host) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENETUNREACH, "x"), "no route"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "closed the connection"),
        (TimeoutError("timed out"), "no answer"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "name server does not answer"),
        (socket.gaierror(socket.EAI_NONAME, "x"), "not found"),
        (UnicodeError("label too long"), "label too long"),
    ],
)
def test_failures_have_words(error: Exception, expected: str) -> None:
    assert expected in str(reach.of_error(error))
