from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from drivers.oled import PanelError, PanelOptions, png
from drivers.oled.none import open_panel as open_none


def options(folder: Path | str) -> PanelOptions:
    return PanelOptions("ssd1306", 128, 64, 0, 207, 1, 0x3C, (0, 0), 4, "mock", 24, 25, str(folder))


def dotted(x: int) -> Image.Image:
    picture = Image.new("1", (128, 64))
    picture.putpixel((x, 3), 1)
    return picture


def content(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.copy()


def test_shows_now_and_keeps_the_order(tmp_path: Path) -> None:
    panel = png.open_panel(options(tmp_path / "deep" / "panel"))
    for x in (1, 2):
        panel.show(dotted(x))
    folder = tmp_path / "deep" / "panel"
    assert content(folder / "screen.png") == dotted(2)
    assert content(folder / "000001.png") == dotted(1)
    assert sorted(p.name for p in folder.iterdir()) == ["000001.png", "000002.png", "screen.png"]
    panel.close()
    panel.close()
    assert content(folder / "screen.png").getbbox() is None  # dark


def test_goes_on_counting_and_keeps_only_the_last(tmp_path: Path) -> None:
    panel = png.open_panel(options(tmp_path))
    for _ in range(png.KEPT):
        panel.show(dotted(1))
    again = png.open_panel(options(tmp_path))
    for _ in range(3):
        again.show(dotted(2))
    kept = sorted(p.stem for p in tmp_path.glob("0*.png"))
    assert kept == [f"{n:06}" for n in range(4, png.KEPT + 4)]


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(PanelError, match="cannot use the folder"):
        png.open_panel(options(file / "panel"))
    with pytest.raises(PanelError, match=r"panel\.folder"):
        png.open_panel(options(""))


def test_a_folder_that_goes_away(tmp_path: Path) -> None:
    panel = png.open_panel(options(tmp_path / "panel"))
    (tmp_path / "panel").rmdir()
    with pytest.raises(PanelError, match="cannot write"):
        panel.show(dotted(1))


def test_none_takes_everything() -> None:
    panel = open_none(options(""))
    panel.show(dotted(1))
    panel.close()
