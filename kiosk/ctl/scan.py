"""`kioskctl scan`: reads pictures as the camera would, and judges what is in them.

Prints no more of a person than the panel would: the abbreviated name.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from kiosk.ctl import rules
from kiosk.ctl.answer import answer, pass_number
from kiosk.decode import Decoder
from kiosk.errors import CredentialError

MAX_PIXELS = 50_000_000
_HEAD = 4096
NO_CODE = "no readable code"


class PictureError(Exception):
    """A file is no picture that can be read; says why."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which pictures, by which rules."""
    parser.description = (
        "scan: reads the QR codes in pictures and judges them. Ends with 0 when every picture"
        " has a code that can be read, whatever the answer to it is."
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="PNG or JPEG")
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line for each code, for machines"
    )
    rules.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError when the rules cannot be read, HardwareError without zbar."""
    by = rules.load_rules(args)
    decoder = Decoder()
    everywhere = True
    for path in args.files:
        try:
            found = payloads(path, decoder)
        except PictureError as error:
            _say_none(path, str(error), args.json, sys.stderr)
            everywhere = False
            continue
        if not found:
            _say_none(path, NO_CODE, args.json, sys.stdout)
            everywhere = False
        for payload in found:
            shown, verdict = by.judge(payload)
            name = "" if isinstance(shown, CredentialError) else shown.display
            if args.json:
                told = {"file": str(path)} | answer(shown, verdict, by.now) | {"name": name}
                told |= by.asked.told(shown)
                print(json.dumps(told), flush=True)
                continue
            number, asked = pass_number(shown), by.asked.told(shown)
            print(
                f"{path}: {shown.format}: {verdict.outcome}, {verdict.reason}"
                f"{f', {name}' if name else ''}{f', no. {number}' if number else ''}"
                f"{''.join(f', risk {found}' for found in asked.values())}"
            )
    decoder.close()
    return 0 if everywhere else 1


def _say_none(path: Path, why: str, as_json: bool, stream: TextIO) -> None:
    if as_json:
        print(json.dumps({"file": str(path), "error": why}), flush=True)
    else:
        print(f"{path}: {why}", file=stream)


def payloads(path: Path, decoder: Decoder) -> list[bytes]:
    """What the codes in a picture hold. Raises PictureError."""
    try:
        picture = _read(path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureError(f"no picture that can be read: {_why(error)}") from error
    return [symbol.payload for symbol in decoder.picture(picture)]


def _read(path: Path) -> npt.NDArray[np.uint8]:
    """Luma, uint8, shape (height, width), of what is transparent as on white paper."""
    # What Pillow warns of is either mended here or an error.
    with warnings.catch_warnings(action="ignore"), _opened(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels, at most {MAX_PIXELS} in all")
        if not image.has_transparency_data:
            return np.asarray(image.convert("L"))
        paper = Image.new("RGBA", image.size, "white")
        return np.asarray(Image.alpha_composite(paper, image.convert("RGBA")).convert("L"))


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=("PNG", "JPEG"))
    except UnidentifiedImageError as error:
        with path.open("rb") as file:
            drawing = ", found SVG; export it as PNG" if b"<svg" in file.read(_HEAD) else ""
        raise ValueError(f"expected PNG or JPEG{drawing}") from error


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
