"""kiosk-feedback as it is, over a modelled display and mock pins; tells what they saw.

`python -m bench._panel_daemon FD PACE [arguments of kiosk.feedback]` writes an `Event` to the
file descriptor for each change of a pin and each transfer on the bus. PACE is `paced` for a
bus that takes as long as a real one.
"""

from __future__ import annotations

import os
import runpy
import struct
import sys
import time
import zlib
from typing import NamedTuple
from unittest.mock import patch

from gpiozero.pins.mock import MockFactory, MockPWMPin

from demo.panel_bus import I2cWire
from demo.panel_chips import chip
from drivers.gpio import _factory


class Event(NamedTuple):
    """At `at` (CLOCK_BOOTTIME, s): a pin has a new state (`pin` > 0), or a transfer is done.
    Then `memory` is a checksum of what the display holds, `bytes` and `transfers` count all so
    far, and `spent` is how long the model has worked, in seconds."""

    at: float
    pin: int
    state: float
    memory: int
    bytes: int
    transfers: int
    spent: float


LAYOUT = struct.Struct("<didQQQd")


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def main() -> None:
    """Takes its own words off the command line, and becomes the daemon."""
    fd, pace = int(sys.argv[1]), sys.argv[2]
    del sys.argv[1:3]

    class Pin(MockPWMPin):  # type: ignore[misc]
        """A mock pin that tells what becomes of it."""

        def _change_state(self, value: float) -> bool:
            changed: bool = super()._change_state(value)
            if changed:
                number = int(self.info.name.removeprefix("GPIO"))
                os.write(fd, LAYOUT.pack(_now(), number, float(value), 0, 0, 0, 0.0))
            return changed

    display = chip("ssd1306")
    wire = I2cWire(display)
    wire.paced = pace == "paced"

    def tell() -> None:
        memory = zlib.crc32(display.ram, display.on)
        event = Event(_now(), 0, 0.0, memory, wire.bytes, wire.transfers, wire.spent)
        os.write(fd, LAYOUT.pack(*event))

    wire.heard = tell
    errors = _factory.open_factory("mock").errors
    _factory._mock = lambda: _factory.Factory(MockFactory(pin_class=Pin), errors)
    with patch("smbus2.SMBus", wire.smbus):
        runpy.run_module("kiosk.feedback", run_name="__main__")


if __name__ == "__main__":
    main()
