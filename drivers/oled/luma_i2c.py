"""SSD1306, SH1106 and SSD1309 displays on I2C, by luma.oled."""

from __future__ import annotations

from luma.core.error import Error as LumaError
from luma.core.interface.serial import i2c
from luma.oled.device import sh1106, ssd1306, ssd1309
from PIL import Image

from drivers.oled import Panel, PanelError, PanelOptions

_CONTROLLERS = {"ssd1306": ssd1306, "sh1106": sh1106, "ssd1309": ssd1309}


class LumaPanel:
    """A display that answered on its bus. Raises PanelError where a bus transfer fails."""

    def __init__(self, options: PanelOptions) -> None:
        self._where = f"{options.controller} at 0x{options.address:02x} on /dev/i2c-{options.bus}"
        try:
            controller = _CONTROLLERS[options.controller]
        except KeyError:
            raise PanelError(
                f"no controller {options.controller!r}; expected one of {', '.join(_CONTROLLERS)}"
            ) from None
        try:
            self._bus = i2c(port=options.bus, address=options.address)
        except (LumaError, OSError) as error:
            raise self._fault(error) from error
        # luma keeps every device it ever made until the process ends (atexit), also one that
        # failed at once: hold it before it starts, so that its tables can be dropped.
        self._device = controller.__new__(controller)
        try:
            self._device.__init__(
                self._bus,
                width=options.width,
                height=options.height,
                rotate=options.rotate // 90,
            )
        except (LumaError, OSError) as error:
            self._release()
            raise self._fault(error) from error

    def _release(self) -> None:
        self._bus.cleanup()
        vars(self._device).clear()
        self._device = None

    def _fault(self, error: Exception) -> PanelError:
        return PanelError(f"{self._where}: {error}; check wiring, bus and address")

    def show(self, picture: Image.Image) -> None:
        try:
            self._device.display(picture)
        except (LumaError, OSError) as error:
            raise self._fault(error) from error

    def close(self) -> None:
        if self._device is None:
            return
        try:
            self._device.hide()
            self._device.clear()
        except (LumaError, OSError) as error:
            raise self._fault(error) from error
        finally:
            self._release()


def open_panel(options: PanelOptions) -> Panel:
    """Initialises the display and clears it. Raises PanelError."""
    return LumaPanel(options)
