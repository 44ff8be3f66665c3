"""The serial driver on the real pyserial; a pseudo terminal is the line, its master end the
scanner."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers import driver
from drivers.reader import Alt, End, Reader, ReaderError, ReaderOptions, _gathering, serial_line
from drivers.reader._gathering import MAX_BYTES

NATIONAL = "001093029317|NGUYỄN VĂN ÁNH|1987-01-18|0|162979388586171100|".encode()
SILENCE_S = 0.2


class Line:
    """A scanner in our hands."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        self.device = os.ttyname(self._slave)
        self._readers: list[Reader] = []

    def opened(self, end: End = "cr", alt: Alt = "none", settled: bool = True) -> Reader:
        reader = serial_line.open_reader(ReaderOptions(self.device, 115200, end, alt))
        self._readers.append(reader)
        if settled:
            time.sleep(SILENCE_S)
            assert reader.read(0) is None
        return reader

    def send(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._master, data) :]

    def unplug(self) -> None:
        if self._master >= 0:
            os.close(self._slave)
            os.close(self._master)
            self._master = -1

    def close(self) -> None:
        for reader in self._readers:
            reader.close()
        self.unplug()


@pytest.fixture(autouse=True)
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_gathering, "SILENCE_S", SILENCE_S)


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.close()


def all_of(reader: Reader) -> list[bytes]:
    payloads = []
    while (payload := reader.read(0.1)) is not None:
        payloads.append(payload)
    return payloads


@pytest.mark.parametrize(
    ("end", "sent"),
    [
        ("cr", b"one\rtwo\r"),
        ("cr", b"one\r\ntwo\r\n"),
        ("cr", b"\r\rone\r\r\n\rtwo\r"),
        ("lf", b"one\ntwo\n"),
        ("lf", b"one\r\ntwo\r\n"),
        ("lf", b"\n\r\n\none\r\n\ntwo\n\r\n"),
        ("tab", b"one\ttwo\t"),
    ],
)
def test_what_ends_a_code_is_no_part_of_it(line: Line, end: End, sent: bytes) -> None:
    reader = line.opened(end)
    line.send(sent)
    assert all_of(reader) == [b"one", b"two"]
    for byte in sent:
        line.send(bytes([byte]))
        time.sleep(0.002)
    assert all_of(reader) == [b"one", b"two"]
    assert reader.dropped() == []


@pytest.mark.parametrize(
    ("end", "mark", "inside"),
    [("cr", b"\r", b"\n\t"), ("lf", b"\n", b"\r\t"), ("tab", b"\t", b"\r\n")],
)
def test_every_other_byte_is_the_codes_own(
    line: Line, end: End, mark: bytes, inside: bytes
) -> None:
    reader = line.opened(end)
    payload = bytes(byte for byte in range(256) if bytes([byte]) != mark) + inside + b"x"
    line.send(payload + mark)
    assert reader.read(1) == payload
    line.send(NATIONAL + mark)
    assert reader.read(1) == NATIONAL


def test_a_line_feed_is_part_of_the_end_right_after_cr_alone(line: Line) -> None:
    reader = line.opened()
    for pieces in ((b"a", b"\nb\r"), (b"\n", b"c", b"\nd\r")):
        for piece in pieces:
            line.send(piece)
            time.sleep(0.01)
            got = reader.read(0)
        assert got == (b"a\nb" if pieces[0] == b"a" else b"c\nd")
    reader.close()
    reader = line.opened("tab")
    line.send(b"one\t\ntwo\t")
    assert all_of(reader) == [b"one", b"\ntwo"]


def test_a_carriage_return_is_part_of_the_end_right_before_lf_alone(line: Line) -> None:
    reader = line.opened("lf")
    line.send(b"a\rb\r\r\n\rc\n")
    assert all_of(reader) == [b"a\rb\r", b"\rc"]
    for pieces in ((b"d\r", b"\n"), (b"d", b"\r", b"\n")):
        for piece in pieces:
            line.send(piece)
            time.sleep(0.01)
            got = reader.read(0)
        assert got == b"d"
    line.send(b"7" * MAX_BYTES + b"\r\n")
    assert reader.read(1) == b"7" * MAX_BYTES
    assert reader.dropped() == []


