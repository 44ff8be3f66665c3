"""The units as systemd itself reads them, and the rights that they give on disk."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk import durable

TREE = Path(__file__).parents[2]
UNITS = TREE / "systemd"
DAEMONS = ("scanner", "feedback", "uplink")
INGEST = "kiosk-ingest@.service"
PYTHON = "/opt/kiosk/venv/bin/python"
EXPOSURE_MAX = 2.5
ROOT_EXPOSURE_MAX = 2.8

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed here"
)
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become the daemons' users")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with a Python that exists here, since systemd looks for it."""
    python = tmp_path / "python"  # systemd wants no space in it
    python.symlink_to(sys.executable)
    for unit in [*UNITS.glob("kiosk*"), *UNITS.glob("central/kiosk*")]:
        text = unit.read_text().replace(PYTHON, str(python))
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def values(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", (UNITS / unit).read_text(), re.MULTILINE)


@needs_systemd
def test_systemd_has_nothing_to_say_against_the_units(units: Path) -> None:
    files = sorted(map(str, units.glob("kiosk*")))
    assert len(files) == 9
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_a_wrong_unit_would_be_noticed(units: Path) -> None:
    unit = units / "kiosk-scanner.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=20", "WatchdogSecs=20"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "WatchdogSecs" in done.stderr


@needs_systemd
@pytest.mark.parametrize("daemon", [*DAEMONS, "ingest@", "documents"])
def test_the_sandbox_is_tight(units: Path, daemon: str) -> None:
    done = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--offline=true",
            "--no-pager",
            str(units / f"kiosk-{daemon}.service"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert exposure is not None, done.stdout
    print(f"kiosk-{daemon}: {exposure[1]}")
    assert float(exposure[1]) < EXPOSURE_MAX


@needs_systemd
def test_the_one_that_is_root_is_in_a_sandbox_too(units: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(units / "kiosk-commands.service")],
        capture_output=True,
        text=True,
        check=True,
    )
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert exposure is not None, done.stdout
    assert float(exposure[1]) < ROOT_EXPOSURE_MAX


def test_the_uplink_alone_may_ask_for_what_needs_root() -> None:
    from kiosk.config import load
    from kiosk.relay import socket_path

    socket = "kiosk-commands.socket"
    assert values(socket, "ListenSequentialPacket") == [str(socket_path(load([]).paths.run))]
    assert values(socket, "SocketUser") == ["root"]
    assert values(socket, "SocketGroup") == ["kiosk-uplink"]
    assert values(socket, "SocketMode") == ["0660"]
    assert socket in values("kiosk.target", "Wants")[0].split()
    for daemon in DAEMONS:
        assert values(f"kiosk-{daemon}.service", "CapabilityBoundingSet") == [""]


def test_no_daemon_needs_another_or_the_network() -> None:
    for daemon in DAEMONS:
        unit = f"kiosk-{daemon}.service"
        for key in ("Requires", "BindsTo", "Requisite"):
            assert values(unit, key) == []
        assert "network-online" not in (UNITS / unit).read_text()
        after = " ".join(values(unit, "After")).split()
        assert [name for name in after if name.endswith(".service")] == [
            name for name in after if name.startswith("modprobe@")
        ]


def test_every_daemon_is_watched_restarted_and_stays_down_when_misconfigured() -> None:
    from kiosk.service import EXIT_CONFIG

    for daemon in DAEMONS:
        unit = f"kiosk-{daemon}.service"
        assert values(unit, "Type") == ["notify"]
        assert int(values(unit, "WatchdogSec")[0]) > 0
        assert values(unit, "Restart") == ["always"]
        assert values(unit, "RestartPreventExitStatus") == [str(EXIT_CONFIG)]
        assert values(unit, "User") == [f"kiosk-{daemon}"]
        restarts = int(values(unit, "StartLimitIntervalSec")[0]) / int(
            values(unit, "RestartSec")[0]
        )
        assert restarts < int(values(unit, "StartLimitBurst")[0]), "would give up for good"


def test_an_ingest_worker_is_restarted_and_stays_down_when_misconfigured() -> None:
    from central.ingest.__main__ import EXIT_CONFIG

    unit = f"central/{INGEST}"
    assert values(unit, "Restart") == ["always"]
    assert values(unit, "RestartPreventExitStatus") == [str(EXIT_CONFIG)]
    (user,) = values(unit, "User")
    sysusers = (UNITS / "central" / "sysusers.d" / "kiosk-ingest.conf").read_text()
    assert re.findall(r"^u (\S+)", sysusers, re.MULTILINE) == [user]
    restarts = int(values(unit, "StartLimitIntervalSec")[0]) / int(values(unit, "RestartSec")[0])
    assert restarts < int(values(unit, "StartLimitBurst")[0]), "would give up for good"
    example = tomllib.loads((TREE / "config" / "central.example.toml").read_text())
    (state,) = values(unit, "StateDirectory")
    assert example["database"]["url"].startswith(f"sqlite:////var/lib/{state}/")


def test_the_ingest_worker_takes_the_words_of_its_unit(tmp_path: Path) -> None:
    (start,) = values(f"central/{INGEST}", "ExecStart")
    here = {PYTHON: sys.executable, "/etc/kiosk-central": str(tmp_path), "%i": "1"}
    words = start.split()
    for there, place in here.items():
        words = [word.replace(there, place) for word in words]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 78
    assert f"{tmp_path}/ingest-1.toml: cannot be read: No such file or directory" in done.stderr


def test_the_scanner_and_the_panel_have_no_network() -> None:
    for daemon in ("scanner", "feedback"):
        assert values(f"kiosk-{daemon}.service", "PrivateNetwork") == ["yes"]
        assert values(f"kiosk-{daemon}.service", "RestrictAddressFamilies") == ["AF_UNIX"]


def test_the_panel_reaches_its_buses_and_pins() -> None:
    allowed = values("kiosk-feedback.service", "DeviceAllow")
    assert allowed == ["char-i2c rw", "char-spi rw", "char-gpiochip rw"]
    groups = (TREE / "systemd/sysusers.d/kiosk.conf").read_text().splitlines()
    assert {f"m kiosk-feedback {group}" for group in ("i2c", "spi", "gpio")} <= set(groups)


def test_the_scanner_reaches_external_scanners_of_every_kind() -> None:
    allowed = values("kiosk-scanner.service", "DeviceAllow")
    for kind in ("ttyACM", "ttyUSB", "ttyAMA", "ttyS", "input"):
        assert f"char-{kind} rw" in allowed
    # What the kernel does not know yet when the unit starts would be shut out for good.
    early = " ".join(values("kiosk-scanner.service", "After")).split()
    (wanted,) = values("kiosk-scanner.service", "Wants")
    for module in ("cdc_acm", "usbserial"):
        assert f"modprobe@{module}.service" in early
        assert f"modprobe@{module}.service" in wanted.split()
    sysusers = (UNITS / "sysusers.d" / "kiosk.conf").read_text()
    groups = re.findall(r"^m kiosk-scanner +(\S+)", sysusers, re.MULTILINE)
    assert {"dialout", "input"} <= set(groups)
    for daemon in ("feedback", "uplink"):
        text = (UNITS / f"kiosk-{daemon}.service").read_text()
        assert "tty" not in text and "input" not in text


def test_units_and_defaults_name_the_same_places() -> None:
    from kiosk.config import load
    from kiosk.cues import socket_path
    from kiosk.desired import Files

    paths = load([]).paths
    assert values("kiosk-feedback.socket", "ListenDatagram") == [
        str(socket_path(paths.run, "feedback"))
    ]
    tmpfiles = (UNITS / "tmpfiles.d" / "kiosk.conf").read_text()
    assert f"\nd {paths.run} " in tmpfiles
    assert f"\nd {paths.outbox} " in tmpfiles
    for daemon in ("scanner", "uplink"):
        assert f"-{paths.outbox}" in values(f"kiosk-{daemon}.service", "ReadWritePaths")[0].split()
    desired = Files.below(paths.state).folder
    assert f"\nd {desired} " in tmpfiles
    assert f"-{desired}" in values("kiosk-uplink.service", "ReadWritePaths")[0].split()
    assert f"-{paths.state}/time" in values("kiosk-uplink.service", "ReadWritePaths")[0].split()
    for daemon in ("scanner", "feedback", "uplink"):
        assert str(paths.run) in values(f"kiosk-{daemon}.service", "ReadWritePaths")[0].split()


class System:
    """A root directory with the users and directories that the files here make."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "etc").mkdir()
        for tool, file in (
            (["systemd-sysusers"], "sysusers.d/kiosk.conf"),
            (["systemd-tmpfiles", "--create"], "tmpfiles.d/kiosk.conf"),
        ):
            subprocess.run([*tool, f"--root={root}", str(UNITS / file)], check=True)
        lines = (root / "etc/passwd").read_text().splitlines()
        self.users = {f[0]: (int(f[2]), int(f[3])) for f in (line.split(":") for line in lines)}
        lines = (root / "etc/group").read_text().splitlines()
        self.groups = {
            f[0]: (int(f[2]), f[3].split(",")) for f in (line.split(":") for line in lines)
        }

    def does(self, daemon: str, shell: str) -> bool:
        """Whether a daemon's user may do something."""
        uid, gid = self.users[f"kiosk-{daemon}"]
        extra = [g for g, members in self.groups.values() if f"kiosk-{daemon}" in members]
        done = subprocess.run(
            ["/bin/sh", "-c", f"umask 0027; {shell}"],
            check=False,
            user=uid,
            group=gid,
            extra_groups=extra,
            cwd=self.root,
            stderr=subprocess.DEVNULL,
        )
        return done.returncode == 0


@pytest.fixture
def system() -> Iterator[System]:
    # pytest's own folders are closed to other users
    with tempfile.TemporaryDirectory(prefix="kiosk-root-") as folder:
        Path(folder).chmod(0o755)
        yield System(Path(folder))


@needs_systemd
@needs_root
def test_each_daemon_may_do_its_part_in_the_outbox_and_no_more(system: System) -> None:
    outbox = "var/lib/kiosk/outbox"
    assert system.does("scanner", f"echo x > {outbox}/open/a && echo x > {outbox}/open/b")
    assert not system.does("uplink", f"cat {outbox}/open/a")
    assert not system.does("uplink", f"ls {outbox}/open")
    assert system.does("scanner", f"mv {outbox}/open/a {outbox}/open/b {outbox}/sealed/")
    assert system.does("uplink", f"cat {outbox}/sealed/a")
    assert not system.does("uplink", f"echo y >> {outbox}/sealed/a")
    assert not system.does("feedback", f"ls {outbox}")
    assert system.does("uplink", f"mv {outbox}/sealed/b {outbox}/quarantine/")
    assert system.does("uplink", f"rm {outbox}/sealed/a")
    assert system.does(
        "scanner", f"echo x > {outbox}/open/c && mv {outbox}/open/c {outbox}/quarantine/"
    )
    assert not system.does("uplink", f"mkdir {outbox}/more")


@needs_systemd
@needs_root
def test_what_the_centre_wants_is_written_by_the_uplink_and_read_by_all(system: System) -> None:
    folder = "var/lib/kiosk/desired"
    assert system.does("uplink", f"echo x > {folder}/a && mv {folder}/a {folder}/trial.signed")
    for daemon in ("scanner", "feedback"):
        assert not system.does(daemon, f"echo x > {folder}/b")
        assert not system.does(daemon, f"rm -f {folder}/trial.signed")
    file = system.root / folder / "trial.signed"
    durable.replace(file, b"x")
    for daemon in ("scanner", "feedback"):
        assert system.does(daemon, f"cat {folder}/trial.signed")


@needs_systemd
@needs_root
def test_marks_in_the_run_directory_are_seen_by_all_and_removed_by_their_owner(
    system: System,
) -> None:
    assert system.does("uplink", "echo > run/kiosk/connected")
    assert system.does("scanner", "cat run/kiosk/connected")
    assert system.does("scanner", "touch run/kiosk/scanner.sock && rm run/kiosk/scanner.sock")
    assert not system.does("scanner", "rm -f run/kiosk/connected")
    assert not system.does("feedback", "mv run/kiosk/connected run/kiosk/other")
    assert system.does("uplink", "rm run/kiosk/connected")


@needs_systemd
@needs_root
def test_the_uplink_keeps_the_time_for_the_next_boot(system: System) -> None:
    assert system.does("uplink", "touch -d @1700000000 var/lib/kiosk/time")
    kept = system.root / "var/lib/kiosk/time"
    assert kept.stat().st_mtime == 1_700_000_000
    for daemon in ("scanner", "feedback"):
        assert not system.does(daemon, "touch -d @1800000000 var/lib/kiosk/time")
    subprocess.run(
        ["systemd-tmpfiles", "--create", f"--root={system.root}", UNITS / "tmpfiles.d/kiosk.conf"],
        check=True,
    )
    assert kept.stat().st_mtime == 1_700_000_000  # the next boot changes nothing


@needs_systemd
@needs_root
def test_the_private_key_is_the_uplinks(system: System) -> None:
    key = system.root / "etc/kiosk/kiosk.key"
    key.write_text("secret")
    subprocess.run(
        ["systemd-tmpfiles", "--create", f"--root={system.root}", UNITS / "tmpfiles.d/kiosk.conf"],
        check=True,
    )
    assert stat.S_IMODE(key.stat().st_mode) == 0o640
    assert system.does("uplink", "cat etc/kiosk/kiosk.key")
    assert not system.does("scanner", "cat etc/kiosk/kiosk.key")
