"""Both decoders together: one look at one picture, checked where it is in doubt."""

from __future__ import annotations

import msgspec

from kiosk.decode import zxing
from kiosk.decode.assembly import Part
from kiosk.decode.choice import merged
from kiosk.decode.geometry import Box, Corners, Grey, box_of
from kiosk.decode.looks import Look
from kiosk.decode.zbar import Reading, Zbar
from kiosk.decode.zxing import Unread
from kiosk.errors import HardwareError
from kiosk.model import Symbol

_MARGIN = 0.15  # of a code's side, around it: quiet zone and inexact corners


class Seen(msgspec.Struct):
    """`symbols` are read, `unread` were found but not read, `parts` are parts of a code."""

    symbols: list[Symbol]
    unread: list[Unread]
    parts: list[Part] = []

    @property
    def read(self) -> list[Corners]:
        """Where a code, or a part of one, was read."""
        return [symbol.corners for symbol in self.symbols] + [part.corners for part in self.parts]


class Eyes:
    """zxing-cpp and one zbar scanner; belongs to one thread."""

    def __init__(self) -> None:
        """Raises HardwareError when zbar is not installed or lacks its binary mode."""
        self._zbar = Zbar()

    def first(self, grey: Grey) -> Seen:
        """The look that every frame gets. Raises HardwareError when closed."""
        if self._zbar.closed:
            raise HardwareError("the decoder is closed")
        return self._checked(zxing.read(grey), grey)

    def second(self, grey: Grey, box: Box, look: Look) -> Seen:
        """One of the second looks, at the part of the frame in `box`."""
        made = look.make(box.cut(grey))
        if look.reader == "zbar":
            seen = Seen(self._zbar.read(made).symbols, [])
        else:
            seen = self._checked(zxing.read(made, look.reader == "global"), made)
        return Seen(
            [Symbol(s.payload, s.kind, _back(s.corners, box, look.scale)) for s in seen.symbols],
            [Unread(_back(u.corners, box, look.scale), u.modules) for u in seen.unread],
            [p._replace(corners=_back(p.corners, box, look.scale)) for p in seen.parts],
        )

    def close(self) -> None:
        """Releases the scanner; may be called twice."""
        self._zbar.close()

    def _checked(self, found: zxing.Found, grey: Grey) -> Seen:
        symbols = list(found.sure)
        symbols += [s for s in found.doubtful if self._beside(s, grey).payloads <= {s.payload}]
        symbols += [s for s in found.unproved if self._beside(s, grey).payloads == {s.payload}]
        if any(part.place is None for part in found.parts):
            # zbar corrects their headers too, and puts them together when all are in view.
            symbols = merged(symbols, self._zbar.read(grey).symbols)
        return Seen(symbols, found.unread, found.parts)

    def _beside(self, symbol: Symbol, grey: Grey) -> Reading:
        """What zbar reads at the place of a symbol."""
        box = box_of(symbol.corners)
        return self._zbar.read(box.grown(_MARGIN * box.side, grey).cut(grey))


def _back(corners: Corners, box: Box, scale: float) -> Corners:
    """From a look's picture to the frame."""
    return tuple((round(x / scale) + box.left, round(y / scale) + box.top) for x, y in corners)
