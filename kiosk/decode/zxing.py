"""zxing-cpp, the first to look: fast, reads inverted, mirrored and small codes.

It also says where it found a code that it could not read.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import zxingcpp

from kiosk.decode.append import is_part, place
from kiosk.decode.assembly import Part
from kiosk.decode.geometry import Corners, Grey
from kiosk.model import Symbol

SURE = 0.1
"""With less than this share of its error correction left, a reading is put before zbar."""

# Not QRCode, which would include Micro QR and rMQR.
_MODEL_2 = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])


class Unread(NamedTuple):
    """A code that was found but not read. `modules` along a side, 0 when not known."""

    corners: Corners
    modules: int


class Found(NamedTuple):
    """`sure` are read. `doubtful` too, with little error correction left. `unproved` may be a
    part of a code instead of the whole. `parts` are each one of several symbols of a code
    (structured append)."""

    sure: list[Symbol]
    doubtful: list[Symbol]
    unproved: list[Symbol]
    parts: list[Part]
    unread: list[Unread]


def read(grey: Grey, one_threshold: bool = False) -> Found:
    """Looks at `grey` once. `one_threshold`: black and white are parted by one grey level for
    the whole picture instead of one for each neighbourhood."""
    found = Found([], [], [], [], [])
    codes: list[Any] = zxingcpp.read_barcodes(
        grey,
        formats=_MODEL_2,
        binarizer=zxingcpp.Binarizer.GlobalHistogram
        if one_threshold
        else zxingcpp.Binarizer.LocalAverage,
        text_mode=zxingcpp.TextMode.Plain,
        return_errors=True,
    )
    for code in codes:
        corners = _corners(code.position)
        extra = code.extra or {}  # None when the format information was not read
        if not code.valid:
            found.unread.append(Unread(corners, _modules(extra)))
            continue
        intact = extra.get("UEC", 0.0) == 1.0
        drawn = np.asarray(code.to_image(scale=1, add_quiet_zones=False)) < 128
        modules = drawn, code.ec_level, int(extra["DataMask"])
        part = is_part(*modules, code.bytes, intact)
        symbol = Symbol(code.bytes, "qr", corners)
        if part:
            found.parts.append(Part(code.bytes, corners, place(*modules) if intact else None))
        elif part is None:
            found.unproved.append(symbol)
        else:
            (found.sure if extra.get("UEC", 0.0) >= SURE else found.doubtful).append(symbol)
    return found


def _corners(position: Any) -> Corners:
    at = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    return tuple((point.x, point.y) for point in at)


def _modules(extra: dict[str, Any]) -> int:
    version = str(extra.get("Version", ""))
    return 17 + 4 * int(version) if version.isdecimal() else 0
