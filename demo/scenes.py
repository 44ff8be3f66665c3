"""What a door camera sees when a visitor holds up a code: real codes, drawn pictures.

A phone, an ID card or a sheet of paper is drawn flat at twice the camera's resolution,
tilted in space and projected into an unsharp room; a lens and a sensor do the rest.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import segno
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from demo.crowd import Visitor

Size = tuple[int, int]
Point = tuple[float, float]
Rng = np.random.Generator

FINE = 2  # things are drawn this much larger than the camera sees them
_QUIET = 4  # modules of white around a code, ISO/IEC 18004
_FOCAL = 1500.0  # focal length in pixels: how strong perspective is
_CARD_VERSION = 9  # 53 modules, as printed on ID cards
_PRINT = (45, 225)  # black and white of ink on paper or plastic, grey levels
GLASS = (14, 245)  # the same of a lit screen
_WORDS = ["vui", "long", "dua", "ma", "nay", "cho", "nhan", "vien", "kiem", "tra", "tai", "cua"]
_WORDS += ["vao", "cho", "truong", "hoc", "giu", "khoang", "cach", "deo", "khau", "trang", "xin"]
_CARD_MEMBERS = (
    "So / No.",
    "Ho va ten / Full name",
    "Ngay sinh / Date of birth",
    "Gioi tinh / Sex",
    "Que quan / Place of origin",
)


class Held(NamedTuple):
    """Something held up, flat: its picture, where it is solid, and the point to look at, which
    is the middle of its code; `side`: of the code without its white border; `glass`: the corners
    of a screen (left, top, right, bottom), empty when it has none. Lengths in pixels of
    `picture`."""

    picture: Image.Image
    mask: Image.Image
    focus: tuple[float, ...]
    side: float
    glass: tuple[float, ...] = ()


def draw(visitor: Visitor, size: Size = (1280, 720), seed: int = 0) -> Image.Image:
    """One grey camera picture (mode L, `size`) of `visitor`; `seed` varies everything but
    the code."""
    rng = np.random.default_rng(seed)
    return shoot(hold(visitor, rng), size, rng)


def shoot(
    held: Held, size: Size, rng: Rng, turn: npt.NDArray[np.float64] | None = None
) -> Image.Image:
    """A held thing in front of an unsharp room, as the camera sees it; `turn`: how it is turned
    in space (a rotation), by default as hands do."""
    scene = room(size, rng)
    turn = tilt(rng) if turn is None else turn
    centre = np.array(size) * rng.uniform((0.44, 0.44), (0.56, 0.54))
    picture, mask = project(soften(held), turn, (centre[0], centre[1]), size)
    scene.paste(picture, mask=mask)
    lens = Lens(size, rng)
    light = np.asarray(scene.filter(ImageFilter.GaussianBlur(lens.blur)), np.float32)
    noise = rng.standard_normal(light.shape, np.float32) * np.float32(rng.uniform(2, 5))
    return Image.fromarray(lens.exposed(light, noise))


def hold(visitor: Visitor, rng: Rng) -> Held:
    """What `visitor` holds up."""
    if visitor.medium == "card":
        return _card(visitor, rng)
    return _paper(visitor, rng) if visitor.medium == "paper" else _phone(visitor, rng)


def write_scene(picture: Image.Image, path: Path) -> None:
    """Writes a PNG that appears whole under its name or not at all: rename(2)."""
    part = path.with_name(f"{path.name}.part")
    picture.save(part, "png", compress_level=1)
    os.replace(part, path)  # noqa: PTH105  Path.replace is the same call


def soften(held: Held) -> Held:
    """Takes out what would flicker when the picture is projected, which makes it smaller."""
    return held._replace(picture=held.picture.filter(ImageFilter.GaussianBlur(0.7)))


class Code(NamedTuple):
    """A drawn code with its white border; `side` is its width without it. Pixels of a sheet's
    picture."""

    picture: Image.Image
    side: float

    @property
    def width(self) -> float:
        """With the border, in pixels of the camera."""
        return self.picture.width / FINE


def drawn_code(
    payload: bytes, pixels_per_module: float, tones: tuple[int, int], version: int | None = None
) -> Code:
    """The QR code with its quiet zone. HC1 certificates are published at level L."""
    black, white = tones
    level = "l" if payload.startswith(b"HC1:") else "m"
    code = segno.make(payload, error=level, version=version, boost_error=False, micro=False)
    modules = np.array([[black if bit else white for bit in row] for row in code.matrix], np.uint8)
    modules = np.pad(modules, _QUIET, constant_values=white)
    side = round(len(modules) * pixels_per_module * FINE)
    blocks = modules.repeat(8, axis=0).repeat(8, axis=1)
    picture = Image.fromarray(blocks).resize((side, side), Image.Resampling.BOX)
    return Code(picture, side * (1 - 2 * _QUIET / len(modules)))


class Sheet:
    """A canvas for one held thing; lengths are camera pixels, the origin is the canvas'."""

    def __init__(self, width: float, height: float) -> None:
        size = (round(width * FINE), round(height * FINE))
        self.picture = Image.new("L", size, 120)
        self.mask = Image.new("L", size, 0)
        self._pen = ImageDraw.Draw(self.picture)
        self._solid = ImageDraw.Draw(self.mask)

    def box(self, x: float, y: float, w: float, h: float, grey: int, radius: float = 0) -> None:
        for pen, value in ((self._pen, grey), (self._solid, 255)):
            pen.rounded_rectangle(_fine(x, y, x + w, y + h), radius * FINE, value)

    def blob(self, x: float, y: float, w: float, h: float, grey: int) -> None:
        """An ellipse with centre (x, y), darker towards its rim: a fingertip, a palm."""
        for depth in np.linspace(0, 1, 14):
            rx, ry = w / 2 * (1 - 0.5 * depth), h / 2 * (1 - 0.5 * depth)
            shade = round(grey * (0.62 + 0.38 * depth**0.6))
            self._pen.ellipse(_fine(x - rx, y - ry, x + rx, y + ry), shade)
        self._solid.ellipse(_fine(x - w / 2, y - h / 2, x + w / 2, y + h / 2), 255)

    def text(self, x: float, y: float, words: str, height: float, grey: int) -> None:
        font = ImageFont.load_default(height * FINE)
        self._pen.text((x * FINE, y * FINE), words, grey, font)

    def lines(self, x: float, y: float, w: float, count: int, step: float, rng: Rng) -> None:
        """A paragraph of small print, `step` from line to line."""
        font = ImageFont.load_default(step * 0.62 * FINE)
        room, space = w * FINE, step * 0.2 * FINE
        for i in range(count):
            at, grey = 0.0, int(rng.integers(60, 110))
            end = room * (rng.uniform(0.4, 0.7) if i == count - 1 else 1.0)
            for word in rng.permutation(_WORDS):
                length = font.getlength(str(word))
                if at + length > end:
                    break
                self._pen.text((x * FINE + at, (y + i * step) * FINE), str(word), grey, font)
                at += length + space

    def paste(self, picture: Image.Image, x: float, y: float) -> None:
        self.picture.paste(picture, (round(x * FINE), round(y * FINE)))

    def held(self, x: float, y: float, code: Code | None, glass: tuple[float, ...] = ()) -> Held:
        """Looked at in (x, y), the middle of its code; `glass`: corners of its screen."""
        side = code.side if code else 0.0
        return Held(self.picture, self.mask, _fine(x, y), side, _fine(*glass))


