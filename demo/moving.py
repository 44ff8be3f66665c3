"""Held things that move before the camera: where they are, and how that blurs them.

A thing is drawn once; each frame then takes it at the places it passes through while the
shutter is open. Only what a screen shows by itself (a page that scrolls) is drawn anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from demo.scenes import Held, Point, Rng, Size, project, projection, seen, soften

Light = npt.NDArray[np.float32]
Path = Callable[[float], Point]
"""Where the middle of a thing is at a time (seconds), in pixels of the frame."""

_DARK = 18  # grey level of a screen that is off
_SEEN_LIT = 0.5  # a screen that is darker shows no code yet
_SMOOTH = 3  # pixels of movement up to which places between pixels count


class Mark(NamedTuple):
    """A code in a frame and its four corners, shape (4, 2)."""

    payload: bytes
    corners: npt.NDArray[np.float64]

    def inside(self, size: Size) -> bool:
        """Whether it is whole in a frame of `size`."""
        return bool((self.corners >= 0).all() and (self.corners <= np.array(size) - 1).all())

    def covered(self, mask: Light) -> bool:
        """Whether something lies on it: `mask` is 1 where that is solid."""
        left, top = np.maximum(self.corners.min(axis=0), 0).astype(int)
        right, bottom = np.maximum(self.corners.max(axis=0), 0).astype(int)
        return bool((mask[top:bottom, left:right] > 0.05).any())


class Layer(NamedTuple):
    """A thing in one frame: its light where it is solid, else 0; how solid it is, 0 to 1; and
    the codes on it that are bright enough to be seen. Arrays (height, width)."""

    light: Light
    mask: Light
    marks: list[Mark]


class Moving(Protocol):
    """Something that `demo.clips` puts before the camera."""

    def layer(self, at: float, shutter_s: float, size: Size) -> Layer: ...


class Thing:
    """A held thing that is carried about; `lit` says how bright its screen is at a time, 0 (off)
    to 1."""

    def __init__(
        self,
        held: Held,
        payload: bytes,
        turn: npt.NDArray[np.float64],
        path: Path,
        blur: float,
        lit: Callable[[float], float] = lambda _at: 1.0,
    ) -> None:
        self._path, self._lit, self._payload = path, lit, payload
        held = soften(held)
        width, height = held.picture.size
        edge = seen(held, turn, (0, 0), [(0, 0), (width, 0), (width, height), (0, height)])
        low, high = np.floor(edge.min(axis=0)) - 4, np.ceil(edge.max(axis=0)) + 4
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        self._middle = (-float(low[0]), -float(low[1]))
        self._corners = seen(held, turn, (0, 0), _square(held.focus, held.side))
        self._on, self._mask = _sprite(held, turn, self._middle, size, blur)
        self._off = self._on
        if held.glass:
            off = held.picture.copy()
            ImageDraw.Draw(off).rectangle(held.glass, _DARK)
            dark = held._replace(picture=off)
            self._off, _ = _sprite(dark, turn, self._middle, size, blur)

    def layer(self, at: float, shutter_s: float, size: Size) -> Layer:
        lit = self._lit(at)
        source = (
            self._on if lit == 1 else self._on * np.float32(lit) + self._off * (np.float32(1 - lit))
        )
        light, mask = (np.zeros(size[::-1], np.float32) for _ in range(2))
        for (x, y), share in _places(self._path, at, shutter_s):
            left, top = x - round(self._middle[0]), y - round(self._middle[1])
            here, there = _overlap((left, top), self._mask.shape, light.shape)
            light[here] += source[there] * share
            mask[here] += self._mask[there] * share
        mark = Mark(self._payload, self._corners + self._path(at + shutter_s / 2))
        return Layer(light, mask, [mark] if lit >= _SEEN_LIT else [])


class Scrolling:
    """A phone that lies still while a page moves up its screen. `codes`: payload, side, and the
    middle of each on the page, in pixels of its picture."""

    def __init__(
        self,
        held: Held,
        page: Image.Image,
        codes: Sequence[tuple[bytes, float, tuple[float, float]]],
        turn: npt.NDArray[np.float64],
        centre: Point,
        blur: float,
        offset: Callable[[float], float],
        bar: int,
    ) -> None:
        """`offset`: pixels of the page above the window at a time; `bar`: pixels of the screen
        above the window."""
        self._held, self._codes, self._offset = soften(held), codes, offset
        self._page = soften(held._replace(picture=page)).picture
        self._turn, self._centre, self._blur = turn, centre, blur
        left, top, right, bottom = (round(edge) for edge in held.glass)
        self._window = (left, top + bar, right, bottom)
        self._shown: tuple[int, Light] | None = None
        self._solid: tuple[Image.Image, Light] | None = None  # it lies still

    def layer(self, at: float, shutter_s: float, size: Size) -> Layer:
        left, top, right, bottom = self._window
        offset, tall = round(self._offset(at)), bottom - top
        if self._solid is None:
            mask = project(self._held, self._turn, self._centre, size)[1]
            self._solid = mask, _blurred(mask, self._blur) / np.float32(255)
        if self._shown is None or self._shown[0] != offset:
            picture = self._held.picture.copy()
            picture.paste(self._page.crop((0, offset, right - left, offset + tall)), (left, top))
            back = projection(self._held, self._turn, self._centre)
            flat = picture.transform(
                size, Image.Transform.PERSPECTIVE, back, Image.Resampling.BICUBIC
            )
            self._shown = offset, _blurred(_alone(flat, self._solid[0]), self._blur)
        marks = []
        for payload, side, (x, y) in self._codes:
            if offset <= y - side / 2 and y + side / 2 <= offset + tall:
                square = _square((left + x, top + y - offset), side)
                marks.append(Mark(payload, seen(self._held, self._turn, self._centre, square)))
        return Layer(self._shown[1], self._solid[1], marks)


def _sprite(
    held: Held, turn: npt.NDArray[np.float64], centre: Point, size: Size, blur: float
) -> tuple[Light, Light]:
    """Light and mask of a picture of `size` with the middle of a thing, which is softened
    already, in `centre`."""
    picture, mask = project(held, turn, centre, size)
    return _blurred(_alone(picture, mask), blur), _blurred(mask, blur) / np.float32(255)


def _alone(picture: Image.Image, mask: Image.Image) -> Image.Image:
    return Image.composite(picture, Image.new("L", picture.size, 0), mask)


def _blurred(picture: Image.Image, blur: float) -> Light:
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(blur)), np.float32)


def _square(middle: Sequence[float], side: float) -> npt.NDArray[np.float64]:
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    return np.asarray(middle) + corners * side


def _places(
    path: Path, at: float, shutter_s: float
) -> Iterator[tuple[tuple[int, int], np.float32]]:
    """The whole pixels that the middle passes while the shutter is open, each with its share
    of the time."""
    ends = np.array([path(at), path(at + shutter_s)])
    far = float(np.abs(ends[1] - ends[0]).max())
    shares: dict[tuple[int, int], float] = defaultdict(float)
    steps = max(2, round(far) + 1)
    for k in range(steps):
        x, y = path(at + shutter_s * k / (steps - 1))
        if far > _SMOOTH:
            shares[round(x), round(y)] += 1 / steps
            continue
        left, top = int(np.floor(x)), int(np.floor(y))
        for i, wx in enumerate((left + 1 - x, x - left)):
            for j, wy in enumerate((top + 1 - y, y - top)):
                shares[left + i, top + j] += wx * wy / steps
    for place, share in shares.items():
        yield place, np.float32(share)


Region = tuple[slice, slice]


def _overlap(
    corner: tuple[int, int], inner: tuple[int, ...], outer: tuple[int, ...]
) -> tuple[Region, Region]:
    """Where a picture of shape `inner` with its first pixel at `corner` (x, y) meets one of
    shape `outer`: in the outer, and in the inner."""
    here, there = [], []
    for start, length, room in zip(corner[::-1], inner, outer, strict=True):
        low, high = min(max(0, start), room), min(max(0, start + length), room)
        here.append(slice(low, high))
        there.append(slice(low - start, high - start))
    return (here[0], here[1]), (there[0], there[1])


def smooth(share: float) -> float:
    """How far a hand has come after `share` of its time: slow, fast, slow (minimum jerk)."""
    u = min(max(share, 0.0), 1.0)
    return u**3 * (10 - 15 * u + 6 * u * u)


def visits(
    rest: Point, outside: Point, spans: Sequence[tuple[float, float]], slide_s: float
) -> Path:
    """Comes from `outside` to `rest` at the beginning of each span and goes back at its end."""

    def path(at: float) -> Point:
        share = 0.0
        for begin, end in spans:
            share += smooth((at - begin) / slide_s) - smooth((at - end) / slide_s)
        return (
            outside[0] + (rest[0] - outside[0]) * share,
            outside[1] + (rest[1] - outside[1]) * share,
        )

    return path


def trembling(path: Path, pixels: float, rng: Rng, jerks: Sequence[float] = ()) -> Path:
    """A hand's tremor on top: up to about `pixels` at 4 to 10 Hz, and at each time in `jerks` a
    start that blurs a frame or two."""
    hertz = rng.uniform(4, 10, (3, 2))
    phase = rng.uniform(0, 2 * np.pi, (3, 2))
    angles = rng.uniform(0, 2 * np.pi, len(jerks))
    reaches = rng.uniform(40, 70, len(jerks))

    def path_with(at: float) -> Point:
        x, y = path(at)
        dx, dy = (np.sin(2 * np.pi * hertz * at + phase).sum(axis=0) * pixels / 2).tolist()
        for begin, angle, reach in zip(jerks, angles, reaches, strict=True):
            share = (at - begin) / 0.18
            if 0 < share < 1:
                dx += reach * np.sin(np.pi * share) * np.cos(angle)
                dy += reach * np.sin(np.pi * share) * np.sin(angle)
        return x + float(dx), y + float(dy)

    return path_with
