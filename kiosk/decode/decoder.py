"""The decoder: which look a frame gets, and when none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kiosk.decode.activity import CELL, Activity, Cells
from kiosk.decode.assembly import Assembly
from kiosk.decode.choice import Choice, ambiguous, merged
from kiosk.decode.eyes import Eyes, Seen
from kiosk.decode.geometry import Box, Grey, box_of, same_place
from kiosk.decode.hints import Patience, advice
from kiosk.decode.looks import LOOKS, Look
from kiosk.decode.posters import Posters
from kiosk.decode.texture import burnt, dense, largest
from kiosk.decode.zxing import Unread
from kiosk.errors import HardwareError
from kiosk.model import Frame, Hint, Symbol

IDLE_S = 1.0
"""With nothing moving, one frame in this many seconds is read all the same."""
OPEN_S = 1.0
"""Seconds for which frames are read after the last movement, or the last code."""
PLAIN_S = 0.2
"""Seconds between readings of what moves and does not look like a code, or of a code that lies
still."""
HELD_S = 3.0
"""Seconds for which what has moved counts as held up: nobody is told how to hold a poster."""

_LARGE = 1_500_000  # pixels; of more, no changed copies are made: memory
_MARGIN = 0.3  # of its side, around a code found and not read


class Sight(NamedTuple):
    """`symbols`: the codes read, the one that is held up first. `hint`: what the visitor could
    do to be read, None most of the time. `held`: one of the codes is held up, not a poster that
    has hung there. `unread`: none such was read, though something is held up that may be one."""

    symbols: list[Symbol]
    hint: Hint | None = None
    held: bool = False
    unread: bool = False


class Decoder:
    """Keeps state from frame to frame; belongs to one thread. Remembers places and times; of
    payloads only the parts of a code whose other parts have not been seen yet."""

    def __init__(self) -> None:
        """Raises HardwareError when zbar is not installed or lacks its binary mode."""
        self._eyes = Eyes()
        self._activity = Activity()
        self._choice = Choice()
        self._patience = Patience()
        self._assembly = Assembly()
        self._posters = Posters()
        self._found_at = float("-inf")  # when a code was last read
        self._read_at = 0.0
        self._holding = False  # the last reading found a code
        self._unread = False  # ... found something held up that it could not read
        self._look = 0  # which second look is next
        self._helped: Look | None = None  # the one that last read something
        self._helped_at = 0.0
        self._insisted = False  # it was just tried once more, in vain
        self._rested = True  # the frame before had no second look
        self._dense: Cells | None = None  # of this frame, once it was asked for

    @property
    def moved_at(self) -> float:
        """When something last moved before the camera, by the frames' time; 0 = never."""
        return max(0.0, self._activity.last())

    def look(self, frame: Frame) -> Sight:
        """Every QR code that can be read in the next frame of a camera.

        Raises HardwareError for a frame that is not luma, uint8, (height, width).
        """
        grey = _luma(frame.grey)
        self._assembly.forget(frame.at)
        self._dense = None
        if not self._due(grey, frame.at):
            return Sight([])  # and no hint: it is said again by the next reading
        self._read_at = frame.at
        seen = self._eyes.first(grey)
        held = self._held(seen, frame.at)
        self._unread = False
        if not held and (seen.unread or self._open(frame.at)):
            place = self._place(grey, seen, frame.at)
            if place is not None:
                self._second(grey, seen, place, frame.at)
                held = self._held(seen, frame.at)
            self._unread = not held and self._held_up(grey, place, frame.at)
        _put_together(seen, self._assembly, frame.at)
        self._holding = bool(seen.symbols or seen.parts)
        if self._holding:
            self._found_at = frame.at
        symbols = self._choice.ordered(seen.symbols, grey)
        hint = self._hint(grey, symbols, seen.unread, held, frame.at)
        return Sight(symbols, self._patience.settled(hint, frame.at), held, self._unread)

    def picture(self, grey: Grey) -> list[Symbol]:
        """Every QR code that can be read in one picture, by all means, however long it takes.

        `grey`: luma, uint8, shape (height, width). Raises HardwareError for anything else.
        """
        grey = _luma(grey)
        seen = self._eyes.first(grey)
        if not (seen.symbols or seen.parts):
            self._every_look(grey, seen)
        _put_together(seen, Assembly(), 0.0)
        return Choice().ordered(seen.symbols, grey)

    def close(self) -> None:
        """Releases the scanner; may be called twice."""
        self._eyes.close()

    def _due(self, grey: Grey, at: float) -> bool:
        """Whether this frame is read; always notes what moved."""
        if not self._activity.turn(grey, at):
            return True
        if self._holding:  # a poster, or a phone that was laid down
            still = at - self._activity.last() > OPEN_S
            return not still or at - self._read_at >= PLAIN_S
        if not self._open(at):
            return at - self._read_at >= IDLE_S
        if at - self._read_at >= PLAIN_S:
            return True
        return bool(self._texture(grey).any())

    def _texture(self, grey: Grey) -> Cells:
        """Where this frame looks like a code."""
        if self._dense is None:
            self._dense = dense(grey, self._activity.noise)
        return self._dense

    def _open(self, at: float) -> bool:
        # What was read counts as well: what only a second look reads must not be lost when it
        # lies still, or it would be a new showing when it moves.
        stirred_for = at - max(self._activity.last(), self._found_at)
        return stirred_for <= (HELD_S if self._unread else OPEN_S)

    def _held(self, seen: Seen, at: float) -> bool:
        """Whether something was read that does not hang there."""
        return any(self._posters.held(seen.read, at))

    def _place(self, grey: Grey, seen: Seen, at: float) -> Box | None:
        """Where to look again: what was moved of late comes first, if it may be a code. Where
        something was read in this frame, nothing is missed."""
        read = seen.read
        unread = [u for u in seen.unread if not any(same_place(u.corners, c) for c in read)]
        moved = [u for u in unread if self._moved(box_of(u.corners).grown(0, grey), at)]
        if moved or (unread and not read):
            return _around(moved or unread, grey)
        cells = self._texture(grey).copy()
        _leave_out(cells, [box_of(corners) for corners in read], grey)
        box = largest(cells & self._activity.since(at - HELD_S))
        if box is None and not read:
            box = largest(cells)
        return _inside(box, grey)

    def _moved(self, box: Box, at: float) -> bool:
        return box.pixels > 0 and at - self._activity.last(box) <= HELD_S

    def _held_up(self, grey: Grey, place: Box | None, at: float) -> bool:
        """Whether what is at `place` has been moved of late, or so much white; but for what was
        read a moment ago, since second looks take turns."""
        read = self._posters.places(at - OPEN_S)
        if place is not None and self._moved(place, at):
            return not any(place.overlaps(box) for box in read)
        white = burnt(grey) & self._activity.since(at - HELD_S)
        _leave_out(white, read, grey)
        return largest(white) is not None

    def _hint(
        self, grey: Grey, symbols: list[Symbol], unread: list[Unread], held: bool, at: float
    ) -> Hint | None:
        """Only about what is held up: nobody can be told to move a poster."""
        if held:
            in_hand = self._posters.held([symbol.corners for symbol in symbols], at)
            shown = [symbol for symbol, own in zip(symbols, in_hand, strict=True) if own]
            return "one-at-a-time" if ambiguous(shown, grey) else None
        if not self._open(at):
            return None
        return advice(
            grey, [u for u in unread if self._moved(box_of(u.corners).grown(0, grey), at)]
        )

    def _second(self, grey: Grey, seen: Seen, box: Box, at: float) -> None:
        """One second look at every other frame, at the place where a code may be. The look
        that helped a moment ago takes turns with the others."""
        self._rested = not self._rested
        if self._rested:
            return
        lately = at - self._helped_at <= OPEN_S
        helped = self._helped if lately and not self._insisted else None
        look = helped or LOOKS[self._look]
        if box.pixels > _LARGE and not look.plain:
            self._look = (self._look + 1) % len(LOOKS)
            return
        found = self._eyes.second(grey, box, look)
        seen.symbols = merged(seen.symbols, found.symbols)
        seen.parts = seen.parts + found.parts
        seen.unread += found.unread
        helps = bool(found.symbols or found.parts)
        self._insisted = helped is not None and not helps
        if helps:
            self._helped, self._helped_at = look, at
        elif helped in (None, LOOKS[self._look]):
            self._look = (self._look + 1) % len(LOOKS)

    def _every_look(self, grey: Grey, seen: Seen) -> None:
        """One second look after another, until something is read."""
        for box in _boxes(grey, seen):
            for look in LOOKS:
                if box.pixels <= _LARGE or look.plain:
                    found = self._eyes.second(grey, box, look)
                    seen.symbols, seen.parts = found.symbols, found.parts
                if seen.symbols or seen.parts:
                    return


