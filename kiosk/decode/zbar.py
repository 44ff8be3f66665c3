"""zbar, the second opinion, in its binary mode.

`pyzbar.decode` guesses a character set and often returns wrong text for Vietnamese names,
so zbar runs in its binary mode, reached through pyzbar's ctypes layer: a payload is the
exact bytes of the code.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np

from kiosk.decode.geometry import Corners, Grey
from kiosk.errors import HardwareError
from kiosk.model import Symbol

# zbar.h; pyzbar names neither the binary mode nor the pixel format.
_BINARY = 4  # ZBAR_CFG_BINARY, since zbar 0.23.1
_GREY = int.from_bytes(b"Y800", "little")


class Reading(NamedTuple):
    """`parts`: places of codes that span several symbols (structured append), of which some
    are not in view. With all in view they are one symbol."""

    symbols: list[Symbol]
    parts: list[Corners]

    @property
    def payloads(self) -> set[bytes | None]:
        """What was read; None stands for a part of a code."""
        return {symbol.payload for symbol in self.symbols} | {None for _ in self.parts}


class Zbar:
    """A zbar scanner; belongs to one thread. One that has read something is released with all
    that it keeps of it, and another takes its place: 10 microseconds on a laptop."""

    def __init__(self) -> None:
        """Raises HardwareError when zbar is not installed or lacks its binary mode."""
        self._zbar = _load_zbar()
        self._qr = int(self._zbar.ZBarSymbol.QRCODE)
        self._partial = int(self._zbar.ZBarSymbol.PARTIAL)
        self._open()

    def _open(self) -> None:
        self._scanner = self._zbar.zbar_image_scanner_create()
        enable = int(self._zbar.ZBarConfig.CFG_ENABLE)
        for symbology, setting, value in ((0, enable, 0), (self._qr, enable, 1)):
            self._zbar.zbar_image_scanner_set_config(self._scanner, symbology, setting, value)
        if self._zbar.zbar_image_scanner_set_config(self._scanner, self._qr, _BINARY, 1):
            self.close()
            raise HardwareError(
                "zbar refuses its binary mode, so payloads would be guessed text; "
                "install libzbar0 0.23.1 or later"
            )

    @property
    def closed(self) -> bool:
        """Whether the scanner is released."""
        return self._scanner is None

    def read(self, grey: Grey) -> Reading:
        """Every QR code in view; none in a picture without pixels."""
        if not grey.size:
            return Reading([], [])
        grey = np.ascontiguousarray(grey)
        height, width = grey.shape
        zbar = self._zbar
        image = zbar.zbar_image_create()
        try:
            zbar.zbar_image_set_format(image, _GREY)
            zbar.zbar_image_set_size(image, width, height)
            # No clean-up function: the pixels stay numpy's, `grey` holds them until the end.
            zbar.zbar_image_set_data(image, grey.ctypes.data, grey.nbytes, None)
            if zbar.zbar_scan_image(self._scanner, image) < 0:
                raise HardwareError(f"zbar failed on a frame of {width}x{height} pixels")
            reading = Reading([], [])
            first = symbol = zbar.zbar_image_first_symbol(image)
            while symbol:
                if symbol.contents.type == self._qr:
                    reading.symbols.append(self._read(symbol))
                elif symbol.contents.type == self._partial:
                    reading.parts.append(self._corners(symbol))
                symbol = zbar.zbar_symbol_next(symbol)
        finally:
            zbar.zbar_image_destroy(image)
        if first:
            self.close()
            self._open()
        return reading

    def close(self) -> None:
        """Releases the scanner; may be called twice."""
        if self._scanner is not None:
            self._zbar.zbar_image_scanner_destroy(self._scanner)
            self._scanner = None

    def _read(self, symbol: Any) -> Symbol:
        zbar = self._zbar
        size = zbar.zbar_symbol_get_data_length(symbol)
        # The length comes from zbar, not from a terminator: NUL is a byte like any other.
        payload = ctypes.string_at(zbar.zbar_symbol_get_data(symbol), size)
        return Symbol(payload, "qr", self._corners(symbol))

    def _corners(self, symbol: Any) -> Corners:
        zbar = self._zbar
        return tuple(
            (zbar.zbar_symbol_get_loc_x(symbol, i), zbar.zbar_symbol_get_loc_y(symbol, i))
            for i in range(zbar.zbar_symbol_get_loc_size(symbol))
        )


def _load_zbar() -> Any:
    try:
        from pyzbar import wrapper
    except (ImportError, OSError) as error:
        raise HardwareError(
            f"cannot load zbar ({error}); install it: apt install libzbar0, pip install pyzbar"
        ) from error
    return wrapper
