"""What the uplink learns of the time from the centre, and keeps for the next boot."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kiosk import clock, wire
from kiosk.clock import Clock, read_known
from kiosk.config import load
from kiosk.uplink.timekeeping import SPARE_MS, Timekeeper
from kiosk.validity import Validity

DAY_MS = 86_400_000
BEGIN_MS = clock.BUILT_MS // 1000 * 1000 + 10 * DAY_MS
END_MS = BEGIN_MS + 90 * DAY_MS
TRUE_MS = BEGIN_MS + 5 * DAY_MS  # what time it really is when a test begins


def certificate(begin_ms: int = BEGIN_MS, end_ms: int = END_MS) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gate-1")])
    begin, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (begin_ms, end_ms))
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, end)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class Kiosk:
    """Its boots, one after another; `passes` lets both of its clocks run."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.run = folder / "run"
        (folder / "kiosk.crt").write_bytes(certificate())
        (folder / "site.toml").write_text(
            '[kiosk]\nid = "gate-1"\n[paths]\nrun = "run"\nstate = "."\n'
            '[broker]\ncertificate = "kiosk.crt"\n'
        )
        monkeypatch.setattr(time, "time_ns", lambda: int(self.wall_ms * 1_000_000))
        monkeypatch.setattr(clock, "boottime", lambda: self.boot_ms / 1000)
        monkeypatch.setattr(clock, "_SYNCHRONIZED", folder / "synchronized")
        self.broker_end_ms: int | None = None
        self.looked = 0.0
        self.boot(wall_ms=0)

    def boot(self, wall_ms: int) -> None:
        self.boot_ms, self.wall_ms = 30_000, wall_ms
        self.run.mkdir(exist_ok=True)
        clock.known_file(self.run).unlink(missing_ok=True)
        self.start()

    def start(self) -> None:
        self.clock = Clock("timesync", self.run)
        self.validity = Validity(self.clock.is_set, self.clock.earliest_ms)
        self.validity.end_ms = self.broker_end_ms
        self.keeper = Timekeeper(load([self.folder / "site.toml"]), self.clock, self.validity)

    def passes(self, ms: int) -> None:
        self.boot_ms += ms
        self.wall_ms += ms
        self.look()

    def look(self) -> None:
        self.looked += 10  # it looks once a second, of which most pass in no time here
        self.keeper.turn(self.looked)

    def set(self, wall_ms: int) -> None:
        self.wall_ms = wall_ms
        (self.folder / "synchronized").touch()

    def answer(self, server_ms: int, after_ms: int = 200, segment: str = "s") -> None:
        """The centre's, `after_ms` after its segment was sent."""
        self.keeper.sent(segment)
        self.passes(after_ms)
        self.keeper.heard(wire.Ack(segment=segment, accepted=[1], server_ms=server_ms))
        self.look()

    @property
    def saved_ms(self) -> int:
        return int((self.folder / "time").stat().st_mtime * 1000)


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kiosk:
    return Kiosk(tmp_path, monkeypatch)


def test_it_is_not_earlier_than_the_kiosks_own_certificate(kiosk: Kiosk) -> None:
    assert kiosk.clock.now().wall_ms == BEGIN_MS
    kiosk.passes(5000)
    assert (kiosk.clock.now().wall_ms, kiosk.clock.now().clock) == (BEGIN_MS + 5000, "floor")
    kiosk.set(BEGIN_MS - DAY_MS)  # a time server that says so is wrong
    assert kiosk.clock.now().clock == "floor"


def test_an_answer_of_the_centre_raises_the_floor_at_once(kiosk: Kiosk) -> None:
    kiosk.answer(TRUE_MS)
    assert (kiosk.clock.now().wall_ms, kiosk.clock.now().clock) == (TRUE_MS, "floor")
    kiosk.keeper.heard(wire.Ack(segment="of an earlier boot", accepted=[1], server_ms=TRUE_MS - 9))
    assert kiosk.clock.now().wall_ms == TRUE_MS


