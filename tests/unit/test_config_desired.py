"""The uppermost layer of the configuration: what of the centre's is believed, and what then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from wanting import FLEET, KEYS, KID, STRANGER, Card, document

from kiosk import signed
from kiosk.config import load
from kiosk.config.desired import HERE_ALONE, check, tried
from kiosk.desired import Seen, State
from kiosk.documents import newest
from kiosk.errors import ConfigError, DocumentError
from kiosk.service import Service
from provisioning.authority import init_fleet, sign


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path)


def put(file: Path, data: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)


def test_without_a_document_the_site_is_in_force(card: Card) -> None:
    found = card.in_force()
    assert (found.version, found.on_trial, found.problems) == (0, False, [])
    assert not found.changed


def test_the_document_wins_key_by_key_and_says_where_values_come_from(card: Card) -> None:
    put(card.files.config, document(3, '[panel]\nanswer_s = 7\n[judge]\ntrust = "trust.signed"'))
    found = card.in_force()
    assert (found.version, found.on_trial, found.problems) == (3, False, [])
    config = load(card.paths)
    assert (config.panel.answer_s, config.kiosk.place) == (7, "Chợ")
    assert config.judge.trust == card.etc / "trust.signed"  # relative to the site's folder
    command = [sys.executable, "-m", "kiosk.ctl", "--config", str(card.site), "config"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = shown.splitlines()
    (line,) = [line for line in lines if line.startswith("answer_s")]
    assert line.endswith("# of the centre, version 3")
    (line,) = [line for line in lines if line.startswith("place")]
    assert line.endswith(f"# {card.site}")


def test_one_on_trial_goes_before_the_one_that_is_known_to_do(card: Card) -> None:
    put(card.files.config, document(3, "[panel]\nanswer_s = 7"))
    before = card.in_force()
    put(card.files.trial, document(4, "[panel]\nanswer_s = 8"))
    assert before.changed
    found = card.in_force()
    assert (found.version, found.on_trial) == (4, True)
    card.files.trial.replace(card.files.config)
    assert not found.changed  # nobody begins anew because it was kept
    assert card.value("panel", "answer_s") == 8


def test_a_daemon_begins_anew_once_it_is_not_busy(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    daemon = Service(desired=card.in_force())
    put(card.files.config, document(3, "[panel]\nanswer_s = 7"))
    daemon.alive(busy=True)
    assert not daemon.stopping.is_set()
    daemon.alive()
    assert daemon.stopping.is_set()


BAD = {
    "unsigned": b'[kiosk]\nid = "gate-1"\n',
    "empty": b"",
    "binary": bytes(range(256)) * 9,
    "another fleet's": document(4, key=STRANGER),
    "cut short": document(4, "[panel]\nanswer_s = 8")[:-1],
    "longer": document(4, "[panel]\nanswer_s = 8") + b"\n",
    "another kind": document(4, kind="policy"),
    "another kiosk's": document(4, kid="gate-2"),
    "nobody's": document(4, "[panel]\nanswer_s = 8", kid=None),
    "not TOML": document(4, "[panel"),
    "not UTF-8": signed.sign(FLEET, "config", 4, b"\xff\xfe"),
    "unknown key": document(4, "[panel]\nanswer = 8"),
    "out of bounds": document(4, "[panel]\nanswer_s = 800"),
    "contradiction": document(4, "[gpio]\ngreen = 17\nred = 17"),
    "identity": document(4, '[broker]\nkey = "/tmp/key"'),
    "trust": document(4, "[judge]\nfleet_keys = []"),
    "its own place": document(4, '[paths]\nstate = "/tmp"'),
    "deep": document(4, "a = " + "[" * 5000 + "]" * 5000),
}


@pytest.mark.parametrize("which", BAD)
def test_what_is_not_right_is_passed_over_and_said_and_the_layer_below_holds(
    card: Card, which: str
) -> None:
    put(card.files.config, BAD[which])
    found = card.in_force()
    assert (found.version, found.on_trial) == (0, False)
    assert found.problems
    assert all(str(card.files.config) in problem for problem in found.problems)
    assert load(card.paths).kiosk.place == "Chợ"
    put(card.files.config, document(3, "[panel]\nanswer_s = 7"))
    put(card.files.trial, BAD[which])
    found = card.in_force()
    assert (found.version, found.on_trial) == (3, False)
    assert found.problems
    with pytest.raises((ConfigError, DocumentError)):
        tried(card.paths, BAD[which])


@pytest.mark.parametrize(("section", "key"), HERE_ALONE)
def test_what_is_decided_at_the_kiosk_is_named_with_its_reason(
    card: Card, section: str, key: str
) -> None:
    value = load(card.paths)
    shown = getattr(getattr(value, section), key)
    text = f"{shown}" if isinstance(shown, float) else "[]" if key == "fleet_keys" else f'"{shown}"'
    with pytest.raises(ConfigError, match="cannot be changed from afar") as caught:
        tried(card.paths, document(4, f"[{section}]\n{key} = {text}"))
    assert HERE_ALONE[section, key] in str(caught.value)


def fifo(file: Path) -> None:
    os.mkfifo(file)


def huge(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(100 * 1024**3)


@pytest.mark.parametrize("put_there", [Path.mkdir, fifo, huge, lambda f: f.symlink_to("/dev/zero")])
@pytest.mark.parametrize("name", ["config.signed", "trial.signed", "policy.signed", "state.json"])
def test_nobody_waits_for_what_is_no_document_nor_reads_without_end(
    card: Card, put_there: Callable[[Path], None], name: str
) -> None:
    """One user writes here and faces the network; those who read keep the door."""
    signal.alarm(20)
    card.files.folder.mkdir()
    put_there(card.files.folder / name)
    found = card.in_force()
    assert found.version == 0
    assert bool(found.problems) == (name in ("config.signed", "trial.signed"))
    with pytest.raises((DocumentError, OSError)):
        newest(load(card.paths), "policy", KEYS).read()
    signal.alarm(0)


def test_without_keys_of_the_fleet_nothing_of_the_centre_is_believed(card: Card) -> None:
    put(card.files.config, document(3, "[panel]\nanswer_s = 7"))
    card.site.write_text(card.site.read_text().replace('["fleet-sign.pub"]', "[]"))
    found = card.in_force()
    assert found.version == 0
    assert "judge.fleet_keys is empty" in found.problems[0]
    card.site.write_text(card.site.read_text().replace("= []", '= ["gone.pub"]'))
    found = card.in_force()
    assert found.version == 0
    assert "gone.pub" in found.problems[0]


def test_a_site_that_is_wrong_by_itself_is_refused_whatever_the_centre_says(card: Card) -> None:
    put(card.files.config, document(3, "[panel]\nanswer_s = 7"))
    card.site.write_text(card.site.read_text() + "[panel]\nanswer_s = 900\n")
    with pytest.raises(ConfigError, match=r"site\.toml: panel\.answer_s"):
        card.in_force()


def test_the_authority_signs_no_configuration_that_a_kiosk_would_refuse(tmp_path: Path) -> None:
    init_fleet(tmp_path / "fleet", ["localhost"])
    good = f'[kiosk]\nid = "{KID}"\n[panel]\nanswer_s = 7\n'.encode()
    assert check(good) == (KID, [])
    before = sign(tmp_path / "fleet", "config", good, 1)
    with pytest.raises(ConfigError, match=r"kiosk\.id is missing"):
        sign(tmp_path / "fleet", "config", b"[panel]\nanswer_s = 7\n", 2)
    with pytest.raises(ConfigError, match="cannot be changed from afar"):
        sign(tmp_path / "fleet", "config", good + b'[paths]\nrun = "/tmp"\n', 2)
    with pytest.raises(ConfigError, match=r"seal\.keys: "):
        sign(tmp_path / "fleet", "config", good + b'[seal]\nkeys = ["no key"]\n', 2)
    with pytest.raises(ConfigError, match="raise --version to 2"):
        sign(tmp_path / "fleet", "config", good, 1, before)


def test_what_is_remembered_is_read_back_or_said_to_be_lost(card: Card) -> None:
    assert card.files.read_state() == State()
    put(card.files.state, b'{"seen": {"policy": {"version": 4, "sha512": "00"}}}')
    assert card.files.read_state().seen == {"policy": Seen(4, "00")}
    assert card.files.read_state().at_least("policy") == 4
    assert card.files.read_state().at_least("trust") == 0
    for damage in (b"", b"\xff", b"[]", b'{"seen": 3}', b"{" * 9999):
        put(card.files.state, damage)
        with pytest.raises(DocumentError, match=r"state\.json"):
            card.files.read_state()
