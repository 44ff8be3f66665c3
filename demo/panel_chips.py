"""Controllers of small displays, after their data sheets: commands, display memory, and what one
sees on the usual module that carries them.

SSD1306 (Solomon Systech, rev 1.1), SSD1305, SSD1309, SH1106 (Sino Wealth, v2.3), SH1107 (v2.1).
Of SSD1315, SSD1316 and CH1115 only what sets them apart is modelled.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from PIL import Image

_COMMON = dict.fromkeys((0x81, 0xA8, 0xD3, 0xD5, 0xD9, 0xDB), 1)
_SSD_ARGUMENTS = _COMMON | {0x20: 1, 0x21: 2, 0x22: 2, 0x8D: 1, 0xDA: 1}
_SSD_ARGUMENTS |= {0x26: 6, 0x27: 6, 0x29: 5, 0x2A: 5, 0xA3: 2}
_HORIZONTAL, _PAGE = 0, 2


class Module(NamedTuple):
    """How a controller sits behind its glass of `width` x `height` points: the memory column and
    the line seen first, the COM pins it is wired for, whether it wants segments and rows
    remapped (0xA1, 0xC8), and whether the controller's charge pump feeds the glass."""

    width: int = 128
    height: int = 64
    first_column: int = 0
    first_line: int = 0
    com_pins: int | None = 0x12
    remapped: bool = True
    pumped: bool = False


