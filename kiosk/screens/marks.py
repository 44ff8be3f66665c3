"""Small marks, at most 13 columns by 11 rows: which way somebody goes, what does not stop the
door."""

from __future__ import annotations

from functools import cache
from typing import Literal

from PIL import Image

from kiosk.screens.faces import Box, Pen, line, width
from kiosk.screens.situation import Situation

Mark = Literal[
    "in",
    "out",
    "desk",
    "offline",
    "centre-away",
    "uplink-silent",
    "clock",
    "button-absent",
    "pins-absent",
    "waiting",
]

HEIGHT = 11
WIDTH = 13
_ART: dict[Mark, str] = {
    "in": """
......######
...........#
....#......#
....##.....#
#######....#
########...#
#######....#
....##.....#
....#......#
...........#
......######""",
    "out": """
######......
#...........
#......#....
#......##...
#...#######.
#...########
#...#######.
#......##...
#......#....
#...........
######......""",
    "desk": """
....###....
...#####...
...#####...
....###....
..#######..
.#########.
...........
###########
###########
.#.......#.
.#########.""",
    "offline": """
..#######....
.#.......#...
#..#####..#..
..#.....#....
....###......
...#...##...#
.....#...#.#.
....###...#..
.....#...#.#.
........#...#
.............""",
    "centre-away": """
###########..
#.........#..
#.##......#..
###########..
#.........#..
#.##....#...#
#.......##.#.
#########.#..
....#....#.#.
..#####.#...#
.............""",
    "uplink-silent": """
....#........
...###.......
..#####......
.#######.....
#########....
...###..#...#
...###...#.#.
...###....#..
...###...#.#.
...###..#...#
.............""",
    "clock": """
...#####...
..#.....#..
.#..###..#.
#..#...#..#
#......#..#
#.....#...#
#....#....#
#.........#
.#...#...#.
..#.....#..
...#####...""",
    "button-absent": """
...#####.....
..#.....#....
.#..###..#...
#..#####..#..
#..#####..#..
#..####.#...#
.#..###..#.#.
..#.......#..
...####..#.#.
........#...#
.............""",
    "pins-absent": """
..#####......
.#.....#.....
#.......#....
#..#.#..#....
#...#...#....
.#..#...#...#
..#.#.#..#.#.
..#####...#..
..#####..#.#.
...###..#...#
.............""",
    "waiting": """
...#...
..###..
.#####.
#######
..###..
..###..
..###..
..###..
.......
#######
#######""",
}


@cache
def _picture(mark: Mark) -> Image.Image:
    rows = _ART[mark].split()
    picture = Image.new("1", (len(rows[0]), len(rows)))
    picture.putdata([255 * (point == "#") for row in rows for point in row])
    return picture


def put(pen: Pen, x: int, y: int, mark: Mark) -> int:
    """Draws a mark; the column after it."""
    picture = _picture(mark)
    pen.bitmap((x, y), picture, fill=1)
    return x + picture.width


def standing(situation: Situation) -> list[Mark]:
    """What should be seen to, while the door works."""
    marks: list[Mark] = []
    if situation.link != "ok":
        marks.append(situation.link)
    if not situation.clock_set:
        marks.append("clock")
    own: tuple[Mark, ...] = ("button-absent", "pins-absent")
    marks += [mark for mark in own if mark in situation.warnings]
    return marks


def count(pending: int) -> str:
    """How many records wait, in at most four letters."""
    return str(pending) if pending <= 999 else "999+"


def row(pen: Pen, box: Box, situation: Situation) -> None:
    """All marks from the left, records that wait from the right, the time where it has room."""
    x, right = box.x, box.x + box.width
    way: list[Mark] = ["out"] if situation.leaving else []
    for mark in way + standing(situation):
        x = put(pen, x, box.y, mark) + 2
    if situation.pending > 0:
        text = count(situation.pending)
        right -= width("6x13", text)
        line(pen, right, box.y + HEIGHT - 2, text, "6x13")
        right -= 9
        put(pen, right, box.y, "waiting")
        right -= 4
    time = situation.time
    if time and right - width("bold13", time) >= x:
        line(pen, right - width("bold13", time), box.y + HEIGHT - 1, time, "bold13")


def corner(pen: Pen, right: int, y: int, situation: Situation) -> None:
    """The gravest two, to the left of column `right`."""
    for mark in standing(situation)[:2]:
        right -= _picture(mark).width
        put(pen, right + 1, y, mark)
        right -= 2


def column(pen: Pen, box: Box, situation: Situation) -> None:
    """The same below one another, without numbers."""
    marks = standing(situation)
    if situation.pending > 0:
        marks.append("waiting")
    y = box.y
    for mark in marks[: (box.height + 1) // (HEIGHT + 1)]:
        put(pen, box.x + (box.width - _picture(mark).width) // 2, y, mark)
        y += HEIGHT + 1
