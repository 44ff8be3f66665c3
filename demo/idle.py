"""A door where nobody holds up a code: the commonest clip of all.

`KINDS`: sensor noise alone; lamps on 100 Hz mains under a rolling shutter; daylight that
drifts; people who pass by.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Grey = npt.NDArray[np.uint8]

KINDS = ("noise", "flicker", "drift", "passers-by")
_MAINS_HZ = 100.0
_READOUT_S = 1 / 45  # from the first row of a frame to the last
_PASS_S, _EVERY_S = 2.5, 15.0  # how long somebody is in view, and how often


def clip(
    kind: str, seconds: float, fps: float, seed: int = 0, size: tuple[int, int] = (1280, 720)
) -> Iterator[Grey]:
    """Frames of `size` (width, height), uint8; the same for the same seed."""
    if kind not in KINDS:
        raise ValueError(f"no clip of kind {kind!r}; there are {', '.join(KINDS)}")
    rng = np.random.default_rng(seed)
    room = _room(size, rng)
    grain = Grain(size, rng)
    rows = np.arange(size[1], dtype=np.float32)[:, None] / size[1] * _READOUT_S
    for number in range(round(seconds * fps)):
        at = number / fps
        light = room
        if kind == "flicker":
            wave = np.sin(2 * np.pi * _MAINS_HZ * (at * 1.0007 + rows))
            light = light * (1 + np.float32(0.12) * wave.astype(np.float32))
        elif kind == "drift":
            light = light * np.float32(1 + 0.3 * np.sin(2 * np.pi * at / 40))
        elif kind == "passers-by" and at % _EVERY_S < _PASS_S:
            light = _with_person(light, at % _EVERY_S / _PASS_S)
        yield (light + grain.frame()).clip(0, 255).astype(np.uint8)


class Grain:
    """Sensor noise of `sigma` grey levels: a few frames of it, shown in turn and shifted, since
    noise that is made anew costs more than all else in a frame."""

    def __init__(self, size: tuple[int, int], rng: np.random.Generator, sigma: float = 3) -> None:
        self._rng = rng
        self._size = size[::-1]
        self._noise = [rng.normal(0, sigma, self._size).astype(np.float32) for _ in range(3)]
        self._number = 0

    def frame(self) -> npt.NDArray[np.float32]:
        """The noise of the next frame, shape (height, width)."""
        height, width = self._size
        shift = (int(self._rng.integers(height)), int(self._rng.integers(width)))
        noise = self._noise[self._number % len(self._noise)]
        self._number += 1
        return np.roll(noise, shift, (0, 1))


def _room(size: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Wall, door, shelves with goods; sharp, for the camera stands still."""
    width, height = size
    room = Image.new("L", size, 120)
    pen = ImageDraw.Draw(room)
    pen.rectangle((width * 0.6, height * 0.1, width * 0.8, height), 185)
    for i in range(4):
        y = height * (0.2 + 0.2 * i)
        for j in range(8):
            x, tall = width * (0.05 + 0.05 * j), height * rng.uniform(0.05, 0.14)
            pen.rectangle((x, y - tall, x + width * 0.04, y), int(rng.integers(40, 200)))
        pen.rectangle((width * 0.04, y, width * 0.47, y + height * 0.015), 70)
    return np.asarray(room.filter(ImageFilter.GaussianBlur(1.0)), np.float32)


def _with_person(light: npt.NDArray[np.float32], share: float) -> npt.NDArray[np.float32]:
    """Somebody in a striped shirt, `share` of the way across."""
    height, width = light.shape
    mask = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(mask)
    x, y, head = width * (1.4 * share - 0.2), height * 0.3, height * 0.12
    pen.ellipse((x - head, y - head * 1.2, x + head, y + head), 255)
    pen.rounded_rectangle((x - head * 2, y + head, x + head * 2, height), head, 255)
    solid = np.asarray(mask.filter(ImageFilter.GaussianBlur(2)), np.float32) / 255
    stripes = np.sin(np.arange(height, dtype=np.float32)[:, None] / 9) * 25 + 90
    return (light * (1 - solid) + stripes * solid).astype(np.float32)