def _fine(*lengths: float) -> tuple[float, ...]:
    return tuple(length * FINE for length in lengths)


def _phone(visitor: Visitor, rng: Rng) -> Held:
    code = None
    if visitor.payload is not None:
        code = drawn_code(visitor.payload, rng.uniform(4.2, 5.8), GLASS)
    side = code.width if code else 300.0
    screen = max(side + 24, 330)
    width, height, margin = screen + 24, (screen + 24) * 1.95, 90
    sheet = Sheet(width + 2 * margin, height + margin)
    left, top, skin = margin, margin / 2, int(rng.integers(120, 190))
    sheet.blob(left + width * 0.55, top + height * 0.86, width * 1.25, height * 0.6, skin)
    sheet.box(left, top, width, height, int(rng.integers(15, 60)), 34)
    sheet.box(left + 12, top + 14, screen, height - 28, int(rng.integers(215, 240)), 24)
    inner = left + 12
    glass = (inner, top + 14, inner + screen, top + height - 14)
    sheet.text(inner + 24, top + 22, f"{rng.integers(7, 18):02d}:{rng.integers(60):02d}", 15, 60)
    sheet.box(inner + screen - 52, top + 25, 26, 11, 70, 3)
    bar = top + 52
    sheet.box(inner, bar, screen, 50, int(rng.integers(70, 140)))
    sheet.text(inner + 22, bar + 13, "Ma QR ca nhan" if code else "Tin nhan", 21, 235)
    if code is None:
        _chat(sheet, inner, bar + 60, screen, rng)
        _fingers(sheet, left, left + width, top + height * 0.55, skin, rng)
        return sheet.held(left + width / 2, top + height * 0.42, None, glass)
    middle = bar + 92 + side / 2
    sheet.lines(inner + screen * 0.25, bar + 64, screen * 0.5, 1, 22, rng)
    sheet.paste(code.picture, inner + (screen - side) / 2, middle - side / 2)
    below = middle + side / 2 + 18
    sheet.lines(inner + screen * 0.12, below, screen * 0.76, 3, 22, rng)
    sheet.box(inner + screen * 0.2, below + 88, screen * 0.6, 44, 100, 20)
    _fingers(sheet, left, left + width, below + 40, skin, rng)
    return sheet.held(left + width / 2, middle, code, glass)


