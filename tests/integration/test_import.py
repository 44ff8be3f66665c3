"""What was carried on a stick comes into the database once, whatever else happens to it."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from rig import Broker, Database, Ingest, until
from test_uplink import Door

from central import db
from kiosk import export
from kiosk.ctl import main as kioskctl
from kiosk.model import Instant
from provisioning import certificates
from provisioning.authority import enrol, init_fleet

once = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Centre:
    """The importing side, as its operator calls it."""

    def __init__(self, worker: Ingest) -> None:
        self.config = Path(worker.command[-1])

    def command(self, *words: object) -> list[str]:
        ours = [sys.executable, "-m", "central.ingest", *map(str, words)]
        return [*ours, "--config", str(self.config)]

    def take(self, *words: object) -> tuple[int, str]:
        """Exit status, and what was said."""
        done = subprocess.run(
            self.command("import", *words), capture_output=True, text=True, timeout=90, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def centre(fleet: Path, database: Database, broker: Broker, tmp_path: Path) -> Centre:
    """Its database is empty, not even tables are there."""
    return Centre(Ingest(fleet, database.url, broker.address, tmp_path))


@pytest.fixture
def new_door(tmp_path: Path, broker: Broker) -> Iterator[Callable[[Path, str], Door]]:
    """A kiosk of a fleet, with a real outbox; its uplink is not started."""
    made: list[Door] = []

    def one_more(fleet: Path, kid: str) -> Door:
        kid = f"{kid}-{random.randrange(10**9)}"
        site = enrol(fleet, kid, "Chợ", broker.address, tmp_path / kid / "etc")
        made.append(Door(site, tmp_path / kid))
        return made[-1]

    yield one_more
    for door in made:
        door.close()


@pytest.fixture
def door(fleet: Path, new_door: Callable[[Path, str], Door]) -> Door:
    return new_door(fleet, "gate")


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick"


def carried(door: Door, stick: Path, *more: str) -> Path:
    """All that the kiosk holds, on the stick; the newest file there."""
    options = [word for word in door.command if word.startswith("--config") or ".toml" in word]
    status = kioskctl(["outbox", "export", str(stick), "--any-folder", *more, *options])
    assert status in (0, 1)  # 1: this test holds the outbox, as a scanner would
    return max(stick.glob(f"{door.config.kiosk.id}-*{export.SUFFIX}"))


def counted(database: Database) -> tuple[int, int, int]:
    """Check-ins, receipts, dead letters."""
    return tuple(database.count(t) for t in (db.check_in, db.receipt, db.dead_letter))  # type: ignore[return-value]


def test_everything_is_taken_once(
    door: Door, stick: Path, centre: Centre, database: Database
) -> None:
    door.visit(3)
    door.visit(64)
    file = carried(door, stick)
    status, said = centre.take(stick)
    assert status == 0, said
    kid = door.config.kiosk.id
    assert said.splitlines()[0] == (
        f"{file}: {kid}, 2 gói: 67 lượt mới, 0 đã có, 0 bị từ chối"
        f" / {kid}, 2 segments: 67 records new, 0 known before, 0 refused"
    )
    assert counted(database) == (67, 67, 0)
    for _ in range(2):
        status, said = centre.take(file, stick)
        assert status == 0
        assert said.count("0 records new, 67 known before, 0 refused") == 2
    assert counted(database) == (67, 67, 0)
    door.visit(1)
    carried(door, stick)
    assert "1 records new" in centre.take(stick)[1]
    subjects = {row.subject for row in database.rows(db.check_in)}
    assert subjects == {f"vn-id:{seq:012}" for seq in range(1, 69)}


@pytest.mark.parametrize("first", ["stick", "line", "both"])
def test_a_kiosk_that_comes_online_after_all(
    door: Door, stick: Path, centre: Centre, database: Database, ingest: Ingest, first: str
) -> None:
    """By stick and by line, one after the other or at once: each record once."""
    for _ in range(20):
        door.visit(5)
    carried(door, stick)
    if first == "stick":
        assert centre.take(stick)[0] == 0
    door.start()
    if first == "line":
        until(lambda: not door.segments.waiting(), "the centre has answered everything")
    status, said = centre.take(stick)
    assert status == 0, said
    until(lambda: not door.segments.waiting(), "the centre has answered everything")
    assert counted(database) == (100, 100, 0)


def test_a_killed_import_is_called_again(
    door: Door, stick: Path, centre: Centre, database: Database
) -> None:
    for _ in range(150):
        door.visit(20)
    carried(door, stick)
    with subprocess.Popen(centre.command("import", stick), stdout=subprocess.DEVNULL) as killed:
        until(lambda: database.count(db.check_in) > 0, "it has begun", 60)
        killed.send_signal(signal.SIGKILL)
    before = database.count(db.check_in)
    assert before % 1280 == 0, "whole transactions"
    status, said = centre.take(stick)
    assert status == 0, said
    assert f"{3000 - before} records new, {before} known before" in said
    assert counted(database) == (3000, 3000, 0)


@once
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.999])
def test_a_file_that_was_cut_off(
    door: Door, stick: Path, centre: Centre, database: Database, share: float
) -> None:
    for _ in range(4):
        door.visit(2)
    file = carried(door, stick)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    status, said = centre.take(file)
    assert status == 1
    if share < 0.01:
        assert "no line in it says whose it is" in said
    else:
        assert "the end is missing: the export was broken off" in said
    lines = file.read_bytes().count(b"\n")  # head, four segments, head
    assert database.count(db.check_in) == 2 * max(0, min(4, lines - 1))
    carried(door, stick)  # as the centre asks for; the kiosk continues the file
    assert centre.take(stick)[0] == 0
    assert counted(database) == (8, 8, 0)


@once
def test_damage_costs_its_line_and_is_told(
    door: Door, stick: Path, centre: Centre, database: Database, tmp_path: Path
) -> None:
    for _ in range(12):
        door.visit(3)
    good = carried(door, stick).read_bytes()
    dice = random.Random(5)
    bad = tmp_path / f"bad{export.SUFFIX}"
    for _ in range(8):
        data = bytearray(good)
        places = [dice.randrange(len(data)) for _ in range(2)]
        for place in places:
            data[place] ^= 1 << dice.randrange(8)
        bad.write_bytes(data)
        status, said = centre.take(bad)
        assert status == 1
        assert "damaged, not taken" in said
    before = database.count(db.check_in)
    assert before >= 30, "what was damaged in one copy was good in another"
    assert database.count(db.dead_letter) == 0
    assert centre.take(stick)[0] == 0
    assert counted(database) == (36, 36, 0)


@once
def test_another_fleets_file_is_refused_and_leaves_nothing(
    new_door: Callable[[Path, str], Door],
    stick: Path,
    centre: Centre,
    database: Database,
    tmp_path: Path,
) -> None:
    init_fleet(tmp_path / "theirs", ["localhost"])
    theirs = new_door(tmp_path / "theirs", "gate")
    theirs.visit(2)
    carried(theirs, stick)
    status, said = centre.take(stick)
    assert status == 1
    kid = theirs.config.kiosk.id
    assert f"nothing taken: chứng chỉ của {kid}" in said
    assert f"the certificate of {kid} is not of this fleet" in said
    assert counted(database) == (0, 0, 0)


@once
def test_nobody_speaks_for_another_kiosk(
    fleet: Path,
    door: Door,
    new_door: Callable[[Path, str], Door],
    stick: Path,
    centre: Centre,
    database: Database,
) -> None:
    """Who has a stolen kiosk's key and everybody's public keys can sign for that kiosk alone."""
    thief = new_door(fleet, "thief")
    door.visit(2)
    file = carried(door, stick)
    lines = file.read_bytes().splitlines()
    stolen = serialization.load_pem_private_key(thief.config.broker.key.read_bytes(), None)
    assert isinstance(stolen, ec.EllipticCurvePrivateKey)

    def sign(data: bytes) -> bytes:
        return stolen.sign(data, ec.ECDSA(hashes.SHA256()))

    def written(name: str, *lines: bytes) -> Path:
        path = stick / f"{name}{export.SUFFIX}"
        path.write_bytes(b"\n".join([*lines, b""]))
        return path

    head = export.parse(lines[0])
    segment = export.parse(lines[1])
    assert head and segment
    # A line of the thief's in the other's file.
    forged = export.line(segment.id, 1, "segment", segment.json, sign).rstrip(b"\n")
    status, said = centre.take(written("a", lines[0], forged, *lines[2:]))
    assert status == 1
    assert "  1 dòng không do kiosk này ký" in said
    assert "lines not signed by this kiosk, not taken; who had the stick?" in said
    # The other's name over the thief's certificate, and the other's certificate over his key.
    claims = msgspec.json.decode(head.json, type=export.Head)
    own = thief.config.broker.certificate.read_text()
    for changed, why in (
        (msgspec.structs.replace(claims, certificate=own), "is not that of kiosk"),
        (claims, "its head is not signed by this kiosk"),
    ):
        json = msgspec.json.encode(changed)
        line = export.line(head.id, 0, "head", json, sign).rstrip(b"\n")
        status, said = centre.take(written("b", line, forged))
        assert (status, why in said) == (1, True), said
    # His own name over the other's records.
    mine = msgspec.structs.replace(claims, kid=thief.config.kiosk.id, certificate=own)
    line = export.line(head.id, 0, "head", msgspec.json.encode(mine), sign).rstrip(b"\n")
    status, said = centre.take(written("c", line, forged))
    assert status == 1
    assert "kept as dead letters: 2 wrong-device" in said
    assert database.count(db.check_in) == 0
    assert centre.take(file)[0] == 0, "and the true file is taken all the same"
    assert database.count(db.check_in) == 2


@once
def test_a_certificate_of_something_else_is_no_kiosks(
    fleet: Path, door: Door, stick: Path, centre: Centre, database: Database
) -> None:
    """The broker's key signs for no kiosk, though the same root has signed its certificate; a
    kiosk whose certificate has ended is taken, and that is said."""
    door.visit(1)
    root = x509.load_pem_x509_certificate((fleet / "ca.crt").read_bytes())
    root_key = serialization.load_pem_private_key((fleet / "ca.key").read_bytes(), None)
    key = serialization.load_pem_private_key(door.config.broker.key.read_bytes(), None)
    assert isinstance(root_key, ec.EllipticCurvePrivateKey)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    for usage, days, status, words in (
        (ExtendedKeyUsageOID.SERVER_AUTH, 9, 1, "its certificate is not that of kiosk"),
        (ExtendedKeyUsageOID.CLIENT_AUTH, 0, 0, "note: the kiosk's certificate ended on 2"),
    ):
        made = certificates.leaf(
            root, root_key, key.public_key(), door.config.kiosk.id, days, usage, []
        )
        door.config.broker.certificate.write_bytes(certificates.pem(made))
        time.sleep(1)
        found = centre.take(carried(door, stick))
        assert found[0] == status, found
        assert words in found[1]
        assert database.count(db.check_in) == (status == 0)


@once
def test_an_unsigned_file_is_taken_on_somebodys_word(
    door: Door, stick: Path, centre: Centre, database: Database
) -> None:
    door.visit(2)
    carried(door, stick, "--unsigned")
    status, said = centre.take(stick)
    assert status == 1
    assert "it is not signed; if you know where it comes from" in said
    assert counted(database) == (0, 0, 0)
    assert centre.take(stick, "--unsigned")[0] == 0
    assert counted(database) == (2, 2, 0)


@once
def test_what_is_sealed_to_a_key_that_is_missing_is_kept(
    door: Door, stick: Path, centre: Centre, database: Database, tmp_path: Path, fleet: Path
) -> None:
    door.visit(2)
    carried(door, stick)
    init_fleet(tmp_path / "other", ["localhost"])
    right, wrong = f"{fleet}/centre-seal.key", f"{tmp_path}/other/centre-seal.key"
    centre.config.write_text(centre.config.read_text().replace(right, wrong))
    status, said = centre.take(stick)
    assert status == 1
    assert "kept as dead letters: 2 no-key" in said
    assert counted(database) == (0, 0, 2)
    centre.config.write_text(centre.config.read_text().replace(wrong, right))
    done = subprocess.run(centre.command("retry"), capture_output=True, text=True, check=True)
    assert done.stdout.endswith("stored 2, known before 0, still refused: 0\n")
    assert counted(database) == (2, 2, 0)
    assert centre.take(stick)[0] == 0
    assert counted(database) == (2, 2, 0)


@once
def test_what_is_no_export_is_told(stick: Path, centre: Centre, tmp_path: Path) -> None:
    status, said = centre.take(stick)
    assert status == 78
    assert f"no file *.kiosk-export: {stick}" in said
    status, said = centre.take(tmp_path / "absent")
    assert status == 78
    assert "is no file and no folder; is the stick mounted?" in said
    picture = stick / f"holiday{export.SUFFIX}"
    picture.write_bytes(random.Random(1).randbytes(3_000_000))
    newer = stick / f"newer{export.SUFFIX}"
    at = Instant(1, "unknown", "b", 1)
    head = msgspec.json.encode(export.Head(export=2, kid="gate-1", at=at))
    newer.write_bytes(export.line("ab" * 8, 0, "head", head, None))
    status, said = centre.take(stick)
    assert status == 1
    assert f"{picture}: không lấy được gì / nothing taken: không dòng nào" in said
    assert "no line in it says whose it is" in said
    assert f"{newer}: không lấy được gì / nothing taken: phiên bản 2" in said
    assert "it is of version 2, this program knows 1; update it" in said
    path_last = [*centre.command("import"), str(picture)]
    assert subprocess.run(path_last, check=False, capture_output=True).returncode == 1
    for misuse in (["import"], ["retry", stick], [stick]):
        assert (
            subprocess.run(centre.command(*misuse), check=False, capture_output=True).returncode
            == 2
        )


def test_a_database_that_is_away_is_told(
    door: Door, stick: Path, centre: Centre, database: Database
) -> None:
    door.visit(2)
    carried(door, stick)
    assert centre.take(stick)[0] == 0  # the tables are there
    door.visit(2)
    carried(door, stick)
    with database.away():
        status, said = centre.take(stick)
    assert status == 1
    assert "call it again when the database answers" in said
    assert centre.take(stick)[0] == 0
    assert counted(database) == (4, 4, 0)