def _put_together(seen: Seen, assembly: Assembly, at: float) -> None:
    """Adds the code that is complete with the parts in `seen`, if there is one."""
    for part in seen.parts:
        whole = assembly.add(part, at)
        if whole is not None:
            seen.symbols = merged(seen.symbols, [Symbol(whole, "qr", part.corners)])


def _leave_out(cells: Cells, boxes: list[Box], grey: Grey) -> None:
    """Takes the cells of these boxes, and those next to them, out."""
    for box in (box.grown(CELL, grey) for box in boxes):
        rows = slice(box.top // CELL, box.bottom // CELL + 1)
        cells[rows, box.left // CELL : box.right // CELL + 1] = False


def _around(unread: list[Unread], grey: Grey) -> Box | None:
    """The largest code that was found and not read, and some more around it."""
    found = max((box_of(u.corners) for u in unread), key=lambda box: box.side)
    return _inside(found, grey, _MARGIN * found.side)


def _inside(box: Box | None, grey: Grey, margin: float = 0) -> Box | None:
    """What of `box` lies within the frame, None if nothing does."""
    cut = box.grown(margin, grey) if box is not None else None
    return cut if cut is not None and cut.pixels else None


def _boxes(grey: Grey, seen: Seen) -> list[Box]:
    """Where to look again in a picture: the likeliest place, then all of it."""
    whole = Box(0, 0, grey.shape[1], grey.shape[0])
    if grey.size < _LARGE:
        return [whole]
    place = _around(seen.unread, grey) if seen.unread else _inside(largest(dense(grey, 0.0)), grey)
    return [whole] if place is None else [place, whole]


def _luma(grey: Grey) -> Grey:
    if grey.ndim != 2 or grey.dtype != np.uint8 or not grey.size:
        raise HardwareError(
            f"the camera gave a frame of {grey.dtype} with shape {grey.shape}, "
            "expected uint8 (height, width); look at its driver"
        )
    return grey
