"""The fleet's authority and the broker's configuration made from it."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kiosk import config, seal, signed
from kiosk.credentials.risk import build
from kiosk.errors import ConfigError
from provisioning import broker
from provisioning.authority import (
    add_signer,
    add_worker,
    enrol,
    init_fleet,
    renew,
    sign,
)
from provisioning.authority.__main__ import main

PLACE = 'Chợ Bến Thành, cổng "Nam" \\ 2'


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    init_fleet(tmp_path / "fleet", ["mqtt.example.vn", "192.0.2.7"], workers=2)
    return tmp_path / "fleet"


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def request(kid: str) -> str:
    """A CSR as a kiosk makes it."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, kid)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def name(of: x509.Certificate) -> object:
    return of.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def test_a_fleet_is_what_each_machine_needs(fleet: Path) -> None:
    root = certificate(fleet / "ca.crt")
    for stem, usage in (
        ("broker", ExtendedKeyUsageOID.SERVER_AUTH),
        ("_ingest-1", ExtendedKeyUsageOID.CLIENT_AUTH),
        ("_ingest-2", ExtendedKeyUsageOID.CLIENT_AUTH),
        ("_fleet-1", ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        issued = certificate(fleet / f"{stem}.crt")
        issued.verify_directly_issued_by(root)
        assert name(issued) == stem
        assert list(issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
            usage
        ]
        key = load_pem_private_key((fleet / f"{stem}.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert key.public_key() == issued.public_key()
    names = certificate(fleet / "broker.crt").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert set(names.value.get_values_for_type(x509.DNSName)) == {"mqtt.example.vn", "localhost"}
    addresses = {str(a) for a in names.value.get_values_for_type(x509.IPAddress)}
    assert addresses == {"192.0.2.7", "127.0.0.1", "::1"}


def test_the_sealing_keys_are_a_pair(fleet: Path) -> None:
    private = seal.load_private((fleet / "centre-seal.key").read_bytes())
    public = seal.load_public((fleet / "centre-seal.pub").read_bytes())
    sealed = seal.new_segment([public], "gate-1", "0" * 16, 1)
    opened = seal.open_segment({public.kid: private}, sealed.header)
    assert opened.open(1, sealed.seal(1, b"x")) == b"x"


def public_keys(paths: list[Path]) -> signed.Keys:
    return signed.keys_by_id([signed.load_public(path.read_bytes()) for path in paths])


def test_an_enrolled_kiosk_believes_the_fleets_documents_alone(fleet: Path, tmp_path: Path) -> None:
    nobody = b'{"version": 1, "issuers": []}'
    (fleet / "trust.signed").write_bytes(sign(fleet, "trust", nobody, 3))
    (fleet / "risk.signed").write_bytes(sign(fleet, "risk", risk_list(), 4))
    judge = config.load([enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "out")]).judge
    keys = public_keys(judge.fleet_keys)
    shipped = config.DEFAULTS.with_name("policy.toml").read_bytes()
    opened = signed.open_signed(judge.policy.read_bytes(), "policy", keys)
    assert opened == (1, shipped)
    assert judge.trust
    assert judge.risk
    assert signed.open_signed(judge.trust.read_bytes(), "trust", keys) == (3, nobody)
    assert signed.open_signed(judge.risk.read_bytes(), "risk", keys) == (4, risk_list())
    assert not list((tmp_path / "out").glob("*sign*.key"))
    assert stat.S_IMODE((fleet / "fleet-sign.key").stat().st_mode) == 0o600


def test_a_kiosk_gets_only_the_documents_that_there_are(fleet: Path, tmp_path: Path) -> None:
    judge = config.load([enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "out")]).judge
    assert (judge.trust, judge.risk) == ("", "")


def risk_list() -> bytes:
    return build(["vn-id:001093029317"], [], bytes(32), 1)


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("policy", b"[accept]\n", "section [answer] is missing"),
        ("trust", b"{}", "neither issuers nor certificates"),
        ("risk", risk_list()[:-1], "expected 1 entries"),
    ],
)
def test_what_no_kiosk_could_use_is_not_signed(
    fleet: Path, kind: signed.Kind, content: bytes, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        sign(fleet, kind, content, 1)
    assert words in str(caught.value)


SHIPPED = config.DEFAULTS.with_name("policy.toml").read_text()


def policy_of_version(version: int) -> bytes:
    assert SHIPPED.count("\nversion = 1\n") == 1
    return SHIPPED.replace("\nversion = 1\n", f"\nversion = {version}\n").encode()


def test_documents_are_signed_by_the_command(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_bytes(policy_of_version(2))
    out = fleet / "policy.signed"
    command = ["sign", str(fleet), "policy", str(policy), "--out", str(out)]
    main(command)  # in place of version 1
    assert "version 2, signed" in capsys.readouterr().out
    keys = public_keys([fleet / "fleet-sign.pub"])
    assert signed.open_signed(out.read_bytes(), "policy", keys, at_least=2).version == 2
    for wrong, words in (
        ([], "version 2 is to replace version 2; raise [policy] version to 3"),
        (["--version", "3"], "--version 3, and the file says [policy] version = 2"),
        (["--out", str(tmp_path / "no" / "x")], "cannot be written"),
        (["--out", str(policy)], "is no signed policy of this fleet (it is not signed"),
    ):
        with pytest.raises(SystemExit) as caught:
            main([*command, *wrong])
        assert caught.value.code == 1
        assert words in capsys.readouterr().err
    assert signed.open_signed(out.read_bytes(), "policy", keys).version == 2
    assert not list(fleet.glob(".*"))


def test_a_version_stands_in_the_policy_or_beside_the_list(fleet: Path) -> None:
    keys = public_keys([fleet / "fleet-sign.pub"])
    document = sign(fleet, "policy", policy_of_version(7), 7)
    assert signed.open_signed(document, "policy", keys).version == 7
    without = SHIPPED.replace("\nversion = 1\n", "\n").encode()
    with pytest.raises(ConfigError, match="version is missing; a signed policy needs it"):
        sign(fleet, "policy", without, 1)
    for version in (None, 0, -1):
        with pytest.raises(ConfigError, match=r"expected --version 1, 2, 3"):
            sign(fleet, "risk", risk_list(), version)
    before = sign(fleet, "risk", risk_list(), 4)
    for version in (3, 4):
        with pytest.raises(ConfigError, match="is to replace version 4; raise --version to 5"):
            sign(fleet, "risk", risk_list(), version, before)
    with pytest.raises(ConfigError, match="no signed risk of this fleet"):
        sign(fleet, "risk", risk_list(), 9, before[:-1])
    assert sign(fleet, "risk", risk_list(), 5, before)


def test_an_older_fleet_gets_its_signing_key_later(fleet: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="exists already"):
        add_signer(fleet)
    for name in ("fleet-sign.key", "fleet-sign.pub", "policy.signed"):
        (fleet / name).unlink()
    with pytest.raises(ConfigError, match=r"fleet-sign\.pub.*add-signer"):
        enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "out")
    with pytest.raises(ConfigError, match=r"fleet-sign\.key.*add-signer"):
        sign(fleet, "risk", risk_list(), 1)
    add_signer(fleet)
    enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "out")


