"""I2C and SPI with a display at their end, in place of the kernel's: what luma's serial classes
reach through `smbus2.SMBus` and `spidev.SpiDev`. Counts what goes over the wire."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable
from types import SimpleNamespace

import smbus2

from demo.panel_chips import Chip

I2C_HZ = 400_000
"""Fast mode, the quickest that an SSD1306 or SH1106 is made for."""


class Wire:
    """What both have in common.

    `plugged`: off the wire, I2C fails as Linux tells a missing acknowledgement; SPI, which has
    none, loses the bytes. `fails_after`: so many transfers more succeed, None = all do.
    `paced`: each takes as long as it would really. `heard` is called after each; `spent` is how
    long the model itself was at work, in seconds.
    """

    def __init__(self, chip: Chip | None, hz: int) -> None:
        self.chip = chip
        self.hz = hz
        self.plugged = True
        self.fails_after: int | None = None
        self.paced = False
        self.heard: Callable[[], None] = lambda: None
        self.opened = 0
        self.bytes = self.transfers = 0
        self.spent = 0.0

    @property
    def bits(self) -> int:
        """Clock cycles of all transfers so far."""
        raise NotImplementedError

    @property
    def seconds(self) -> float:
        """What all transfers so far take on the wire."""
        return self.bits / self.hz

    def _deliver(self, is_data: bool, payload: Iterable[int]) -> None:
        if self.chip is not None and self.plugged:
            take = self.chip.data if is_data else self.chip.command
            for byte in payload:
                take(byte)

    def _carried(self, count: int, began: float) -> None:
        before = self.seconds
        self.bytes += count
        self.transfers += 1
        if self.paced:
            time.sleep(self.seconds - before)
        self.spent += time.perf_counter() - began
        self.heard()


def bits(count: int, transfers: int) -> int:
    """Clock cycles on I2C: nine a byte, with its acknowledgement; start and stop of a transfer."""
    return 9 * count + 2 * transfers


class I2cWire(Wire):
    """An I2C bus `/dev/i2c-<port>` with one display."""

    def __init__(self, chip: Chip | None, address: int = 0x3C, port: int = 1) -> None:
        super().__init__(chip, I2C_HZ)
        self._address = address
        self._port = port

    @property
    def bits(self) -> int:
        """See `bits`."""
        return bits(self.bytes, self.transfers)

    def write(self, address: int, message: list[int]) -> None:
        """One transfer: the address, then `message`, whose first byte is the control byte."""
        began = time.perf_counter()
        if self.fails_after is not None:
            self.fails_after -= 1
        loose = self.fails_after is not None and self.fails_after < 0
        if self.chip is None or not self.plugged or loose or address != self._address:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        control, *payload = message
        assert control in (0x00, 0x40), f"control byte 0x{control:02x}"
        self._deliver(control == 0x40, payload)
        self._carried(1 + len(message), began)

    def smbus(self, port: int) -> _SMBus:
        """Stands for the class `smbus2.SMBus`."""
        if port != self._port:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", f"/dev/i2c-{port}")
        return _SMBus(self)


class _SMBus:
    """What luma asks of smbus2.SMBus."""

    def __init__(self, wire: I2cWire) -> None:
        self._wire = wire
        self._open = True
        wire.opened += 1

    def write_i2c_block_data(self, address: int, register: int, data: list[int]) -> None:
        assert self._open and len(data) <= 32, "SMBus carries 32 bytes"
        self._wire.write(address, [register, *data])

    def i2c_rdwr(self, *messages: smbus2.i2c_msg) -> None:
        assert self._open
        for message in messages:
            self._wire.write(message.addr, list(bytes(message)))

    def close(self) -> None:
        self._wire.opened -= self._open
        self._open = False


class SpiWire(Wire):
    """`/dev/spidev<port>.<device>` with one display; `is_data` reads its D/C pin."""

    def __init__(
        self, chip: Chip | None, is_data: Callable[[], bool], where: tuple[int, int] = (0, 0)
    ) -> None:
        super().__init__(chip, 500_000)
        self._is_data = is_data
        self._where = where

    @property
    def bits(self) -> int:
        """Eight a byte."""
        return 8 * self.bytes

    def write(self, payload: list[int]) -> None:
        """One transfer."""
        began = time.perf_counter()
        if self.fails_after is not None:
            self.fails_after -= 1
            if self.fails_after < 0:
                raise OSError(errno.EIO, "Input/output error")
        self._deliver(self._is_data(), payload)
        self._carried(len(payload), began)

    def module(self) -> SimpleNamespace:
        """Stands for the module `spidev`."""
        return SimpleNamespace(SpiDev=lambda: _SpiDev(self))

    def open(self, where: tuple[int, int]) -> None:
        """As the kernel opens it."""
        if where != self._where:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        self.opened += 1


class _SpiDev:
    """What luma asks of spidev.SpiDev."""

    def __init__(self, wire: SpiWire) -> None:
        self._wire = wire
        self._open = False

    def open(self, port: int, device: int) -> None:
        self._wire.open((port, device))
        self._open = True

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "max_speed_hz":
            assert isinstance(value, int)
            self._wire.hz = value

    def writebytes(self, payload: list[int]) -> None:
        assert self._open and len(payload) <= 4096, "spidev carries 4096 bytes"
        self._wire.write(payload)

    def close(self) -> None:
        self._wire.opened -= self._open
        self._open = False
