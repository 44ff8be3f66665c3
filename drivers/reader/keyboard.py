"""A scanner that types ("keyboard wedge", USB HID keyboard), as an event device of Linux.

The device is taken for the kiosk alone, so nothing is typed into a console. A thread takes
the keys as they come: the kernel keeps about ten, and tells when it had to drop some.
"""

from __future__ import annotations

import os
import queue
import select
import threading
import time
from typing import Any

from drivers import device_problem, missing
from drivers.reader import Reader, ReaderError, ReaderOptions, not_open
from drivers.reader._gathering import SILENCE_S, Gathering
from drivers.reader._keys import Keys

_WAITING = 16  # payloads that nobody took yet


def open_reader(options: ReaderOptions) -> Reader:
    """Raises ReaderError when evdev is not installed, or no keyboard is there or it is busy."""
    return _Keyboard(options)


class _Keyboard:
    def __init__(self, options: ReaderOptions) -> None:
        try:
            import evdev
        except ImportError as error:
            raise ReaderError(missing("evdev", error, "reader")) from error
        self._device = _taken(evdev, options.device)
        self._gathering = Gathering(time.monotonic())
        self._keys = Keys(self._gathering, options.end, options.alt)
        self._ready: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._problem = ""
        self._closed = False
        self._wake, self._woken = os.pipe2(os.O_CLOEXEC)
        self._listener = threading.Thread(target=self._listen, name="keyboard", daemon=True)
        self._listener.start()

    def read(self, timeout: float) -> bytes | None:
        if self._problem and self._ready.empty():
            raise ReaderError(self._problem)
        try:
            payload = self._ready.get(timeout=timeout) if timeout > 0 else self._ready.get_nowait()
        except queue.Empty:
            return None
        if payload is None:  # put there to end the wait
            raise ReaderError(self._problem)
        return payload

    def _listen(self) -> None:
        try:
            while self._took():
                pass
            return
        except OSError as error:
            self._problem = f"{self._device.path} broke while reading ({error}); was it unplugged?"
        except Exception as error:  # noqa: BLE001 - told by read(); its words might quote keys
            self._problem = f"the keyboard's reader died of {type(error).__name__}; report it"
        if not self._ready.full():  # else nobody waits
            self._ready.put_nowait(None)

    def _took(self) -> bool:
        """Takes what is there; False once it is closed."""
        ready = select.select([self._device, self._wake], [], [], SILENCE_S)[0]
        now = time.monotonic()
        if self._wake in ready:
            return False
        if not ready:
            self._keys.quiet(now)
            return True
        try:
            events = list(self._device.read())
        except BlockingIOError:  # woken for nothing
            return True
        if not events:
            raise OSError("it ended")
        for event in events:
            payload = self._keys.event(event.type, event.code, event.value, now)
            if payload is not None:
                self._offer(payload)
        return True

    def _offer(self, payload: bytes) -> None:
        try:
            self._ready.put_nowait(payload)
        except queue.Full:
            self._gathering.drop("codes came faster than they could be answered")

    def dropped(self) -> list[str]:
        return self._gathering.dropped()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._problem = self._problem or "the external scanner is closed"
        os.write(self._woken, b"!")
        self._listener.join()
        os.close(self._wake)
        os.close(self._woken)
        self._device.close()


def _taken(evdev: Any, path: str) -> Any:
    """The open device, taken for this process alone, its caps lock off. Raises ReaderError."""
    problem = device_problem("scanner", path, "reader.device", "/dev/input/by-id")
    if problem:
        raise ReaderError(problem)
    device: Any = None
    try:
        device = evdev.InputDevice(path)
        _take(device, evdev.ecodes)
    except (OSError, evdev.device.EvdevError) as error:
        if device is not None:
            device.close()
        raise not_open(
            path, "input device", error, 'a scanner on a serial line needs "serial_line"'
        ) from error
    return device


def _take(device: Any, codes: Any) -> None:
    keys = device.capabilities().get(codes.EV_KEY, ())
    if codes.KEY_A not in keys or codes.KEY_ENTER not in keys:
        raise OSError("it has no letters; those that have are named ...-event-kbd")
    device.grab()
    # A scanner that looks at this lamp turns shift around while it is lit.
    if codes.LED_CAPSL in device.leds():
        device.set_led(codes.LED_CAPSL, 0)
