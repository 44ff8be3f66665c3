"""A kiosk whose clock is in the past, before a real broker and a real centre.

The clock of its processes is another one (`bench._wall`), that of everybody else is right.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from doors import Centre, Door
from rig import Broker, Database, Ingest, until

from bench._wall import Wall, library
from central import db
from demo.issuers import Issuer
from kiosk import clock, seal, wire
from kiosk.clock import Known, read_known, tell
from kiosk.model import CheckIn, ClockState
from provisioning.authority import enrol

YEAR_S = 365 * 86_400
DAY_S = 86_400

once = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class At:
    """An environment whose wall clock is `off_s` seconds off, and can be moved while it runs."""

    def __init__(self, folder: Path, off_s: int) -> None:
        self._wall = Wall(library(folder), folder / "off")
        self.set = self._wall.jump
        self.env = self._wall.environment
        self.set(off_s)

    def run(self, *arguments: str, says: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            input=says,
            env=os.environ | self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


class Unset(Door):
    """A door whose uplink lives at another time. `source` is `system`, as where a clock battery
    is: so the clock counts as set once it is not earlier than what is certain."""

    def __init__(self, site: Path, folder: Path, at: At) -> None:
        super().__init__(site, folder)
        more = folder / "state.toml"
        more.write_text(f'[paths]\nstate = "{folder}"\n')
        self.state_file = folder / "time"
        words = [f"{name}={value}" for name, value in at.env.items()]
        self.command = ["env", *words, *self.command, "--config", str(more)]
        self.clock: ClockState = "floor"
        self.said_ms = 0

    def record(self, sealing: seal.SegmentSeal, seq: int) -> CheckIn:
        return msgspec.structs.replace(
            super().record(sealing, seq),
            clock=self.clock,
            scanned_at_ms=self.said_ms,
            boot_id=clock.boot_id(),
            boottime_ms=int(clock.boottime() * 1000),
        )


@pytest.fixture
def past(tmp_path: Path) -> At:
    """As a Pi boots whose card was written six years ago."""
    return At(tmp_path, -6 * YEAR_S)


@pytest.fixture
def enrolled_long_ago(fleet: Path, broker: Broker, tmp_path: Path) -> Path:
    """The kiosk's certificate is older than the broker's, as after a renewal of the latter."""
    folder = tmp_path / "ago"
    folder.mkdir()
    kid = f"gate-{secrets.token_hex(4)}"
    made = At(folder, -30 * DAY_S).run(
        "-m",
        "provisioning.authority",
        "enrol",
        str(fleet),
        kid,
        "--place",
        "x",
        "--broker",
        broker.address,
        "--out",
        str(folder / kid),
    )
    assert made.returncode == 0, made.stderr
    return folder / kid / "site.toml"


@pytest.fixture
def unset(enrolled_long_ago: Path, past: At, tmp_path: Path) -> Iterator[Unset]:
    door = Unset(enrolled_long_ago, tmp_path / "door", past)
    yield door
    door.close()


HANDSHAKE = """
import socket, ssl, sys
ca, certificate, key, port = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(certificate, key)
try:
    plain = socket.create_connection(("localhost", int(port)))
    context.wrap_socket(plain, server_hostname="localhost")
except ssl.SSLCertVerificationError as error:
    print(error.verify_message)
