"""The decoders that are compared: ours and the peers that are installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import zxingcpp
from pyzbar import pyzbar

from kiosk.decode import Decoder

Grey = npt.NDArray[np.uint8]
Reader = Callable[[Grey], list[bytes]]


def readers() -> dict[str, Reader]:
    """Name of each decoder, and what reads the payloads of all QR codes in a picture with it."""
    found: dict[str, Reader] = {"ours": _ours(), "pyzbar": plain_pyzbar, "zxing-cpp": plain_zxing}
    if find_spec("cv2"):
        found["opencv"] = _opencv()
    return found


def _ours() -> Reader:
    decoder = Decoder()
    return lambda grey: [symbol.payload for symbol in decoder.picture(grey)]


def plain_pyzbar(grey: Grey) -> list[bytes]:
    """As its documentation shows it; it raises ValueError on a part of a code."""
    try:
        return [code.data for code in pyzbar.decode(grey) if code.type == "QRCODE"]
    except ValueError:
        return []


def plain_zxing(grey: Grey) -> list[bytes]:
    """With its defaults, for QR codes."""
    codes = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormat.QRCode)  # type: ignore[arg-type]
    return [code.bytes for code in codes]


def _opencv() -> Reader:
    detector = import_module("cv2").QRCodeDetector()

    def read(grey: Grey) -> list[bytes]:
        _, texts, _, _ = detector.detectAndDecodeMulti(grey)
        return [text.encode() for text in texts if text]

    return read
