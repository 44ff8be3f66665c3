"""What happens at a door, as a camera sees it: clips of codes that come, tremble and go.

Every frame has sensor noise, and every clip begins with an empty scene for as long as it
takes the scanner to doze off. Each frame comes with the truth: which codes are whole in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from demo.crowd import Medium, Visitor
from demo.idle import Grain
from demo.moving import Light, Mark, Moving, Path, Scrolling, Thing, trembling, visits
from demo.scenes import FINE, GLASS, Lens, Point, Rng, Sheet, Size, drawn_code, hold, room, tilt

Grey = npt.NDArray[np.uint8]

_EMPTY_S = 1.4  # before anybody comes
_SHUTTER_S = 0.008  # exposure, indoors
_SHORT = 200  # bytes of a payload whose code leaves room for another beside it
_BAR = 200  # pixels of a picture: what does not scroll of a page's screen
_GONE_FOR_GOOD_S = 11.0  # longer than any kiosk takes it for the same showing


class Shot(NamedTuple):
    """One frame: `at` seconds after the clip began; `grey` is uint8 (height, width); `visible`
    are the payloads of the codes that are whole in the picture, sharp or not."""

    at: float
    grey: Grey
    visible: tuple[bytes, ...]


class Act(NamedTuple):
    """What is played: `unsharp` is the standard deviation in pixels of what the lens adds by
    being out of focus, at a time."""

    things: list[Moving]
    seconds: float
    unsharp: Callable[[float], float] = lambda _at: 0.0


class Stage(NamedTuple):
    """Where and for whom an act is made. `people` have a code each."""

    people: Sequence[Visitor]
    size: Size
    lens: Lens
    rng: Rng


def clip(
    kind: str,
    people: Sequence[Visitor],
    fps: float,
    seed: int = 0,
    size: Size = (1280, 720),
) -> Iterator[Shot]:
    """The clip as it is played, one frame in memory; the same for the same seed and people.
    Who plays is drawn from `people`, of whom three must have short codes on a phone. KeyError:
    no such kind."""
    make = KINDS[kind]
    rng = np.random.default_rng(seed)
    background = room(size, rng)
    lens = Lens(size, rng)
    empty = np.asarray(background.filter(ImageFilter.GaussianBlur(lens.blur)), np.float32)
    grain = Grain(size, rng, rng.uniform(2, 5))
    act = make(Stage([v for v in people if v.payload], size, lens, rng))
    for number in range(round(act.seconds * fps)):
        at = number / fps
        light, visible = _lit(empty, act.things, at, size)
        unsharp = act.unsharp(at)
        if unsharp > 0.1:
            seen = Image.fromarray(light.clip(0, 255).astype(np.uint8))
            light = np.asarray(seen.filter(ImageFilter.GaussianBlur(unsharp)), np.float32)
        yield Shot(at, lens.exposed(light, grain.frame()), visible)


def _lit(
    empty: Light, things: Sequence[Moving], at: float, size: Size
) -> tuple[Light, tuple[bytes, ...]]:
    light, marks = empty, list[Mark]()
    for thing in things:
        layer = thing.layer(at, _SHUTTER_S, size)
        light = light * (1 - layer.mask) + layer.light
        marks = [mark for mark in marks if not mark.covered(layer.mask)]
        marks += [mark for mark in layer.marks if mark.inside(size)]
    return light, tuple(mark.payload for mark in marks)


def _enters(stage: Stage) -> Act:
    """Slides in, is held up with a calm hand, goes."""
    leaves = _EMPTY_S + 2.2
    return Act([_carried(stage, _anybody(stage), [(_EMPTY_S, leaves)])], leaves + 1)


def _trembles(stage: Stage) -> Act:
    """A shaking hand for six seconds, with a start now and then that blurs the code away."""
    leaves = _EMPTY_S + 6.5
    jerks = np.arange(_EMPTY_S + 1.2, leaves, 1.1) + stage.rng.uniform(0, 0.5)
    thing = _carried(stage, _anybody(stage), [(_EMPTY_S, leaves)], 4.0, jerks.tolist())
    return Act([thing], leaves + 1)


def _returns_soon(stage: Stage) -> Act:
    """Goes and comes back within seconds."""
    first, second = (_EMPTY_S, _EMPTY_S + 2), (_EMPTY_S + 5.5, _EMPTY_S + 7.5)
    return Act([_carried(stage, _anybody(stage), [first, second])], second[1] + 1)


def _returns_later(stage: Stage) -> Act:
    """Goes and comes back when it is another showing."""
    back = _EMPTY_S + 3 + _GONE_FOR_GOOD_S
    spans = [(_EMPTY_S, _EMPTY_S + 2), (back, back + 2)]
    return Act([_carried(stage, _anybody(stage), spans)], back + 3)


def _alternate(stage: Stage) -> Act:
    """Two people hold up their codes in turn, each twice."""
    turns = [_EMPTY_S + 2 * k for k in range(4)]
    spans = [(begin, begin + 1.2) for begin in turns]
    things = [_carried(stage, visitor, spans[k::2]) for k, visitor in enumerate(_phones(stage, 2))]
    return Act(things, spans[-1][1] + 1)


def _side_by_side(stage: Stage) -> Act:
    """Two people at once; the second comes a moment later and both stay."""
    leaves, (width, height) = _EMPTY_S + 5.5, stage.size
    things = [
        _carried(
            stage,
            visitor,
            [(_EMPTY_S + 0.6 * k, leaves)],
            rest=(width * (0.26 + 0.48 * k), height * 0.5),
        )
        for k, visitor in enumerate(_phones(stage, 2))
    ]
    return Act(things, leaves + 1)


def _unsharp(stage: Stage) -> Act:
    """The lens loses its focus when something comes near, and finds it again."""
    leaves, begin = _EMPTY_S + 3.5, _EMPTY_S + 0.2
    worst, hunt_s = stage.rng.uniform(3, 5), stage.rng.uniform(0.4, 1.0)

    def unsharp(at: float) -> float:
        share = (at - begin) / hunt_s
        if share < 0:
            return 0.0
        # It overshoots a little.
        return float(worst * abs(np.cos(np.pi / 2 * min(share, 2.0))) * np.exp(-2 * share))

    return Act([_carried(stage, _anybody(stage), [(_EMPTY_S, leaves)])], leaves + 1, unsharp)


def _lights_up(stage: Stage) -> Act:
    """A phone is held up dark and then switched on."""
    on, leaves = _EMPTY_S + 0.6 + stage.rng.uniform(0.4, 1.0), _EMPTY_S + 4

    def lit(at: float) -> float:
        return min(max(0.0, (at - on) / 0.25), 1.0)

    (visitor,) = _phones(stage, 1)
    return Act([_carried(stage, visitor, [(_EMPTY_S, leaves)], lit=lit)], leaves + 1)


def _scrolls(stage: Stage) -> Act:
    """A phone lies before the camera, and three codes move up its screen."""
    rng, visitors = stage.rng, _phones(stage, 3)
    held = hold(visitors[0], rng)
    left, top, right, bottom = held.glass
    window = (round(right - left), round(bottom - top) - _BAR)
    page, codes, length = _page(visitors, window, rng)
    speed = rng.uniform(600, 1000)  # pixels of the page a second
    end = length / speed

    def offset(at: float) -> float:
        return min(max(0.0, at - _EMPTY_S), end) * speed

    centre = (stage.size[0] * 0.5, stage.size[1] * rng.uniform(0.44, 0.56))
    thing = Scrolling(held, page, codes, tilt(rng), centre, stage.lens.blur, offset, _BAR)
    return Act([thing], _EMPTY_S + end + 0.5)


def _page(
    visitors: Sequence[Visitor], window: tuple[int, int], rng: Rng
) -> tuple[Image.Image, list[tuple[bytes, float, tuple[float, float]]], float]:
    """Text and a code for each visitor, all below the window at first; what is on it as
    `Scrolling` takes it; and by how much it can be scrolled."""
    width, height = (length / FINE for length in window)
    sheet = Sheet(width, height * (len(visitors) + 2))
    sheet.box(0, 0, width, height * (len(visitors) + 2), 230)
    sheet.lines(20, 20, width - 40, int(height / 24), 22, rng)
    codes, y = [], height
    for visitor in visitors:
        if visitor.payload is None:
            raise ValueError("a page shows codes; this visitor has no payload")
        code = drawn_code(visitor.payload, 4.2, GLASS)
        x = (width - code.width) / 2
        sheet.paste(code.picture, x, y)
        middle = ((x + code.width / 2) * FINE, (y + code.width / 2) * FINE)
        codes.append((visitor.payload, code.side, middle))
        y += code.width + 30
        sheet.lines(20, y, width - 40, 8, 22, rng)
        y += 8 * 22 + rng.uniform(20, 120)
    return sheet.picture, codes, y * FINE


def _anybody(stage: Stage) -> Visitor:
    return stage.people[int(stage.rng.integers(len(stage.people)))]


def _phones(stage: Stage, count: int) -> list[Visitor]:
    """Different people with short codes on a phone."""
    some = [v for v in stage.people if v.medium == "phone" and len(v.payload or b"") < _SHORT]
    return [some[int(k)] for k in stage.rng.permutation(len(some))[:count]]


def _carried(
    stage: Stage,
    visitor: Visitor,
    spans: Sequence[tuple[float, float]],
    tremor: float = 1.5,
    jerks: Sequence[float] = (),
    rest: Point | None = None,
    lit: Callable[[float], float] = lambda _at: 1.0,
) -> Moving:
    """What `visitor` holds up in each of `spans`."""
    if visitor.payload is None:
        raise ValueError("somebody without a code has nothing to hold up")
    held = hold(visitor, stage.rng)
    path = _arriving(stage, visitor.medium, spans, rest)
    path = trembling(path, tremor, stage.rng, jerks)
    return Thing(held, visitor.payload, tilt(stage.rng), path, stage.lens.blur, lit)


def _arriving(
    stage: Stage,
    medium: Medium,
    spans: Sequence[tuple[float, float]],
    rest: Point | None = None,
) -> Path:
    """Into view from a side or from below; what is wide, or has a place of its own, from below."""
    (width, height), rng = stage.size, stage.rng
    slide_s, x, y = rng.uniform(0.4, 0.8), *rng.uniform(0.44, 0.56, 2)
    x, y = rest or (width * x, height * y)
    side = "below" if rest or medium != "phone" else rng.choice(["left", "right", "below"])
    outside = {"left": (-500.0, y), "right": (width + 500.0, y), "below": (x, height + 600.0)}
    return visits((x, y), outside[side], spans, slide_s)


KINDS: dict[str, Callable[[Stage], Act]] = {
    "enters": _enters,
    "trembles": _trembles,
    "returns-soon": _returns_soon,
    "returns-later": _returns_later,
    "alternate": _alternate,
    "side-by-side": _side_by_side,
    "scrolls": _scrolls,
    "unsharp": _unsharp,
    "lights-up": _lights_up,
}
ARRIVALS = ("enters", "trembles", "scrolls", "unsharp", "lights-up")
"""The kinds in which one code comes to an empty door."""
