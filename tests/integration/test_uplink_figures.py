"""What the uplink as a process tells of its machine, over a real broker."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from doors import Centre, Door
from rig import Broker, until

from kiosk import wire
from kiosk.alerts import ALERTS

TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"
ALARM = "sys/class/hwmon/hwmon0/in0_lcrit_alarm"
SHOWN = """\
Id=kiosk-scanner.service
ActiveState=active
SubState=running
NRestarts=2
MemoryCurrent=[not set]
StatusText=scans=7 rejected=1 decode_ms=41.5 frames=500 last_scan_s=3 \
epoch=00112233aabbccdd next_seq=8
"""


def put(door: Door, path: str, text: str) -> None:
    """Changes a file of the door's machine, whole, as the kernel does."""
    file = door.machine / path
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name("fresh")
    fresh.write_text(text)
    fresh.rename(file)


def figures(centre: Centre) -> wire.Telemetry | None:
    telemetry: wire.Telemetry | None = centre.last("tele", wire.Telemetry)
    return telemetry


def standing(centre: Centre) -> list[str]:
    telemetry = figures(centre)
    return [] if telemetry is None else [alert.code for alert in telemetry.alerts]


def test_an_alert_is_raised_and_cleared_as_the_machine_changes(door: Door, centre: Centre) -> None:
    put(door, TEMPERATURE, "48312\n")
    door.start()
    host = until(lambda: (t := figures(centre)) and t.host, "figures of the machine")
    assert (host.soc_c, host.memory_kb, host.throttled) == (48.3, None, None)
    assert host.disk_kb > 0
    put(door, TEMPERATURE, "81000\n")
    (alert,) = until(lambda: centre.alerts("soc-hot"), "raised")
    assert (alert.raised, alert.severity) == (True, ALERTS["soc-hot"].severity)
    assert alert.detail == "the SoC has 81 °C"
    until(lambda: "soc-hot" in standing(centre), "repeated in telemetry")
    put(door, TEMPERATURE, "75000\n")
    until(lambda: (t := figures(centre)) and t.host and t.host.soc_c == 75.0, "cooler")
    assert "soc-hot" in standing(centre), "and not cool"
    put(door, TEMPERATURE, "65000\n")
    until(lambda: centre.alerts("soc-hot")[1:], "cleared")
    assert [a.raised for a in centre.alerts("soc-hot")] == [True, False]
    until(lambda: "soc-hot" not in standing(centre), "and gone from telemetry")


def test_a_dip_of_the_supply_outlives_the_daemon(door: Door, centre: Centre) -> None:
    put(door, "sys/class/hwmon/hwmon0/name", "rpi_volt\n")
    put(door, ALARM, "1\n")
    door.start()
    until(lambda: centre.alerts("under-voltage"), "raised")
    put(door, ALARM, "0\n")
    until(lambda: (t := figures(centre)) and t.host and t.host.under_voltage is False, "over")
    assert door.stop() == 0
    centre.heard.clear()
    door.start()
    host = until(lambda: (t := figures(centre)) and t.host, "figures again")
    assert (host.under_voltage, host.throttled, host.throttled_ever) == (False, None, 1)


def test_daemons_and_scanner_are_read_off_systemd(
    door: Door, centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "bin" / "systemctl"
    tool.parent.mkdir()
    (tmp_path / "shown").write_text(SHOWN)
    tool.write_text(f"#!/bin/sh\ncat '{tmp_path}/shown'\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    (door.machine / "run/systemd/system").mkdir(parents=True)
    door.start()
    told = until(lambda: (t := figures(centre)) and t.scanner and t, "what systemd says")
    assert told.units == {"scanner": wire.Unit(state="active/running", restarts=2)}
    assert (told.scanner.epoch, told.scanner.next_seq) == ("00112233aabbccdd", 8)
    assert (told.scanner.scans, told.scanner.last_scan_s) == (7, 3)
    assert told.certificate_end_ms > told.at_ms


def test_a_machine_that_hangs_stops_neither_records_nor_figures_of_the_outbox(
    door: Door, centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "bin" / "systemctl"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\nexec sleep 20\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    (door.machine / "run/systemd/system").mkdir(parents=True)
    centre.is_("online")
    door.visit()
    door.start()
    told = until(lambda: figures(centre), "figures")
    assert (told.pending_segments, told.host) == (1, None)
    centre.answer(centre.batch())
    until(door.empty, "the segment is dropped meanwhile")


def test_figures_come_on_while_the_outbox_cannot_be_read(door: Door, centre: Centre) -> None:
    centre.is_("online")
    door.visit()
    door.start()
    until(lambda: (t := figures(centre)) and t.pending_segments == 1, "figures")
    (door.outbox / "sealed").rename(door.outbox / "away")
    told = until(lambda: (t := figures(centre)) and t.pending_segments is None and t, "absent")
    assert "outbox-unreadable" in [alert.code for alert in told.alerts]
    assert told.oldest_pending_s is None


def test_what_stands_is_told_to_a_broker_that_lost_everything(
    door: Door, centre: Centre, broker: Broker
) -> None:
    put(door, TEMPERATURE, "90000\n")
    door.start()
    until(lambda: "soc-hot" in standing(centre), "told")
    since = [a.since_ms for a in figures(centre).alerts if a.code == "soc-hot"]  # type: ignore[union-attr]
    broker.kill()
    centre.heard.clear()
    broker.start()
    until(lambda: "soc-hot" in standing(centre), "told again")
    again = [a.since_ms for a in figures(centre).alerts if a.code == "soc-hot"]  # type: ignore[union-attr]
    assert abs(again[0] - since[0]) < 50, "since the same moment"
