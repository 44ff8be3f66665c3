"""How much of the backlog may be on its way at once.

Everything of a kiosk goes through one TCP connection, in order: what was sent before a live
record is waited for. So no more of the backlog is under way than line and centre get through
in about half a second, by how long the last answers took (Little's law: bytes under way divided
by seconds to the answer is the rate). It is measured up to the centre's answer: a crowd of
kiosks that come back at once slow one another down as a slow line does.
"""

from __future__ import annotations

from math import inf

TARGET_S = 0.5
FAR_S = 0.5
START = 4096  # bytes; on a good line it doubles with each round trip
LEAST = 512  # one record goes whatever its size


class Pace:
    """`most` bytes at most; `rate` bytes a second on average, 0 = as many as it likes. `at` are
    seconds of one steady clock."""

    def __init__(self, most: int, rate: float = 0.0) -> None:
        self._most = most
        self._rate = rate
        self._saved = rate  # bytes that may go now; negative: more went than was allowed
        self._saved_at = 0.0
        self._window = float(START)
        self._base_s = inf

    def restart(self) -> None:
        """A new connection, perhaps over another line."""
        self._window = float(START)
        self._base_s = inf

    def room(self, flying: int, at: float) -> int:
        """Bytes that the next message may have, while `flying` bytes of the backlog are under way;
        0 when it is better to wait."""
        if self._rate:
            self._saved = min(self._rate, self._saved + (at - self._saved_at) * self._rate)
            self._saved_at = at
            if self._saved <= 0:
                return 0
        # Two messages, so that the line is busy while one is being answered; not more, smaller
        # ones, since each repeats the envelope.
        half = self._window / 2
        return max(1, int(half)) if flying <= half else 0

    def sent(self, size: int) -> None:
        """So many bytes of the backlog went."""
        self._saved -= size

    def answered(self, size: int, under_way: int, took_s: float) -> None:
        """A message of `size` bytes, sent once, was answered after `took_s`. When it was sent,
        `under_way` bytes were, itself among them."""
        self._base_s = min(self._base_s, took_s)
        # What the line takes by itself, as over a satellite, no window shortens.
        target_s = TARGET_S + min(self._base_s, FAR_S)
        if took_s > target_s:
            fits = under_way * target_s / took_s
            self._window = max(min(fits, self._window), LEAST)
        elif under_way > self._window / 2:  # else there was just not more to send
            self._window += size * (1 - took_s / target_s)
            self._window = min(self._window, self._most)

    def overdue(self) -> None:
        """No answer in time."""
        self._window = float(LEAST)
