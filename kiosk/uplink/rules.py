"""When a figure becomes an alert: thresholds apart, and times that it must last.

Pure: figures and the time are arguments. An alert is raised when its figure has been beyond
`raise_at` for `raise_s` without a break, and cleared when it has been on the good side of
`clear_at` for `clear_s`. What cannot be read changes nothing at first, and clears after
`FORGET_S`: of a sensor that is gone nothing can be said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from kiosk.model import Instant
from kiosk.uplink.gathering import Gathered

FORGET_S = 600.0
RESTARTS_WINDOW_S = 1800.0
_DAY_MS = 86_400_000
_HOT_OR_SLOW = 0xE  # frequency capped, throttled, soft temperature limit


class View(NamedTuple):
    """All that the rules look at. `oldest_s` is None while the centre is away: that records
    wait then is no fault. `restarts`: of all daemons, within `RESTARTS_WINDOW_S`."""

    gathered: Gathered
    now: Instant
    oldest_s: int | None
    restarts: int | None


class Rule(NamedTuple):
    """`figure` None: not known. High is bad when `raise_at` is above `clear_at`, else low."""

    code: str
    figure: Callable[[View], float | None]
    raise_at: float
    clear_at: float
    raise_s: float
    clear_s: float
    words: str

    def is_bad(self, figure: float) -> bool:
        return figure >= self.raise_at if self.raise_at > self.clear_at else figure <= self.raise_at

    def is_good(self, figure: float) -> bool:
        return figure <= self.clear_at if self.raise_at > self.clear_at else figure >= self.clear_at


class Change(NamedTuple):
    """`detail` is empty when it was cleared."""

    code: str
    detail: str


def _broken(view: View) -> float | None:
    units = view.gathered.units
    return sum(unit.state != "active/running" for unit in units.values()) if units else None


def _throttled(view: View) -> float | None:
    bits = view.gathered.host.throttled
    return None if bits is None else float(bool(bits & _HOT_OR_SLOW))


def _under_voltage(view: View) -> float | None:
    return _number(view.gathered.host.under_voltage)


def _disk_mb(view: View) -> float | None:
    free = view.gathered.host.disk_kb
    return None if free is None else free / 1024


def _memory_mb(view: View) -> float | None:
    free = view.gathered.host.memory_kb
    return None if free is None else free / 1024


def _worn(view: View) -> float | None:
    """In tenths of the card's life; a reserve that runs out counts as all of it."""
    host = view.gathered.host
    if host.card_eol is not None and host.card_eol > 1:
        return 10.0
    return float(max(host.card_life)) if host.card_life else None


def _fps(view: View) -> float | None:
    """No frame at all is the camera's own alert, `camera-silent`."""
    scanner = view.gathered.scanner
    return None if scanner is None else scanner.fps or None


def _days_left(view: View) -> float | None:
    end_ms = view.gathered.certificate_end_ms
    if end_ms is None or view.now.clock == "unknown":
        return None
    return (end_ms - view.now.wall_ms) / _DAY_MS


def _offset_ms(view: View) -> float | None:
    offset = view.gathered.host.clock_offset_ms
    return None if offset is None else abs(offset)


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


RULES = (
    Rule("soc-hot", lambda v: v.gathered.host.soc_c, 80, 70, 0, 0, "the SoC has {0:.0f} °C"),
    Rule("under-voltage", _under_voltage, 1, 0, 0, 600, "the supply fell below 4.63 V"),
    Rule("throttled", _throttled, 1, 0, 60, 600, "the firmware slows the processor down"),
    Rule("memory-low", _memory_mb, 40, 60, 120, 60, "{0:.0f} MB of memory are available"),
    Rule("disk-low", _disk_mb, 200, 300, 0, 0, "{0:.0f} MB are free on the card"),
    Rule(
        "inodes-low",
        lambda v: _number(v.gathered.host.inodes),
        2000,
        4000,
        0,
        0,
        "{0:.0f} files can still be made on the card",
    ),
    Rule("card-worn", _worn, 9, 8, 0, 0, "{0:.0f} tenths of the card's life are used up"),
    Rule(
        "queue-old",
        lambda v: _number(v.oldest_s),
        3600,
        600,
        600,
        0,
        "the centre is there, and the oldest check-in waits {0:.0f} s",
    ),
    Rule("unit-down", _broken, 1, 0, 60, 0, "daemons that do not run: {1}"),
    Rule(
        "unit-restarts",
        lambda v: _number(v.restarts),
        3,
        0,
        0,
        0,
        "{0:.0f} restarts of daemons in half an hour",
    ),
    Rule("camera-slow", _fps, 2, 3, 180, 60, "the camera gives {0:.1f} frames a second"),
    Rule(
        "clock-unset",
        lambda v: float(v.now.clock != "synced"),
        1,
        0,
        900,
        0,
        "no time server was reached since the kiosk started",
    ),
    Rule("clock-off", _offset_ms, 500, 100, 300, 60, "the clock is {0:.0f} ms off"),
    Rule(
        "signal-weak",
        lambda v: _number(v.gathered.host.wifi_dbm),
        -80,
        -75,
        600,
        120,
        "the Wi-Fi signal has {0:.0f} dBm",
    ),
    Rule("certificate-ends", _days_left, 14, 14.01, 0, 0, "it ends in {0:.1f} days"),
)


class _Watch:
    """One rule over time."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.raised = False
        self._since: float | None = None  # of what could change it
        self._known_at = 0.0

    def turn(self, figure: float | None, at: float) -> bool:
        """Whether it changed."""
        if figure is None:
            self._since = None
            return self.raised and at - self._known_at >= FORGET_S and self._flip()
        self._known_at = at
        turning = self.rule.is_good if self.raised else self.rule.is_bad
        if not turning(figure):
            self._since = None
            return False
        self._since = at if self._since is None else self._since
        lasts = self.rule.clear_s if self.raised else self.rule.raise_s
        return at - self._since >= lasts and self._flip()

    def _flip(self) -> bool:
        self.raised = not self.raised
        self._since = None
        return True


class Rules:
    """All rules over time. Once for each gathering."""

    def __init__(self) -> None:
        self._watches = [_Watch(rule) for rule in RULES]
        self._restarts: deque[tuple[float, int]] = deque()
        self._seen_at = -1.0

    def is_new(self, gathered: Gathered) -> bool:
        """Whether these figures were not looked at yet."""
        return gathered.at != self._seen_at

    def turn(self, gathered: Gathered, now: Instant, oldest_s: int | None) -> Iterator[Change]:
        """What changed."""
        self._seen_at = at = gathered.at
        view = View(gathered, now, oldest_s, self._restarted(gathered))
        for watch in self._watches:
            figure = watch.rule.figure(view)
            if watch.turn(figure, at):
                yield Change(watch.rule.code, self._words(watch, figure, gathered))

    def _words(self, watch: _Watch, figure: float | None, gathered: Gathered) -> str:
        if not watch.raised:
            return ""
        down = [f"{n} {u.state}" for n, u in gathered.units.items() if u.state != "active/running"]
        return watch.rule.words.format(figure, ", ".join(down))

    def _restarted(self, gathered: Gathered) -> int | None:
        """How often systemd started daemons anew within the window."""
        counts = [unit.restarts for unit in gathered.units.values()]
        if not counts or None in counts:
            return None
        total = sum(count for count in counts if count is not None)
        history = self._restarts
        if history and total < history[-1][1]:  # somebody started one by hand: its count is 0
            history.clear()
        history.append((gathered.at, total))
        while history[0][0] < gathered.at - RESTARTS_WINDOW_S:
            history.popleft()
        return total - history[0][1]
