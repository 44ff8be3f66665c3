"""zxing-cpp, the first to look: fast, reads inverted, mirrored and small codes.

It also says where it found a code that it could not read.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import zxingcpp

from kiosk.decode.append import is_part
from kiosk.decode.geometry import Corners, Grey
from kiosk.model import Symbol

SURE = 0.2
"""With less than this share of its error correction left, a reading is put before zbar."""

# Not QRCode, which would include Micro QR and rMQR.
_MODEL_2 = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])


class Unread(NamedTuple):
    """A code that was found but not read. `modules` along a side, 0 when not known."""

    corners: Corners
    modules: int


class Found(NamedTuple):
    """`sure` are read; `doubtful` too, but damage left little to prove it; `parts` are places of
    symbols that are one of several of a code (structured append)."""

    sure: list[Symbol]
    doubtful: list[Symbol]
    parts: list[Corners]
    unread: list[Unread]


def read(grey: Grey, one_threshold: bool = False) -> Found:
    """Looks at `grey` once. `one_threshold`: black and white are parted by one grey level for
    the whole picture instead of one for each neighbourhood."""
    found = Found([], [], [], [])
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
        if not code.valid:
            found.unread.append(Unread(corners, _modules(code)))
            continue
        extra = code.extra
        part = _is_part(code, extra)
        if part:
            found.parts.append(corners)
        else:
            sure = part is False and extra.get("UEC", 0.0) >= SURE
            (found.sure if sure else found.doubtful).append(Symbol(code.bytes, "qr", corners))
    return found


def _corners(position: Any) -> Corners:
    at = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    return tuple((point.x, point.y) for point in at)


def _modules(code: Any) -> int:
    version = str(code.extra.get("Version", ""))
    return 17 + 4 * int(version) if version.isdecimal() else 0


def _is_part(code: Any, extra: dict[str, Any]) -> bool | None:
    dark = np.asarray(code.to_image(scale=1, add_quiet_zones=False)) < 128
    return is_part(dark, code.ec_level, int(extra["DataMask"]))
