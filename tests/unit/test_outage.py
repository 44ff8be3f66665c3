"""What is told of an outage once it is over."""

from __future__ import annotations

from kiosk.model import Instant
from kiosk.reach import Reason, reason
from kiosk.uplink.alerts import MAX_DETAIL
from kiosk.uplink.outage import LONG_S, STANDS_S, Outage

FINE = reason("connecting")
DNS = reason("dns-silent")
REFUSED = reason("refused")


class Kiosk:
    def __init__(self) -> None:
        self.at = 1000.0
        # 2026-11-29 07:00 UTC was the moment of boot.
        self.outage = Outage(
            lambda: Instant(int((1795935600 + self.at) * 1000), "synced", "b", int(self.at * 1000))
        )

    def passes(self, seconds: float, online: bool, why: Reason = FINE) -> str:
        self.outage.turn(self.at, online, why)
        self.at += seconds
        self.outage.turn(self.at, online, why)
        return self.outage.told


def test_how_long_since_when_and_why_in_both_languages() -> None:
    kiosk = Kiosk()
    kiosk.passes(10, True)
    kiosk.passes(300, False, DNS)
    kiosk.passes(420, False, REFUSED)
    told = kiosk.passes(1, True)
    assert told == (
        "offline 12 min since 2026-11-29 14:16 +07:00 / mất kết nối 12 phút: dns-silent: the name"
        " server does not answer / máy chủ tên miền không trả lời; refused: refused: no broker"
        " listens there / bị từ chối: không có máy chủ trung tâm ở địa chỉ đó"
    )


def test_it_is_taken_back_after_a_while_and_the_next_one_is_told_anew() -> None:
    kiosk = Kiosk()
    kiosk.passes(LONG_S, False, DNS)
    assert kiosk.passes(STANDS_S - 1, True)
    assert not kiosk.passes(1, True)
    kiosk.passes(LONG_S, False, REFUSED)
    assert "dns" not in kiosk.passes(1, True)
    assert "refused" in kiosk.outage.told


def test_one_that_ends_while_another_is_told_is_an_alert_of_its_own() -> None:
    kiosk = Kiosk()
    kiosk.passes(LONG_S, False, DNS)
    assert "dns" in kiosk.passes(1, True)
    kiosk.passes(1, False, reason("taken-over"))
    told = []
    for _ in range(3):
        kiosk.outage.turn(kiosk.at, True, FINE)
        told.append(kiosk.outage.told)
    # An alert that is raised already would not be raised for it.
    assert not told[0]
    assert told[1] == told[2]
    assert "taken-over" in told[1]
    assert kiosk.passes(STANDS_S - 1, True)
    assert not kiosk.passes(1, True)


def test_a_gap_of_the_network_is_not_worth_an_alert_but_a_stranger_is() -> None:
    kiosk = Kiosk()
    kiosk.passes(LONG_S - 1, False, DNS)
    assert not kiosk.passes(1, True)
    kiosk.passes(1, False, reason("taken-over"))
    assert kiosk.passes(1, True)


def test_every_reason_is_named_however_many_there_were() -> None:
    kiosk = Kiosk()
    for code in ("not-tls", "broker-stranger", "not-websocket", "kiosk-expired", "no-life"):
        kiosk.passes(30, False, reason(code, "200"))
    told = kiosk.passes(1, True)
    assert len(told) <= MAX_DETAIL
    assert ": not-tls: TLS: what answers there" in told
    assert told.endswith("; + not-websocket, kiosk-expired, no-life")


def test_nothing_is_told_of_a_kiosk_that_was_always_there() -> None:
    assert not Kiosk().passes(10_000, True)