def test_a_line_that_is_opened_within_an_end_loses_no_code(line: Line) -> None:
    reader = line.opened(settled=False)
    line.send(b"\n")
    assert reader.read(SILENCE_S * 1.5) is None
    line.send(NATIONAL + b"\r\n")
    assert reader.read(1) == NATIONAL
    assert reader.dropped() == []


def test_a_stream_without_an_end_keeps_nobody_waiting(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = line.opened()
    monkeypatch.setattr(reader, "_receive", lambda _timeout: b"7")
    began = time.monotonic()
    assert reader.read(0.2) is None
    assert time.monotonic() - began < 1


def test_an_answer_need_not_wait_for_the_timeout(line: Line) -> None:
    reader = line.opened()
    line.send(NATIONAL + b"\r")
    began = time.monotonic()
    assert reader.read(5) == NATIONAL
    assert time.monotonic() - began < 0.5
    assert reader.read(0) is None
    began = time.monotonic()
    assert reader.read(0.3) is None
    assert 0.25 < time.monotonic() - began < 1


def test_pieces_make_one_code(line: Line) -> None:
    reader = line.opened()
    for n in range(0, len(NATIONAL), 7):
        assert reader.read(0) is None
        line.send(NATIONAL[n : n + 7])
        time.sleep(0.01)
    line.send(b"\r")
    assert reader.read(1) == NATIONAL


def test_a_code_with_a_silence_in_the_middle_is_dropped_whole(line: Line) -> None:
    reader = line.opened()
    for _ in range(2):
        line.send(NATIONAL[:8])
        assert reader.read(SILENCE_S * 1.5) is None
        line.send(NATIONAL[8:] + b"\r")
        assert reader.read(SILENCE_S * 1.5) is None, "the second half must not pass for a code"
        (why,) = reader.dropped()
        assert "no end of a code" in why
        line.send(NATIONAL + b"\r")
        assert reader.read(1) == NATIONAL
        assert reader.dropped() == []


def test_a_code_after_one_that_never_ended_is_dropped_with_it(line: Line) -> None:
    """Nobody can tell it from the first one's second half."""
    reader = line.opened()
    line.send(NATIONAL[:20])
    assert reader.read(SILENCE_S * 1.5) is None
    line.send(b"the next\r")
    assert reader.read(0.1) is None
    line.send(NATIONAL + b"\r")
    assert reader.read(1) == NATIONAL
    assert len(reader.dropped()) == 1


@pytest.mark.parametrize("begun", ["too long", "at opening"])
def test_a_silence_does_not_make_good_what_was_bad(line: Line, begun: str) -> None:
    reader = line.opened(settled=begun == "too long")
    line.send(b"7" * (MAX_BYTES // 2) if begun == "too long" else NATIONAL[:8])
    assert reader.read(0.05) is None
    if begun == "too long":
        line.send(b"7" * (MAX_BYTES // 2 + 9))
    assert reader.read(SILENCE_S * 1.5) is None
    line.send(NATIONAL[8:] + b"\r")
    assert reader.read(0.1) is None
    line.send(NATIONAL + b"\r")
    assert reader.read(1) == NATIONAL
    assert len(reader.dropped()) == 1


def test_a_silence_that_nobody_watched_joins_nothing(line: Line) -> None:
    reader = line.opened()
    line.send(b"fragment")
    assert reader.read(0.05) is None
    time.sleep(SILENCE_S * 1.5)
    line.send(b"a code of its own\r")
    line.send(b"next\r")
    assert all_of(reader) == [b"next"]
    assert ["busy" in why for why in reader.dropped()] == [True]


def test_whole_codes_wait_for_a_kiosk_that_is_busy(line: Line) -> None:
    reader = line.opened()
    line.send(b"one\r")
    time.sleep(SILENCE_S * 1.5)
    line.send(b"two\r")
    assert all_of(reader) == [b"one", b"two"]


def test_the_largest_code_passes_and_a_larger_one_is_dropped_whole(line: Line) -> None:
    reader = line.opened()
    for size, read in ((MAX_BYTES, True), (MAX_BYTES + 1, False), (100_000, False)):
        code = b"7" * size + b"\r"
        got = []
        for n in range(0, len(code), 2000):
            line.send(code[n : n + 2000])
            got.append(reader.read(0.01))
        got.append(reader.read(0.1))
        assert [payload for payload in got if payload] == ([code[:-1]] if read else [])
        assert len(reader.dropped()) == (not read)
    line.send(b"next\r")
    assert reader.read(1) == b"next"


def test_what_never_ends_is_told_once_and_takes_no_memory(line: Line) -> None:
    reader = line.opened()
    for _ in range(100):
        line.send(b"7" * 2000)
        assert reader.read(0.002) is None
    assert len(reader.dropped()) == 1


def test_a_rest_of_a_code_at_opening_is_no_code(line: Line) -> None:
    reader = line.opened(settled=False)
    line.send(NATIONAL[20:] + b"\r" + NATIONAL + b"\r")
    assert all_of(reader) == [NATIONAL]
    assert ["being opened" in why for why in reader.dropped()] == [True]


def test_what_was_scanned_before_it_was_open_is_forgotten(line: Line) -> None:
    line.send(b"old\r")
    assert all_of(line.opened()) == []


def test_unplugging_is_told(line: Line) -> None:
    reader = line.opened()
    line.unplug()
    with pytest.raises(ReaderError, match=r"broke while reading .*was it unplugged\?"):
        reader.read(1)
    reader.close()
    reader.close()
    with pytest.raises(ReaderError):
        reader.read(0)


def test_a_line_serves_one_alone(line: Line) -> None:
    first = line.opened()
    with pytest.raises(ReaderError, match="is it in use"):
        line.opened()
    first.close()
    second = line.opened()
    line.send(b"one\r")
    assert second.read(1) == b"one"


def test_what_is_no_line_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for device, why in (
        ("/dev/serial/by-id/nothing", "no scanner at .*: No such file"),
        ("", "^reader.device is empty; set it to one of /dev/serial/by-id$"),
        (str(tmp_path / "file"), "is no scanner device"),
        ("/dev/null", 'is no serial line .*; a scanner that types needs "keyboard"'),
    ):
        with pytest.raises(ReaderError, match=why) as caught:
            serial_line.open_reader(ReaderOptions(device, 9600, "cr", "none"))
        assert "in use" not in str(caught.value)


def test_a_speed_that_the_line_cannot_do_is_told(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    import serial

    def refuse(_self: object, _baud: int) -> None:
        raise ValueError("Failed to set custom baud rate")

    monkeypatch.setattr(serial.Serial, "_set_special_baudrate", refuse)
    with pytest.raises(ReaderError, match=r"does not open .*baud rate.*\)$"):
        serial_line.open_reader(ReaderOptions(line.device, 123457, "cr", "none"))


@pytest.mark.parametrize(("kind", "library"), [("serial_line", "serial"), ("keyboard", "evdev")])
def test_without_its_library_a_driver_says_what_to_install(kind: str, library: str) -> None:
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        f"from drivers.reader import ReaderOptions, {kind}\n"
        f"try: {kind}.open_reader(ReaderOptions('/dev/null', 9600, 'cr', 'none'))\n"
        "except OSError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert "/opt/kiosk/venv/bin/pip install 'SOURCE[reader]'" in done.stdout


def test_no_scanner_waits_and_has_nothing() -> None:
    reader: Reader = driver("reader", "none").open_reader(ReaderOptions("", 9600, "cr", "none"))
    began = time.monotonic()
    assert reader.read(0.1) is None
    assert time.monotonic() - began >= 0.1
    assert reader.dropped() == []
    reader.close()


def test_drivers_are_known_by_their_files() -> None:
    with pytest.raises(ValueError, match=r"expected one of keyboard, none, serial_line$"):
        driver("reader", "_keys")
