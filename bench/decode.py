"""Recall, wrong payloads and time of our decoder beside its peers, picture by picture.

A folder holds pictures, each with NAME.txt (expected text, UTF-8) or NAME.bin (expected
bytes) beside it; without either no code is expected. Sub-folders are categories.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench._idle import Look, costs, ratio
from bench._peers import Grey, Reader, readers
from bench._report import arguments, idle_seconds, machine, spread, whole, write
from demo import hard
from drivers.camera import Frame
from kiosk.decode import Decoder

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
CHARSETS = ("utf-8", "iso-8859-1", "shift_jis", "gb18030", "big5", "euc_kr")
"""Character sets of codes whose expectation is text: a payload says the same in any."""
FPS = 15

console = Console(stderr=True)


class Case(NamedTuple):
    """A picture with what may be read in it; nothing may if `right` is empty, and `why` not."""

    category: str
    name: str
    grey: Grey
    right: set[bytes]
    why: str = ""


class Tally(msgspec.Struct):
    """`read`: pictures whose code was read. `wrong`: payloads that no code says."""

    read: int = 0
    wrong: int = 0
    ms: list[float] = []


Set = dict[str, Tally]


def main() -> None:
    """Command line. Ends with 1 when ours gave a wrong payload."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--images", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument(
        "--synthetic", type=whole(0), default=0, metavar="N", help="hard scenes too"
    )
    idle_seconds(parser)
    given = parser.parse_args()
    for folder in given.images:
        if not folder.is_dir():
            parser.error(f"--images {folder}: no such folder")
        if not _pictures(folder):
            parser.error(f"--images {folder}: no pictures in it ({', '.join(sorted(SUFFIXES))})")
    if not given.images and not given.synthetic:
        parser.error("nothing to read: give --images DIR, or --synthetic N")
    pictures = [found for folder in given.images for found in _pictures(folder)]
    sets: dict[str, Set] = {}
    wrong: list[str] = []
    count: dict[str, int] = defaultdict(int)
    decoders = readers()
    for number, case in enumerate(_cases(pictures, given.synthetic)):
        count[case.category] += 1
        # Who comes first finds the picture outside the processor's cache: each in turn.
        order = [*decoders][number % len(decoders) :] + [*decoders][: number % len(decoders)]
        tallies = sets.setdefault(case.category, {})
        before = tallies["ours"].wrong if tallies else 0
        _compare(case, {name: decoders[name] for name in order}, tallies)
        if tallies["ours"].wrong > before:
            wrong.append(f"{case.category}/{case.name}{case.why}")
    everything = _sum(sets)
    figures: dict[str, Any] = {
        "machine": machine(),
        "sets": {name: _figures(count[name], tallies) for name, tallies in sets.items()},
        "all": _figures(sum(count.values()), everything),
        "wrong": wrong,
        "idle": _idle(given.idle_seconds),
    }
    _show(figures)
    write(given.json, figures)
    sys.exit(1 if everything and everything["ours"].wrong else 0)


def _pictures(folder: Path) -> list[tuple[str, Path]]:
    """Category and file: the sub-folder's path, or the folder's own name."""
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    inside = [(path, path.parent.relative_to(folder).as_posix()) for path in files]
    return [(folder.resolve().name if sub == "." else sub, path) for path, sub in inside]


def _cases(pictures: list[tuple[str, Path]], synthetic: int) -> Iterator[Case]:
    for category, path in track(pictures, "photographs", console=console):
        try:
            with Image.open(path) as image:
                grey = np.asarray(image.convert("L"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            sys.exit(f"{path}: no picture that can be read ({error}); mend it or take it away")
        right = _expected(path)
        none = f" (no {category}/{path.stem}.txt: no code expected)"
        yield Case(category, path.name, grey, right, "" if right else none)
    drawn = track(hard.scenes(synthetic), "hard scenes", synthetic, console=console)
    for number, scene in enumerate(drawn if synthetic else ()):
        yield Case(f"hard-{scene.kind}", f"scene {number}", scene.grey, {scene.payload})


def _expected(picture: Path) -> set[bytes]:
    if (recorded := picture.with_suffix(".bin")).exists():
        return {recorded.read_bytes()}
    if not (file := picture.with_suffix(".txt")).exists():
        return set()
    text, right = file.read_bytes().decode(), set()
    for charset in CHARSETS:
        with suppress(UnicodeEncodeError):
            # An editor may have ended the last line.
            right |= {text.encode(charset), text.rstrip("\r\n").encode(charset)}
    return right


def _compare(case: Case, decoders: dict[str, Reader], tallies: Set) -> None:
    seen: dict[str, tuple[bool, int, float]] = {}
    for name, read in decoders.items():
        start = time.perf_counter()
        payloads = read(case.grey)
        ms = (time.perf_counter() - start) * 1000
        wrong = sum(payload not in case.right for payload in payloads)
        seen[name] = (any(payload in case.right for payload in payloads), wrong, ms)
    both = seen["pyzbar"], seen["zxing-cpp"]
    seen["union"] = (any(b[0] for b in both), sum(b[1] for b in both), sum(b[2] for b in both))
    for name in sorted(seen):
        right, wrong, ms = seen[name]
        tally = tallies.setdefault(name, Tally())
        tally.read += right
        tally.wrong += wrong
        tally.ms.append(ms)


def _sum(sets: dict[str, Set]) -> Set:
    every: Set = {}
    for tallies in sets.values():
        for name, tally in tallies.items():
            total = every.setdefault(name, Tally())
            total.read += tally.read
            total.wrong += tally.wrong
            total.ms.extend(tally.ms)
    return every


def _figures(pictures: int, tallies: Set) -> dict[str, Any]:
    decoders = {}
    for name, tally in tallies.items():
        ms = spread(tally.ms)
        decoders[name] = {
            "read": tally.read,
            "wrong": tally.wrong,
            "median_ms": ms["median"],
            "p95_ms": ms["p95"],
        }
    return {"pictures": pictures, "decoders": decoders}


def _idle(seconds: float) -> dict[str, Any]:
    found = costs(_looks, seconds, FPS, console)
    return {
        "fps": FPS,
        "clips": {kind: cost.figures() for kind, cost in found.items()},
        "pyzbar_to_ours": round(ratio(found), 1) if found else None,
    }


@contextmanager
def _looks() -> Iterator[Look]:
    decoder = Decoder()
    yield lambda grey, at: len(decoder.look(Frame(grey, at)).symbols)
    decoder.close()


def _show(figures: dict[str, Any]) -> None:
    table = Table("set", "pictures", "decoder", "read", "wrong", "median ms", "p95 ms")
    for name, one in {**figures["sets"], "all": figures["all"]}.items():
        for decoder, f in one["decoders"].items():
            values = (f["read"], f["wrong"], f["median_ms"], f["p95_ms"])
            table.add_row(name, str(one["pictures"]), decoder, *map(str, values))
        table.add_section()
    Console(width=110).print(table)
    for picture in figures["wrong"]:
        print(f"wrong: {picture}")
    for kind, clip in figures["idle"]["clips"].items():
        print(f"idle, {kind:11} {clip}")
    print(f"idle, all         pyzbar takes {figures['idle']['pyzbar_to_ours']} times as much")


if __name__ == "__main__":
    main()
