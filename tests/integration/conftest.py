"""Fixtures over the real neighbours of `rig`: broker, databases, ingest, kiosks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from doors import Centre, Door
from rig import Broker, Database, Ingest, Kiosk, postgres_database, sqlite_database

from demo.postgres import Postgres
from demo.processes import Failed
from kiosk import wire
from provisioning.authority import add_operator, enrol, init_fleet

_numbers = count(1)


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet with two ingest workers and two operators; shared, enrol only."""
    folder = tmp_path_factory.mktemp("authority") / "fleet"
    init_fleet(folder, ["localhost"], workers=2)
    add_operator(folder, 2)
    return folder


@pytest.fixture
def broker(fleet: Path, tmp_path: Path) -> Iterator[Broker]:
    """A running Mosquitto without any session or retained message."""
    broker = Broker(fleet, tmp_path / "broker")
    broker.start()
    yield broker
    broker.close()


@pytest.fixture
def enrolled(fleet: Path, broker: Broker, tmp_path: Path) -> Callable[[], Path]:
    """Enrols one more kiosk at the broker; gives the path of its site.toml."""

    def one_more() -> Path:
        kid = f"gate-{next(_numbers)}"
        return enrol(fleet, kid, "Chợ Bến Thành", broker.address, tmp_path / kid)

    return one_more


@pytest.fixture
def new_kiosk(enrolled: Callable[[], Path]) -> Iterator[Callable[[], Kiosk]]:
    """Enrols and connects one more kiosk at the wire."""
    made: list[Kiosk] = []

    def one_more() -> Kiosk:
        made.append(Kiosk(enrolled()))
        made[-1].connect()
        return made[-1]

    yield one_more
    for kiosk in made:
        kiosk.close()


@pytest.fixture
def kiosk(new_kiosk: Callable[[], Kiosk]) -> Kiosk:
    """A connected kiosk at the wire."""
    return new_kiosk()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A throw-away PostgreSQL, shared."""
    try:
        cluster = Postgres()
    except Failed as error:
        pytest.skip(f"{error}; `make test` installs it")
    yield cluster
    cluster.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty tracing database, once of each kind."""
    if request.param == "sqlite":
        database = sqlite_database(tmp_path / "tracing.db")
    else:
        database = postgres_database(request.getfixturevalue("postgres"))
    yield database
    database.close()


@pytest.fixture
def ingest(fleet: Path, database: Database, broker: Broker, tmp_path: Path) -> Iterator[Ingest]:
    """A running worker, subscribed before the first kiosk hears of it as online."""
    ingest = Ingest(fleet, database.url, broker.address, tmp_path)
    ingest.start()
    yield ingest
    ingest.close()


@pytest.fixture
def door(enrolled: Callable[[], Path], tmp_path: Path) -> Iterator[Door]:
    door = Door(enrolled(), tmp_path / "door")
    yield door
    door.close()


@pytest.fixture
def centre(fleet: Path, broker: Broker, tmp_path: Path) -> Iterator[Centre]:
    # No service of the fleet may read all this yet; here one may.
    with (tmp_path / "broker" / "acl").open("a") as acl:
        acl.write(f"\nuser _ingest-2\ntopic read {wire.ROOT}/+/up/#\n")
    broker.kill()
    broker.start()
    centre = Centre(fleet, broker.port)
    yield centre
    centre.close()
