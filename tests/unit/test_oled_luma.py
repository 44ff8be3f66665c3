"""The real luma.oled, over smbus2 and spidev, against models of the controllers on the wire."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Callable, Iterator

import pytest
import smbus2
from gpiozero.pins.mock import MockFactory, MockPWMPin
from hypothesis import given, settings
from hypothesis import strategies as st
from luma.core.interface.serial import i2c
from luma.oled.device import ssd1306
from PIL import Image

from demo.panel_bus import I2cWire, SpiWire, Wire
from demo.panel_chips import MODULES, Chip, chip
from drivers.gpio import _factory
from drivers.oled import Panel, PanelError, PanelOptions, luma_i2c, luma_spi
from drivers.oled._luma import CONTROLLERS

DC, RESET = 24, 25
ALL = sorted(MODULES)


def options(controller: str = "ssd1306", height: int = 64, **more: object) -> PanelOptions:
    given = {"rotate": 0, "contrast": 200, "bus": 1, "address": 0x3C, "spi": (0, 0), "spi_mhz": 4}
    given |= {"pins": "mock", "dc": DC, "reset": RESET, "folder": ""}
    return PanelOptions(controller, 128, height, **(given | more))


def noise(seed: int = 3, height: int = 64) -> Image.Image:
    return Image.frombytes("1", (128, height), random.Random(seed).randbytes(16 * height))


def seen(wire: Wire) -> Image.Image:
    """The glass with its long side across."""
    assert wire.chip is not None
    glass = wire.chip.glass()
    return glass if glass.width == 128 else glass.transpose(Image.Transpose.ROTATE_90)


def dark(wire: Wire) -> bool:
    return seen(wire).getbbox() is None


def draw(panel: Panel, picture: Image.Image) -> None:
    panel.show(picture)
    while panel.step():
        pass


@pytest.fixture
def i2c_wire(monkeypatch: pytest.MonkeyPatch) -> I2cWire:
    wire = I2cWire(None)
    monkeypatch.setattr(smbus2, "SMBus", wire.smbus)
    return wire


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    errors = _factory.open_factory("mock").errors
    monkeypatch.setattr(_factory, "_mock", lambda: _factory.Factory(factory, errors))
    yield factory
    factory.reset()


@pytest.fixture
def spi_wire(pins: MockFactory, monkeypatch: pytest.MonkeyPatch) -> SpiWire:
    wire = SpiWire(None, lambda: bool(pins.pin(DC).state))
    monkeypatch.setitem(sys.modules, "spidev", wire.module())
    return wire


@pytest.fixture(params=["luma_i2c", "luma_spi"])
def plug(request: pytest.FixtureRequest) -> Callable[..., tuple[Wire, Panel]]:
    """Puts a module on a wire and opens it."""
    name = {"luma_i2c": "i2c_wire", "luma_spi": "spi_wire"}[request.param]
    wire: Wire = request.getfixturevalue(name)
    driver = {"luma_i2c": luma_i2c, "luma_spi": luma_spi}[request.param]

    def plug(controller: str = "ssd1306", height: int = 64, **more: object) -> tuple[Wire, Panel]:
        wire.chip = chip(controller, height)
        return wire, driver.open_panel(options(controller, height, **more))

    return plug


Plug = Callable[..., tuple[Wire, Panel]]


@pytest.mark.parametrize(("controller", "height"), ALL)
def test_the_model_shows_what_luma_draws(i2c_wire: I2cWire, controller: str, height: int) -> None:
    i2c_wire.chip = chip(controller, height)
    width, lines = i2c_wire.chip.module.width, i2c_wire.chip.module.height
    device = CONTROLLERS[controller].device(i2c(), width=width, height=lines)
    picture = Image.frombytes("1", (width, lines), random.Random(1).randbytes(width * lines // 8))
    device.display(picture)
    assert i2c_wire.chip.glass() == picture
    device.cleanup()


@pytest.mark.parametrize("rotate", [0, 180])
@pytest.mark.parametrize(("controller", "height"), ALL)
def test_point_by_point(plug: Plug, controller: str, height: int, rotate: int) -> None:
    wire, panel = plug(controller, height, rotate=rotate)
    assert wire.chip is not None
    assert wire.chip.on
    assert dark(wire), "the noise of power-on is gone"
    draw(panel, noise(height=height))
    assert seen(wire) == noise(height=height).rotate(rotate)
    panel.close()
    panel.close()
    assert not wire.chip.on
    wire.chip.on = wire.chip.pump = True
    assert dark(wire), "nothing old is left in its memory"
    assert wire.opened == 0


def test_every_controller_has_its_model() -> None:
    assert {controller for controller, _ in MODULES} == set(CONTROLLERS)


def test_only_what_changed_is_sent(plug: Plug) -> None:
    wire, panel = plug("sh1106")
    picture = noise()
    draw(panel, picture)
    before = wire.bytes
    draw(panel, picture)
    assert wire.bytes == before
    one = picture.copy()
    one.putpixel((77, 40), not one.getpixel((77, 40)))
    draw(panel, one)
    overhead = 2 * 2 if isinstance(wire, I2cWire) else 0  # addresses and control bytes
    assert wire.bytes - before == 3 + 1 + overhead
    assert seen(wire) == one


def pictures(height: int) -> st.SearchStrategy[Image.Image]:
    """Mostly dark or bright ones, with some rectangles."""
    edges = st.tuples(st.integers(0, 127), st.integers(0, height - 1), st.integers(1, 128))
    boxes = st.lists(st.tuples(edges, st.integers(1, height), st.booleans()), max_size=6)

    def painted(ground: bool, boxes: list[tuple[tuple[int, int, int], int, bool]]) -> Image.Image:
        picture = Image.new("1", (128, height), ground)
        for (left, top, width), tall, lit in boxes:
            picture.paste(lit, (left, top, min(128, left + width), min(height, top + tall)))
        return picture

    return st.builds(painted, st.booleans(), boxes)


KINDS = st.sampled_from(ALL)


@given(KINDS, st.data(), st.sampled_from([0, 180]))
@settings(max_examples=120, deadline=None)
def test_whatever_was_shown_the_glass_ends_with_the_last(
    kind: tuple[str, int], data: st.DataObject, rotate: int
) -> None:
    """Pictures replaced half way, refreshes in between, and power lost unnoticed."""
    wire = I2cWire(chip(*kind))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(smbus2, "SMBus", wire.smbus)
        panel = luma_i2c.open_panel(options(*kind, rotate=rotate))
    last = Image.new("1", (128, kind[1]))
    for _ in range(data.draw(st.integers(1, 8))):
        match data.draw(st.sampled_from(["show", "show", "refresh", "power", "contrast"])):
            case "show":
                last = data.draw(pictures(kind[1]))
                panel.show(last)
            case "refresh":
                panel.refresh()
            case "power":
                wire.chip.power_cycle()
                panel.refresh()
            case "contrast":
                panel.contrast(data.draw(st.integers(0, 255)))
        for _ in range(data.draw(st.integers(0, 12))):
            panel.step()
    panel.refresh()
    while panel.step():
        pass
    assert seen(wire) == last.rotate(rotate)
    panel.close()


@pytest.mark.parametrize(("controller", "height"), ALL)
def test_power_lost_and_back_unnoticed(plug: Plug, controller: str, height: int) -> None:
    """Dark until all of it is right."""
    wire, panel = plug(controller, height)
    draw(panel, noise(1, height))
    assert wire.chip is not None
    wire.chip.power_cycle()
    draw(panel, noise(2, height))
    assert dark(wire)
    panel.refresh()
    while panel.step():
        assert dark(wire)
    assert seen(wire) == noise(2, height)
    assert wire.chip.contrast == 200


def test_a_refresh_is_not_seen(plug: Plug) -> None:
    wire, panel = plug("ssd1306")
    draw(panel, noise())
    panel.refresh()
    while panel.step():
        assert seen(wire) == noise()


def test_no_step_takes_long(plug: Plug) -> None:
    """At most a page: 3.5 ms on I2C."""
    wire, panel = plug("ssd1306")
    panel.show(noise())
    panel.refresh()
    more = True
    while more:
        before = wire.seconds
        more = panel.step()
        assert wire.seconds - before < 0.0035


def test_a_picture_that_is_always_replaced_gets_everywhere(plug: Plug) -> None:
    wire, panel = plug("ssd1306")
    for seed in range(8):
        panel.show(noise(seed))
        panel.step()
    assert all(any(page) for page in _pages(wire.chip))


def _pages(chip: Chip | None) -> list[bytes]:
    assert chip is not None
    return [bytes(chip.ram[at : at + 128]) for at in range(0, 1024, 128)]


def test_what_replaces_it_comes_before_what_is_refreshed(plug: Plug) -> None:
    wire, panel = plug("ssd1306")
    panel.refresh()
    panel.show(noise())
    for _ in range(8):
        assert panel.step()
    assert seen(wire) == noise()


def test_brightness(plug: Plug) -> None:
    wire, panel = plug("sh1106", contrast=17)
    assert wire.chip is not None
    assert wire.chip.contrast == 17
    panel.contrast(90)
    wire.chip.power_cycle()
    panel.refresh()
    while panel.step():
        pass
    assert wire.chip.contrast == 90


def test_no_bus(i2c_wire: I2cWire) -> None:
    with pytest.raises(PanelError, match=r"/dev/i2c-3.*check its wiring"):
        luma_i2c.open_panel(options(bus=3))


def test_an_absent_panel_costs_one_transfer(
    i2c_wire: I2cWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[list[int]] = []
    write = i2c_wire.write
    monkeypatch.setattr(i2c_wire, "write", lambda a, message: (tried.append(message), write(a, [])))
    with pytest.raises(PanelError, match=r"ssd1306 at 0x3c on /dev/i2c-1: .*check its wiring"):
        luma_i2c.open_panel(options())
    assert tried == [[0x00, 0xE3]]
    assert i2c_wire.opened == 0


@pytest.mark.parametrize("driver", [luma_i2c, luma_spi])
def test_what_luma_does_not_know(driver: object, i2c_wire: I2cWire, spi_wire: SpiWire) -> None:
    i2c_wire.chip, spi_wire.chip = chip("ssd1306"), chip("ssd1306")
    with pytest.raises(PanelError, match="expected one of ssd1306, ssd1305, ssd1309"):
        driver.open_panel(options("hd44780"))
    with pytest.raises(PanelError, match="Unsupported display mode: 128 x 32; check"):
        driver.open_panel(options("ch1115", 32))
    assert i2c_wire.opened == spi_wire.opened == 0


def test_a_picture_of_another_size(plug: Plug) -> None:
    _, panel = plug("ssd1306", 32)
    with pytest.raises(PanelError, match="of 128 x 64 points, expected '1' of 128 x 32"):
        panel.show(noise())
    with pytest.raises(PanelError, match="found a picture 'L' of 128 x 32 points"):
        panel.show(Image.new("L", (128, 32)))


def test_wire_comes_loose_while_drawing_and_is_put_back(plug: Plug) -> None:
    wire, panel = plug("ssd1306")
    draw(panel, noise(1))
    wire.fails_after = 5
    panel.show(noise(2))
    with pytest.raises(PanelError, match="check its wiring"):
        while panel.step():
            pass
    with pytest.raises(PanelError):
        panel.close()
    panel.close()
    assert wire.opened == 0
    wire.fails_after = None
    told: list[Image.Image] = []
    wire.heard = lambda: told.append(seen(wire))
    driver = luma_i2c if isinstance(wire, I2cWire) else luma_spi
    panel = driver.open_panel(options())
    draw(panel, noise(3))
    assert seen(wire) == noise(3)
    lit = [glass for glass in told[1:] if glass.getbbox()]
    assert lit, "seen while it was drawn"
    strangers = [glass for glass in lit if not _part_of(glass, noise(3))]
    assert strangers == [], "nothing old"


def _part_of(part: Image.Image, whole: Image.Image) -> bool:
    from PIL import ImageChops

    return ImageChops.logical_and(part, whole) == part


def test_a_panel_that_keeps_failing_costs_no_memory(i2c_wire: I2cWire) -> None:
    before = {id(device) for device in _devices()}
    for fails_after in range(6):  # at each step of luma's start
        i2c_wire.chip = chip("ssd1306")
        i2c_wire.fails_after = fails_after
        with pytest.raises(PanelError):
            luma_i2c.open_panel(options())
    assert i2c_wire.opened == 0
    assert [device for device in _devices() if id(device) not in before] == []


def _devices() -> list[object]:
    gc.collect()
    return [d for d in gc.get_objects() if isinstance(d, ssd1306) and vars(d)]


def test_spi_that_is_not_there(spi_wire: SpiWire, pins: MockFactory) -> None:
    with pytest.raises(PanelError, match=r"/dev/spidev1.0, D/C on pin 24: SPI device not found"):
        luma_spi.open_panel(options(spi=(1, 0)))
    pins.pin(DC)
    panel = luma_spi.open_panel(options())  # the pins were given back
    panel.close()


def test_spi_without_its_library(pins: MockFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spidev", None)
    with pytest.raises(PanelError, match=r"^spidev cannot be imported .*SOURCE\[pi\]"):
        luma_spi.open_panel(options())


def test_spi_pin_that_is_taken(spi_wire: SpiWire) -> None:
    with pytest.raises(PanelError, match=r"D/C on pin 25: .*GPIO25"):
        luma_spi.open_panel(options(dc=RESET))


def test_spi_resets_where_the_pin_is_connected(spi_wire: SpiWire, pins: MockFactory) -> None:
    spi_wire.chip = chip("sh1106")
    panel = luma_spi.open_panel(options("sh1106"))
    assert [state for _, state in pins.pin(RESET).states] == [False, True]
    assert spi_wire.hz == 4_000_000
    panel.close()
    panel = luma_spi.open_panel(options("sh1106", reset=None))
    draw(panel, noise())
    assert seen(spi_wire) == noise()


def test_spi_that_was_unplugged_for_a_while(spi_wire: SpiWire) -> None:
    """Nobody can notice; the next refresh mends it."""
    spi_wire.chip = chip("sh1106")
    panel = luma_spi.open_panel(options("sh1106"))
    draw(panel, noise(1))
    spi_wire.plugged = False
    draw(panel, noise(2))
    spi_wire.plugged = True
    assert seen(spi_wire) == noise(1)
    panel.refresh()
    while panel.step():
        pass
    assert seen(spi_wire) == noise(2)
