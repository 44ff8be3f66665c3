"""One payload while it comes in, piece by piece; dropped whole where there is any doubt.

Time is an argument: seconds of a clock that never jumps.
"""

from __future__ import annotations

from collections import deque

MAX_BYTES = 7089  # digits in the largest QR code
SILENCE_S = 1.0
_REASONS_KEPT = 100


class Gathering:
    """Pieces to payloads.

    What begins before `SILENCE_S` seconds of silence were seen, or an end, may be the rest
    of a code that was sent before the device was open. After a silence in the middle nobody
    knows whether the same code goes on or the next one begins: what comes until the next end
    is dropped as well. So is all that follows anything else that was bad, however long ago.

    `tail`, right before an end, belongs to the end.
    """

    def __init__(self, now: float, tail: bytes = b"") -> None:
        self._tail = tail
        self._held = bytearray()
        self._bad = False  # told already; the rest is thrown away
        self._opening = True
        self._at = now
        self._reasons: deque[str] = deque(maxlen=_REASONS_KEPT)

    def add(self, piece: bytes, now: float) -> None:
        """The next piece of the payload."""
        self._follow(now)
        if self._opening:
            self.spoil("a code came while the external scanner was being opened", now)
        elif len(self._held) + len(piece) > MAX_BYTES + len(self._tail):
            self.spoil(f"more than {MAX_BYTES} bytes came without an end", now)
        if not self._bad:
            self._held += piece

    def spoil(self, why: str, now: float) -> None:
        """What is held, and what comes until the end, is no payload."""
        self._follow(now)
        self._spoil(why)

    def _spoil(self, why: str) -> None:
        if not self._bad:
            self.drop(why)
        self._bad = True
        self._held = bytearray()  # one that is cleared keeps its first bytes in memory

    def _follow(self, now: float) -> None:
        if self._held and now - self._at > SILENCE_S:
            self._spoil("the kiosk was busy for too long to tell one code from the next")
        self._at = now

    def end(self, now: float) -> bytes | None:
        """What ends a payload came: the payload, unless it is empty or bad."""
        self._follow(now)
        payload = bytes(self._held).removesuffix(self._tail)
        self._held = bytearray()
        self._bad = self._opening = False
        return payload or None

    def quiet(self, now: float) -> None:
        """Nothing waits to be read."""
        if now - self._at < SILENCE_S:
            return
        self._opening = False
        if self._held:
            self._spoil(
                f"no end of a code within {SILENCE_S:.0f} s; does the scanner put there what"
                " reader.end says?"
            )

    def drop(self, why: str) -> None:
        """Counts a payload that was dropped."""
        self._reasons.append(why)

    def dropped(self) -> list[str]:
        """Why payloads were dropped since the last call."""
        # One by one: another thread may add to it.
        return [self._reasons.popleft() for _ in range(len(self._reasons))]
