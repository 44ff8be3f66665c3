"""Letters for the sheets: whichever font the machine has."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import reportlab

from central.passes import fonts
from kiosk.errors import ConfigError

PLAIN, BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"


def installed(name: str) -> Path:
    return next(file for folder in fonts.FOLDERS for file in folder.rglob(name))


def test_a_font_is_found_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    shutil.copy(installed(PLAIN), tmp_path / "a")
    shutil.copy(installed(BOLD), tmp_path / "a/b")
    found = fonts.find([tmp_path / "none", tmp_path])
    assert found == ("DejaVuSans", "DejaVuSans-Bold")


def test_without_one_it_says_where_it_looked_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        fonts.find([tmp_path])
    assert "fonts-dejavu-core" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_half_a_family_a_broken_file_and_a_font_without_vietnamese_are_passed_over(
    tmp_path: Path,
) -> None:
    shutil.copy(installed(PLAIN), tmp_path)
    with pytest.raises(ConfigError):
        fonts.find([tmp_path])
    (tmp_path / BOLD).write_bytes(b"no font")
    with pytest.raises(ConfigError):
        fonts.find([tmp_path])
    vera = Path(reportlab.__file__).parent / "fonts"
    for source, name in (("Vera.ttf", "NotoSans-Regular.ttf"), ("VeraBd.ttf", "NotoSans-Bold.ttf")):
        shutil.copy(vera / source, tmp_path / name)
    with pytest.raises(ConfigError):
        fonts.find([tmp_path])
    (tmp_path / BOLD).unlink()
    shutil.copy(installed(PLAIN), tmp_path / "arial.ttf")
    shutil.copy(installed(BOLD), tmp_path / "arialbd.ttf")
    assert fonts.find([tmp_path]) == ("arial", "arialbd")