def test_an_enrolled_kiosk_has_a_configuration_that_loads(fleet: Path, tmp_path: Path) -> None:
    site = enrol(fleet, "gate-1", PLACE, "mqtt.example.vn:8883", tmp_path / "out", "out")
    given = config.load([site])
    assert (given.kiosk.id, given.kiosk.place, given.kiosk.direction) == ("gate-1", PLACE, "out")
    assert given.broker.hosts == ["mqtt.example.vn:8883"]
    assert given.broker.proxy == ""
    ways = "mqtt.example.vn:8883,wss://mqtt.example.vn:443/mqtt"
    given_two = config.load([enrol(fleet, "gate-2", PLACE, ways, tmp_path / "two")])
    assert given_two.broker.hosts == ways.split(",")
    issued = certificate(given.broker.certificate)
    issued.verify_directly_issued_by(certificate(given.broker.ca))
    assert name(issued) == "gate-1"
    left = issued.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=89) < left <= timedelta(days=90)
    assert given.broker.key.exists()
    (recipient,) = given.seal.recipients
    assert recipient.read_bytes() == (fleet / "centre-seal.pub").read_bytes()


def test_the_folder_of_a_kiosk_may_be_moved(fleet: Path, tmp_path: Path) -> None:
    enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "card")
    assert config.load([tmp_path / "card" / "site.toml"]).broker.key.exists()


