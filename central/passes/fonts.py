"""Letters for paper: the first font on this machine that has all of Vietnamese and may be
embedded."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from central.words import both
from kiosk.errors import ConfigError

_FAMILIES = (
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("arial.ttf", "arialbd.ttf"),
    ("Arial.ttf", "Arial Bold.ttf"),
)
FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / ".local/share/fonts",
    Path.home() / ".fonts",
    Path("/mnt/c/Windows/Fonts"),  # Windows, from the Linux within it
    Path("/System/Library/Fonts/Supplemental"),
)
_LETTERS = "ĂăÂâĐđÊêĨĩÔôŨũƠơƯư" + "".join(map(chr, range(0x1EA0, 0x1EFA)))


@cache
def fonts() -> tuple[str, str]:
    """Registers a plain and a bold one, and returns by which names ReportLab knows them. Raises
    ConfigError when there are none."""
    return find(FOLDERS)


def find(folders: Iterable[Path]) -> tuple[str, str]:
    """The same, from other folders."""
    folders = list(folders)
    there = (file for folder in folders for file in sorted(folder.rglob("*.ttf")))
    files = {file.name: file for file in there}
    for names in _FAMILIES:
        plain, bold = map(files.get, names)
        if plain is not None and bold is not None and _register(plain) and _register(bold):
            return plain.stem, bold.stem
    raise ConfigError(
        [
            both(
                "không có phông chữ tiếng Việt trên máy này; hãy cài fonts-dejavu-core (apt-get"
                " install), hoặc chép DejaVuSans.ttf và DejaVuSans-Bold.ttf vào một trong các thư"
                " mục",
                "no font with Vietnamese letters on this machine; apt-get install"
                " fonts-dejavu-core, or copy DejaVuSans.ttf and DejaVuSans-Bold.ttf into one of",
            )
            + f": {', '.join(map(str, folders))}"
        ]
    )


def _register(file: Path) -> bool:
    try:
        font = TTFont(file.stem, str(file))
    except (TTFError, OSError):
        return False  # broken, or not to be embedded: another one may do
    if any(ord(letter) not in font.face.charToGlyph for letter in _LETTERS):
        return False
    pdfmetrics.registerFont(font)
    return True