"""


def test_openssl_alone_would_let_it_reach_nobody(unset: Unset, broker: Broker, past: At) -> None:
    files = unset.config.broker
    done = past.run(
        "-c", HANDSHAKE, str(files.ca), str(files.certificate), str(files.key), str(broker.port)
    )
    assert done.stdout == "certificate is not yet valid\n", done.stderr


@once
def test_records_reach_the_database_and_are_set_right_when_the_clock_is_set(
    unset: Unset, past: At, ingest: Ingest, database: Database
) -> None:
    began_ms = time.time_ns() // 1_000_000
    unset.said_ms = clock.BUILT_MS
    unset.visit(people=2)
    unset.start()
    until(lambda: database.count(db.check_in) == 2, "they are committed by an unset clock")
    until(unset.empty, "the segment is dropped")
    for row in database.rows(db.check_in):
        assert row.clock == "floor"
        assert row.not_before <= row.scanned_at <= row.not_after
        after_ms = row.not_after.timestamp() * 1000
        assert began_ms - 5000 <= after_ms <= time.time_ns() / 1_000_000

    def floor() -> int:
        known = read_known(clock.known_file(unset.run))
        return known.floor_ms(int(clock.boottime() * 1000))

    until(lambda: abs(floor() - time.time() * 1000) < 5000, "the centre's time is the floor")
    until(
        lambda: abs(unset.state_file.stat().st_mtime - time.time()) < 10,
        "it is kept for the next boot",
    )

    past.set(0)  # a time server was reached: everything jumps by six years
    unset.said_ms, unset.clock = time.time_ns() // 1_000_000, "synced"
    unset.visit(people=1)
    until(lambda: database.count(db.check_in) == 3, "and by a clock that was set")
    rows = database.rows(db.check_in)
    assert sorted(r.clock for r in rows) == ["corrected", "corrected", "synced"]
    for row in rows:
        assert began_ms - 1000 <= row.scanned_at.timestamp() * 1000 <= time.time_ns() / 1_000_000
        assert row.not_after is None
    assert {r.scanned_at_ms for r in rows} == {clock.BUILT_MS, unset.said_ms}


def test_the_kiosk_says_that_its_time_is_a_floor(unset: Unset, centre: Centre) -> None:
    centre.is_("online")
    unset.visit()
    unset.start()
    batch = centre.batch()
    assert batch.anchor.clock == "floor"
    thirty_days_ago_ms = (time.time() - 30 * DAY_S - 3600) * 1000
    assert abs(batch.anchor.wall_ms - thirty_days_ago_ms) < 60_000  # its certificate's beginning
    centre.answer(batch)
    until(unset.empty, "the segment is dropped")

    def right() -> bool:
        told = centre.last("tele", wire.Telemetry)
        return told.clock == "floor" and abs(told.at_ms - time.time() * 1000) < 5000

    until(right, "its telemetry has the centre's time, and says what it is")


@pytest.mark.parametrize(
    ("ended_days_ago", "answer"), [(1, ("fail", "expired")), (-1, ("warn", "clock-unknown"))]
)
def test_what_expired_before_the_floor_is_refused_by_a_clock_of_years_ago(
    past: At, tmp_path: Path, ended_days_ago: int, answer: tuple[str, str]
) -> None:
    now, day = datetime.now(UTC), timedelta(days=1)
    known_ms = int(now.timestamp() * 1000)
    tell(tmp_path, Known(least_ms=known_ms - int(clock.boottime() * 1000)))
    site = tmp_path / "site.toml"
    site.write_text('[kiosk]\nid = "gate-1"\n[paths]\nrun = "."\n')
    issuer = Issuer.new("VN", "ES256", now - 90 * day, now + 90 * day)
    signer = tmp_path / "signer.der"
    signer.write_bytes(issuer.certificate)
    end = now - ended_days_ago * day
    shown = issuer.issue("Le", "Ba", date(1990, 5, 6), end - 30 * day, end)
    words = ["verify", "--json", "--config", str(site), "--trust", str(signer)]
    done = past.run("-m", "kiosk.ctl", *words, says=shown.decode())
    told = json.loads(done.stdout)
    assert (told["outcome"], told["reason"]) == answer


@pytest.mark.parametrize("off_s", [-400 * DAY_S, 0])
def test_a_brokers_certificate_that_ended_before_the_floor_is_refused(
    tmp_path: Path, off_s: int
) -> None:
    """Its key may have been stolen since; a clock that was set back would not know."""
    folder = tmp_path / "then"
    folder.mkdir()
    fleet = tmp_path / "fleet"
    made = At(folder, -900 * DAY_S).run(
        "-m", "provisioning.authority", "init", str(fleet), "--broker-host", "localhost"
    )
    assert made.returncode == 0, made.stderr
    broker = Broker(fleet, tmp_path / "broker")
    broker.start()
    site = enrol(fleet, "gate-1", "x", broker.address, tmp_path / "gate-1")
    at = At(tmp_path, off_s)
    files = (site.parent / name for name in ("ca.crt", "kiosk.crt", "kiosk.key"))
    alone = at.run("-c", HANDSHAKE, *map(str, files), str(broker.port))
    assert alone.stdout == ("" if off_s else "certificate has expired\n"), alone.stderr
    door = Unset(site, tmp_path / "door", at)
    try:
        door.start()
        until(lambda: door.says("certificate has expired"), "it is refused in words")
    finally:
        door.close()
        broker.close()


def test_a_clock_that_claims_to_be_right_and_is_not_is_told(
    enrolled: Callable[[], Path], tmp_path: Path, centre: Centre
) -> None:
    at = At(tmp_path, 20)
    door = Unset(enrolled(), tmp_path / "door", at)
    try:
        centre.is_("online")
        door.start()
        for _ in range(3):
            door.visit()
            centre.answer(centre.batch())
            until(door.empty, "the segment is dropped")
        until(lambda: centre.alerts("clock-differs"), "it is told")
        alert = centre.alerts("clock-differs")[-1]
        assert alert.raised
        assert "20 s ahead of the centre's" in alert.detail or "19 s ahead" in alert.detail
        at.set(0)
        until(lambda: not centre.alerts("clock-differs")[-1].raised, "and taken back")
    finally:
        door.close()
