"""When figures become alerts, and the table of all alerts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kiosk import wire
from kiosk.alerts import ALERTS
from kiosk.feedback import panel
from kiosk.model import ClockState, Instant
from kiosk.scanner import external, eye, hangs, risk, rules, store, view
from kiosk.uplink.alerts import TAKEN_BACK
from kiosk.uplink.gathering import Gathered
from kiosk.uplink.rules import FORGET_S, RULES, Change, Rules

NOW_MS = 1_795_000_000_000
DAY_MS = 86_400_000
PERIOD_S = 60
RUNNING = "active/running"


class Machine:
    """One kiosk over time: figures go in, changes come out."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.rules = Rules()
        self.clock: ClockState = "synced"
        self.oldest_s: int | None = 0
        self.certificate_end_ms = NOW_MS + 400 * DAY_MS
        self.units: dict[str, wire.Unit] = {}
        self.scanner: wire.Scanning | None = None

    def turn(self, **host: Any) -> list[Change]:
        """One period later."""
        self.at += PERIOD_S
        gathered = Gathered(
            at=self.at,
            host=wire.Host(**host),
            units=self.units,
            scanner=self.scanner,
            certificate_end_ms=self.certificate_end_ms,
            documents={},
        )
        assert self.rules.is_new(gathered)
        now = Instant(NOW_MS, self.clock, "boot", int(self.at * 1000))
        changes = list(self.rules.turn(gathered, now, self.oldest_s))
        assert not self.rules.is_new(gathered)
        return changes

    def codes(self, turns: int = 1, **host: Any) -> list[str]:
        """`+code` for what was raised, `-code` for what was cleared, over some periods."""
        found = []
        for _ in range(turns):
            found += [("+" if c.detail else "-") + c.code for c in self.turn(**host)]
        return found

    def unit(self, name: str, state: str = RUNNING, restarts: int = 0) -> None:
        self.units[name] = wire.Unit(state=state, restarts=restarts)


# Host figures: code, bad, neither, good, periods until raised and cleared (0: at once).
HOST = [
    ("soc-hot", {"soc_c": 80.0}, {"soc_c": 75.0}, {"soc_c": 70.0}, 0, 0),
    ("under-voltage", {"under_voltage": True}, None, {"under_voltage": False}, 0, 10),
    ("throttled", {"throttled": 4}, None, {"throttled": 1}, 1, 10),
    ("memory-low", {"memory_kb": 40_000}, {"memory_kb": 50_000}, {"memory_kb": 70_000}, 2, 1),
    ("disk-low", {"disk_kb": 200_000}, {"disk_kb": 250_000}, {"disk_kb": 400_000}, 0, 0),
    ("inodes-low", {"inodes": 1999}, {"inodes": 3000}, {"inodes": 4000}, 0, 0),
    ("card-worn", {"card_life": [1, 9]}, None, {"card_life": [1, 8]}, 0, 0),
    ("card-worn", {"card_eol": 2}, None, {"card_eol": 1, "card_life": [1, 1]}, 0, 0),
    (
        "clock-off",
        {"clock_offset_ms": -501.0},
        {"clock_offset_ms": 300.0},
        {"clock_offset_ms": 9.0},
        5,
        1,
    ),
    ("signal-weak", {"wifi_dbm": -80}, {"wifi_dbm": -78}, {"wifi_dbm": -75}, 10, 2),
]


@pytest.mark.parametrize(("code", "bad", "between", "good", "raised", "cleared"), HOST)
def test_a_figure_is_raised_and_cleared_with_hysteresis(
    code: str, bad: Any, between: Any, good: Any, raised: int, cleared: int
) -> None:
    machine = Machine()
    assert machine.codes(raised, **bad) == []
    assert machine.codes(**bad) == [f"+{code}"]
    assert machine.codes(3, **bad) == [], "told once"
    if between:
        assert machine.codes(30, **between) == [], "neither"
    assert machine.codes(cleared, **good) == []
    assert machine.codes(**good) == [f"-{code}"]
    if between:
        assert machine.codes(30, **between) == [], "neither"


@pytest.mark.parametrize(("code", "bad", "between", "good", "raised", "cleared"), HOST)
def test_a_break_begins_the_time_anew(
    code: str, bad: Any, between: Any, good: Any, raised: int, cleared: int
) -> None:
    machine = Machine()
    if raised:
        assert machine.codes(raised, **bad) == []
        assert machine.codes(**good) == []
        assert machine.codes(raised, **bad) == []
    assert machine.codes(1, **bad) == [f"+{code}"]
    if cleared:
        assert machine.codes(cleared, **good) == []
        assert machine.codes(**bad) == []
        assert machine.codes(cleared, **good) == []
    assert machine.codes(1, **good) == [f"-{code}"]


