"""A display simulated by a folder of PNG files.

`screen.png` is what the glass shows now, replaced atomically; `000001.png` and on are the
screens in the order they were shown, of which the last `KEPT` stay.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from drivers.oled import Panel, PanelError, PanelOptions

KEPT = 200


class PngPanel:
    """Writes each picture into `folder`, which is made when it is missing."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self._folder = folder
        self._dark = Image.new("1", size)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._numbers = sorted(
                int(path.stem) for path in folder.glob("*.png") if path.stem.isdecimal()
            )
        except OSError as error:
            raise PanelError(f"cannot use the folder {folder}: {error}") from error

    def show(self, picture: Image.Image) -> None:
        number = self._numbers[-1] + 1 if self._numbers else 1
        self._write(f"{number:06}.png", picture)
        self._write("screen.png", picture)
        self._numbers.append(number)
        try:
            while len(self._numbers) > KEPT:
                (self._folder / f"{self._numbers.pop(0):06}.png").unlink(missing_ok=True)
        except OSError as error:
            raise PanelError(f"cannot tidy {self._folder}: {error}") from error

    def step(self) -> bool:
        """A picture is written at once."""
        return False

    def refresh(self) -> None:
        """Files stay."""

    def contrast(self, level: int) -> None:
        """A file is as bright as it is."""

    def close(self) -> None:
        self._write("screen.png", self._dark)

    def _write(self, name: str, picture: Image.Image) -> None:
        partial = self._folder / f".{name}.partial"
        try:
            picture.save(partial, "PNG")
            partial.replace(self._folder / name)
        except OSError as error:
            raise PanelError(f"cannot write {self._folder / name}: {error}") from error


def open_panel(options: PanelOptions) -> Panel:
    """`options.folder` is where the screens are written. Raises PanelError."""
    if not options.folder:
        raise PanelError("the png panel needs a folder; set panel.folder")
    return PngPanel(Path(options.folder), (options.width, options.height))