def _chat(sheet: Sheet, x: float, y: float, width: float, rng: Rng) -> None:
    """Talk instead of a code: bubbles left and right, and a photograph."""
    for i in range(6):
        w, h = width * rng.uniform(0.4, 0.7), float(rng.choice((44, 66, 88)))
        at = x + 12 if i % 2 == 0 else x + width - w - 12
        sheet.box(at, y, w, h, 195 if i % 2 == 0 else 165, 16)
        if i == 2:
            sheet.box(at + 8, y + 8, w - 16, h - 16, int(rng.integers(80, 150)), 8)
        else:
            sheet.lines(at + 14, y + 12, w - 28, round(h / 22) - 1, 22, rng)
        y += h + 14


def _fingers(sheet: Sheet, left: float, right: float, y: float, skin: int, rng: Rng) -> None:
    """Fingertips around one edge, the thumb around the other, all clear of the code."""
    if rng.random() < 0.5:
        left, right = right, left
    for i in range(3):
        sheet.blob(left, y - 10 + i * 52, float(rng.uniform(34, 42)), 50, skin - 8 * i)
    sheet.blob(right, y + 20, 44, 110, skin)


def _card(visitor: Visitor, rng: Rng) -> Held:
    """The upper right part of an ID card: at this distance the rest is out of view."""
    if visitor.payload is None:
        raise ValueError("an ID card always carries a code; this visitor has no payload")
    code = drawn_code(visitor.payload, rng.uniform(3.6, 4.4), _PRINT, _CARD_VERSION)
    side = code.width
    mm = side / 14  # the code with its white border
    margin, left_of_code, below_code = 110, 1050.0, 620.0
    sheet = Sheet(left_of_code + side + 5 * mm + margin, margin + 5 * mm + side + below_code)
    right, top = left_of_code + side + 5 * mm, float(margin)
    base = int(rng.integers(190, 215))
    sheet.box(-60, top, right + 60, 2000, base, 3 * mm)
    _guilloche(sheet, right, top, base, rng)
    x, y = left_of_code, top + 4 * mm
    sheet.paste(code.picture, x, y)
    sheet.text(x - 43 * mm, top + 4 * mm, "CONG HOA XA HOI CHU NGHIA VIET NAM", 2.2 * mm, 70)
    sheet.text(x - 36 * mm, top + 7.5 * mm, "Doc lap - Tu do - Hanh phuc", 1.8 * mm, 80)
    sheet.text(x - 36 * mm, top + 12 * mm, "CAN CUOC CONG DAN", 3.2 * mm, 90)
    for i, words in enumerate(_CARD_MEMBERS):
        sheet.text(x - 36 * mm, top + (20 + 6 * i) * mm, words, 1.9 * mm, 95)
        sheet.lines(x - 36 * mm, top + (22.4 + 6 * i) * mm, 50 * mm, 1, 3.6 * mm, rng)
    portrait = x - 62 * mm
    sheet.box(portrait, top + 20 * mm, 22 * mm, 30 * mm, 170)
    sheet.blob(portrait + 11 * mm, top + 32 * mm, 12 * mm, 16 * mm, 140)
    skin = int(rng.integers(120, 190))
    sheet.blob(right, top + side + rng.uniform(9, 13) * mm, 150, 90, skin)
    sheet.blob(right + 40, top + side + 22 * mm, 260, 130, skin - 12)
    return sheet.held(x + side / 2, y + side / 2, code)