def test_keys_are_for_their_owner_alone(fleet: Path, tmp_path: Path) -> None:
    enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "out")
    keys = [*fleet.glob("*.key"), *(tmp_path / "out").glob("*.key")]
    assert len(keys) == 8
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


@pytest.mark.parametrize("kid", ["", "_ingest-1", "-x", "a/b", "a+", "#", "a b", "x" * 65, "cổng"])
def test_a_name_that_cannot_be_is_refused(fleet: Path, tmp_path: Path, kid: str) -> None:
    with pytest.raises(ConfigError, match="cannot be a kiosk id"):
        enrol(fleet, kid, PLACE, "localhost:8883", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["", "  ", "two\nlines", "x" * 121])
def test_a_place_that_cannot_be_is_refused(fleet: Path, tmp_path: Path, place: str) -> None:
    with pytest.raises(ConfigError, match="place is"):
        enrol(fleet, "gate-1", place, "localhost:8883", tmp_path / "out")


@pytest.mark.parametrize("address", ["", "localhost", "localhost:0", "a b:1", ":1", 'x":1'])
def test_an_address_that_cannot_be_is_refused(fleet: Path, tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="expected host:port"):
        enrol(fleet, "gate-1", PLACE, address, tmp_path / "out")


def test_a_direction_that_cannot_be_is_refused(fleet: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be one of in, out, toggle, button"):
        enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "out", "sideways")


def test_nothing_is_overwritten(fleet: Path, tmp_path: Path) -> None:
    before = {p: p.read_bytes() for p in fleet.iterdir() if p.is_file()}
    with pytest.raises(ConfigError, match="already holds a fleet"):
        init_fleet(fleet, ["localhost"])
    with pytest.raises(ConfigError, match=r"_ingest-1\.key exists already"):
        add_worker(fleet, 1)
    assert {p: p.read_bytes() for p in fleet.iterdir() if p.is_file()} == before


def test_no_kiosk_is_enrolled_twice_nor_over_another(fleet: Path, tmp_path: Path) -> None:
    enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "one")
    with pytest.raises(ConfigError, match="gate-1 is enrolled already"):
        enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "two")
    with pytest.raises(ConfigError, match=r"site\.toml exists already"):
        enrol(fleet, "gate-2", PLACE, "localhost:8883", tmp_path / "one")
    assert config.load([tmp_path / "one" / "site.toml"]).kiosk.id == "gate-1"
    enrol(fleet, "gate-2", PLACE, "localhost:8883", tmp_path / "two")  # the refusal left nothing


def test_a_kiosk_gets_a_new_certificate_once_it_is_struck_off(fleet: Path, tmp_path: Path) -> None:
    enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "one")
    (fleet / "kiosks" / "gate-1.crt").unlink()  # as the refusal says
    enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "two")
    old, new = (certificate(tmp_path / out / "kiosk.crt") for out in ("one", "two"))
    assert name(old) == name(new) == "gate-1"
    assert old.serial_number != new.serial_number


