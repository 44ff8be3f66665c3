"""What systemd, files and the gathering thread make of the figures."""

from __future__ import annotations

import stat
import threading
import time
from pathlib import Path

import pytest
from pimachine import PI

from kiosk import clock, wire
from kiosk.config import Config, load
from kiosk.outbox import SealedSegments
from kiosk.outbox.layout import new_epoch
from kiosk.uplink import units
from kiosk.uplink.alerts import Alerts
from kiosk.uplink.discipline import discipline
from kiosk.uplink.gathering import STALE_S, Gatherer, Gathering
from kiosk.uplink.kernel import Kernel
from kiosk.uplink.telemetry import Queue, Telemetry
from provisioning.authority import init_fleet

EPOCH = new_epoch()

SHOWN = f"""\
MemoryCurrent=61865984
NRestarts=0
Id=kiosk-scanner.service
ActiveState=active
SubState=running
StatusText=scans=120 rejected=3 decode_ms=48.1 dropped=0 frames=9000 last_scan_s=12 \
epoch={EPOCH} next_seq=121 faults=none warnings=none risk=none panel=No such file

NRestarts=4
MemoryCurrent=[not set]
Id=kiosk-feedback.service
ActiveState=failed
SubState=failed
StatusText=

NRestarts=1
MemoryCurrent=18446744073709551615
Id=kiosk-uplink.service
ActiveState=active
SubState=running
StatusText=online=1 why=
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for folder in ("root", "outbox", "run"):
        (tmp_path / folder).mkdir()
    board = tmp_path / "board.toml"
    board.write_text(
        '[paths]\noutbox = "outbox"\nrun = "run"\nkernel = "root"\n'
        '[broker]\ncertificate = "kiosk.crt"\n'
    )
    return load([board])


def systemctl(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """What answers for systemd, on a machine that it booted."""
    (folder / "root/run/systemd/system").mkdir(parents=True, exist_ok=True)
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    tool = tools / "systemctl"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")


def test_units_and_the_scanners_line_are_read_off_one_answer() -> None:
    shown = units.parse(SHOWN)
    assert shown.units == {
        "scanner": wire.Unit(state="active/running", restarts=0, memory_kb=60416),
        "feedback": wire.Unit(state="failed/failed", restarts=4),
        "uplink": wire.Unit(state="active/running", restarts=1),
    }
    assert shown.status["next_seq"] == "121"


@pytest.mark.parametrize(
    "text",
    ["", "\n\n\n", "Id=kiosk-scanner.service", SHOWN.replace("active", "a b\x1b[0m"), "=" * 9],
)
def test_an_answer_that_makes_no_sense_tells_nothing(text: str) -> None:
    shown = units.parse(text)
    assert "scanner" not in shown.units
    assert not shown.status


def test_one_call_asks_for_all_units(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "answer").write_text(SHOWN)
    script = f'echo "$@" >>{tmp_path}/asked; cat {tmp_path}/answer'
    systemctl(tmp_path, monkeypatch, script)
    now = [1000.0]
    gatherer = Gatherer(config, lambda: now[0])
    first = gatherer.gather()
    assert first.scanner == wire.Scanning(
        decode_ms=48.1,
        scans=120,
        rejected=3,
        last_scan_s=12,
        epoch=EPOCH,
        next_seq=121,
    )
    now[0] += 60
    (tmp_path / "answer").write_text(SHOWN.replace("frames=9000", "frames=9876"))
    second = gatherer.gather()
    assert second.scanner is not None and second.scanner.fps == 14.6
    now[0] += 60
    (tmp_path / "answer").write_text(SHOWN.replace("frames=9000", "frames=15"))
    third = gatherer.gather()  # a scanner that started anew
    assert third.scanner is not None and third.scanner.fps is None
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 3
    assert asked[0].split()[2:] == [f"kiosk-{name}.service" for name in units.DAEMONS]


def test_a_scanner_without_an_outbox_has_no_number(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SHOWN.replace(f"epoch={EPOCH} next_seq=121", "epoch=- next_seq=-")
    (tmp_path / "answer").write_text(text.replace("last_scan_s=12", "last_scan_s=-"))
    systemctl(tmp_path, monkeypatch, f"cat {tmp_path}/answer")
    scanner = Gatherer(config, lambda: 1.0).gather().scanner
    assert scanner == wire.Scanning(decode_ms=48.1, scans=120, rejected=3)


@pytest.mark.parametrize(
    "script", ["exit 1", "exec sleep 60", "head -c 1000000 /dev/urandom", "kill -KILL $$"]
)
def test_a_systemd_that_does_not_answer_leaves_the_other_figures(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(units, "PATIENCE_S", 0.5)
    systemctl(tmp_path, monkeypatch, script)
    gathered = Gatherer(config, clock.boottime).gather()
    assert (gathered.units, gathered.scanner) == ({}, None)
    assert gathered.host.disk_kb is not None


def test_an_empty_machine_tells_only_what_system_calls_tell(config: Config) -> None:
    gathered = Gatherer(config, lambda: 1.0).gather()
    host = gathered.host
    told = {name for name in host.__struct_fields__ if getattr(host, name) is not None}
    assert {"disk_kb"} <= told <= {"disk_kb", "inodes", "ntp_synced", "clock_offset_ms"}
    kept = discipline()
    assert host.ntp_synced == kept.synced
    assert (host.clock_offset_ms is None) == (kept.offset_ms is None)
    assert (gathered.units, gathered.scanner, gathered.documents) == ({}, None, {})
    assert gathered.certificate_end_ms is None


def test_an_outbox_that_is_gone_has_no_free_space(tmp_path: Path, config: Config) -> None:
    (tmp_path / "outbox").rmdir()
    host = Gatherer(config, lambda: 1.0).gather().host
    assert (host.disk_kb, host.inodes) == (None, None)


def test_the_certificates_end_is_told_and_follows_the_file(tmp_path: Path, config: Config) -> None:
    gatherer = Gatherer(config, lambda: 1.0)
    init_fleet(tmp_path / "fleet", ["localhost"])
    file = tmp_path / "kiosk.crt"
    file.write_bytes((tmp_path / "fleet/broker.crt").read_bytes())
    end_ms = gatherer.gather().certificate_end_ms
    assert end_ms is not None and end_ms > time.time() * 1000
    assert gatherer.gather().certificate_end_ms == end_ms
    file.write_bytes(b"no certificate")
    assert gatherer.gather().certificate_end_ms is None
    file.unlink()
    assert gatherer.gather().certificate_end_ms is None
    file.write_bytes((tmp_path / "fleet/broker.crt").read_bytes())
    assert gatherer.gather().certificate_end_ms == end_ms


def test_versions_are_those_of_signed_documents(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from kiosk.signed import sign

    (tmp_path / "outbox").mkdir()
    key = Ed25519PrivateKey.generate()
    (tmp_path / "policy").write_bytes(sign(key, "policy", 7, b"x" * 100_000))
    (tmp_path / "trust").write_bytes(b"# unsigned")
    (tmp_path / "risk").write_bytes(sign(key, "trust", 3, b""))
    board = tmp_path / "board.toml"
    board.write_text(
        '[paths]\noutbox = "outbox"\nrun = "."\nkernel = "."\n'
        '[judge]\npolicy = "policy"\ntrust = "trust"\nrisk = "risk"\n'
    )
    gatherer = Gatherer(load([board]), lambda: 1.0)
    assert gatherer.gather().documents == {"policy": 7}
    (tmp_path / "policy").write_bytes(sign(key, "policy", 8, b"y"))
    assert gatherer.gather().documents == {"policy": 8}


def test_all_figures_at_rest_are_under_a_kilobyte(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, text in PI.items():
        file = tmp_path / "root" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "answer").write_text(SHOWN.replace("[not set]", "61865984"))
    systemctl(tmp_path, monkeypatch, f"cat {tmp_path}/answer")
    init_fleet(tmp_path / "fleet", ["localhost"])
    (tmp_path / "kiosk.crt").write_bytes((tmp_path / "fleet/broker.crt").read_bytes())
    gathered = Gatherer(config, clock.boottime).gather()
    now = clock.now("system")
    queue = Queue(SealedSegments(config.paths.outbox))
    queue.waiting, queue.quarantined = [], 0
    telemetry = Telemetry(queue, Alerts(lambda: now), lambda: now, config)
    payload = wire.encode(telemetry.figures(gathered))
    assert wire.decode(payload, wire.Telemetry).host == gathered.host
    assert len(payload) < 1024


class Slow(Gatherer):
    """A machine on which a reader waits until the test lets it."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, clock.boottime)
        self.may_end = threading.Event()
        self.error: Exception | None = None

    def gather(self):  # type: ignore[no-untyped-def]
        self.may_end.wait(30)
        if self.error is not None:
            raise self.error
        return super().gather()


def test_a_reader_that_hangs_is_noticed_and_keeps_nobody_waiting(config: Config) -> None:
    slow = Slow(config)
    gathering = Gathering(slow, clock.boottime, 0.1)
    gathering.start()
    at = clock.boottime()
    assert gathering.latest(at) is None
    assert not gathering.hangs(at)
    assert gathering.hangs(at + STALE_S + 1)
    slow.may_end.set()
    deadline = time.monotonic() + 10
    while gathering.latest(clock.boottime()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert gathering.latest(clock.boottime() + STALE_S + 1) is None, "too old to be today's"
    gathering.stop()
    gathering.join(10)
    assert not gathering.is_alive()


def test_what_ends_the_thread_ends_its_owner(config: Config) -> None:
    slow = Slow(config)
    slow.error = RuntimeError("unexpected")
    slow.may_end.set()
    gathering = Gathering(slow, clock.boottime, 0.1)
    gathering.start()
    gathering.join(10)
    with pytest.raises(RuntimeError, match="unexpected"):
        gathering.latest(clock.boottime())


def test_on_a_desk_systemd_is_not_asked(tmp_path: Path) -> None:
    assert units.ask(Kernel(tmp_path)) is units.NOTHING
