"""python -m kiosk.screens FILE: writes a picture of every screen of the panel."""

from __future__ import annotations

import argparse
from pathlib import Path

from kiosk.screens.gallery import gallery, screens


def main() -> None:
    """Writes the gallery, and on demand each screen by itself."""
    parser = argparse.ArgumentParser(prog="python -m kiosk.screens", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="PNG with all screens")
    parser.add_argument(
        "--each", type=Path, metavar="FOLDER", help="also each screen, at its real size"
    )
    given = parser.parse_args()
    gallery().save(given.file, "PNG", optimize=True)
    if given.each is not None:
        for name, picture in screens().items():
            picture.save(given.each / f"{name}.png", "PNG", optimize=True)


if __name__ == "__main__":
    main()
