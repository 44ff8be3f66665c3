"""python -m kiosk.screens FILE: writes a picture of every screen of the panel."""

from __future__ import annotations

import argparse
from pathlib import Path

from kiosk.screens.canvas import LOW, SIZE
from kiosk.screens.catalogue import screens
from kiosk.screens.document import renewed
from kiosk.screens.gallery import LANGUAGES, gallery, gallery_afar, gallery_technician


def main() -> None:
    """Writes the gallery, and on demand everything that is made from the screens."""
    parser = argparse.ArgumentParser(prog="python -m kiosk.screens", description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="PNG with all screens")
    parser.add_argument("--low", type=Path, metavar="FILE", help="the same for 128 x 32 points")
    parser.add_argument(
        "--afar", type=Path, metavar="FILE", help="how those for visitors look from five metres"
    )
    parser.add_argument(
        "--technician", type=Path, metavar="FILE", help="the few of docs/technician.md"
    )
    parser.add_argument(
        "--each", type=Path, metavar="FOLDER", help="also each screen, at its real size"
    )
    parser.add_argument(
        "--document", type=Path, metavar="FILE", help="renew the tables of docs/panel.md"
    )
    given = parser.parse_args()
    pictures = {given.file: gallery(SIZE)}
    if given.low is not None:
        pictures[given.low] = gallery(LOW)
    if given.afar is not None:
        pictures[given.afar] = gallery_afar()
    if given.technician is not None:
        pictures[given.technician] = gallery_technician()
    if given.each is not None:
        for size in (SIZE, LOW):
            folder = given.each / f"{size[0]}x{size[1]}"
            folder.mkdir(parents=True, exist_ok=True)
            for language in LANGUAGES:
                for name, picture in screens(language, size).items():
                    pictures[folder / f"{name}.{language}.png"] = picture
    for path, picture in pictures.items():
        picture.save(path, "PNG", optimize=True)
    if given.document is not None:
        given.document.write_text(renewed(given.document.read_text()))


if __name__ == "__main__":
    main()