def test_enrolling_needs_a_fleet(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is this the folder that `init` made"):
        enrol(tmp_path, "gate-1", PLACE, "localhost:8883", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_kiosk_is_renewed_under_its_id(fleet: Path, tmp_path: Path) -> None:
    site = enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "card")
    before = certificate(tmp_path / "card" / "kiosk.crt")
    renew(fleet, "gate-1", tmp_path / "new")
    assert {p.name for p in (tmp_path / "new").iterdir()} == {"kiosk.key", "kiosk.crt", "ca.crt"}
    for made in (tmp_path / "new").iterdir():
        made.replace(tmp_path / "card" / made.name)
    given = config.load([site]).broker
    issued = certificate(given.certificate)
    issued.verify_directly_issued_by(certificate(given.ca))
    assert name(issued) == "gate-1"
    assert issued.serial_number != before.serial_number
    key = load_pem_private_key(given.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == issued.public_key() != before.public_key()
    assert certificate(fleet / "kiosks" / "gate-1.crt") == issued
    assert certificate(fleet / "kiosks" / f"gate-1@{before.serial_number:x}.crt") == before
    renew(fleet, "gate-1", tmp_path / "newer")
    assert len(list((fleet / "kiosks").iterdir())) == 3


def test_only_an_enrolled_kiosk_is_renewed(fleet: Path, tmp_path: Path) -> None:
    for kid in ("gate-9", "../ca", ""):
        with pytest.raises(ConfigError, match="was never enrolled"):
            renew(fleet, kid, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "card")
    with pytest.raises(ConfigError, match="exists already"):
        renew(fleet, "gate-1", tmp_path / "card")
    assert len(list((fleet / "kiosks").iterdir())) == 1


@pytest.mark.parametrize("host", ["", "mqtt.example.vn:8883", "[::1]:8883", "a b", "a/b", "-x"])
def test_a_broker_host_that_cannot_be_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match="without the port"):
        init_fleet(tmp_path / "fleet", [host])
    assert list(tmp_path.iterdir()) == []


def test_a_fleet_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(
            "provisioning.authority.fleet.add_worker", lambda *_: (tmp_path / "x" / "y").mkdir()
        )
        with pytest.raises(ConfigError, match="cannot be made"):
            init_fleet(tmp_path / "fleet", ["localhost"])
    assert list(tmp_path.iterdir()) == []
    init_fleet(tmp_path / "fleet", ["localhost"])


def test_a_register_that_cannot_be_is_a_sentence(fleet: Path, tmp_path: Path) -> None:
    (fleet / "kiosks").write_text("")
    with pytest.raises(ConfigError, match="kiosks cannot be made"):
        enrol(fleet, "gate-1", PLACE, "localhost:8883", tmp_path / "out")


def test_the_command_line_says_yes_and_no(tmp_path: Path) -> None:
    def authority(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "provisioning.authority", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    fleet, out = str(tmp_path / "fleet"), str(tmp_path / "out")
    made = authority("init", fleet, "--broker-host", "localhost")
    assert (made.returncode, made.stderr) == (0, "")
    again = authority("init", fleet, "--broker-host", "localhost")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.count("\n") == 1
    options = ["--place", "Cổng", "--broker", "localhost:8883", "--out", out]
    assert authority("enrol", fleet, "gate-1", *options).returncode == 0
    assert tomllib.loads((tmp_path / "out" / "site.toml").read_text())["kiosk"]["place"] == "Cổng"
    assert authority("enrol", fleet, "gate-1", *options).returncode == 1
    assert "KID" in authority("enrol", "--help").stdout
    renewed = authority("renew", fleet, "gate-1", "--out", str(tmp_path / "new"))
    assert (renewed.returncode, renewed.stderr) == (0, "")
    assert "restart kiosk-uplink" in renewed.stdout
    assert authority("renew", fleet, "gate-2", "--out", str(tmp_path / "two")).returncode == 1
    # As `central.fleet command` prints it.
    (tmp_path / "csr").write_text("máy / kiosk  diễn biến\n\ngate-1:\n" + request("gate-1"))
    words = "gate-1", str(tmp_path / "csr"), "--out", str(tmp_path / "gate-1.crt")
    certified = authority("certify", fleet, *words)
    assert (certified.returncode, certified.stderr) == (0, "")
    assert certified.stdout.endswith("--key fleet-sign.key\n")
    made = certificate(tmp_path / "gate-1.crt")
    assert made == certificate(tmp_path / "fleet" / "kiosks" / "gate-1.crt")
    assert (name(made), authority("certify", fleet, *words).returncode) == ("gate-1", 1)
    (tmp_path / "csr").write_text(request("gate-2"))
    refused = authority("certify", fleet, "gate-1", *words[1:3], str(tmp_path / "other.crt"))
    assert (refused.returncode, "not gate-1's" in refused.stderr) == (1, True)
    assert authority("add-worker", fleet, "3").returncode == 0
    assert authority("add-worker", fleet, "3").returncode == 1
    assert authority("add-worker", fleet, "0").returncode == 1
    assert (tmp_path / "fleet" / "_ingest-3.crt").exists()
    assert authority("add-operator", fleet, "2").returncode == 0
    assert (tmp_path / "fleet" / "_fleet-2.crt").exists()


def test_the_broker_is_configured_from_the_fleet(fleet: Path, tmp_path: Path) -> None:
    user = pwd.getpwuid(os.getuid()).pw_name
    conf = broker.prepare(fleet, tmp_path / "state", 8883, "0.0.0.0", user)
    lines = conf.read_text().splitlines()
    assert "listener 8883 0.0.0.0" in lines
    assert f"user {user}" in lines
    for key in ("require_certificate", "use_identity_as_username", "use_username_as_clientid"):
        assert f"{key} true" in lines
    named = [line.split(" ", 1)[1] for line in lines if line.split(" ")[0].endswith("file")]
    assert len(named) == 4
    assert all(Path(path).exists() for path in named)
    acl = (tmp_path / "state" / "acl").read_text().splitlines()
    assert [line.split()[1] for line in acl if line.startswith("user ")] == [
        "_ingest-1",
        "_ingest-2",
        "_fleet-1",
    ]
    assert sum(line.startswith("pattern ") for line in acl) == 11
    assert not any("#" in line for line in acl if line.startswith("pattern write"))


def test_a_broker_without_a_fleet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="authority init"):
        broker.prepare(tmp_path, tmp_path / "state", 8883)


def test_the_broker_needs_a_part_of_the_fleet_only(fleet: Path, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.mkdir()
    for file in ("ca.crt", "broker.crt", "broker.key", "_ingest-1.crt"):
        shutil.copy(fleet / file, part)
    assert "user _ingest-1" in broker.prepare(part, tmp_path / "a", 1).with_name("acl").read_text()
    (part / "broker.key").unlink()
    with pytest.raises(ConfigError, match=r"part holds no broker\.key; `python -m prov"):
        broker.prepare(part, tmp_path / "b", 1)
    assert not (tmp_path / "b").exists()


def test_the_brokers_command_line_says_yes_and_no(fleet: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "provisioning.broker", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    state = tmp_path / "state"
    done = run(fleet, "--state", state, "--port", 8883, "--bind", "::")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{state}/mosquitto.conf\n", "")
    assert "listener 8883 ::" in (state / "mosquitto.conf").read_text().splitlines()
    assert "protocol websockets" not in (state / "mosquitto.conf").read_text()
    done = run(fleet, "--state", state, "--port", 8883, "--websocket-port", 443)
    text = (state / "mosquitto.conf").read_text()
    # Names and ACL hold on both: no way around the certificate.
    assert text.count("require_certificate true\nuse_identity_as_username true\n") == 2
    assert "listener 443 127.0.0.1\nprotocol websockets\n" in text
    assert "--state DIR" in run("--help").stdout
    for port in ("0", "65536", "mqtt", "²"):
        done = run(fleet, "--state", state, "--port", port)
        assert done.returncode == 2
        assert "is no port; expected 1 to 65535" in done.stderr
    (tmp_path / "file").touch()
    refused = {
        "holds no ca.crt, broker.crt, broker.key": (tmp_path, "--state", state),
        "cannot listen on 'here'; expected": (fleet, "--state", state, "--bind", "here"),
        "there is no user 'no-such'": (fleet, "--state", state, "--user", "no-such"),
        "file/x cannot be written: Not a directory": (fleet, "--state", tmp_path / "file" / "x"),
    }
    for sentence, words in refused.items():
        done = run(*words, "--port", 8883)
        assert (done.returncode, done.stdout) == (1, ""), done
        assert sentence in done.stderr
        assert done.stderr.count("\n") == 1
