"""Puts a code together that is shown part by part (structured append, ISO/IEC 18004 section 8)."""

from __future__ import annotations

from typing import NamedTuple

from kiosk.decode.append import Place
from kiosk.decode.geometry import Corners

WAIT_S = 5.0
"""Parts are forgotten when no further one has come for so long."""


class Part(NamedTuple):
    """A symbol that is one part of a code. `place` is None where damage leaves open which."""

    payload: bytes
    corners: Corners
    place: Place | None


class Assembly:
    """Collects the parts of one code at a time; those of another one begin anew. At most 16
    parts of at most 3 kB are held, and none of a code that is complete or given up.

    Parity tells one code's parts from another's, as the standard has it; it is not checked
    against the payload, since widespread generators (segno, of bytes) compute it of something
    else. A code put together from two would need both to agree in parity and in number of
    parts, and to be shown in turns with no part of the same place.
    """

    def __init__(self) -> None:
        self._parts: dict[int, bytes] = {}
        self._code: tuple[int, int] | None = None  # of and parity, the same in all parts
        self._at = 0.0

    def add(self, part: Part, at: float) -> bytes | None:
        """The whole payload when `part`, seen at `at` seconds, was the last one missing."""
        place = part.place
        if place is None or place.part >= place.of:
            return None
        self.forget(at)
        code = place.of, place.parity
        if code != self._code or self._parts.get(place.part, part.payload) != part.payload:
            self._parts.clear()
        self._code, self._at = code, at
        self._parts[place.part] = part.payload
        if len(self._parts) < place.of:
            return None
        whole = b"".join(self._parts[index] for index in range(place.of))
        self._parts.clear()
        return whole

    def forget(self, at: float) -> None:
        """Drops parts whose others have not come until `at` seconds."""
        if at - self._at > WAIT_S:
            self._parts.clear()
