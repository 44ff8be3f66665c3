"""Hard scenes: codes as doors really see them, one trouble at a time, stronger by degrees.

Each scene is a code on a phone's screen or on paper, projected into an unsharp room. The
trouble stands in `KINDS`; `degree` 0 is mild, 1 is where a good eye begins to fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import segno
from PIL import Image, ImageDraw, ImageFilter

Grey = npt.NDArray[np.uint8]
Light = npt.NDArray[np.float32]
Rng = np.random.Generator

_QUIET = 4  # modules of white around a code, ISO/IEC 18004
_FINE = 8  # pixels per module of the flat drawing


class Scene(NamedTuple):
    """`grey`: uint8 (height, width); `payload` is what the code in it says."""

    kind: str
    degree: float
    payload: bytes
    grey: Grey


class _Look(NamedTuple):
    """How the code is held: pixels per module, tilt in degrees, levels of black and white."""

    pitch: float
    tilt: float
    black: int
    white: int


def _usual(rng: Rng, degree: float) -> _Look:
    return _Look(rng.uniform(3.6, 5.0), rng.uniform(0, 12), 25, 230)


def _tiny(rng: Rng, degree: float) -> _Look:
    return _usual(rng, degree)._replace(pitch=3.0 - degree)


def _tilted(rng: Rng, degree: float) -> _Look:
    return _usual(rng, degree)._replace(tilt=30 + 32 * degree)


def _pale(rng: Rng, degree: float) -> _Look:
    """Low contrast: a worn print, a dimmed screen."""
    middle, half = rng.uniform(60, 190), 40 - 33 * degree
    return _usual(rng, degree)._replace(black=round(middle - half), white=round(middle + half))


def _inverted(rng: Rng, degree: float) -> _Look:
    """Dark mode: light modules on a dark screen."""
    return _usual(rng, degree)._replace(black=round(235 - 90 * degree), white=22)


def _nothing(light: Light, box: Light, rng: Rng, degree: float) -> Light:
    return light


def _blur(light: Light, box: Light, rng: Rng, degree: float) -> Light:
    return _smooth(light, 1.0 + 1.5 * degree)


def _motion(light: Light, box: Light, rng: Rng, degree: float) -> Light:
    """The average over a straight path of 3 to 9 pixels."""
    steps, angle = round(3 + 6 * degree), rng.uniform(0, np.pi)
    path = np.linspace(-0.5, 0.5, steps) * steps
    shifted = [
        np.roll(light, (round(s * np.sin(angle)), round(s * np.cos(angle))), (0, 1)) for s in path
    ]
    return _light(np.mean(shifted, axis=0))


def _glare(light: Light, box: Light, rng: Rng, degree: float) -> Light:
    """A lamp mirrored in glass: a saturated spot on the code with a wide halo."""
    side = _side(box)
    at = box.mean(axis=0) + rng.uniform(-0.3, 0.3, 2) * side
    far = _distance(light, at) / side
    spot = np.exp(-((far / (0.1 + 0.1 * degree)) ** 2))
    return _light(light + 260 * spot + 90 * np.exp(-((far / 0.5) ** 2)))


def _sun(light: Light, box: Light, rng: Rng, degree: float) -> Light:
    """Far too much light, stronger from one side, squeezed into the top of the scale."""
    across = np.linspace(0, 1, light.shape[1], dtype=np.float32)[None, :]
    return 255 - (255 - light) * (0.5 - 0.38 * degree) * (1 - 0.5 * across)


def _dim(light: Light, box: Light, rng: Rng, degree: float) -> Light:
    """Far too little light, under the noise of the sensor that follows."""
    return light * (0.2 - 0.14 * degree)


def _moire(light: Light, box: Light, rng: Rng, degree: float) -> Light:
    """The grid of a screen beats with that of the sensor."""
    y, x = np.mgrid[: light.shape[0], : light.shape[1]].astype(np.float32)
    wave = np.zeros_like(light)
    for _ in range(2):
        angle, period = rng.uniform(0, np.pi), rng.uniform(4, 12)
        wave += np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period)
    return light + wave * (15 + 35 * degree)


def _bands(light: Light, box: Light, rng: Rng, degree: float) -> Light:
    """Dark bands of a screen that is dimmed by switching, under a rolling shutter."""
    y = np.arange(light.shape[0], dtype=np.float32)[:, None]
    wave = np.sin(y * 2 * np.pi / rng.uniform(40, 110) + rng.uniform(0, 6)) > 0
    return light * np.where(wave, 1.0, 0.55 - 0.35 * degree).astype(np.float32)


def _thumb(light: Light, box: Light, rng: Rng, degree: float) -> Light:
    """A thumb over an edge of the code, clear of the three finder patterns."""
    side = _side(box)
    corner, middle = box[2], box.mean(axis=0)  # the corner without a finder
    at = corner + (middle - corner) * (0.05 + 0.25 * degree)
    thumb = _smooth((_distance(light, at) < side * 0.19).astype(np.float32), 1.5)
    return light * (1 - thumb) + rng.uniform(90, 170) * thumb


def _fold(light: Light, box: Light, rng: Rng, degree: float) -> Light:
    """Creased paper: a sharp line, a shadow on one side of it, rows that do not meet."""
    centre, angle = box.mean(axis=0), rng.uniform(0, np.pi)
    y, x = np.mgrid[: light.shape[0], : light.shape[1]].astype(np.float32)
    off = (x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)
    bend = round(1 + 2 * degree)
    light = np.where(off > 0, np.roll(light, bend, axis=0), light)
    light = light * np.where(off > 0, np.float32(1), np.float32(0.75 - 0.3 * degree))
    return np.where(np.abs(off) < 1 + 1.5 * degree, np.float32(215), light)


def _scratch(light: Light, box: Light, rng: Rng, degree: float) -> Light:
    """A scratched screen: fine bright lines all over the code."""
    marks = Image.new("L", light.shape[::-1], 0)
    pen, side, middle = ImageDraw.Draw(marks), _side(box), box.mean(axis=0)
    for _ in range(round(8 + 22 * degree)):
        ends = middle + rng.uniform(-0.7, 0.7, (2, 2)) * side
        pen.line([tuple(end) for end in ends], 235, int(rng.integers(2, 5)))
    lines = np.asarray(marks.filter(ImageFilter.GaussianBlur(0.6)), np.float32)
    return np.maximum(light, lines)


Trouble = Callable[[Light, Light, Rng, float], Light]
KINDS: dict[str, tuple[Callable[[Rng, float], _Look], Trouble]] = {
    "blur": (_usual, _blur),
    "motion": (_usual, _motion),
    "glare": (_usual, _glare),
    "sun": (_usual, _sun),
    "dim": (_usual, _dim),
    "moire": (_usual, _moire),
    "bands": (_usual, _bands),
    "tilt": (_tilted, _nothing),
    "contrast": (_pale, _nothing),
    "dark-mode": (_inverted, _nothing),
    "thumb": (_usual, _thumb),
    "tiny": (_tiny, _nothing),
    "fold": (_usual, _fold),
    "scratch": (_usual, _scratch),
}
"""Name of a trouble: how the code is held, and what happens to the picture."""


def scenes(count: int, seed: int = 0, size: tuple[int, int] = (1280, 720)) -> Iterator[Scene]:
    """`count` scenes, the kinds in turn, each in five degrees; the same for the same seed."""
    kinds = list(KINDS)
    for number in range(count):
        degree = (number // len(kinds)) % 5 / 4
        yield scene(kinds[number % len(kinds)], degree, seed * 1_000_003 + number, size)


def scene(kind: str, degree: float, seed: int, size: tuple[int, int] = (1280, 720)) -> Scene:
    """One scene of `size` (width, height) with a random personal code. KeyError: no such kind."""
    rng = np.random.default_rng(seed)
    held, trouble = KINDS[kind]
    look = held(rng, degree)
    payload = _payload(rng)
    code = _flat(payload, look)
    back, box = _projection(len(code), look, size, rng)
    picture = Image.fromarray(code).transform(
        size, Image.Transform.PERSPECTIVE, back, Image.Resampling.BICUBIC
    )
    solid = Image.new("L", code.shape[::-1], 255).transform(
        size, Image.Transform.PERSPECTIVE, back, Image.Resampling.BILINEAR
    )
    room = _room(size, rng)
    room.paste(picture, mask=solid)
    light = _smooth(np.asarray(room, np.float32), 0.6)
    light = trouble(light, box, rng, degree)
    light = light + rng.standard_normal(light.shape, np.float32) * np.float32(rng.uniform(1.5, 4))
    return Scene(kind, degree, payload, light.clip(0, 255).astype(np.uint8))


def _payload(rng: Rng) -> bytes:
    """In the shape of a national personal code or of an ID card; nobody's."""
    digits = "".join(rng.choice(list("0123456789"), 12))
    if rng.random() < 0.5:
        return (
            f"{digits}|NGUYEN VAN {rng.choice(list('ABCDE'))}|1987-01-18|0|{digits}171100|".encode()
        )
    street = rng.choice(["Ngô Quyền", "Lê Lợi", "Trần Phú"])
    name = f"Nguyễn Thị {rng.choice(['Ánh', 'Bình', 'Cúc'])}"
    return f"{digits}||{name}|18011987|Nữ|Số 5 {street}, Thị trấn Ba|22122021".encode()


