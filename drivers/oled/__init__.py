"""Displays. One file per kind; a file's name is its value in the configuration."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from PIL import Image


class PanelError(OSError):
    """The display is absent or does not answer. The owner closes it and tries later."""


class Panel(Protocol):
    """What every file here offers as `open_panel(options: PanelOptions) -> Panel`: dark when
    opened, whatever it showed before."""

    def show(self, picture: Image.Image) -> None:
        """From now on the glass is to show this 1-bit picture of exactly the panel's size;
        `step` brings it there. Raises PanelError."""

    def step(self) -> bool:
        """Sends a part of what the glass lacks, some milliseconds' worth; True while something
        is left. So whoever waits meanwhile does not wait long. Raises PanelError."""

    def refresh(self) -> None:
        """Sends everything again with the next steps: a panel that lost its power and has it
        back shows what it should, though nobody noticed. Harmless to one that did not."""

    def contrast(self, level: int) -> None:
        """How bright: 0 (dim, not dark) to 255. Raises PanelError."""

    def close(self) -> None:
        """Dark and released; may be called twice."""


class PanelOptions(NamedTuple):
    """`controller` is luma.oled's name; `width` and `height` as one sees it, in points.
    `bus` and `address` are for `luma_i2c`, `folder` for `png`; for `luma_spi` are `spi`
    (port and device of /dev/spidev<port>.<device>), its clock in MHz, and by BCM number the
    pins `dc` and `reset` (None: not connected) of the factory `pins`."""

    controller: str
    width: int
    height: int
    rotate: int
    contrast: int
    bus: int
    address: int
    spi: tuple[int, int]
    spi_mhz: int
    pins: Literal["lgpio", "mock"]
    dc: int
    reset: int | None
    folder: str
