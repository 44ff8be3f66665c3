"""One sealing key follows another, over authority, workers, database and kiosks: whichever
step comes late, every record is in the database in the end."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rig import Broker, Database, Ingest, Kiosk, until

from central import db
from demo.crowd import crowd_of
from demo.scenes import draw
from demo.town import Town
from kiosk import wire
from provisioning.authority import init_fleet
from provisioning.authority.__main__ import main

pytestmark = pytest.mark.timeout(120)

OLD, NEW = "centre-seal", "centre-seal-2"


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """One of its own: its keys change."""
    init_fleet(tmp_path / "fleet", ["localhost"], workers=2)
    return tmp_path / "fleet"


def holds(worker_config: Path, fleet: Path, *names: str) -> None:
    """From its next start the worker has these private keys."""
    text = worker_config.read_text()
    before = text[text.index("[seal]\nkeys = [") :].splitlines()[1]
    keys = ", ".join(f'"{fleet}/{name}.key"' for name in names)
    worker_config.write_text(text.replace(before, f"keys = [{keys}]"))


def retry(worker_config: Path, ingest: Ingest) -> tuple[int, str]:
    done = subprocess.run(
        [*ingest.command[:3], "retry", "--config", str(worker_config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.strip().partition(" / ")[2]


@pytest.mark.parametrize("suite", ["x25519", "x25519-mlkem768"])
def test_whichever_step_comes_late_nothing_is_lost(
    fleet: Path,
    broker: Broker,
    new_kiosk: Callable[[], Kiosk],
    ingest: Ingest,
    database: Database,
    suite: str,
) -> None:
    settings = Path(ingest.command[-1])
    sent = 0

    def again(*names: str) -> None:
        assert ingest.stop() == 0
        holds(settings, fleet, *names)
        starts = ingest.said().count("connected to the broker")
        ingest.start()
        until(lambda: ingest.said().count("connected to the broker") > starts, "it is back")

    def takes(kiosk: Kiosk) -> None:
        nonlocal sent
        batch = kiosk.segment(2)
        assert kiosk.send(batch) == wire.Ack(
            segment=batch.segment,
            accepted=[r.seq for r in batch.records],
            server_ms=pytest.approx(time.time() * 1000, abs=20_000),
        )
        sent += 2

    first, forgotten = new_kiosk(), new_kiosk()
    until(lambda: first.centre("online"), "ingest is online")
    takes(first)
    takes(forgotten)
    main(["add-seal-key", str(fleet), "--suite", suite])
    second = new_kiosk()  # seals to both, and no worker has the new key yet
    takes(second)
    again(NEW, OLD)
    for kiosk in (first, forgotten, second):
        takes(kiosk)
    shutil.copy(fleet / f"{NEW}.pub", first.site.parent)
    first.seal_to([f"{OLD}.pub", f"{NEW}.pub"])
    takes(first)
    main(["retire-seal-key", str(fleet), OLD])
    third = new_kiosk()
    takes(third)
    again(NEW)
    (lagging,) = [line for line in ingest.said().splitlines() if "do not seal to our first" in line]
    assert lagging.endswith(f": {forgotten.kid}"), "the worker tells whom to look after"
    for kiosk in (first, second, third):
        takes(kiosk)
    # The old key is gone from the worker, and one kiosk was forgotten: its records are kept,
    # sealed as they are, and it may let them go.
    batch = forgotten.segment(3)
    ack = forgotten.send(batch)
    assert ack.refused == [wire.Refusal(r.seq, "no-key") for r in batch.records]
    assert database.count(db.check_in) == sent
    until(lambda: "none of ours" in ingest.said(), "the worker says which key it lacks")
    assert retry(settings, ingest) == (1, "stored 0, known before 0, still refused: 3 no-key")
    assert database.count(db.dead_letter) == 3
    holds(settings, fleet, NEW, OLD)
    assert retry(settings, ingest) == (0, "stored 3, known before 0, still refused: 0")
    assert retry(settings, ingest) == (0, "stored 0, known before 0, still refused: 0")
    assert database.count(db.dead_letter) == 0
    assert database.count(db.check_in) == database.count(db.receipt) == sent + 3
    claims = {row.claims["name"] for row in database.rows(db.check_in)}
    assert claims == {"Nguyễn Văn A"}, "and they can be read"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_waits_on_a_real_kiosk_outlives_the_rotation(
    tmp_path: Path, database: Database
) -> None:
    """The scanner starts with a second recipient while sealed segments wait for the centre."""
    crowd = crowd_of(4, seed=11, now=time.time())
    people = [v for v in crowd.visitors if v.recorded][:3]
    scenes = [draw(visitor, seed=n) for n, visitor in enumerate(people)]
    with Town(tmp_path / "town", ["gate-1"], crowd.trust, database.url) as town:
        (kiosk,) = town.kiosks
        town.ingest.stop()
        kiosk.ask(scenes[0], patience_s=20)
        main(["add-seal-key", str(town.fleet), "--suite", "x25519-mlkem768"])
        site = kiosk.config[1]
        shutil.copy(town.fleet / f"{NEW}.pub", site.parent)
        both = f'["{OLD}.pub", "{NEW}.pub"]'
        site.write_text(site.read_text().replace(f'["{OLD}.pub"]', both))
        kiosk.daemons["scanner"].stop()
        doctor = [kiosk.root / "kioskctl", "doctor", "--part", "judging"]
        told = subprocess.run(doctor, capture_output=True, text=True, check=False).stdout
        assert told.count("check-ins are sealed to") == 2
        kiosk.take_away()
        kiosk.daemons["scanner"].start()
        kiosk.ask(scenes[1], patience_s=20)
        site.write_text(site.read_text().replace(both, f'["{NEW}.pub"]'))
        kiosk.daemons["scanner"].stop()
        kiosk.take_away()
        kiosk.daemons["scanner"].start()
        kiosk.ask(scenes[2], patience_s=20)
        holds(town.root / "central-1.toml", town.fleet, NEW, OLD)
        town.ingest.start()
        assert town.wait_until_committed(3) == 3
        assert sorted(row.subject for row in town.committed()) == sorted(p.subject for p in people)
        assert town.dead_letters() == 0
