"""What displays on I2C and SPI share: the controllers of 1-bit displays that luma.oled knows.

Their memory is made of pages: eight rows, one byte a column, the lowest bit on top. luma sets
a controller up and carries the bytes; what is sent is decided here, for luma sends every
picture whole: of each page the columns that changed. All of these controllers know page
addressing, and have it after power-on: a page, a column, then bytes. So each transfer means
the same, whatever has happened to the panel since the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from luma.core.error import Error as LumaError
from luma.oled import device as luma
from PIL import Image

from drivers.oled import PanelError, PanelOptions

_NOP = 0xE3
_DISPLAY_OFF, _DISPLAY_ON = 0xAE, 0xAF
_CONTRAST = 0x81
_PAGE_ADDRESSING = (0x20, 0x02)  # luma leaves the SSD13xx in horizontal addressing


class Controller(NamedTuple):
    """`device` of luma; memory column of the leftmost point where the display has 64 lines,
    and where it has 32; `upright`: luma's turns of 90 degrees that make it one of 128 columns;
    `settings` beside luma's."""

    device: Any
    first_column: int = 0
    first_column_of_32: int = 0
    upright: int = 0
    settings: tuple[int, ...] = _PAGE_ADDRESSING


CONTROLLERS = {
    "ssd1306": Controller(luma.ssd1306),
    "ssd1305": Controller(luma.ssd1305, 0, 4),
    "ssd1309": Controller(luma.ssd1309),
    "ssd1315": Controller(luma.ssd1315),
    "ssd1316": Controller(luma.ssd1316),
    "sh1106": Controller(luma.sh1106, 2, 2, settings=()),
    "sh1107": Controller(luma.sh1107, upright=1, settings=()),
    "ch1115": Controller(luma.ch1115, 2, settings=()),
}


class Line:
    """luma's serial interface; `settings` remembers how luma set the controller up. `release`
    gives back what it stands on, `errors` are what it fails with."""

    def __init__(
        self,
        serial: Any,
        release: Callable[[], None] = lambda: None,
        errors: tuple[type[Exception], ...] = (),
    ) -> None:
        self._serial = serial
        self._release = release
        self.errors = (LumaError, OSError, *errors)
        self.settings: tuple[int, ...] = ()

    def command(self, *words: int) -> None:
        """Sends commands with their arguments, at most 32 bytes."""
        if not self.settings and words[0] == _DISPLAY_OFF:
            self.settings = words[1:]
        self._serial.command(*words)

    def data(self, data: list[int]) -> None:
        """Sends bytes for the display's memory."""
        self._serial.data(data)

    def cleanup(self) -> None:
        """Gives everything back."""
        try:
            self._serial.cleanup()
        finally:
            self._release()


class LumaPanel:
    """A display at the end of a line that `open_line` opens; `where` names it. Raises PanelError
    wherever a transfer fails."""

    def __init__(self, options: PanelOptions, where: str, open_line: Callable[[], Line]) -> None:
        self._where = f"{options.controller} {where}"
        self._size = options.width, options.height
        try:
            controller = CONTROLLERS[options.controller]
        except KeyError:
            raise PanelError(
                f"no controller {options.controller!r}; expected one of {', '.join(CONTROLLERS)}"
            ) from None
        self._left = (
            controller.first_column_of_32 if options.height == 32 else controller.first_column
        )
        self._contrast = options.contrast
        try:
            self._line = open_line()
        except PanelError:
            raise
        except (LumaError, OSError) as error:
            raise self._fault(error) from error
        # luma keeps every device it ever made until the process ends (atexit), also one that
        # failed at once: hold it before it starts, so that its tables can be dropped.
        self._device = controller.device.__new__(controller.device)
        try:
            self._set_up(controller, options)
        except self._line.errors as error:
            self._release()
            raise self._fault(error) from error

    def _set_up(self, controller: Controller, options: PanelOptions) -> None:
        """luma's settings, a dark memory, and the display on."""
        self._line.command(_NOP)  # an absent panel costs no more than this
        across = controller.upright % 2 == 1
        self._device.__init__(
            self._line,
            width=options.height if across else options.width,
            height=options.width if across else options.height,
            rotate=(controller.upright + options.rotate // 90) % 4,
        )
        self._settings = (*self._line.settings, *controller.settings)
        self._line.command(*controller.settings, _CONTRAST, self._contrast)
        self._wanted = self._held = self._pages(Image.new("1", self._size))
        self._stale: list[int] = []
        self._unset = False
        self._next = 0

    def _fault(self, error: Exception) -> PanelError:
        return PanelError(f"{self._where}: {error}; check its wiring and address")

    def _pages(self, picture: Image.Image) -> list[bytes]:
        """The picture as the controller keeps it."""
        turned = self._device.preprocess(picture)
        # A quarter to the right, and each row is a column, lowest line first.
        columns = turned.transpose(Image.Transpose.ROTATE_270).tobytes()
        count = turned.height // 8
        return [columns[count - 1 - page :: count] for page in range(count)]

    def show(self, picture: Image.Image) -> None:
        if picture.mode != "1" or picture.size != self._size:
            found = f"{picture.mode!r} of {picture.width} x {picture.height} points"
            wanted = f"'1' of {self._size[0]} x {self._size[1]}"
            raise PanelError(f"{self._where}: found a picture {found}, expected {wanted}")
        self._wanted = self._pages(picture)

    def refresh(self) -> None:
        self._unset = True
        self._stale = list(range(len(self._held)))

    def step(self) -> bool:
        """First what changed, beginning where the last step ended, so that a picture that is
        replaced again and again gets everywhere; then, in the order that a panel without its
        settings needs, what is refreshed: those settings, its memory, and only then light."""
        try:
            return self._step()
        except self._line.errors as error:
            raise self._fault(error) from error

    def _step(self) -> bool:
        count = len(self._held)
        for page in ((self._next + i) % count for i in range(count)):
            if self._held[page] != self._wanted[page]:
                self._next = page + 1
                self._write(page, *_changed(self._held[page], self._wanted[page]))
                break
        else:
            if self._unset:
                self._unset = False
                self._line.command(*self._settings)
            elif self._stale:
                self._write(self._stale.pop(0), 0, len(self._held[0]))
                if not self._stale:
                    self._line.command(_CONTRAST, self._contrast, _DISPLAY_ON)
        return self._unset or bool(self._stale) or self._held != self._wanted

    def _write(self, page: int, start: int, end: int) -> None:
        column = self._left + start
        self._line.command(0xB0 | page, column & 0x0F, 0x10 | column >> 4)
        self._line.data(list(self._wanted[page][start:end]))
        self._held = [*self._held[:page], self._wanted[page], *self._held[page + 1 :]]

    def contrast(self, level: int) -> None:
        self._contrast = level
        try:
            self._device.contrast(level)
        except self._line.errors as error:
            raise self._fault(error) from error

    def close(self) -> None:
        if self._device is None:
            return
        try:
            try:
                self._device.hide()
                self.show(Image.new("1", self._size))
                while self._step():
                    pass
            finally:
                self._release()
        except self._line.errors as error:
            raise self._fault(error) from error

    def _release(self) -> None:
        try:
            self._line.cleanup()
        finally:
            vars(self._device).clear()
            self._device = None


def _changed(held: bytes, wanted: bytes) -> tuple[int, int]:
    """First column that differs, and the one after the last."""
    difference = int.from_bytes(held, "little") ^ int.from_bytes(wanted, "little")
    lowest = (difference & -difference).bit_length() - 1
    return lowest // 8, (difference.bit_length() + 7) // 8
