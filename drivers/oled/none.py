"""No display: for a kiosk that has lamps and a buzzer only."""

from __future__ import annotations

from PIL import Image

from drivers.oled import Panel, PanelOptions


class NoPanel:
    """Takes every picture and shows none."""

    def show(self, picture: Image.Image) -> None:
        """Does nothing."""

    def step(self) -> bool:
        return False

    def refresh(self) -> None:
        """Does nothing."""

    def contrast(self, level: int) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""


def open_panel(options: PanelOptions) -> Panel:
    """Always succeeds."""
    return NoPanel()
