"""Fixtures over a booted kiosk. By hand: `make test-system`."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))  # the same Mosquitto

from booted import KID, Machine, Operator
from rig import Broker

from provisioning.authority import enrol, init_fleet


@pytest.fixture(scope="session")
def tree() -> Path:
    if not os.environ.get("TREE"):
        pytest.skip("by hand: make test-system")
    return Path(os.environ["TREE"])


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority") / "fleet"
    init_fleet(folder, ["localhost"])
    return folder


@pytest.fixture(scope="session")
def broker(fleet: Path) -> Iterator[Broker]:
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(fleet, Path(folder) / "broker")
        broker.start()
        yield broker
        broker.close()


@pytest.fixture(scope="session")
def machine(
    tree: Path, fleet: Path, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    enrol(fleet, KID, "Chợ Bến Thành", broker.address, folder / "enrolled")
    machine = Machine(tree, folder, folder / "enrolled")
    machine.boot()
    yield machine
    machine.close()


@pytest.fixture(scope="session")
def operator(fleet: Path, broker: Broker, machine: Machine) -> Operator:
    return Operator(fleet, broker.address)
