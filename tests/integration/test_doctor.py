"""kioskctl doctor at a kiosk that is well, and at kiosks that are not."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from PIL import Image
from rig import Broker, Process, free_port, until

from kiosk.config import load
from kiosk.ctl.doctor import daemons, identity, outbox
from kiosk.ctl.doctor.advice import ON_A_DESK, ON_THE_WALL
from kiosk.outbox.layout import TABLE
from kiosk.outbox.lines import Line, encode
from provisioning.authority import enrol, init_fleet

SIMULATED = Path(__file__).parents[2] / "config" / "boards" / "simulated.toml"
DAEMONS = ("feedback", "scanner", "uplink")


class Finding(NamedTuple):
    ok: bool
    what: str
    remedy: str


class Patient:
    """A kiosk on this machine: enrolled, its daemons not started yet."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.folder = site.parent
        desk = self.folder / "desk.toml"
        desk.write_text(
            '[paths]\noutbox = "outbox"\nrun = "run"\n'
            '[camera]\nfolder = "camera"\n[panel]\nfolder = "screens"\n'
        )
        for name in ("outbox", "run", "camera", "screens"):
            (self.folder / name).mkdir()
        self.files = [SIMULATED, site, desk]
        self.config = load(self.files)
        self.daemons: list[Process] = []

    def set(self, text: str) -> None:
        """A layer over all others."""
        path = self.folder / f"more-{len(self.files)}.toml"
        path.write_text(text)
        self.files.append(path)

    def start(self) -> None:
        words = [f"--config={path}" for path in self.files]
        for name in DAEMONS:
            log = self.folder / f"{name}.log"
            daemon = Process([sys.executable, "-m", f"kiosk.{name}", *words], log)
            self.daemons.append(daemon)
            daemon.start()
        for sign in ("outbox/open/lock", *(f"run/{name}.sock" for name in DAEMONS)):
            until((self.folder / sign).exists, f"{sign} is there")

    def close(self) -> None:
        for daemon in self.daemons:
            daemon.close()

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "kiosk.ctl",
                *(f"--config={path}" for path in self.files),
                "doctor",
                *words,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def wrong(self, *words: str, status: int = 1) -> list[Finding]:
        """What is found wrong; the exit status must agree."""
        done = self.ask("--json", *words)
        assert "Traceback" not in done.stderr, done.stderr
        parts = json.loads(done.stdout)
        found = [Finding(**finding) for members in parts.values() for finding in members]
        bad = [finding for finding in found if not finding.ok]
        assert done.returncode == (status if bad else 0)
        assert all(finding.remedy for finding in bad)
        return bad


@pytest.fixture
def patient(enrolled: Callable[[], Path]) -> Iterator[Patient]:
    patient = Patient(enrolled())
    yield patient
    patient.close()


@pytest.fixture
def alone(tmp_path: Path) -> Patient:
    """Enrolled at a fleet whose broker is not there."""
    init_fleet(tmp_path / "fleet", ["localhost"])
    address = f"localhost:{free_port()}"
    return Patient(enrol(tmp_path / "fleet", "gate-1", "Gate 1", address, tmp_path / "gate-1"))


def test_a_kiosk_that_is_well(patient: Patient) -> None:
    patient.start()
    done = patient.ask()
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("\nNothing is wrong with this kiosk.\n")
    assert "takes the kiosk's certificate (TLSv1.3)" in done.stdout
    assert "in use by kiosk-scanner, which tells no fault of it" in done.stdout
    assert patient.wrong() == []


def test_a_kiosk_whose_daemons_do_not_run(patient: Patient) -> None:
    run = patient.folder / "run"
    assert [finding.what for finding in patient.wrong()] == [
        "no scanner is at work: nothing is scanned",
        f"the socket {run}/feedback.sock is missing: kiosk-feedback does not run",
        f"the socket {run}/uplink.sock is missing: kiosk-uplink does not run",
        f"the socket {run}/scanner.sock is missing: kiosk-scanner does not run",
    ]
    patient.start()
    patient.daemons[0].kill()
    (finding,) = patient.wrong("--part", "daemons")
    assert finding.what == f"nobody listens on {run}/feedback.sock: kiosk-feedback has died"


