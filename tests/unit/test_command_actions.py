"""What each command does on the kiosk. systemd is a script here; tests/system has the real one."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from central.fleet.orders import KNOWN
from kiosk import wire
from kiosk.clock import BUILT_MS
from kiosk.commands import journal, keys
from kiosk.commands.action import Failed, Kiosk, Result, action
from kiosk.commands.actions import ACTIONS
from kiosk.config import load
from kiosk.cues import Inlet, ScreenCue
from kiosk.model import ClockState, Instant
from kiosk.outbox import SealedSegments
from provisioning.authority import certify, enrol, init_fleet

NOW_MS = time.time_ns() // 1_000_000


class Home:
    """An enrolled kiosk on a desk; `set_to` is what its clock was set to."""

    def __init__(self, folder: Path) -> None:
        self.fleet = folder / "fleet"
        init_fleet(self.fleet, ["localhost"])
        self.site = enrol(self.fleet, "gate-1", "Chợ", "localhost:1", folder / "etc")
        board = folder / "board.toml"
        for name in ("outbox", "run", "state"):
            (folder / name).mkdir()
        for name in ("open", "sealed", "quarantine"):
            (folder / "outbox" / name).mkdir()
        board.write_text(
            f"[paths]\noutbox = '{folder}/outbox'\nrun = '{folder}/run'\nstate = '{folder}/state'\n"
        )
        self.config = load([board, self.site])
        self.options = [f"--config={board}", f"--config={self.site}"]
        self.clock: ClockState = "synced"
        self.set_to: list[float] = []
        self.left: list[bool] = []

    def does(self, name: str, issued_ms: int = NOW_MS, **args: str) -> Result:
        found = action(name)
        assert found is not None
        kiosk = Kiosk(
            config=self.config,
            options=self.options,
            now=lambda: Instant(NOW_MS, self.clock, "boot-1", 1000),
            set_clock=self.set_to.append,
            before_leaving=lambda: self.left.append(True),
            command=wire.Command(
                id="0" * 16, kid="gate-1", name=name, issued_ms=issued_ms, expires_ms=issued_ms + 1
            ),
        )
        return found.act(msgspec.convert(args, found.Args, strict=False), kiosk)

    def fails(self, name: str, issued_ms: int = NOW_MS, **args: str) -> str:
        with pytest.raises(Failed) as failed:
            self.does(name, issued_ms, **args)
        return failed.value.reason


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def panel(home: Home) -> Iterator[Inlet]:
    inlet = Inlet(home.config.paths.run, "feedback")
    yield inlet
    inlet.close()


Programs = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Puts a script in place of a program of the system."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f'#!/bin/sh\necho "$*" >> {folder}/{name}.called\n{script}\n')
        (folder / name).chmod(0o755)

    return put


def called(tmp_path: Path, name: str) -> list[str]:
    file = tmp_path / "bin" / f"{name}.called"
    return file.read_text().splitlines() if file.exists() else []


def test_centre_and_kiosk_know_the_same_commands() -> None:
    assert set(KNOWN) == set(ACTIONS)
    assert set(wire.HARMLESS) <= set(ACTIONS)
    for name in ACTIONS:
        found = action(name)
        assert found is not None
        assert found.LIMIT_S > 0
    assert action("__init__") is None
    assert action("dance") is None


def test_identify_asks_the_panel(home: Home, panel: Inlet) -> None:
    home.does("identify", seconds="12")
    (cue,) = panel.drain()
    assert isinstance(cue, ScreenCue)
    assert (cue.screen, cue.lasts_s) == ("identify", 12)


def test_identify_without_a_panel_is_told(home: Home) -> None:
    assert home.fails("identify") == "no-panel"


def test_restart_names_the_units_after_it_was_told(
    home: Home, program: Programs, tmp_path: Path
) -> None:
    program("systemctl", "exit 0")
    assert home.does("restart", daemon="scanner").detail == "restarted: scanner"
    assert home.left == [True]
    assert called(tmp_path, "systemctl") == [
        "reset-failed kiosk-scanner.service",
        "restart kiosk-scanner.service",
    ]
    with pytest.raises(msgspec.ValidationError):
        home.does("restart", daemon="ssh")


def test_what_systemd_refuses_is_told_in_its_words(home: Home, program: Programs) -> None:
    program("systemctl", "echo 'Access denied' >&2; exit 4")
    with pytest.raises(Failed, match="Access denied"):
        home.does("restart")
    assert home.fails("reboot") == "not-rebooted"


SECRETS = {
    "number": "subject vn-id:001093029317 was refused",
    "telephone": "call 0901 234 567 or 090.123.4567",
    "national code": "payload 001093029317|272172456|Nguyễn Văn Anh|01011990|Nam|Hà Nội|2021",
    "health code": "cannot read HC1:6BFOXN%TSMAHN-H3YS1IK47ES6IXJR4E47X5*T917VF+UOGIS1RYZV:X9",
    "smart card": "got shc:/5676290952432060346029243740446031222959",
    "value": "ValueError: invalid literal for int() with base 10: 'Nguyễn Văn Anh'",
    "nested": "kiosk.errors.CredentialError: hc1: Nguyễn Văn Anh",
    "json": 'unexpected {"name": "Nguyễn Văn Anh"}',
    "token": "party Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_nothing_that_could_name_a_person_leaves_the_journal(secret: str) -> None:
    line = journal.redacted(f"2026-11-29T07:13:18+0000 kiosk-scanner[812]: {secret}")
    assert line.startswith("2026-11-29T07:13:18+0000 kiosk-scanner[812]: ")
    assert "<" in line
    for part in ("Anh", "001093029317", "0901", "4567", "6BFOXN", "567629", "Zm9v", "272172456"):
        assert part not in line


def test_what_a_developer_needs_stays_in_the_journal() -> None:
    for text in (
        "not connected: broker.example.vn:8883: refused: no broker listens there",
        "cannot open /run/kiosk/connected: Permission denied; does its directory exist?",
        "unexpected OSError: [Errno 5] Input/output error: '/var/lib/kiosk/outbox/open'",
        "command ended name=logs id=9f3a5be0c1d2e4f6 key=9b1f0c22d7e84a10 result=done reason=-: ",
        '  File "/opt/kiosk/venv/lib/python3.11/site-packages/kiosk/uplink/drain.py", line 81',
        "scans=120 rejected=3 pending=0 decode_ms=48.5",
    ):
        line = f"2026-11-29T07:13:18+0000 kiosk-uplink[812]: {text}"
        assert journal.redacted(line) == line


def test_logs_are_bounded_and_the_newest(home: Home, program: Programs, tmp_path: Path) -> None:
    program(
        "journalctl",
        'i=0; while [ $i -lt 200 ]; do echo "t k: $i $(printf %400s x)"; i=$((i+1)); done',
    )
    found = home.does("logs", unit="uplink", lines="200", level="warning").data["lines"]
    assert len(msgspec.json.encode(found)) <= journal.TOTAL_BYTES
    assert found[-1].startswith("t k: 199")
    (words,) = called(tmp_path, "journalctl")
    assert "--unit=kiosk-uplink.service --lines=200 --priority=warning" in words
    for wrong in ({"lines": "201"}, {"lines": "-1"}, {"unit": "ssh"}, {"grep": "x"}):
        with pytest.raises(msgspec.ValidationError):
            home.does("logs", **wrong)


def test_the_time_is_set_only_where_nobody_knows_it(home: Home) -> None:
    assert home.fails("set-time") == "clock-set"
    home.clock = "floor"
    assert home.fails("set-time", NOW_MS - 1000) == "behind"
    home.clock = "unknown"
    assert home.fails("set-time", BUILT_MS - 1) == "before-built"
    assert home.set_to == []
    home.does("set-time", NOW_MS + 5000)
    home.clock = "floor"
    home.does("set-time", NOW_MS - 5000, backwards="yes")
    assert home.set_to == [NOW_MS / 1000 + 5, NOW_MS / 1000 - 5]


def test_diagnostics_hold_what_can_be_had_and_no_secret(home: Home, program: Programs) -> None:
    program("systemctl", "printf 'Id=kiosk-scanner.service\\nActiveState=active\\n'")
    program("journalctl", "echo '2026-11-29T07:13:18+0000 k: subject vn-id:001093029317'")
    site = home.site.read_text().replace(
        "[broker]\n", '[broker]\nproxy = "http://kiosk:hunter2@proxy.example:3128"\n'
    )
    home.site.write_text(site)
    home.config = load([Path(option.removeprefix("--config=")) for option in home.options])
    data = home.does("capture-diagnostics").data
    assert data["config"]["broker"]["proxy"] == "http://kiosk:***@proxy.example:3128"
    assert set(data) == {"versions", "machine", "config", "units", "findings", "log"}
    assert data["units"] == [{"Id": "kiosk-scanner.service", "ActiveState": "active"}]
    assert data["findings"]["identity"], data["findings"]
    written = msgspec.json.encode(data)
    assert len(written) < 48 * 1024
    assert b"PRIVATE KEY" not in written
    assert b"hunter2" not in written
    assert b"001093029317" not in written


def test_diagnostics_without_systemd_say_so(home: Home, program: Programs) -> None:
    program("systemctl", "echo 'Host is down' >&2; exit 1")
    program("journalctl", "exit 1")
    data = home.does("capture-diagnostics").data
    assert "Host is down" in data["units"]
    assert data["versions"]["firmware"]


def test_a_new_key_waits_for_its_certificate_and_the_old_one_stays(home: Home) -> None:
    broker = home.config.broker
    before = broker.key.read_bytes()
    broker.key.chmod(0o640)
    csr = home.does("rotate-key").data["csr"]
    request = x509.load_pem_x509_csr(csr.encode())
    assert request.is_signature_valid
    assert isinstance(request.public_key(), ec.EllipticCurvePublicKey)
    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert [name.value for name in names] == ["gate-1"]
    assert broker.key.read_bytes() == before
    assert stat.S_IMODE(keys.waiting(broker.key).stat().st_mode) == 0o640
    again = x509.load_pem_x509_csr(home.does("rotate-key").data["csr"].encode())
    assert again.public_key() != request.public_key()


def test_a_certificate_without_a_key_that_waits_is_refused(home: Home) -> None:
    old = home.config.broker.certificate.read_text()
    assert home.fails("install-certificate", certificate=old) == "no-key-waits"
    home.does("rotate-key")
    assert home.fails("install-certificate", certificate=old) == "other-key"
    assert home.fails("install-certificate", certificate="x") == "no-certificate"


def fill(home: Home) -> None:
    (home.config.paths.outbox / "sealed" / "a").write_bytes(b"sealed")
    (home.config.paths.outbox / "quarantine" / "b").write_bytes(b"damaged")


def test_a_kiosk_is_not_decommissioned_by_mistake(
    home: Home, program: Programs, tmp_path: Path
) -> None:
    program("systemctl", "exit 0")
    assert home.fails("decommission", confirm="gate-2") == "not-confirmed"
    assert called(tmp_path, "systemctl") == []
    fill(home)
    assert home.fails("decommission", confirm="gate-1") == "records-wait"
    assert called(tmp_path, "systemctl")[-1] == "start --no-block kiosk-scanner.service"
    assert home.config.broker.key.exists()
    assert SealedSegments(home.config.paths.outbox).quarantined()


def test_a_decommissioned_kiosk_can_speak_for_nobody(
    home: Home, program: Programs, panel: Inlet
) -> None:
    program("systemctl", "exit 0")
    fill(home)
    home.does("rotate-key")
    state = home.config.paths.state
    (state / "camera-hangs.json").write_text("{}")
    (state / "commands.json").write_text("kept")
    done = home.does("decommission", confirm="gate-1", force="yes")
    assert done.then is not None
    assert load([home.site]).kiosk.id == "gate-1"  # until that is told
    assert not home.config.broker.key.exists()
    done.then()
    left = {path.name for path in home.site.parent.iterdir()}
    assert left == {"site.toml"}
    assert load([home.site]).kiosk.id == ""
    assert list((home.config.paths.outbox / "sealed").iterdir()) == []
    assert list((home.config.paths.outbox / "quarantine").iterdir()) == []
    assert {path.name for path in state.iterdir()} == {"commands.json"}
    (cue,) = panel.drain()
    assert isinstance(cue, ScreenCue)
    assert cue.screen == "set-up"


def test_a_large_backlog_is_destroyed_within_the_limit_and_nothing_beside_it(
    home: Home, program: Programs, panel: Inlet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("systemctl", "exit 0")
    sealed, beside = home.config.paths.outbox / "sealed", tmp_path / "beside"
    beside.write_text("somebody else's")
    fill(home)
    for number in range(300):
        (sealed / str(number)).write_bytes(b"sealed")
    (sealed / "link").symlink_to(beside)
    with (sealed / "hole").open("wb") as file:
        file.truncate(100 * 1024**3)
    waited: list[object] = []
    for name in ("sync", "fsync"):  # each takes tens of ms on a card
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *fd, real=real: waited.append(fd) or real(*fd))
    home.does("decommission", confirm="gate-1", force="yes")
    assert list(sealed.iterdir()) == []
    assert beside.read_text() == "somebody else's"
    assert len(waited) < 20


def test_a_wiped_file_held_zeros_before_it_went(tmp_path: Path) -> None:
    file, other = tmp_path / "key", tmp_path / "other"
    file.write_bytes(b"secret")
    other.hardlink_to(file)
    keys.wipe(file)
    assert not file.exists()
    assert other.read_bytes() == bytes(6)
    keys.wipe(file)


def test_a_change_of_key_that_was_cut_off_is_completed(home: Home) -> None:
    broker = home.config.broker
    home.does("rotate-key")
    waits = keys.public_of(keys.waiting(broker.key))
    assert not keys.mend(broker)
    request = x509.load_pem_x509_csr(home.does("rotate-key").data["csr"].encode())
    certify(home.fleet, "gate-1", request, home.site.parent / "kiosk.crt.next")
    keys.waiting(broker.certificate).replace(broker.certificate)  # and then the power went
    assert keys.mend(broker)
    assert keys.public_of(broker.key) not in (None, waits)
    assert not keys.waiting(broker.key).exists()
    assert not keys.mend(broker)
