"""The keys to which a fleet's kiosks seal, as the authority makes and retires them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kiosk import config, seal
from kiosk.errors import ConfigError
from provisioning import sealing
from provisioning.authority import enrol, init_fleet
from provisioning.authority.__main__ import main


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    init_fleet(tmp_path / "fleet", ["localhost"])
    return tmp_path / "fleet"


def sealed_to(fleet: Path, kid: str, out: Path) -> dict[str, str]:
    """Name of the file -> suite, of all keys that a new kiosk seals to."""
    settings = config.load([enrol(fleet, kid, "Chợ", "localhost:8883", out / kid)])
    return {p.name: seal.load_public(p.read_bytes()).suite for p in settings.seal.recipients}


def test_a_key_follows_another(fleet: Path, tmp_path: Path) -> None:
    assert sealed_to(fleet, "gate-1", tmp_path) == {"centre-seal.pub": seal.X25519}
    main(["add-seal-key", str(fleet), "--suite", "x25519-mlkem768"])
    both = {"centre-seal.pub": seal.X25519, "centre-seal-2.pub": seal.HYBRID}
    assert sealed_to(fleet, "gate-2", tmp_path) == both
    private = seal.load_private((fleet / "centre-seal-2.key").read_bytes())
    public = seal.load_public((fleet / "centre-seal-2.pub").read_bytes())
    assert private.public.kid == public.kid
    assert stat.S_IMODE((fleet / "centre-seal-2.key").stat().st_mode) == 0o600
    main(["retire-seal-key", str(fleet), "centre-seal"])
    assert sealed_to(fleet, "gate-3", tmp_path) == {"centre-seal-2.pub": seal.HYBRID}
    assert (fleet / "centre-seal.key").exists(), "what waits can still be opened"
    assert (fleet / "retired" / "centre-seal.pub").exists()


def test_no_number_is_given_twice(fleet: Path) -> None:
    names = [sealing.add_key(fleet, "x25519") for _ in range(10)]
    assert names == [f"centre-seal-{n}" for n in range(2, 12)]
    sealing.retire_key(fleet, "centre-seal-11")
    assert sealing.add_key(fleet, "x25519") == "centre-seal-12"
    assert sealing.recipients(fleet)[-2:] == ["centre-seal-10.pub", "centre-seal-12.pub"]


def test_a_fleet_may_begin_with_a_hybrid_key(tmp_path: Path) -> None:
    fleet = tmp_path / "new"
    main(["init", str(fleet), "--broker-host", "localhost", "--suite", "x25519-mlkem768"])
    assert sealed_to(fleet, "gate-1", tmp_path) == {"centre-seal.pub": seal.HYBRID}


def test_no_fleet_is_left_without_a_key(fleet: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the only key; first make another with add-seal-key"):
        sealing.retire_key(fleet, "centre-seal")
    with pytest.raises(ConfigError, match=r"centre-seal-7 is none of the keys in use: centre-seal"):
        sealing.retire_key(fleet, "centre-seal-7")
    with pytest.raises(ConfigError, match=r"holds no centre-seal\*.pub; is this the folder"):
        sealing.recipients(tmp_path)
