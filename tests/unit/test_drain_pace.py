"""How much of the backlog is under way, over lines that are simulated second by second."""

from __future__ import annotations

import heapq

import pytest

from kiosk.uplink.pace import LEAST, Pace

MESSAGE = 40_000
RECORD = 700


class Line:
    """So many bytes a second, one after the other, and a way that takes `rtt_s` there and
    back. Sends whatever `pace` has room for; measures what a live record would wait for."""

    def __init__(self, pace: Pace, bytes_s: float, rtt_s: float) -> None:
        self.pace = pace
        self.bytes_s, self.rtt_s = bytes_s, rtt_s
        self.now = 0.0
        self.delivered = 0
        self.waits: list[float] = []
        self._free_at = 0.0
        self._flying: list[tuple[float, int, int, float]] = []

    def run(self, seconds: float, turn_s: float = 0.02) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += turn_s
            while self._flying and self._flying[0][0] <= self.now:
                _, size, under_way, sent_at = heapq.heappop(self._flying)
                self.delivered += size
                self.pace.answered(size, under_way, self.now - sent_at)
            for _ in range(8):
                flying = sum(size for _, size, _, _ in self._flying)
                room = self.pace.room(flying, self.now)
                if not room:
                    break
                size = min(max(room, RECORD), MESSAGE)
                self._free_at = max(self._free_at, self.now) + size / self.bytes_s
                answer = (self._free_at + self.rtt_s, size, flying + size, self.now)
                heapq.heappush(self._flying, answer)
                self.pace.sent(size)
            self.waits.append(max(0.0, self._free_at - self.now))


@pytest.mark.parametrize(("rtt_s", "share"), [(0.02, 0.9), (0.2, 0.75), (0.7, 0.3)])
@pytest.mark.parametrize("bytes_s", [5_000, 50_000, 2_000_000])
def test_the_line_is_used_and_nobody_waits_long_for_it(
    bytes_s: int, rtt_s: float, share: float
) -> None:
    line = Line(Pace(2_000_000), bytes_s, rtt_s)
    line.run(30)
    line.delivered = 0
    line.waits.clear()
    line.run(60)
    assert max(line.waits) < 1.0
    most = min(bytes_s, 2_000_000 / rtt_s)
    assert line.delivered > share * 60 * most


def test_a_line_that_gets_slower_is_noticed(bytes_s: int = 100_000) -> None:
    line = Line(Pace(2_000_000), bytes_s, 0.1)
    line.run(20)
    line.bytes_s = bytes_s / 10
    line.run(20)  # what is under way by then takes its time
    line.waits.clear()
    line.run(20)
    assert max(line.waits) < 1.0


def test_on_a_line_for_a_record_a_second_one_record_is_under_way() -> None:
    line = Line(Pace(2_000_000), 700, 0.1)
    line.run(20)
    line.waits.clear()
    line.run(20)
    assert max(line.waits) < 1.001


def test_after_a_time_out_it_begins_anew() -> None:
    pace = Pace(2_000_000)
    line = Line(pace, 2_000_000, 0.02)
    line.run(5)
    assert pace.room(0, line.now) > 10 * LEAST
    pace.overdue()
    assert pace.room(0, line.now) == LEAST // 2


def test_a_new_connection_begins_anew() -> None:
    pace = Pace(2_000_000)
    first = pace.room(0, 0.0)
    line = Line(pace, 2_000_000, 0.02)
    line.run(5)
    pace.restart()
    assert pace.room(0, line.now) == first


@pytest.mark.parametrize("rate", [500, 5_000, 100_000])
def test_the_rate_is_kept_on_average(rate: int) -> None:
    line = Line(Pace(2_000_000, rate), 2_000_000, 0.02)
    line.run(120)
    assert line.delivered == pytest.approx(120 * rate, abs=MESSAGE + rate)


def test_what_was_not_used_is_not_saved_up() -> None:
    pace = Pace(2_000_000, 1000)
    pace.restart()
    pace.room(0, 0.0)
    assert pace.room(0, 10_000.0)
    pace.sent(1500)
    assert not pace.room(0, 10_000.0)
    assert pace.room(0, 10_000.6)
