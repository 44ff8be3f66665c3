"""A photo as it is printed on a pass: 3 x 4 cm at 300 dots per inch, nothing else of the file."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageOps

from central.words import Unfit

WIDTH, HEIGHT = 354, 472
_PIXELS_MAX = 60_000_000
_FACE = (0.5, 0.4)  # what stays when one of another shape is cut


def portrait(file: Path) -> bytes:
    """JPEG of WIDTH x HEIGHT pixels, upright, without place and time of the shot. Raises
    Unfit."""
    try:
        with Image.open(file, formats=("JPEG", "PNG", "WEBP", "BMP")) as image:
            if image.width * image.height > _PIXELS_MAX:
                raise Unfit("ảnh quá lớn", "the photo has too many pixels")
            image.draft("RGB", (2 * WIDTH, 2 * HEIGHT))
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except FileNotFoundError:
        raise Unfit("không có tệp ảnh này", "no such file") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Unfit("không đọc được ảnh", "not a photo that can be read") from None
    made = io.BytesIO()
    ImageOps.fit(upright, (WIDTH, HEIGHT), centering=_FACE).save(made, "JPEG", quality=88)
    return made.getvalue()
