"""What an ingest worker says about its configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from central.ingest import config
from central.risk import load_key, new_key
from kiosk.errors import ConfigError
from provisioning.authority import init_fleet

TEXT = """
[database]
url = "sqlite:///tracing.db"
[broker]
host = "localhost:8883"
ca = "ca.crt"
certificate = "_ingest-1.crt"
key = "_ingest-1.key"
[seal]
keys = ["centre-seal.key"]
"""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("central") / "fleet"
    init_fleet(folder, ["localhost"])
    return folder


def problems(fleet: Path, text: str) -> list[str]:
    file = fleet / "central.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    assert all(problem.startswith(f"{file}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{file}: ") for problem in caught.value.problems]


def test_paths_are_relative_to_the_file_and_defaults_hold(fleet: Path) -> None:
    file = fleet / "central.toml"
    file.write_text(TEXT)
    given = config.load(file)
    assert given.config.broker.ca == fleet / "ca.crt"
    assert given.config.batch == config.Batch(messages=64, ms=5)
    assert given.name == "_ingest-1"
    assert len(given.keys) == 1


def test_keys_of_the_risk_list_are_read_where_there_are_any(fleet: Path) -> None:
    first, second = fleet / "risk-1.key", fleet / "risk-2.key"
    for key in (first, second):
        new_key(key)
    file = fleet / "central.toml"
    file.write_text(TEXT + '[risk]\nkeys = ["risk-1.key", "risk-2.key"]\n')
    assert config.load(file).risk_keys == [load_key(first), load_key(second)]
    file.write_text(TEXT)
    assert config.load(file).risk_keys == []


def test_what_is_no_key_of_a_risk_list_is_named(fleet: Path) -> None:
    wrong = ["ca.key", "none.key", *["ca.crt"] * 3]
    found = problems(fleet, TEXT + f"[risk]\nkeys = {json.dumps(wrong)}\n")
    assert found[0] == "risk.keys: 5 paths, allowed: at most 4"
    assert (
        found[1] == f"risk.keys: {fleet}/ca.key: not the key of a risk list; make one with new-key"
    )
    assert found[2].startswith(f"risk.keys: {fleet}/none.key: ")
    assert "cannot be read" in found[2]


def test_every_mistake_is_named_at_once(fleet: Path) -> None:
    text = TEXT.replace("sqlite:", "mysql:").replace(":8883", "").replace("centre-seal", "absent")
    text = text.replace("_ingest-1.crt", "broker.crt").replace("_ingest-1.key", "ca.key")
    found = problems(fleet, text + "[batch]\nmessages = 0\nmss = 3\n")
    for start in (
        'broker.host: found "localhost", allowed: "host:port"',
        "batch.messages: found 0, allowed: a whole number from 1 to 1000",
        "unknown key batch.mss; did you mean batch.ms?",
        "database.url names mysql",
        f"seal.keys: {fleet}/absent.key: cannot be read",
        "broker.ca, .certificate and .key do not fit together",
    ):
        assert [p for p in found if p.startswith(start)], (start, found)
    assert [p for p in found if "broker.crt is for ['broker']" in p]
    assert len(found) == 7


def test_what_is_missing_is_named(fleet: Path) -> None:
    found = problems(fleet, TEXT.replace("url =", "ulr =").replace("[seal]", "[saal]"))
    assert found[:2] == [
        "unknown key database.ulr; did you mean database.url?",
        "unknown section [saal]; did you mean [seal]?",
    ]
    assert [p.split(";")[0] for p in found[2:]] == [
        "database.url is missing",
        "seal.keys is missing",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = " + "[" * 5000, "nested too deep"),
        ("[seal", "not TOML"),
        (TEXT.replace('["centre-seal.key"]', "[]"), "at least one path"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_mistake(fleet: Path, text: str, says: str) -> None:
    (found,) = problems(fleet, text)
    assert says in found