def _guilloche(sheet: Sheet, right: float, top: float, base: int, rng: Rng) -> None:
    """The fine waves of a security print."""
    pen = ImageDraw.Draw(sheet.picture)
    xs = np.arange(0, right, 12)
    for i in range(26):
        phase, swing = rng.uniform(0, 6), rng.uniform(6, 20)
        ys = top + 12 + i * 30 + swing * np.sin(xs / 70 + phase)
        line = [(float(x) * FINE, float(y) * FINE) for x, y in zip(xs, ys, strict=True)]
        pen.line(line, base - 14, 2)


def _paper(visitor: Visitor, rng: Rng) -> Held:
    if visitor.payload is None:
        raise ValueError("a sheet is held up for its code; this visitor has no payload")
    code = drawn_code(visitor.payload, rng.uniform(4.5, 6.0), _PRINT)
    side = code.width
    width = side + float(rng.uniform(140, 220))
    height = width * 1.41
    margin = 100
    sheet = Sheet(width + 2 * margin, height + 2 * margin)
    skin = int(rng.integers(120, 190))
    for x in (margin - 10, margin + width + 10):
        sheet.blob(x, margin + height * 0.72, 150, 190, skin - 20)
    sheet.box(margin, margin, width, height, int(rng.integers(205, 225)))
    sheet.text(margin + 40, margin + 34, "PHIEU THONG TIN", 26, 50)
    sheet.lines(margin + 40, margin + 76, width - 80, 2, 20, rng)
    x, y = margin + (width - side) / 2, margin + 128
    sheet.paste(code.picture, x, y)
    sheet.lines(margin + 40, y + side + 24, width - 80, 6, 22, rng)
    for x_thumb in (margin + 18, margin + width - 18):
        sheet.blob(x_thumb, margin + height * 0.7, 88, 52, skin)
    return sheet.held(x + side / 2, y + side / 2, code)