def test_daemons_that_hang(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped, they keep their sockets bound and hear nothing."""
    patient.start()
    monkeypatch.setattr(daemons, "PATIENCE_S", 0.5)
    findings = list(daemons.check(patient.config, ON_A_DESK))
    assert [finding.what for finding in findings] == [
        "kiosk-feedback reads what it is sent",
        "kiosk-uplink reads what it is sent",
        "kiosk-scanner reads what it is sent",
    ]
    for daemon in patient.daemons:
        daemon.signal(signal.SIGSTOP)
    findings = list(daemons.check(patient.config, ON_A_DESK))
    assert [finding.what for finding in findings] == [
        "kiosk-feedback hangs: it does not read what it is sent within 0 s",
        "kiosk-uplink hangs: it does not read what it is sent within 0 s",
        "kiosk-scanner hangs: it does not read what it is sent within 0 s",
    ]


def test_remedies_fit_the_place(alone: Patient) -> None:
    """On a desk there are no units to start and no /etc/kiosk to fill."""
    alone.config.broker.key.unlink()
    (alone.folder / "outbox").rmdir()
    said = " ".join(finding.remedy for finding in alone.wrong())
    assert "python -m provisioning.authority enrol" in said
    assert "python -m kiosk.feedback, with the same --config" in said
    assert not [word for word in ("systemctl", "tmpfiles", "/etc/kiosk") if word in said]
    on_the_wall = [
        finding.remedy
        for part in (identity, outbox, daemons)
        for finding in part.check(alone.config, ON_THE_WALL)
        if not finding.ok
    ]
    assert any("systemd-tmpfiles --create" in remedy for remedy in on_the_wall)
    assert any(remedy == "systemctl start kiosk.target" for remedy in on_the_wall)
    assert any("copy what it gives to /etc/kiosk" in remedy for remedy in on_the_wall)


def test_the_broker_hears_a_goodbye(patient: Patient, broker: Broker) -> None:
    def quiet() -> bool:
        said = broker.said()
        time.sleep(0.5)
        return said == broker.said()

    until(quiet, "what the start of the broker left to log is logged")
    before = len(broker.said())
    assert patient.wrong("--part", "broker") == []
    until(lambda: "closed its connection" in broker.said()[before:], "the broker logs the end")
    assert "eof" not in broker.said()[before:].lower()


def test_a_dead_broker(patient: Patient, broker: Broker) -> None:
    assert patient.wrong("--part", "broker") == []
    broker.kill()
    (finding,) = patient.wrong("--part", "broker")
    assert finding.what.startswith(f"localhost:{broker.port}: refused: no broker listens there / ")


def test_a_broker_that_does_not_know_this_kiosk(
    patient: Patient, broker: Broker, tmp_path: Path
) -> None:
    """Certificate and key of another fleet; the root is the right one."""
    init_fleet(tmp_path / "other", ["localhost"])
    stranger = enrol(tmp_path / "other", "gate-9", "Elsewhere", broker.address, tmp_path / "gate-9")
    folder = stranger.parent
    patient.set(f'[broker]\ncertificate = "{folder}/kiosk.crt"\nkey = "{folder}/kiosk.key"')
    (finding,) = patient.wrong("--part", "broker")
    assert finding.what.startswith(
        f"{broker.address}: TLS: the broker's authority did not issue this kiosk's certificate / "
    )


def test_a_broker_that_this_kiosk_does_not_know(
    patient: Patient, broker: Broker, tmp_path: Path
) -> None:
    init_fleet(tmp_path / "other", ["localhost"])
    patient.set(f'[broker]\nca = "{tmp_path}/other/ca.crt"')
    (finding,) = patient.wrong("--part", "broker")
    assert finding.what.startswith(
        f"{broker.address}: TLS: the broker's certificate is from another authority than ours"
    )
    assert "a stranger, may stand" in finding.remedy
    assert "kẻ lạ" in finding.remedy


def test_brokers_that_are_none(alone: Patient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        alone.set(f'[broker]\nhosts = ["localhost:{port}", "no-such-host.invalid:8883"]')
        mute, unknown = alone.wrong("--part", "broker")
    assert mute.what.startswith(
        f"localhost:{port}: TLS: accepts the connection, but does not speak TLS in time / "
    )
    assert unknown.what.startswith("no-such-host.invalid:8883: ")
    assert "name" in unknown.what
    alone.set("[broker]\nhosts = []")
    (finding,) = alone.wrong("--part", "broker")
    assert finding.what == "no broker is configured: broker.hosts is empty"


def certificate(
    fleet: Path, key: ec.EllipticCurvePrivateKey, name: str, begin: datetime, end: datetime
) -> bytes:
    root = x509.load_pem_x509_certificate((fleet / "ca.crt").read_bytes()).subject
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    authority = serialization.load_pem_private_key((fleet / "ca.key").read_bytes(), None)
    assert isinstance(authority, ec.EllipticCurvePrivateKey)
    return (
        x509.CertificateBuilder(root, subject, key.public_key(), 1, begin, end)
        .sign(authority, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


def test_certificates_that_will_not_do(alone: Patient, tmp_path: Path) -> None:
    fleet = tmp_path / "fleet"
    path, key_path = alone.config.broker.certificate, alone.config.broker.key
    key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert alone.wrong("--part", "identity") == []
    now, day = datetime.now(UTC), timedelta(days=1)
    cases = {
        f"the certificate {path} expired on {now - day:%Y-%m-%d}": ("gate-1", -9, -1),
        f"the certificate {path} is not valid before {now + day:%Y-%m-%d %H:%M} UTC, the clock"
        " says ": ("gate-1", 1, 9),
        f"the certificate {path} ends soon, on {now + 9 * day:%Y-%m-%d}": ("gate-1", -1, 9),
        f"the certificate {path} is made out to 'gate-2', this kiosk is 'gate-1'": (
            "gate-2",
            -1,
            90,
        ),
    }
    for sentence, (name, begin, end) in cases.items():
        path.write_bytes(certificate(fleet, key, name, now + begin * day, now + end * day))
        (finding,) = alone.wrong("--part", "identity")
        assert finding.what.startswith(sentence)

    other = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(certificate(fleet, other, "gate-1", now - day, now + 90 * day))
    (finding,) = alone.wrong("--part", "identity")
    assert finding.what == f"the private key {key_path} does not belong to the certificate {path}"

    init_fleet(tmp_path / "other", ["localhost"])
    path.write_bytes(certificate(tmp_path / "other", key, "gate-1", now - day, now + 90 * day))
    (finding,) = alone.wrong("--part", "identity")
    root = alone.config.broker.ca
    assert finding.what == f"the certificate {path} was not issued by the authority in {root}"

    path.write_text("no PEM")
    key_path.unlink()
    first, second = alone.wrong("--part", "identity")
    assert first.what.startswith(f"{path} is no certificate in PEM: ")
    assert second.what == f"the private key {key_path} is missing"


def test_a_kiosk_that_is_not_enrolled(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("")
    patient = Patient(tmp_path / "site.toml")
    whats = [finding.what for finding in patient.wrong()]
    assert whats[0] == "this kiosk is not enrolled: kiosk.id is empty"
    assert "no key to seal for: seal.recipients is empty, nothing is scanned" in whats
    assert "no broker is configured: broker.hosts is empty" in whats


def test_a_configuration_that_is_wrong(alone: Patient) -> None:
    alone.set("[gpio]\ngreen = 99\nrad = 1")
    first, second = alone.wrong(status=78)
    assert first.what.endswith("gpio.green: found 99, allowed: a whole number from 0 to 27")
    assert second.what.endswith("unknown key gpio.rad; did you mean gpio.red?")
    assert first.remedy == "correct the file"
    alone.files.append(alone.folder / "gone.toml")
    *_, finding = alone.wrong(status=78)
    assert finding.what == f"{alone.folder}/gone.toml: cannot be read: No such file or directory"
    assert finding.remedy == "name a file that is there: --config FILE"


def test_what_judging_needs(alone: Patient) -> None:
    assert alone.wrong("--part", "judging") == []
    gone, junk = alone.folder / "gone.pub", alone.folder / "junk"
    junk.write_text("{")
    alone.set(
        f'[judge]\npolicy = "{junk}"\ntrust = "{junk}"\n[seal]\nrecipients = ["{gone}", "{junk}"]'
    )
    policy, trust, _, _ = (f.what for f in alone.wrong("--part", "judging"))
    assert policy.startswith(f"the policy is wrong: {junk}: it is not signed")
    assert trust.startswith(f"the trust list is wrong: {junk}: it is not signed")
    alone.set(f'[judge]\nrisk = "{junk}"\nfleet_keys = []')
    policy, trust, risk, missing, wrong = (f.what for f in alone.wrong("--part", "judging"))
    assert risk.startswith(f"the risk list is wrong: {junk}: ")
    assert policy.startswith(f"the policy is wrong: {junk}: not TOML")
    assert trust == (
        f"the trust list is wrong: {junk}: no whole JSON document; it may have been cut short"
    )
    assert missing == f"the sealing key {gone} is missing"
    assert wrong.startswith(f"the sealing key {junk} is wrong: ")


def test_an_outbox_with_garbage_and_one_that_is_gone(alone: Patient) -> None:
    outbox = alone.folder / "outbox"
    for name in ("open", "sealed", "quarantine"):
        (outbox / name).mkdir()
    (outbox / "sealed" / "holiday.jpg").write_bytes(b"junk")
    (outbox / "open" / "blank.open").write_bytes(bytes(4096))
    (outbox / "open" / "left.open").write_bytes(encode(Line(0, set={TABLE: {"1": {}}})))
    (outbox / "quarantine" / "spoilt").write_bytes(b"junk")
    stray, spoilt, left = (f.what for f in alone.wrong("--part", "outbox"))
    assert stray == f"{outbox}/sealed holds 1 file beside the segments"
    assert spoilt == f"{outbox}/quarantine holds 1 file that could not be read in whole"
    assert left == "no scanner is at work, and a dead one left 1 segment unsealed"
    outbox.rename(alone.folder / "elsewhere")
    (finding,) = alone.wrong("--part", "outbox")
    assert finding.what == f"the outbox {outbox} is missing"


def test_hardware_that_is_absent(alone: Patient) -> None:
    (alone.folder / "camera").rmdir()
    alone.set('[panel]\ndriver = "luma_i2c"\nbus = 9')
    camera, panel = alone.wrong("--part", "camera"), alone.wrong("--part", "panel")
    assert [f.what.partition(":")[0] for f in camera] == [
        f"the replay camera cannot read its folder {alone.folder}/camera"
    ]
    assert panel[0].what.startswith("ssd1306 at 0x3c on /dev/i2c-9: ")
    alone.set('[camera]\ndriver = "pinhole"')
    (finding,) = alone.wrong("--part", "camera", status=78)
    assert ': camera.driver: found "pinhole", allowed: "picamera" or ' in finding.what


def test_what_a_daemon_says_is_wrong_with_what_it_has_in_use(patient: Patient) -> None:
    device = patient.folder / "by-id"
    patient.set(f'[reader]\ndriver = "serial_line"\ndevice = "{device}"')
    for name in ("camera", "screens"):
        (patient.folder / name).rmdir()
    (patient.folder / "screens").touch()
    patient.start()
    told = {
        "reader": f"fault reader-absent: no scanner at {device}: No such file or directory",
        "camera": "fault camera-absent: the replay camera cannot read its folder ",
        "panel": "fault panel-absent: ",
    }
    for part, sentence in told.items():
        until(lambda part=part: patient.wrong("--part", part), f"{part} is told")
        (finding,) = patient.wrong("--part", part)
        assert finding.what.startswith(sentence)
    assert "correct camera.folder" in patient.wrong("--part", "camera")[0].remedy
    assert not [f for f in patient.wrong("--part", "daemons") if "fault" in f.what]
    # What a dead one wrote counts no more.
    for daemon in patient.daemons:
        daemon.kill()
    for part in told:
        (finding,) = patient.wrong("--part", part)
        assert not finding.what.startswith("fault"), part


def test_a_daemon_that_tells_no_faults_is_not_taken_for_well(patient: Patient) -> None:
    patient.start()
    file = patient.folder / "run" / "scanner-faults.json"
    until(file.exists, "it is written")
    file.unlink()
    (finding,) = patient.wrong("--part", "camera")
    assert finding.what.startswith("in use by kiosk-scanner, which does not tell its faults: ")
    file.write_text('{"card-full": "no room", "view-dark": "no light"}')
    (card,) = patient.wrong("--part", "daemons")
    (view,) = patient.wrong("--part", "camera")
    assert (card.what, view.what) == ("fault card-full: no room", "fault view-dark: no light")
    assert "light" in view.remedy


def test_an_external_scanner(alone: Patient) -> None:
    done = alone.ask("--part", "reader")
    assert "no external scanner is configured" in done.stdout
    master, slave = pty.openpty()
    device = os.ttyname(slave)
    alone.set(f'[reader]\ndriver = "serial_line"\ndevice = "{device}"')
    done = alone.ask("--part", "reader")
    assert f"{device} opens as serial_line" in done.stdout
    assert done.returncode == 0
    fcntl.flock(slave, fcntl.LOCK_EX)
    (finding,) = alone.wrong("--part", "reader")
    assert finding.what.endswith("is it in use?")
    os.close(slave)
    os.close(master)
    (finding,) = alone.wrong("--part", "reader")
    assert finding.what.startswith(f"no scanner at {device}: No such file or directory")
    alone.set('[camera]\ndriver = "none"\n[reader]\ndriver = "keyboard"\ndevice = "/dev/null"')
    assert "this door has none" in alone.ask("--part", "camera").stdout
    (finding,) = alone.wrong("--part", "reader")
    assert finding.what.startswith("/dev/null is no input device")
    alone.set('[reader]\ndriver = "telepathy"')
    (finding,) = alone.wrong("--part", "reader", status=78)
    assert ': reader.driver: found "telepathy", allowed: ' in finding.what


def test_a_driver_that_crashes_or_hangs_does_not_take_the_doctor_with_it(
    alone: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera that delivers a picture, then one that ends its process."""
    from kiosk.ctl import doctor

    Image.new("L", (1280, 720), 128).save(alone.folder / "camera" / "view.png")
    (finding,) = doctor._apart("camera", alone.files)
    assert (finding.ok, finding.what) == (True, "replay gives pictures of 1280x720")
    monkeypatch.setattr(doctor, "PATIENCE_S", 0.01)
    (finding,) = doctor._apart("camera", alone.files)
    assert finding.what == "the camera's driver does not come back within 0 s"
    monkeypatch.setattr(doctor, "PATIENCE_S", 20.0)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    (finding,) = doctor._apart("camera", alone.files)
    assert finding.what == "the camera's driver crashed (status 1): no message"
