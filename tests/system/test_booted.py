"""Commands at a kiosk that systemd has booted, by the units as they are installed. In the order
in which they stand: the last one ends the kiosk's service."""

from __future__ import annotations

import re
from pathlib import Path

from booted import KID, REBOOTED, Machine, Operator
from cryptography import x509
from rig import until

from provisioning.authority import certify

UNPRIVILEGED = "runuser -u kiosk-uplink -- "


def test_the_kiosk_comes_up_and_nobody_is_root_without_need(
    machine: Machine, operator: Operator
) -> None:
    operator.online()
    assert machine.says("systemctl is-active kiosk-commands.socket") == "active"
    assert machine.says("systemctl is-active kiosk-commands.service") == "inactive"


def test_the_uplink_has_none_of_the_rights(machine: Machine) -> None:
    for refused in (
        "systemctl restart kiosk-scanner.service",
        "systemctl reboot",
        "cat /var/log/journal/*/*",
        "sh -c 'echo x >> /etc/kiosk/site.toml'",
        "sh -c 'echo x > /etc/kiosk/kiosk.key'",
    ):
        assert not machine.does(UNPRIVILEGED + refused), refused
    for other in ("kiosk-scanner", "kiosk-feedback"):  # and only it may ask for them
        script = (
            "import socket;"
            "s=socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET);"
            "s.connect('/run/kiosk/commands.sock')"
        )
        asked = f'runuser -u {other} -- python3 -c "{script}"'
        assert "PermissionError" in machine.run(asked).stderr


def test_a_daemon_is_started_anew(machine: Machine, operator: Operator) -> None:
    asked = "systemctl show --value --property=MainPID kiosk-feedback.service"
    before = machine.says(asked)
    end = operator.does("restart", daemon="feedback")
    assert end.st == "done", (end, machine.journal())
    assert machine.says(asked) not in (before, "0")


def test_the_uplink_itself_is_started_anew_and_the_answer_comes_after(
    machine: Machine, operator: Operator
) -> None:
    before = operator.online()
    end = operator.does("restart", daemon="uplink")
    assert end.st == "done", (end, machine.journal())
    assert operator.online(before)


def test_the_journal_is_read(machine: Machine, operator: Operator) -> None:
    end = operator.does("logs", unit="uplink", lines="20")
    assert end.st == "done", (end, machine.journal())
    assert any("connected to localhost" in line for line in end.result["lines"])
    audit = operator.does("logs", unit="commands", lines="20").result["lines"]
    assert any(re.search(r"command ended name=logs id=\w+ key=\w+ result=done", a) for a in audit)


def test_it_tests_itself(machine: Machine, operator: Operator) -> None:
    end = operator.does("selftest")
    assert end.st == "done", (end, machine.journal())
    findings = end.result["findings"]
    daemons = [one["what"] for one in findings["daemons"]]
    assert any("kiosk-uplink runs" in what for what in daemons), findings
    assert "commands of the centre are listened for" in daemons
    assert all(one["ok"] for one in findings["broker"] + findings["identity"]), findings
    assert not any("sudo" in one["remedy"] for part in findings.values() for one in part), findings


def test_diagnostics_are_whole(machine: Machine, operator: Operator) -> None:
    end = operator.does("capture-diagnostics")
    assert end.st == "done", (end, machine.journal())
    wrong = {
        k: v for k, v in end.result.items() if str(v).startswith(("not to be had", "left out"))
    }
    assert wrong == {}
    assert {unit["Id"] for unit in end.result["units"]} >= {"kiosk-uplink.service"}


def test_the_clock_is_set_by_the_unit_or_the_kernel_says_no(
    machine: Machine, operator: Operator
) -> None:
    assert operator.does("set-time").reason == "behind"
    # The clock of a container is its host's: the kernel refuses, and the kiosk says so.
    end = operator.end(operator.send(operator.later(operator.order("set-time"), 2000)))
    assert (end.st, end.reason) == ("failed", "system"), (end, machine.journal())
    assert "not permitted" in end.detail


def test_a_key_is_changed_and_used(
    machine: Machine, operator: Operator, fleet: Path, tmp_path: Path
) -> None:
    before = (machine.etc / "kiosk.key").read_bytes()
    csr = operator.does("rotate-key").result["csr"]
    request = x509.load_pem_x509_csr(csr.encode())
    certify(fleet, KID, request, tmp_path / "new.crt")
    pem = (tmp_path / "new.crt").read_text()
    end = operator.does("install-certificate", certificate=pem)
    assert end.st == "done", (end, machine.journal())
    assert (machine.etc / "kiosk.key").read_bytes() != before
    assert machine.says("stat -c '%a %U %G' /etc/kiosk/kiosk.key") == "640 root kiosk-uplink"
    sid = operator.online()
    assert operator.does("restart", daemon="uplink").st == "done"
    assert operator.online(sid)
    assert (machine.etc / "kiosk.crt").read_text() == pem


def test_a_reboot_happens_once_however_often_it_is_delivered(
    machine: Machine, operator: Operator
) -> None:
    boot = "cat /etc/boot-id"
    first, sid = machine.says(boot), operator.online()
    order = operator.order("reboot")
    course = operator.send(order)
    until(lambda: operator.orders.turn(0.1) or not machine.up, "it goes down", 60)
    assert machine.ended() == REBOOTED
    assert [r.st for r in course.responses] == ["accepted", "running"]
    operator.send(order)  # while it is down: the broker keeps it for the kiosk
    machine.boot()
    again = operator.send(order)
    assert operator.online(sid)
    end = operator.end(again)
    assert end.st == "done", (end, machine.journal())
    operator.send(order)
    operator.waits(8)
    assert machine.up
    second = machine.says(boot)
    assert second != first
    assert machine.journal().count("command accepted name=reboot") == 0


def test_the_daemon_with_the_rights_goes_when_it_is_not_needed(
    machine: Machine, operator: Operator
) -> None:
    state = "systemctl is-active kiosk-commands.service"
    until(lambda: operator.orders.turn(0.1) or machine.says(state) == "inactive", "it ends", 60)
    assert machine.says("systemctl is-active kiosk-commands.socket") == "active"


def test_a_decommissioned_kiosk_has_no_identity(machine: Machine, operator: Operator) -> None:
    assert operator.does("decommission", confirm="gate-2").reason == "not-confirmed"
    end = operator.does("decommission", confirm=KID)
    assert end.st == "done", (end, machine.journal())
    site = machine.etc / "site.toml"
    until(lambda: "decommissioned" in site.read_text(), "its configuration is gone")
    left = {path.name for path in machine.etc.iterdir()}
    assert left == {"site.toml", "board.toml"}
    assert machine.does("systemctl restart kiosk-uplink")
    told = "systemctl show --value --property=StatusText kiosk-uplink"
    until(lambda: "not enrolled" in machine.says(told), "it says so")
    assert machine.says("systemctl is-active kiosk-scanner") != "active"
