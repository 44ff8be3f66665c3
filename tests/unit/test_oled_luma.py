"""The real luma.oled over smbus2 against a model of the chip that listens on the bus."""

from __future__ import annotations

import errno
import gc
import random

import pytest
import smbus2
from luma.oled.device import ssd1306
from PIL import Image

from drivers.oled import PanelError, PanelOptions
from drivers.oled.luma_i2c import open_panel

ADDRESS = 0x3C


class Chip:
    """SSD1306/SSD1309 or SH1106 behind I2C, after their data sheets: display RAM of 8 pages,
    written in horizontal (SSD) or page (SH1106) addressing, seen through segment remap and
    COM direction as the usual module is built. Only what luma uses is known; any other
    command fails the test."""

    ARGUMENTS = {0x20: 1, 0x21: 2, 0x22: 2, 0x81: 1, 0x8D: 1} | dict.fromkeys(
        (0xA8, 0xD3, 0xD5, 0xD9, 0xDA, 0xDB), 1
    )
    SH1106_LACKS = (0x20, 0x21, 0x22, 0x8D)

    def __init__(self, kind: str) -> None:
        self.paged = kind == "sh1106"
        self.columns = 132 if self.paged else 128
        self.first = 2 if self.paged else 0  # glass column 0 is RAM column 2 on an SH1106
        self.ram = bytearray(random.Random(7).randbytes(8 * self.columns))  # noise at power-on
        self.on = self.inverse = self.flipped_x = self.flipped_y = False
        self.column, self.page = 0, 0
        self.columns_used, self.pages_used = (0, self.columns - 1), (0, 7)
        self.settings: dict[int, int] = {}
        self._command: list[int] = []

    def write(self, control: int, payload: list[int]) -> None:
        for byte in payload:
            if control == 0x40:
                self._data(byte)
            else:
                self._command.append(byte)
                lacks = self.paged and self._command[0] in self.SH1106_LACKS
                wanted = 0 if lacks else self.ARGUMENTS.get(self._command[0], 0)
                if len(self._command) > wanted:
                    code, *arguments = self._command
                    self._command = []
                    if not lacks:
                        self._do(code, arguments)

    def _do(self, code: int, arguments: list[int]) -> None:
        if code in (0xAE, 0xAF):
            self.on = code == 0xAF
        elif code in (0xA6, 0xA7):
            self.inverse = code == 0xA7
        elif code in (0xA0, 0xA1):
            self.flipped_x = code == 0xA1
        elif code in (0xC0, 0xC8):
            self.flipped_y = code == 0xC8
        elif code == 0x21:
            self.columns_used, self.column = (arguments[0], arguments[1]), arguments[0]
        elif code == 0x22:
            self.pages_used, self.page = (arguments[0], arguments[1]), arguments[0]
        elif code <= 0x0F:
            self.column = self.column & 0xF0 | code
        elif code <= 0x1F:
            self.column = self.column & 0x0F | (code & 0x0F) << 4
        elif 0xB0 <= code <= 0xB7:
            self.page = code & 7
        elif code in self.ARGUMENTS:
            self.settings[code] = arguments[0]
        else:
            assert code in (0x40, 0xA4, 0x14), f"unexpected command 0x{code:02x}"

    def _data(self, byte: int) -> None:
        if self.column < self.columns:
            self.ram[self.page * self.columns + self.column] = byte
        self.column += 1
        if not self.paged and self.column > self.columns_used[1]:
            self.column = self.columns_used[0]
            first, last = self.pages_used
            self.page = first if self.page == last else self.page + 1

    def glass(self) -> Image.Image:
        """What one sees."""
        picture = Image.new("1", (128, 64))
        for y in range(64 if self.on else 0):
            for x in range(128):
                column = (x if self.flipped_x else 127 - x) + self.first
                row = y if self.flipped_y else 63 - y
                bit = self.ram[row // 8 * self.columns + column] >> row % 8 & 1
                picture.putpixel((x, y), bit ^ self.inverse)
        return picture


class Wire:
    """What the patched smbus2.SMBus opens: a bus with one chip, or none."""

    def __init__(self) -> None:
        self.chip: Chip | None = None
        self.fails_at = -1  # transfers until the wire comes loose
        self.open = 0

    def transfer(self, address: int, control: int, payload: list[int]) -> None:
        self.fails_at -= 1
        if self.chip is None or address != ADDRESS or self.fails_at == -1:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        self.chip.write(control, payload)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()

    class Bus:
        def __init__(self, port: int) -> None:
            if port != 1:
                raise FileNotFoundError(errno.ENOENT, "No such file", f"/dev/i2c-{port}")
            wire.open += 1
            self._open = True

        def write_i2c_block_data(self, address: int, register: int, data: list[int]) -> None:
            assert len(data) <= 32
            wire.transfer(address, register, data)

        def i2c_rdwr(self, *messages: smbus2.i2c_msg) -> None:
            for message in messages:
                control, *payload = list(message)
                wire.transfer(message.addr, control, payload)

        def close(self) -> None:
            wire.open -= self._open
            self._open = False

    monkeypatch.setattr(smbus2, "SMBus", Bus)
    return wire


def options(controller: str = "ssd1306", bus: int = 1, rotate: int = 0) -> PanelOptions:
    return PanelOptions(controller, 128, 64, bus, ADDRESS, rotate, "")


def noise() -> Image.Image:
    return Image.frombytes("1", (128, 64), random.Random(3).randbytes(1024))


@pytest.mark.parametrize("rotate", [0, 180])
@pytest.mark.parametrize("controller", ["ssd1306", "sh1106", "ssd1309"])
def test_point_by_point(wire: Wire, controller: str, rotate: int) -> None:
    wire.chip = Chip(controller)
    panel = open_panel(options(controller, rotate=rotate))
    assert wire.chip.on
    assert wire.chip.glass().getbbox() is None  # the noise of power-on is gone
    panel.show(noise())
    expected = noise().rotate(rotate)
    assert wire.chip.glass() == expected
    panel.close()
    panel.close()
    assert not wire.chip.on
    assert wire.open == 0


def test_no_bus(wire: Wire) -> None:
    with pytest.raises(PanelError, match=r"/dev/i2c-3.*check wiring"):
        open_panel(options(bus=3))


def test_no_chip(wire: Wire) -> None:
    with pytest.raises(PanelError, match="0x3c on /dev/i2c-1"):
        open_panel(options())
    assert wire.open == 0


def test_unknown_controller(wire: Wire) -> None:
    with pytest.raises(PanelError, match="expected one of ssd1306, sh1106, ssd1309"):
        open_panel(options("hd44780"))


def test_wire_comes_loose_while_drawing(wire: Wire) -> None:
    wire.chip = Chip("ssd1306")
    panel = open_panel(options())
    wire.fails_at = 1
    with pytest.raises(PanelError, match="check wiring"):
        panel.show(noise())
    wire.chip = None
    with pytest.raises(PanelError):
        panel.close()
    panel.close()
    assert wire.open == 0


def test_a_panel_that_keeps_failing_costs_no_memory(wire: Wire) -> None:
    for fails_at in (0, 1, 2, 3, 4):  # at each step of luma's start
        wire.chip = Chip("ssd1306")
        wire.fails_at = fails_at
        with pytest.raises(PanelError):
            open_panel(options())
    assert wire.open == 0
    gc.collect()
    assert not [d for d in gc.get_objects() if isinstance(d, ssd1306) and vars(d)]