@pytest.mark.parametrize(("code", "bad", "between", "good", "raised", "cleared"), HOST)
def test_a_figure_that_is_gone_changes_nothing_for_a_while_and_then_clears(
    code: str, bad: Any, between: Any, good: Any, raised: int, cleared: int
) -> None:
    machine = Machine()
    assert machine.codes(30) == [], "what was never known raises nothing"
    assert machine.codes(raised + 1, **bad) == [f"+{code}"]
    assert machine.codes(int(FORGET_S) // PERIOD_S - 1) == []
    assert machine.codes() == [f"-{code}"]


def test_the_detail_says_the_figure() -> None:
    (change,) = Machine().turn(soc_c=81.3)
    assert change.detail == "the SoC has 81 °C"


def test_a_daemon_that_does_not_run_is_named() -> None:
    machine = Machine()
    machine.unit("scanner", "activating/auto-restart")
    machine.unit("uplink")
    assert machine.turn() == []
    assert machine.turn() == [
        Change("unit-down", "daemons that do not run: scanner activating/auto-restart")
    ]
    machine.unit("scanner")
    assert machine.codes() == ["-unit-down"]


def test_restarts_count_within_half_an_hour() -> None:
    machine = Machine()
    machine.unit("uplink", restarts=7)
    for restarts in (1, 2):
        machine.unit("scanner", restarts=restarts)
        assert machine.codes() == []
    machine.unit("scanner", restarts=4)
    assert machine.codes() == ["+unit-restarts"]
    machine.unit("scanner", restarts=0)  # started by hand
    assert machine.codes() == ["-unit-restarts"]
    for restarts in range(1, 30):
        machine.unit("scanner", restarts=restarts)
        assert machine.codes(15) == [], "one in a quarter of an hour is none to speak of"


def test_a_slow_camera_is_told_a_silent_one_tells_itself() -> None:
    machine = Machine()
    machine.scanner = wire.Scanning(fps=0.0)
    assert machine.codes(10) == []
    machine.scanner = wire.Scanning(fps=1.5)
    assert machine.codes(3) == []
    assert machine.codes() == ["+camera-slow"]
    machine.scanner = wire.Scanning(fps=14.0)
    assert machine.codes(2) == ["-camera-slow"]


def test_waiting_is_a_fault_only_while_the_centre_is_there() -> None:
    machine = Machine()
    machine.oldest_s = None
    assert machine.codes(100) == []
    machine.oldest_s = 90_000
    assert machine.codes(10) == []
    assert machine.codes() == ["+queue-old"]
    machine.oldest_s = 1000
    assert machine.codes(10) == []
    machine.oldest_s = 0
    assert machine.codes() == ["-queue-old"]


@pytest.mark.parametrize("state", ["floor", "unknown"])
def test_an_unset_clock_is_told_after_a_quarter_of_an_hour(state: ClockState) -> None:
    machine = Machine()
    machine.clock = state
    assert machine.codes(15) == []
    assert machine.codes() == ["+clock-unset"]
    machine.clock = "synced"
    assert machine.codes() == ["-clock-unset"]


def test_a_certificate_that_ends_is_told_unless_nobody_knows_the_date() -> None:
    machine = Machine()
    machine.certificate_end_ms = NOW_MS + 13 * DAY_MS
    machine.clock = "unknown"
    assert "+certificate-ends" not in machine.codes(5)
    machine.clock = "synced"
    assert "+certificate-ends" in machine.codes()
    machine.certificate_end_ms = NOW_MS + 365 * DAY_MS
    assert machine.codes() == ["-certificate-ends"]


def test_every_alert_of_every_daemon_is_in_the_table_with_its_severity() -> None:
    faults = eye.FAULTS | hangs.FAULTS | risk.FAULTS | store.FAULTS | view.FAULTS | panel.FAULTS
    faults |= external.fault_codes(alone=False) | rules.FAULTS
    own = {*TAKEN_BACK, "figures-stale", "clock-differs", *(rule.code for rule in RULES)}
    assert {code: ALERTS[code].severity for code in faults} == faults
    assert set(ALERTS) == set(faults) | own


def test_the_page_for_operators_is_the_table() -> None:
    page = (Path(__file__).parents[2] / "docs/alerts.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{code}` | {known.severity} | {known.vi} | {known.en} |"
        for code, known in ALERTS.items()
    ]
