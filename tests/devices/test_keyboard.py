"""The driver for scanners that type, on the real keyboards of a real kernel, which `uinput`
makes; `make test-devices` runs it."""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from string import ascii_lowercase, digits

import pytest

if "DEVICES_MACHINE" not in os.environ:
    pytest.skip("needs the kernel's virtual keyboards: make test-devices", allow_module_level=True)

import evdev

from drivers.reader import Alt, Reader, ReaderError, ReaderOptions, keyboard

CODES = evdev.ecodes
EVENT = struct.Struct("llHHi")  # struct input_event
PATIENCE_S = 10.0
OPENING_S = 1.3  # a code that comes sooner may have begun before the device was open
PLAIN = {sign: CODES.ecodes[f"KEY_{sign.upper()}"] for sign in ascii_lowercase + digits}
PLAIN |= {"-": CODES.KEY_MINUS, " ": CODES.KEY_SPACE, "/": CODES.KEY_SLASH}
SHIFTED = {"|": CODES.KEY_BACKSLASH, ":": CODES.KEY_SEMICOLON, "{": CODES.KEY_LEFTBRACE}
PERSON = "001093029317|NGUYEN VAN A|1987-01-18|0|162979388586171100|"


class Wedge:
    """A scanner that types, plugged in."""

    def __init__(self, keys: list[int] | None = None) -> None:
        every = range(CODES.KEY_ESC, CODES.KEY_COMPOSE)
        self._keys = evdev.UInput({CODES.EV_KEY: keys or every}, name="wedge")
        self.path: str = self._keys.device.path

    def key(self, code: int, down: bool) -> None:
        self._keys.write(CODES.EV_KEY, code, int(down))
        self._keys.syn()

    def press(self, code: int) -> None:
        self.key(code, True)
        self.key(code, False)

    def type(self, text: str) -> None:
        """As a scanner does, one report of USB after the other; ends with Enter."""
        for letter in text:
            if not letter.isascii():
                self._number(ord(letter))
            elif letter.isupper() or letter in SHIFTED:
                self.key(CODES.KEY_LEFTSHIFT, True)
                self.press(SHIFTED.get(letter) or PLAIN[letter.lower()])
                self.key(CODES.KEY_LEFTSHIFT, False)
            else:
                self.press(PLAIN[letter])
            time.sleep(0.003)
        self.press(CODES.KEY_ENTER)

    def _number(self, number: int) -> None:
        self.key(CODES.KEY_LEFTALT, True)
        for digit in str(number):
            self.press(CODES.ecodes[f"KEY_KP{digit}"])
        self.key(CODES.KEY_LEFTALT, False)

    def type_at_once(self, text: str) -> None:
        """More than any buffer of the kernel holds, before anybody can read it."""
        events = b""
        for sign in text:
            for down in (1, 0):
                events += EVENT.pack(0, 0, CODES.EV_KEY, PLAIN[sign], down)
                events += EVENT.pack(0, 0, CODES.EV_SYN, CODES.SYN_REPORT, 0)
        os.write(self._keys.fd, events)
        self.press(CODES.KEY_ENTER)

    def unplug(self) -> None:
        self._keys.close()


@pytest.fixture
def wedge() -> Iterator[Wedge]:
    wedge = Wedge()
    yield wedge
    wedge.unplug()


@pytest.fixture
def opened() -> Iterator[Callable[..., Reader]]:
    readers: list[Reader] = []

    def opened(wedge: Wedge, alt: Alt = "none") -> Reader:
        readers.append(keyboard.open_reader(ReaderOptions(wedge.path, 9600, "cr", alt)))
        time.sleep(OPENING_S)
        return readers[-1]

    yield opened
    for reader in readers:
        reader.close()


def test_codes_are_read_byte_by_byte(wedge: Wedge, opened: Callable[..., Reader]) -> None:
    reader = opened(wedge)
    assert reader.read(0.2) is None
    for payload in (PERSON, "HC1:6BF a/b{Z", "0"):
        wedge.type(payload)
        assert reader.read(PATIENCE_S) == payload.encode()
    assert reader.read(0.2) is None
    assert reader.dropped() == []


def test_letters_with_marks_are_numbers(wedge: Wedge, opened: Callable[..., Reader]) -> None:
    reader = opened(wedge, "unicode")
    wedge.type("Nguyễn Thị Ánh|0")
    assert reader.read(PATIENCE_S) == "Nguyễn Thị Ánh|0".encode()
    assert reader.dropped() == []


def test_what_is_typed_reaches_nobody_else(wedge: Wedge, opened: Callable[..., Reader]) -> None:
    other = evdev.InputDevice(wedge.path)
    reader = opened(wedge)
    wedge.type(PERSON)
    assert reader.read(PATIENCE_S) == PERSON.encode()
    assert not select.select([other], [], [], 0.5)[0]
    with pytest.raises(ReaderError, match="is it in use"):
        opened(wedge)
    reader.close()
    reader.close()
    wedge.type("0")
    assert select.select([other], [], [], PATIENCE_S)[0], "released"
    other.close()


def test_a_code_of_which_the_kernel_lost_keys_is_dropped(
    wedge: Wedge, opened: Callable[..., Reader]
) -> None:
    reader = opened(wedge)
    for _ in range(3):
        wedge.type_at_once("0123456789" * 100)
        assert reader.read(2 * OPENING_S) is None  # long enough to be a silence, too
        assert any("keys came faster than they could be taken" in why for why in reader.dropped())
        wedge.type(PERSON)
        assert reader.read(PATIENCE_S) == PERSON.encode()


def test_a_scanner_that_is_pulled_out_is_told(opened: Callable[..., Reader]) -> None:
    wedge = Wedge()
    reader = opened(wedge)
    wedge.type("0")
    assert reader.read(PATIENCE_S) == b"0"
    wedge.unplug()
    began = time.monotonic()
    with pytest.raises(ReaderError, match="was it unplugged"):
        reader.read(PATIENCE_S)
    assert time.monotonic() - began < 3
    assert not Path(wedge.path).exists()
    with pytest.raises(ReaderError, match="No such file"):
        opened(wedge)
    reader.close()
    again = Wedge()
    second = opened(again)
    again.type("1")
    assert second.read(PATIENCE_S) == b"1"
    again.unplug()


def test_what_has_no_letters_is_refused(opened: Callable[..., Reader]) -> None:
    button = Wedge([CODES.KEY_POWER])
    with pytest.raises(ReaderError, match="no letters"):
        opened(button)
    button.unplug()


def test_closing_leaks_nothing(wedge: Wedge) -> None:
    def files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = files()
    for _ in range(5):
        keyboard.open_reader(ReaderOptions(wedge.path, 9600, "cr", "none")).close()
    assert files() == before
