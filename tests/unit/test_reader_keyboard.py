"""The keyboard driver on the real evdev library, which reads real input events; a socket stands
for the device, since the kernel here may have none."""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator

import evdev
import pytest
from evdev import ecodes

from drivers.reader import Alt, Reader, ReaderError, ReaderOptions, _gathering, keyboard

EVENT = struct.Struct("llHHi")  # struct input_event
DEVICE = "/dev/null"  # any device that is there
SILENCE_S = 0.2
LETTERS = {"a": ecodes.KEY_A, "b": ecodes.KEY_B, "\r": ecodes.KEY_ENTER}


class Wedge(evdev.InputDevice[str]):
    """A device whose other end is in our hands; all that asks the kernel is recorded."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.scanner, mine = socket.socketpair()
        mine.setblocking(False)
        self.fd = mine.detach()
        self.keys = [ecodes.KEY_A, ecodes.KEY_ENTER]
        self.lit = [ecodes.LED_CAPSL]
        self.done: list[str] = []
        self.refuse: OSError | None = None

    def capabilities(self, *_: object, **__: object) -> dict[int, list[int]]:
        return {ecodes.EV_KEY: self.keys}

    def grab(self) -> None:
        if self.refuse:
            raise self.refuse
        self.done.append("grabbed")

    def leds(self, *_: object) -> list[int]:
        return self.lit

    def set_led(self, led_num: int, value: int) -> None:
        self.done.append(f"led {led_num} {value}")

    def types(self, text: str) -> None:
        for letter in text:
            for value in (1, 0):
                self.event(ecodes.EV_KEY, LETTERS[letter], value)
                self.event(ecodes.EV_SYN, ecodes.SYN_REPORT, 0)

    def event(self, *of: int) -> None:
        self.scanner.send(EVENT.pack(1, 2, *of))


@pytest.fixture
def wedge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wedge]:
    monkeypatch.setattr(_gathering, "SILENCE_S", SILENCE_S)
    monkeypatch.setattr(keyboard, "SILENCE_S", SILENCE_S)
    wedge = Wedge(DEVICE)
    monkeypatch.setattr(evdev, "InputDevice", lambda _path: wedge)
    yield wedge
    wedge.scanner.close()


def opened(alt: Alt = "none") -> Reader:
    return keyboard.open_reader(ReaderOptions(DEVICE, 9600, "cr", alt))


@pytest.fixture
def reader(wedge: Wedge) -> Iterator[Reader]:
    reader = opened()
    time.sleep(SILENCE_S * 1.5)
    yield reader
    reader.close()


def test_a_payload_comes_while_it_is_waited_for(wedge: Wedge, reader: Reader) -> None:
    assert wedge.done == ["grabbed", f"led {ecodes.LED_CAPSL} 0"]
    threading.Timer(0.1, wedge.types, ["ab\r"]).start()
    began = time.monotonic()
    assert reader.read(5) == b"ab"
    assert 0.05 < time.monotonic() - began < 1
    assert reader.read(0) is None


def test_payloads_wait_in_their_order(wedge: Wedge, reader: Reader) -> None:
    wedge.types("a\rab\rb\r")
    assert [reader.read(1) for _ in range(3)] == [b"a", b"ab", b"b"]


def test_keys_are_taken_while_nobody_reads(wedge: Wedge, reader: Reader) -> None:
    wedge.types("ab")
    time.sleep(SILENCE_S * 1.5)
    wedge.types("b\rab\r")
    assert reader.read(1) == b"ab"
    assert ["no end" in why for why in reader.dropped()] == [True]


def test_more_payloads_than_are_taken_are_dropped_and_told(wedge: Wedge, reader: Reader) -> None:
    wedge.types("a\r" * 20)
    time.sleep(0.2)
    got = [reader.read(0.1) for _ in range(20)]
    assert got == [b"a"] * keyboard._WAITING + [None] * (20 - keyboard._WAITING)
    assert len(reader.dropped()) == 20 - keyboard._WAITING


def test_lost_keys_are_told(wedge: Wedge, reader: Reader) -> None:
    wedge.types("a")
    wedge.event(ecodes.EV_SYN, ecodes.SYN_DROPPED, 0)
    wedge.types("b\r")
    assert reader.read(0.1) is None
    assert reader.dropped() == ["keys came faster than they could be taken"]
    wedge.types("ab\r")
    assert reader.read(1) == b"ab"


def test_unplugging_ends_a_wait(wedge: Wedge, reader: Reader) -> None:
    wedge.types("a\r")
    threading.Timer(0.1, wedge.scanner.close).start()
    assert reader.read(1) == b"a"
    for _ in range(2):
        with pytest.raises(ReaderError, match=r"broke while reading .*was it unplugged\?"):
            reader.read(5)


def test_a_reader_that_dies_of_anything_is_told_without_a_key(
    wedge: Wedge, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret keys")

    monkeypatch.setattr(keyboard.Keys, "event", broken)
    threading.Timer(0.1, wedge.types, ["a"]).start()
    began = time.monotonic()
    with pytest.raises(ReaderError, match="died of RuntimeError; report it") as caught:
        reader.read(5)
    assert time.monotonic() - began < 3
    assert "secret" not in str(caught.value)


def test_a_wake_up_for_nothing_is_no_fault(
    wedge: Wedge, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, woken = Wedge.read, []

    def nothing_at_first(device: Wedge) -> object:
        if not woken:
            woken.append(True)
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return read(device)

    monkeypatch.setattr(Wedge, "read", nothing_at_first)
    wedge.types("ab\r")
    assert reader.read(1) == b"ab"
    assert woken


def test_it_closes_at_once_and_twice(wedge: Wedge, reader: Reader) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    began = time.monotonic()
    reader.close()
    reader.close()
    assert time.monotonic() - began < SILENCE_S
    assert len(os.listdir("/proc/self/fd")) == before - 3  # noqa: PTH208
    with pytest.raises(ReaderError, match="closed"):
        reader.read(1)


def test_closing_an_unplugged_one_leaves_nothing_open(wedge: Wedge, reader: Reader) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    wedge.scanner.close()
    with pytest.raises(ReaderError):
        reader.read(5)
    reader.close()
    assert len(os.listdir("/proc/self/fd")) == before - 4  # noqa: PTH208


def test_a_device_in_use_is_told_and_let_go(wedge: Wedge) -> None:
    wedge.refuse = OSError(errno.EBUSY, "Device or resource busy")
    with pytest.raises(ReaderError, match=r"busy.*is it in use"):
        opened()
    assert wedge.fd == -1


def test_a_device_without_letters_is_told(wedge: Wedge) -> None:
    wedge.keys = [ecodes.BTN_LEFT]
    with pytest.raises(ReaderError, match="no letters"):
        opened()


def test_a_caps_lock_lamp_that_cannot_be_put_out_is_told(
    wedge: Wedge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise evdev.device.EvdevError("no write access")

    monkeypatch.setattr(Wedge, "set_led", refused)
    with pytest.raises(ReaderError, match="no write access"):
        opened()


@pytest.mark.parametrize(
    ("device", "why"),
    [
        ("/dev/input/by-id/nothing", "no scanner at .*: No such file"),
        ("", "^reader.device is empty; set it to one of /dev/input/by-id$"),
        ("/dev/null", 'is no input device .*; a scanner on a serial line needs "serial_line"'),
        ("/dev/ptmx", "is no input device"),
    ],
)
def test_what_is_no_scanner_is_told(device: str, why: str) -> None:
    with pytest.raises(ReaderError, match=why) as caught:
        keyboard.open_reader(ReaderOptions(device, 9600, "cr", "none"))
    assert "in use" not in str(caught.value)