def test_what_was_known_outlasts_a_power_cut_and_is_written_rarely(kiosk: Kiosk) -> None:
    kiosk.answer(TRUE_MS)
    first = kiosk.saved_ms
    assert first == TRUE_MS
    for minute in range(1, 60):
        kiosk.answer(TRUE_MS + minute * 60_000, after_ms=60_000)
    assert kiosk.saved_ms == first
    kiosk.passes(60_000)
    assert kiosk.saved_ms >= first + 3_600_000
    kiosk.passes(1_800_000)
    kiosk.keeper.close()
    at_the_end = kiosk.saved_ms
    assert at_the_end >= first + 5_400_000
    kiosk.boot(wall_ms=0)
    assert abs(kiosk.clock.now().wall_ms - at_the_end) < 1000
    kiosk.set(TRUE_MS + DAY_MS)
    kiosk.passes(2000)
    kiosk.boot(wall_ms=0)
    (kiosk.folder / "synchronized").unlink()
    assert abs(kiosk.clock.now().wall_ms - TRUE_MS - DAY_MS) < 5000


def test_an_uplink_that_starts_anew_in_the_same_boot_knows_the_same(kiosk: Kiosk) -> None:
    for _ in range(2):
        kiosk.answer(TRUE_MS + kiosk.boot_ms)
    before, known = kiosk.clock.now().wall_ms, read_known(clock.known_file(kiosk.run))
    assert known.most_ms is not None
    kiosk.start()
    assert kiosk.clock.now().wall_ms == before
    assert read_known(clock.known_file(kiosk.run)) == known


def test_a_later_answer_corrects_a_floor_that_was_too_high(kiosk: Kiosk) -> None:
    for _ in range(2):
        kiosk.answer(TRUE_MS + 40 * DAY_MS)
    assert kiosk.clock.now().wall_ms >= TRUE_MS + 40 * DAY_MS
    kiosk.answer(TRUE_MS)
    assert kiosk.clock.now().wall_ms >= TRUE_MS + 40 * DAY_MS  # one alone may be an old one
    kiosk.answer(TRUE_MS + 200)
    assert kiosk.clock.now().wall_ms == TRUE_MS + 200
    kiosk.passes(2000)
    assert kiosk.saved_ms < TRUE_MS + DAY_MS


def test_a_time_server_corrects_a_floor_that_was_too_high(kiosk: Kiosk) -> None:
    kiosk.answer(TRUE_MS + 40 * DAY_MS)
    kiosk.boot(wall_ms=0)
    assert kiosk.clock.now().wall_ms >= TRUE_MS + 40 * DAY_MS
    kiosk.set(TRUE_MS)
    kiosk.passes(2000)
    assert (kiosk.clock.now().clock, kiosk.clock.now().wall_ms) == ("synced", TRUE_MS + 2000)
    assert abs(kiosk.saved_ms - TRUE_MS) < 5000
    assert kiosk.keeper.trouble == ""


@pytest.mark.parametrize("said_ms", [0, 1, BEGIN_MS - 1, END_MS + 1, 2**53, 2**62, -1, -(2**62)])
def test_a_time_that_certificates_exclude_is_told_and_not_believed(
    kiosk: Kiosk, said_ms: int
) -> None:
    kiosk.answer(TRUE_MS)
    kiosk.answer(said_ms)
    kiosk.answer(said_ms)
    assert kiosk.clock.now().wall_ms <= TRUE_MS + 1000
    assert "not believed" in kiosk.keeper.trouble
    kiosk.answer(TRUE_MS + 600)
    assert kiosk.keeper.trouble == ""


def test_a_certificate_that_was_renewed_meanwhile_counts(kiosk: Kiosk) -> None:
    renewed = kiosk.folder / "kiosk.crt.new"
    renewed.write_bytes(certificate(TRUE_MS, END_MS + 80 * DAY_MS))
    renewed.replace(kiosk.folder / "kiosk.crt")
    kiosk.passes(1000)
    kiosk.answer(END_MS + DAY_MS)
    assert (kiosk.keeper.trouble, kiosk.clock.now().wall_ms) == ("", END_MS + DAY_MS)
    assert kiosk.saved_ms == END_MS + DAY_MS
    (kiosk.folder / "kiosk.crt").write_bytes(b"half")  # no connection either, but this one stands
    kiosk.passes(1000)
    kiosk.answer(END_MS + 2 * DAY_MS)
    assert kiosk.keeper.trouble == ""