def room(size: Size, rng: Rng) -> Image.Image:
    """A wall, a doorway, shelves and the visitor behind what is held up, all out of focus."""
    w, h = size[0] // 4, size[1] // 4
    across = np.linspace(rng.uniform(70, 120), rng.uniform(110, 170), w)
    down = np.linspace(rng.uniform(0, 25), rng.uniform(-35, 0), h)
    room = Image.fromarray((across[None, :] + down[:, None]).clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(room)
    door = w * rng.uniform(0.02, 0.75)
    pen.rectangle((door, h * 0.08, door + w * 0.2, h), int(rng.integers(150, 220)))
    shelf = w * rng.uniform(0.0, 0.7)
    for i in range(4):
        y = h * (0.15 + 0.2 * i)
        for j in range(7):
            x = shelf + j * w * 0.04
            tall = h * rng.uniform(0.06, 0.15)
            pen.rectangle((x, y - tall, x + w * 0.033, y), int(rng.integers(40, 190)))
        pen.rectangle((shelf, y, shelf + w * 0.3, y + h * 0.02), 60)
    x, y = w * rng.uniform(0.35, 0.65), h * rng.uniform(0.2, 0.4)
    head, cloth = h * 0.2, int(rng.integers(40, 180))
    pen.ellipse((x - head * 2.4, y + head * 1.1, x + head * 2.4, y + head * 7), cloth)
    pen.ellipse((x - head * 0.82, y - head * 1.1, x + head * 0.82, y + head * 0.7), 45)
    pen.ellipse((x - head * 0.72, y - head * 0.8, x + head * 0.72, y + head), 150)
    return room.filter(ImageFilter.GaussianBlur(2.5)).resize(size, Image.Resampling.BICUBIC)


def tilt(rng: Rng) -> npt.NDArray[np.float64]:
    """How a thing is turned in space (roll, yaw, pitch), as hands do: a rotation."""
    return turned(*rng.uniform((-9, -7, -6), (9, 7, 6)))


def turned(roll: float, yaw: float, pitch: float) -> npt.NDArray[np.float64]:
    """A rotation; degrees about the axes of depth, of height and of width."""
    z, y, x = np.radians((roll, yaw, pitch))
    turn: npt.NDArray[np.float64] = _rotation(2, z) @ _rotation(1, y) @ _rotation(0, x)
    return turn


def seen(
    held: Held, turn: npt.NDArray[np.float64], centre: Point, points: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Where points of the held thing's picture are in the frame: it turns about its focus, which
    a pinhole camera sees in `centre`. Shape (number of points, 2)."""
    off = (np.asarray(points, np.float64) - held.focus) / FINE
    space = off @ turn[:, :2].T
    flat: npt.NDArray[np.float64] = space[:, :2] * _FOCAL / (_FOCAL + space[:, 2:])
    return flat + centre


def projection(held: Held, turn: npt.NDArray[np.float64], centre: Point) -> tuple[float, ...]:
    """Where each pixel of the frame lies on the held thing: PIL's 8 coefficients."""
    w, h = held.picture.size
    flat = np.array([(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)])
    rows, wanted = [], []
    for (x, y), (u, v) in zip(flat, seen(held, turn, centre, flat), strict=True):
        rows += [[u, v, 1, 0, 0, 0, -x * u, -x * v], [0, 0, 0, u, v, 1, -y * u, -y * v]]
        wanted += [x, y]
    return tuple(np.linalg.solve(np.array(rows), np.array(wanted)).tolist())


def project(
    held: Held, turn: npt.NDArray[np.float64], centre: Point, size: Size
) -> tuple[Image.Image, Image.Image]:
    """Picture and mask (mode L) of a frame of `size` with nothing in it but a held thing, which
    is softened already."""
    back = projection(held, turn, centre)
    return (
        held.picture.transform(size, Image.Transform.PERSPECTIVE, back, Image.Resampling.BICUBIC),
        held.mask.transform(size, Image.Transform.PERSPECTIVE, back, Image.Resampling.BILINEAR),
    )


def _rotation(axis: int, angle: float) -> npt.NDArray[np.float64]:
    a, b = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3)
    turn[a, a] = turn[b, b] = np.cos(angle)
    turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
    return turn


class Lens:
    """Lens and exposure of one camera at one time of day: `blur` (standard deviation in
    pixels), a reflection, vignetting, how bright it is."""

    def __init__(self, size: Size, rng: Rng) -> None:
        self.blur = rng.uniform(0.5, 0.85)
        w, h = size
        y, x = np.ogrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        vignette = 1 - 0.22 * (x * x + y * y) / 2
        glare_x, glare_y = rng.uniform(-0.6, 0.6, 2)
        glare = np.exp(-((x - glare_x) ** 2 + (y - glare_y) ** 2) * rng.uniform(4, 12))
        self._gain = vignette.astype(np.float32) * np.float32(rng.uniform(0.8, 1.05))
        self._glare = glare.astype(np.float32) * np.float32(rng.uniform(0, 35))

    def exposed(
        self, light: npt.NDArray[np.float32], noise: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.uint8]:
        """What the sensor makes of `light`, which is blurred already; arrays (height, width)."""
        grey: npt.NDArray[np.float32] = light * self._gain + self._glare + noise
        return grey.clip(0, 255).astype(np.uint8)
