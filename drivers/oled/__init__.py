"""Displays. One file per kind; a file's name is its value in the configuration."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from PIL import Image


class PanelError(OSError):
    """The display is absent or does not answer. The owner closes it and tries later."""


class Panel(Protocol):
    """What every file here offers as `open_panel(options: PanelOptions) -> Panel`."""

    def show(self, picture: Image.Image) -> None:
        """Shows a 1-bit picture of exactly the panel's size. Raises PanelError."""

    def close(self) -> None:
        """Dark and released; may be called twice."""


class PanelOptions(NamedTuple):
    """`controller` is luma.oled's name; `folder` is for `png`."""

    controller: str
    width: int
    height: int
    bus: int
    address: int
    rotate: int
    folder: str
