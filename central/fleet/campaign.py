"""One command to many kiosks, not to all at once, and no further once it goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from central.fleet.orders import Course, Order, Orders


class Campaign:
    """At most `at_a_time` kiosks that are online have the command and are not done with it; after
    `stop_after` that did not do it, nobody else gets it. `unsent` are those who have not."""

    def __init__(
        self,
        orders: Orders,
        make: Callable[[str], Order],
        kids: Iterable[str],
        at_a_time: int,
        stop_after: int,
    ) -> None:
        self.unsent = list(kids)
        self.courses: list[Course] = []
        self._orders, self._make = orders, make
        self._at_a_time, self._stop_after = at_a_time, stop_after
        self._online: dict[int, bool] = {}  # by place in `courses`, when it was sent

    @property
    def stopped(self) -> bool:
        """Too many did not do it."""
        failed = sum(course.over and not course.done for course in self.courses)
        return failed >= self._stop_after

    @property
    def over(self) -> bool:
        """Nothing more will come of it."""
        return (not self.unsent or self.stopped) and all(course.over for course in self.courses)

    def turn(self, wait_s: float) -> bool:
        """Sends, and takes in what the kiosks say; whether something was sent. Raises LineError."""
        sent = False
        while self.unsent and not self.stopped and self._under_way() < self._at_a_time:
            kid = self.unsent.pop(0)
            self._online[len(self.courses)] = bool(self._orders.sid(kid))
            self.courses.append(self._orders.send(self._make(kid)))
            sent = True
        self._orders.turn(wait_s)
        return sent

    def _under_way(self) -> int:
        """Who is away keeps nobody waiting."""
        return sum(
            self._online[place] and not course.over for place, course in enumerate(self.courses)
        )
