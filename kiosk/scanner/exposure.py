"""Brighter and darker pictures in turn, while something is held up that cannot be read.

A camera exposes for the whole view: a lit screen in a dim hall burns out, a dim one before
a bright street drowns. Each gets its turn.
"""

from __future__ import annotations

from kiosk.decode import Sight

STEPS = (-1.5, 1.5, 0.0)
"""In stops against what the camera chose by itself. Burnt-out screens are the commonest."""
ROUNDS = 2
"""Then the camera's own choice stays until whoever stands there has gone: it is not the light."""
PATIENCE_S = 0.3
"""Most codes are read sooner, as they are."""
STEP_S = 0.6
"""What it takes for a new exposure to arrive in a picture, and some looks at it."""
GONE_S = 0.7
"""With nothing held up for so long, the camera chooses again."""
LONGEST_S = 20.0
"""No exposure stays longer, whatever is seen: light changes."""


class Bracketing:
    """Decides how to expose. The step with which something was read stays while it is held up,
    and comes first the next time."""

    def __init__(self) -> None:
        self._steps: tuple[float, ...] = STEPS
        self._tried = 0  # steps, for what is held up now
        self._step_at = 0.0
        self._unread_since: float | None = None
        self._seen_at = 0.0  # something was held up, read or not
        self._stops = 0.0

    def turn(self, sight: Sight, at: float) -> float:
        """How many stops brighter than by itself the camera should expose, after a frame of
        `at` seconds in which the decoder saw `sight`."""
        if sight.held or sight.unread:
            self._seen_at = at
        if self._stops and at - self._step_at >= LONGEST_S:
            self._stops = 0.0
        if sight.held:
            self._unread_since, self._tried = None, 0
            self._prefer(self._stops)
        elif sight.unread:
            if self._unread_since is None:
                self._unread_since = at
            if at - self._unread_since >= PATIENCE_S and at - self._step_at >= STEP_S:
                self._next(at)
        elif at - self._seen_at >= GONE_S:
            self._unread_since, self._tried, self._stops = None, 0, 0.0
        return self._stops

    def _next(self, at: float) -> None:
        if self._tried < ROUNDS * len(STEPS):
            self._stops = self._steps[self._tried % len(STEPS)]
            self._step_at = at
            self._tried += 1

    def _prefer(self, stops: float) -> None:
        if stops:
            self._steps = (stops, *(step for step in STEPS if step != stops))
