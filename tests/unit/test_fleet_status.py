"""What an operator is told of each kiosk."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import pytest

from central.fleet import reporting
from central.fleet.line import Heard
from kiosk import wire

ROOT = "kiosk/1"


class Line:
    """A broker in the test's hand: what it retains."""

    def __init__(self, *retained: Heard) -> None:
        self._retained = list(retained)

    def open(self, topics: Sequence[str]) -> None:
        assert all("+" in topic for topic in topics)

    def turn(self, _wait_s: float) -> list[Heard]:
        heard, self._retained = self._retained, []
        return heard

    def close(self) -> None:
        """Nothing to close."""


def heard(topic: str, payload: bytes) -> Heard:
    return Heard(f"{ROOT}/{topic}", payload, True, b"")


def reported(status: wire.ConfigStatus, why: str = "") -> bytes:
    return wire.encode(wire.Reported(version=1, desired=2, status=status, why=why))


def figures(*codes: str) -> bytes:
    alerts = [wire.Standing(code=code, severity="warning", since_ms=1) for code in codes]
    return wire.encode(
        wire.Telemetry(at_ms=1, clock="synced", documents={"policy": 7}, alerts=alerts)
    )


def told(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: bool
) -> tuple[int, str]:
    monkeypatch.setattr(reporting, "HEARD_S", 0.01)
    status = reporting.run(argparse.Namespace(line=lambda: line, json=as_json))
    return status, capsys.readouterr().out


KIOSKS = (
    heard("gate-2/up/state", wire.encode(wire.State(st="lost", sid="a"))),
    heard("gate-1/up/state", wire.encode(wire.State(st="online", sid="b"))),
    heard("gate-1/up/tele", figures("view-dark", "camera-slow")),
    heard("gate-1/up/cfg", reported("refused", "kiosk.id: for another kiosk")),
    heard("gate-3/up/tele", b"of a newer firmware"),
)


def test_presence_versions_and_alerts_of_each_kiosk(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, text = told(Line(*KIOSKS), monkeypatch, capsys, False)
    _, first, second, why = text.splitlines()
    assert status == 1
    for word in ("gate-1", "online", "refused", "7", "camera-slow, view-dark"):
        assert word in first
    assert "connection lost" in second
    assert why == "gate-1: kiosk.id: for another kiosk"


def test_the_same_for_machines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, text = told(Line(*KIOSKS), monkeypatch, capsys, True)
    first, second = (json.loads(line) for line in text.splitlines())
    assert status == 1
    assert (first["state"], first["alerts"]) == ("online", ["camera-slow", "view-dark"])
    assert second == {
        "kid": "gate-2",
        "state": "lost",
        "config": None,
        "documents": None,
        "alerts": None,
    }


def test_a_fleet_of_nobody_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(Line(), monkeypatch, capsys, False)[1].endswith("no kiosk has ever connected\n")
