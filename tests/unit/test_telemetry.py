"""What the kiosk tells about itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from outboxes import open_outbox, record

from kiosk import wire
from kiosk.config import Config, load
from kiosk.cues import AlertCue
from kiosk.model import Instant
from kiosk.outbox import SealedSegments
from kiosk.outbox.layout import segment_name
from kiosk.uplink.alerts import MAX_ALERTS, TAKEN_BACK, WHOLE_S, Alerts
from kiosk.uplink.telemetry import Queue, Telemetry, birth

NOW = Instant(1_795_000_000_000, "floor", "boot", 100_000)


class Link:
    """Stands for the connection: keeps what was published."""

    def __init__(self) -> None:
        self.published: list[tuple[str, bytes, dict[str, Any]]] = []
        self.taken: list[Callable[[], None]] = []

    def publish(self, leaf: str, payload: bytes, what: str, **options: Any) -> bool:
        self.published.append((leaf, payload, options))
        self.taken.append(options.get("taken", lambda: None))
        return True

    def codes(self) -> list[str]:
        """Codes of alerts, but for those of the uplink itself."""
        return [a.code for a in self.alerts() if a.code not in TAKEN_BACK]

    def alerts(self) -> list[wire.Alert]:
        return [wire.decode(payload, wire.Alert) for _, payload, _ in self.published]


def alert(code: str, raised: bool = True, at: float = 90.0) -> AlertCue:
    return AlertCue(number=1, at=at, code=code, severity="warning", raised=raised)


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    for folder in ("open", "sealed", "quarantine"):
        (tmp_path / folder).mkdir()
    return tmp_path


def segment(outbox: Path, number: int) -> str:
    name = segment_name("0" * 24, number, 1)
    (outbox / "sealed" / name).write_bytes(b"")
    return name


@pytest.fixture
def config(tmp_path: Path) -> Config:
    board = tmp_path / "board.toml"
    board.write_text('[clock]\nsource = "system"\n')
    return load([board])


def test_the_figures_are_those_of_the_outbox(outbox: Path, config: Config) -> None:
    filled = open_outbox(outbox, records=1)
    for _ in range(2):
        filled.put(record)
    filled.close()
    segments = SealedSegments(outbox)
    queue = Queue(segments)
    telemetry = Telemetry(queue, Alerts(lambda: NOW), lambda: NOW, config)
    before = telemetry.figures(None)
    assert (before.pending_segments, before.quarantined, before.oldest_pending_s) == (None,) * 3
    queue.waiting, queue.quarantined = segments.waiting(), 1
    figures = telemetry.figures(None)
    assert (figures.pending_segments, figures.quarantined) == (2, 1)
    assert figures.oldest_pending_s == 99  # since boot: the clock is not asked
    assert (figures.at_ms, figures.clock, figures.up_s) == (NOW.wall_ms, "floor", 100)
    assert (figures.clock_source, figures.host, figures.scanner) == ("system", None, None)
    queue.waiting = []
    assert telemetry.figures(None).oldest_pending_s == 0


def test_what_is_absent_is_not_sent_as_nothing(config: Config, outbox: Path) -> None:
    alerts = Alerts(lambda: NOW)
    telemetry = Telemetry(Queue(SealedSegments(outbox)), alerts, lambda: NOW, config)
    sent = json.loads(wire.encode(telemetry.figures(None)))
    assert set(sent) == {"at_ms", "clock", "up_s", "firmware", "clock_source"}


def test_telemetry_comes_once_a_period_and_expires(outbox: Path, config: Config) -> None:
    link: Any = Link()
    alerts = Alerts(lambda: NOW)
    telemetry = Telemetry(Queue(SealedSegments(outbox)), alerts, lambda: NOW, config)
    for at in (1000.0, 1030.0, 1059.0, 1060.0):
        if telemetry.is_due(at):
            telemetry.publish(link, at, None)
    assert len(link.published) == 2
    leaf, _, options = link.published[0]
    assert (leaf, options) == ("tele", {"qos": 0, "retain": True, "expiry_s": 180})


def test_telemetry_repeats_what_stands_so_that_a_lost_edge_heals(
    outbox: Path, config: Config
) -> None:
    now = [NOW]
    alerts = Alerts(lambda: now[0])
    telemetry = Telemetry(Queue(SealedSegments(outbox)), alerts, lambda: now[0], config)
    alerts.keep(alert("camera", at=90.0))
    alerts.keep(alert("card", at=95.0))
    alerts.keep(alert("card", raised=False, at=96.0))
    figures = telemetry.figures(None)
    assert figures.alerts == [
        wire.Standing(code="camera", severity="warning", since_ms=NOW.wall_ms - 10_000)
    ]
    assert not figures.alerts_whole, "other daemons may know of more"
    later = NOW.boottime_ms + int(WHOLE_S * 1000)
    now[0] = msgspec.structs.replace(NOW, boottime_ms=later)
    alerts.keep(alert("camera", raised=False))
    figures = telemetry.figures(None)
    assert (figures.alerts, figures.alerts_whole) == ([], True)


def test_an_alert_is_sent_once_and_again_on_the_next_connection_until_taken() -> None:
    first: Any = Link()
    second: Any = Link()
    alerts = Alerts(lambda: NOW)
    alerts.keep(alert("camera"))
    alerts.turn(first)
    alerts.turn(first)
    assert first.codes() == ["camera"]
    alerts.turn(second)
    assert second.codes() == ["camera"]
    second.taken[0]()
    alerts.turn(second)
    assert second.codes() == ["camera"]


def test_what_is_still_raised_is_published_anew_on_each_connection_what_is_cleared_is_not() -> None:
    alerts = Alerts(lambda: NOW)
    alerts.keep(alert("camera"))
    alerts.keep(alert("card", raised=False))
    for expected in (["camera", "card"], ["camera"], ["camera"]):
        link: Any = Link()
        alerts.turn(link)
        for taken in link.taken:
            taken()
        alerts.turn(link)
        assert link.codes() == expected


def test_a_repetition_is_not_published_again_on_the_same_connection() -> None:
    link: Any = Link()
    alerts = Alerts(lambda: NOW)
    for raised in (False, False, True, True, False, False):
        alerts.keep(alert("camera", raised))
        alerts.turn(link)
        link.taken[-1]()
    assert [a.raised for a in link.alerts() if a.code == "camera"] == [False, True, False]


def test_an_alert_that_came_and_went_offline_is_told_in_order() -> None:
    link: Any = Link()
    alerts = Alerts(lambda: NOW)
    for at in range(50):
        alerts.keep(alert("camera", raised=True, at=at))
        alerts.keep(alert("camera", raised=False, at=at + 0.5))
    alerts.turn(link)
    said = [(a.raised, a.at_ms) for a in link.alerts() if a.code == "camera"]
    start = NOW.wall_ms - NOW.boottime_ms
    assert said == [(True, start + 49_000), (False, start + 49_500)]


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_a_third_change_is_published_once_whatever_was_taken_before(taken: int) -> None:
    link: Any = Link()
    alerts = Alerts(lambda: NOW)
    alerts.keep(alert("camera"))
    alerts.turn(link)
    receipts = [t for t, a in zip(link.taken, link.alerts(), strict=True) if a.code == "camera"]
    alerts.keep(alert("camera", raised=False))
    for receipt in receipts[:taken]:
        receipt()
    if taken == 2:
        alerts.turn(link)
        link.taken[-1]()
    alerts.keep(alert("camera"))
    alerts.turn(link)
    assert [a.raised for a in link.alerts() if a.code == "camera"] == [True, False, True]


def test_a_process_that_starts_takes_back_what_an_earlier_one_may_have_left_raised() -> None:
    alerts = Alerts(lambda: NOW)
    alerts.own("outbox-unreadable", "cannot read it")
    alerts.own("segment-quarantined", "")
    first: Any = Link()
    alerts.turn(first)
    said = {wire.decode(payload, wire.Alert).code: payload for _, payload, _ in first.published}
    assert {code: wire.decode(p, wire.Alert).raised for code, p in said.items()} == {
        code: code == "outbox-unreadable" for code in TAKEN_BACK
    }
    assert wire.decode(said["outbox-unreadable"], wire.Alert).detail == "cannot read it"
    for taken in first.taken:
        taken()
    second: Any = Link()
    alerts.own("records-refused", "")
    alerts.turn(second)
    assert [a.code for a in second.alerts()] == ["outbox-unreadable"]
    alerts.own("outbox-unreadable", "")
    alerts.turn(second)
    assert [a.raised for a in second.alerts()] == [True, False]


def test_a_late_receipt_for_what_changed_since_drops_nothing() -> None:
    link: Any = Link()
    alerts = Alerts(lambda: NOW)
    alerts.keep(alert("camera"))
    alerts.turn(link)
    alerts.keep(alert("camera", raised=False))
    link.taken[0]()
    alerts.turn(link)
    assert [a.raised for a in link.alerts() if a.code == "camera"] == [True, False]


def test_alerts_kept_offline_are_bounded() -> None:
    link: Any = Link()
    alerts = Alerts(lambda: NOW)
    for number in range(MAX_ALERTS + 10):
        alerts.keep(alert(f"code-{number}"))
    alerts.turn(link)
    codes = link.codes()
    assert len(link.alerts()) == MAX_ALERTS
    assert f"code-{MAX_ALERTS + 9}" in codes


def test_an_alert_carries_the_time_of_its_cause_by_the_clock_of_now() -> None:
    link: Any = Link()
    alerts = Alerts(lambda: NOW)
    alerts.keep(alert("camera", at=90.0))
    alerts.turn(link)
    assert link.alerts()[0].at_ms == NOW.wall_ms - 10_000


def test_the_birth_document_says_who_and_where(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[kiosk]\nid = "gate-1"\nplace = "Cho Ben Thanh"\ndirection = "out"\n')
    info = birth(load([site]), "0011")
    assert (info.sid, info.place, info.direction) == ("0011", "Cho Ben Thanh", "out")
    assert info.firmware
    assert info.model


@pytest.mark.parametrize(
    "kind",
    [wire.Info, wire.Telemetry, wire.Host, wire.Scanning, wire.Unit, wire.Alert, wire.State],
)
def test_the_contract_in_words_names_the_fields_that_are_sent(kind: type) -> None:
    page = (Path(__file__).parents[2] / "docs" / "wire.md").read_text()
    written = re.search(rf"`{kind.__name__}`[^`{{]*:\s`(\{{[^`]*\}})`", page)
    assert written is not None
    keys = re.findall(r'"(\w+)"(?=[:,}])', re.sub(r':\s*"[^"]*"', ":", written[1]))
    assert keys == list(kind.__struct_fields__)  # type: ignore[attr-defined]
