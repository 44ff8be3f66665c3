"""Faults at random, several at once, each over soon; and whoever starts again what ended."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random

from bench._troubles import KINDS, Charge, Trouble

AT_ONCE = 24
RESTART_S = 2.0  # as the units say
_LOOK_S = 0.2


class Storm:
    """`per_s` faults a second on average. `over`: those that were made, and are over."""

    def __init__(
        self, troubles: Sequence[Trouble], per_s: float, seed: int, say: Callable[[str], None]
    ) -> None:
        self.over: list[Trouble] = []
        self._by_kind: dict[str, list[Trouble]] = {}
        for trouble in troubles:
            self._by_kind.setdefault(trouble.kind, []).append(trouble)
        self._weights = [KINDS[kind] for kind in self._by_kind]
        self._per_s = per_s
        self._chance = Random(seed)
        self._say = say

    def rage(self, go_on: Callable[[int], bool]) -> None:
        """While `go_on(faults so far)`; returns when all of them are over. Raises what a fault
        that could not be made raised."""
        begun = 0
        with ThreadPoolExecutor(AT_ONCE, "fault") as pool:
            running = []
            while go_on(begun):
                time.sleep(self._chance.expovariate(self._per_s))
                trouble = self._draw()
                if trouble is not None:
                    begun += 1
                    running.append(pool.submit(self._strike, trouble, self._chance.getrandbits(32)))
                for done in [one for one in running if one.done()]:
                    running.remove(done)
                    done.result()
        for done in running:
            done.result()

    def _draw(self) -> Trouble | None:
        """Locked for us; None when there is something the matter with whom it would hit."""
        (kind,) = self._chance.choices(list(self._by_kind), self._weights)
        trouble = self._chance.choice(self._by_kind[kind])
        return trouble if trouble.busy.acquire(blocking=False) else None

    def _strike(self, trouble: Trouble, seed: int) -> None:
        chance = Random(seed)
        lasts_s = chance.uniform(0, trouble.longest_s)
        self._say(f"{trouble.kind}: {trouble.target} for {lasts_s:.1f} s")
        try:
            with trouble.strike(chance):
                time.sleep(lasts_s)
        finally:
            self._say(f"{trouble.kind}: {trouble.target} over")
            self.over.append(trouble)
            trouble.busy.release()

    def counts(self) -> dict[str, int]:
        """Faults by kind."""
        return dict(Counter(trouble.kind for trouble in self.over).most_common())


class Keeper(threading.Thread):
    """What systemd does: starts again what ended by itself. `ended` says what that was."""

    def __init__(self, charges: Sequence[Charge]) -> None:
        super().__init__(name="keeper", daemon=True)
        self.ended: list[str] = []
        self._charges = charges
        self._over = threading.Event()

    def run(self) -> None:
        """Until `close`."""
        while not self._over.wait(_LOOK_S):
            for process, busy in self._charges:
                if busy.acquire(blocking=False):
                    try:
                        if words := process.ended():
                            self.ended.append(f"{words}: {process.last_words(1)}")
                            self._over.wait(RESTART_S)
                            process.start()
                    finally:
                        busy.release()

    def close(self) -> None:
        """Starts nothing any more."""
        self._over.set()
        if self.is_alive():
            self.join()