def _flat(payload: bytes, look: _Look) -> Grey:
    """The code with its quiet zone on a larger card, `_FINE` pixels per module, blurred as
    much as the projection makes it smaller."""
    code = segno.make(payload, error="m", boost_error=False, micro=False)
    modules = np.array([[look.black if bit else look.white for bit in row] for row in code.matrix])
    card = np.pad(modules, _QUIET, constant_values=look.white)
    border = round((look.white + 90) / 2)
    card = np.pad(card, 6, constant_values=border).astype(np.uint8)
    fine = Image.fromarray(card.repeat(_FINE, axis=0).repeat(_FINE, axis=1))
    return np.asarray(fine.filter(ImageFilter.GaussianBlur(0.45 * _FINE / look.pitch)))


def _projection(
    side: int, look: _Look, size: tuple[int, int], rng: Rng
) -> tuple[tuple[float, ...], Light]:
    """PIL's 8 coefficients from frame to card, and the code's four corners in the frame."""
    roll, tilt = rng.uniform(-0.5, 0.5), np.radians(look.tilt)
    axis = rng.uniform(0, 2 * np.pi)
    u = np.array([np.cos(axis), np.sin(axis), 0])
    cross = np.array([[0, -u[2], u[1]], [u[2], 0, -u[0]], [-u[1], u[0], 0]])
    turn = np.eye(3) + np.sin(tilt) * cross + (1 - np.cos(tilt)) * cross @ cross
    spin = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    frame = turn @ spin * look.pitch / _FINE
    centre, focal = np.array(size) * rng.uniform(0.42, 0.58, 2), 1400.0

    def seen(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        space = (points - side / 2) @ frame[:, :2].T
        flat: npt.NDArray[np.float64] = space[:, :2] * focal / (focal + space[:, 2:])
        return flat + centre

    flat = np.array([(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)])
    rows, wanted = [], []
    for (x, y), (a, b) in zip(flat, seen(flat), strict=True):
        rows += [[a, b, 1, 0, 0, 0, -x * a, -x * b], [0, 0, 0, a, b, 1, -y * a, -y * b]]
        wanted += [x, y]
    near, far = (6 + _QUIET) * _FINE, side - (6 + _QUIET) * _FINE
    corners = np.array([(near, near), (far, near), (far, far), (near, far)])
    back = tuple(np.linalg.solve(np.array(rows), np.array(wanted)).tolist())
    return back, seen(corners).astype(np.float32)


def _room(size: tuple[int, int], rng: Rng) -> Image.Image:
    """Shapes out of focus."""
    room = Image.new("L", (size[0] // 4, size[1] // 4), int(rng.integers(60, 170)))
    pen = ImageDraw.Draw(room)
    for _ in range(25):
        x, y = rng.uniform(0, room.width), rng.uniform(0, room.height)
        w, h = rng.uniform(5, 60, 2)
        shape = pen.rectangle if rng.random() < 0.6 else pen.ellipse
        shape((x, y, x + w, y + h), int(rng.integers(30, 220)))
    return room.filter(ImageFilter.GaussianBlur(1.5)).resize(size, Image.Resampling.BICUBIC)


def _light(values: npt.ArrayLike) -> Light:
    return np.asarray(values, np.float32)


def _distance(light: Light, at: Light) -> Light:
    y, x = np.mgrid[: light.shape[0], : light.shape[1]].astype(np.float32)
    return _light(np.hypot(x - at[0], y - at[1]))


def _side(box: Light) -> float:
    return float(np.hypot(*(box - np.roll(box, 1, axis=0)).T).mean())


def _smooth(light: Light, sigma: float) -> Light:
    """Gaussian blur of light, one axis after the other."""
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(np.float32)
    kernel /= kernel.sum()
    for axis in (0, 1):
        edged = np.pad(light, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], "edge")
        length = light.shape[axis]
        taken = (edged.take(range(k, k + length), axis) for k in range(len(kernel)))
        light = _light(sum(w * part for w, part in zip(kernel, taken, strict=True)))
    return light