def test_what_the_brokers_certificate_excludes_is_not_believed(kiosk: Kiosk) -> None:
    kiosk.broker_end_ms = TRUE_MS + DAY_MS
    kiosk.boot(wall_ms=0)
    kiosk.answer(TRUE_MS + 2 * DAY_MS)
    assert kiosk.clock.now().wall_ms < TRUE_MS
    assert "not believed" in kiosk.keeper.trouble


def test_nothing_is_kept_that_could_end_the_kiosks_connections_for_good(kiosk: Kiosk) -> None:
    for said_ms in (END_MS - 1000, END_MS - SPARE_MS + 1):
        for _ in range(2):
            kiosk.answer(said_ms)
        kiosk.keeper.close()
        kiosk.boot(wall_ms=0)
        assert kiosk.validity.end_ms is None
        assert kiosk.clock.earliest_ms() < END_MS - SPARE_MS
    kiosk.set(4_070_908_800_000)  # a time server says that it is 2099
    kiosk.passes(2000)
    kiosk.keeper.close()
    (kiosk.folder / "synchronized").unlink()
    kiosk.boot(wall_ms=0)
    assert kiosk.clock.earliest_ms() < END_MS - SPARE_MS


@pytest.mark.parametrize(("off_s", "way"), [(-9, "behind"), (8, "ahead of"), (4, ""), (-4, "")])
def test_a_clock_that_says_it_is_set_and_is_not_the_centres_is_told(
    kiosk: Kiosk, off_s: int, way: str
) -> None:
    kiosk.set(TRUE_MS + off_s * 1000)
    for _ in range(3):
        kiosk.answer(TRUE_MS + kiosk.boot_ms - 30_000, after_ms=100)
    assert (way in kiosk.keeper.trouble) if way else kiosk.keeper.trouble == ""
    assert kiosk.clock.now().clock == "synced"  # which of the two is wrong, the kiosk cannot tell
    (kiosk.folder / "synchronized").unlink()
    kiosk.passes(2000)
    assert kiosk.keeper.trouble == ""  # that it was never set is another alert


@pytest.mark.parametrize("after_ms", [31_000, 3_600_000])
def test_an_answer_that_took_long_says_no_more_than_that_it_is_later(
    kiosk: Kiosk, after_ms: int
) -> None:
    for _ in range(3):
        kiosk.answer(TRUE_MS, after_ms)
    assert read_known(clock.known_file(kiosk.run)).most_ms is None


def test_without_a_certificate_or_a_place_to_keep_it_the_firmwares_date_is_left(
    kiosk: Kiosk, caplog: pytest.LogCaptureFixture
) -> None:
    (kiosk.folder / "kiosk.crt").unlink()
    (kiosk.folder / "site.toml").write_text(
        '[paths]\nrun = "run"\nstate = "gone"\n[broker]\ncertificate = "kiosk.crt"\n'
    )
    kiosk.boot(wall_ms=0)
    for _ in range(3):
        kiosk.answer(TRUE_MS)
        kiosk.passes(3_700_000)
    assert kiosk.clock.now().wall_ms < BEGIN_MS
    assert len([m for m in caplog.messages if m.startswith("no date is certain")]) == 1


def test_a_card_that_takes_nothing_is_told_once(
    kiosk: Kiosk, caplog: pytest.LogCaptureFixture
) -> None:
    (kiosk.folder / "time").mkdir()
    for hour in range(3):
        kiosk.answer(TRUE_MS + hour * 3_700_000, after_ms=3_700_000)
    assert len([m for m in caplog.messages if "not kept for the next boot" in m]) == 1


def test_the_day_of_the_test_lies_within_the_certificate() -> None:
    assert timedelta(milliseconds=END_MS - TRUE_MS) > timedelta(milliseconds=SPARE_MS)