class Chip:
    """Display memory of pages of eight rows, written column by column in page addressing.

    `ram` is noise after power-on, and `on` false. An unknown command is an AssertionError.
    """

    columns, pages = 132, 8
    arguments = _COMMON | {0xAD: 1, 0xDA: 1}
    ignored: tuple[int, ...] = (0x20, 0x8D, 0xE3)
    """Not known to this controller, but sent by drivers; without arguments."""

    def __init__(self, module: Module, seed: int = 7) -> None:
        self.module = module
        self._noise = random.Random(seed)
        self.reset()
        self.power_cycle()

    def power_cycle(self) -> None:
        """As after an interruption of power: everything is forgotten."""
        self.ram = bytearray(self._noise.randbytes(self.pages * self.columns))
        self.reset()

    def reset(self) -> None:
        """As by the reset pin: registers at their defaults, memory untouched."""
        self.on = self.inverse = self.all_lit = self.pump = False
        self.remapped = self.flipped = False  # 0xA1, 0xC8
        self.contrast, self.start_line, self.offset, self.com_pins = 0x7F, 0, 0, 0x12
        self.rows = self.pages * 8
        self.mode = _PAGE
        self.page = self.column = 0
        self._command: list[int] = []

    def command(self, byte: int) -> None:
        """One byte with D/C low, or after an I2C control byte 0x00."""
        self._command.append(byte)
        code, *given = self._command
        if len(given) == self.arguments.get(code, 0):
            self._command = []
            if code not in self.ignored:
                self._do(code, given)

    def _do(self, code: int, given: list[int]) -> None:
        if code <= 0x0F:
            self._move(self.column & 0xF0 | code)
        elif code <= 0x1F:
            self._move(self.column & 0x0F | (code & 0x0F) << 4)
        elif 0x40 <= code <= 0x7F:
            self.start_line = code & 0x3F
        elif code == 0x81:
            self.contrast = given[0]
        elif code in (0xA0, 0xA1):
            self.remapped = code == 0xA1
        elif code in (0xA4, 0xA5):
            self.all_lit = code == 0xA5
        elif code in (0xA6, 0xA7):
            self.inverse = code == 0xA7
        elif code == 0xA8:
            self.rows = given[0] + 1
        elif code in (0xAE, 0xAF):
            self.on = code == 0xAF
        elif 0xB0 <= code < 0xB0 + self.pages:
            self._turn(code & 0x0F)
        elif code in (0xC0, 0xC8):
            self.flipped = code == 0xC8
        elif code == 0xD3:
            self.offset = given[0]
        elif code == 0xDA:
            self.com_pins = given[0]
        else:
            assert code in (0xAD, 0xD5, 0xD9, 0xDB), f"unknown command 0x{code:02x}"

    def _move(self, column: int) -> None:
        self.column = column

    def _turn(self, page: int) -> None:
        self.page = page

    def data(self, byte: int) -> None:
        """One byte with D/C high, or after an I2C control byte 0x40."""
        if self.column < self.columns:  # beyond the last column nothing is written
            self.ram[self.page * self.columns + self.column] = byte
            self.column += 1

    def glass(self) -> Image.Image:
        """What one sees, as the module is mounted."""
        module = self.module
        picture = Image.new("1", (module.width, module.height))
        if not self.on or (module.pumped and not self.pump):
            return picture
        lit = [
            self.all_lit or self._bit(x, y) != self.inverse if y < self.rows else False
            for y in range(module.height)
            for x in range(module.width)
        ]
        picture.putdata([255 * point for point in lit])
        return picture

    def _bit(self, x: int, y: int) -> bool:
        module = self.module
        if module.com_pins not in (None, self.com_pins):  # every other line is elsewhere
            y = y // 2 + y % 2 * (module.height // 2)
        if self.flipped != module.remapped:
            y = module.height - 1 - y
        line = (y + self.start_line + self.offset - module.first_line) % (self.pages * 8)
        column = self._seen(x)
        return bool(self.ram[line // 8 * self.columns + column] >> line % 8 & 1)

    def _seen(self, x: int) -> int:
        """Memory column behind column `x` of the glass."""
        column = x + self.module.first_column
        return column if self.remapped == self.module.remapped else self.columns - 1 - column


class Sh1107(Chip):
    """128 x 128; vertical addressing is not modelled."""

    columns, pages = 128, 16
    arguments = _COMMON | {0xAD: 1, 0xDC: 1}
    ignored = (0x20, 0xDA, 0xE3)  # 0x20 is page addressing, which is all there is here


class Ssd1306(Chip):
    """Three kinds of addressing, of which vertical is not modelled. Columns and page of page
    addressing say nothing in the others, windows nothing in it. Segments are remapped when
    data are written: what is in memory stays where it is."""

    columns = 128
    arguments = _SSD_ARGUMENTS
    ignored = (0xE3,)

    def reset(self) -> None:
        """See `Chip`."""
        super().reset()
        self._columns, self._pages = (0, self.columns - 1), (0, self.pages - 1)

    def _do(self, code: int, given: list[int]) -> None:
        if code == 0x20:
            assert given[0] in (_HORIZONTAL, _PAGE), f"addressing {given[0]}"
            self.mode = given[0]
        elif code == 0x21:
            self._columns = given[0], given[1]
            self.column = given[0] if self.mode == _HORIZONTAL else self.column
        elif code == 0x22:
            self._pages = given[0], given[1]
            self.page = given[0] if self.mode == _HORIZONTAL else self.page
        elif code == 0x8D:
            self.pump = given[0] == 0x14
        else:
            super()._do(code, given)

    def _move(self, column: int) -> None:
        if self.mode == _PAGE:
            self.column = column

    def _turn(self, page: int) -> None:
        if self.mode == _PAGE:
            self.page = page

    def data(self, byte: int) -> None:
        """See `Chip`."""
        column = self.column if self.remapped else self.columns - 1 - self.column
        self.ram[self.page * self.columns + column] = byte
        first, last = self._columns if self.mode == _HORIZONTAL else (0, self.columns - 1)
        self.column = first if self.column == last else (self.column + 1) % self.columns
        if self.column == first and self.mode == _HORIZONTAL:
            top, bottom = self._pages
            self.page = top if self.page == bottom else (self.page + 1) % self.pages

    def _seen(self, x: int) -> int:
        return x + self.module.first_column


class Ssd1305(Ssd1306):
    """132 columns, no charge pump."""

    columns = 132


MODULES: dict[tuple[str, int], tuple[type[Chip], Module]] = {
    ("ssd1306", 64): (Ssd1306, Module(pumped=True)),
    ("ssd1306", 32): (Ssd1306, Module(height=32, com_pins=0x02, pumped=True)),
    ("ssd1305", 64): (Ssd1305, Module()),
    ("ssd1305", 32): (Ssd1305, Module(height=32, first_column=4)),
    ("ssd1309", 64): (Ssd1306, Module()),
    ("ssd1315", 64): (Ssd1306, Module(pumped=True)),
    ("ssd1316", 32): (Ssd1306, Module(height=32, com_pins=0x02, pumped=True)),
    ("sh1106", 64): (Chip, Module(first_column=2)),
    ("sh1106", 32): (Chip, Module(height=32, first_column=2, first_line=0x0F)),
    ("ch1115", 64): (Chip, Module(first_column=2)),
    ("sh1107", 64): (Sh1107, Module(64, 128, first_line=0x60, com_pins=None, remapped=False)),
}
"""The usual module of a controller, by luma.oled's name and the lines seen across. An SH1107 of
128 x 64 stands on its side: 64 columns of 128 lines."""


def chip(controller: str, height: int = 64, seed: int = 7) -> Chip:
    """A module that has just been powered on."""
    kind, module = MODULES[controller, height]
    return kind(module, seed)
