"""From a cue to light, sound and picture, and what a panel at rest costs, beside plain luma.oled.

The real kiosk-feedback with the real luma driver, on models of bus and chip (demo/panel_bus.py)
and gpiozero's mock pins. Light is when a lamp is lit and the buzzer sounds; a picture is whole
when the memory of the display changes no more: what was measured without the model's own work,
and what its bytes take at 400 kHz. Figures are 95th percentiles where there are several.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from luma.core.interface.serial import i2c
from luma.oled.device import ssd1306
from rich.console import Console
from rich.progress import track

from bench._panel import Daemon, Reply, running
from bench._report import arguments, machine, positive, spread, whole, write
from demo.panel_bus import I2cWire
from demo.panel_chips import chip
from drivers.oled import PanelOptions
from drivers.oled.luma_i2c import open_panel
from kiosk import screens

OPTIONS = PanelOptions("ssd1306", 128, 64, 0, 207, 1, 0x3C, (0, 0), 4, "mock", 24, 25, "")
KINDS: tuple[dict[str, Any], ...] = (
    {"outcome": "pass", "reason": "accepted", "name": "Nguyễn T. Ă."},
    {"outcome": "warn", "reason": "expired", "name": "Trần V. Đ."},
    {"outcome": "pass", "reason": "accepted", "name": "Lê T. Ư.", "direction": "out"},
    {"outcome": "fail", "reason": "forged"},
    {"outcome": "pass", "reason": "accepted", "name": "Phạm Q. H.", "repeated": True},
    {"outcome": "fail", "reason": "place-code"},
)
console = Console(stderr=True)


def answers(daemon: Daemon, number: int) -> list[Reply]:
    """Of all kinds in turn, each after the idle screen."""
    replies = []
    for at in track(range(number), "answers", console=console):
        replies.append(daemon.reply(daemon.say(**KINDS[at % len(KINDS)])))
        daemon.until_idle()
    return replies


def while_drawing(daemon: Daemon, number: int) -> list[Reply]:
    """Answers that come while another picture is on its way."""
    replies = []
    for _ in track(range(number), "while it draws", console=console):
        daemon.hint()
        time.sleep(random.uniform(0.002, 0.02))
        replies.append(daemon.reply(daemon.say(**KINDS[0])))
        daemon.until_idle()
        time.sleep(1.0)  # the hint is forgotten
    return replies


def burst(daemon: Daemon, number: int) -> dict[str, object]:
    """So many answers as fast as they can be sent, and the last of them."""
    alone = daemon.reply(daemon.say(**KINDS[0])).picture.memory
    daemon.until_idle()
    longest = 0.0
    began = time.monotonic()
    for at in track(range(1, number + 1), "burst", console=console):
        start = time.monotonic()
        sent = daemon.say(**(KINDS[0] if at == number else KINDS[3]))
        longest = max(longest, time.monotonic() - start)
    took = time.monotonic() - began
    while not daemon.flush():
        time.sleep(0.001)
    newest = daemon.picture(sent)
    daemon.until_idle()
    again = daemon.reply(daemon.say(**KINDS[0])).picture.memory  # its clock may have gone on
    return {
        "cues": number,
        "all_sent_s": round(took, 2),
        "longest_send_ms": round(longest * 1000, 2),
        "newest_shown_ms": round(newest.ms, 1),
        "newest_won": newest.memory in (alone, again),
    }


def peers(rounds: int = 50) -> dict[str, dict[str, float]]:
    """The same two pictures in turn: plain luma's `display`, and our panel."""
    empty = screens.state(screens.Situation(enrolled=True, scanner="well"))
    shown = (screens.answer("pass", "accepted", name="Nguyễn T. Ă."), empty)
    wire = I2cWire(chip("ssd1306"))
    with patch("smbus2.SMBus", wire.smbus):
        plain = ssd1306(i2c(port=1))
        panel = open_panel(OPTIONS)

    def draw(at: int) -> None:
        panel.show(shown[at % 2])
        while panel.step():
            pass

    return {
        "luma display()": _drawn(wire, lambda at: plain.display(shown[at % 2]), rounds),
        "ours": _drawn(wire, draw, rounds),
    }


def _drawn(wire: I2cWire, draw: Callable[[int], None], rounds: int) -> dict[str, float]:
    """Medians of the first of both pictures, which comes after the other."""
    work, sent, took = [], [], []
    for at in range(2 * rounds):
        before = wire.bytes, wire.spent, wire.seconds
        began = time.perf_counter()
        draw(at)
        took_s = time.perf_counter() - began - (wire.spent - before[1])
        if at % 2 == 0 and at:
            work.append(took_s * 1000)
            sent.append(wire.bytes - before[0])
            took.append((took_s + wire.seconds - before[2]) * 1000)
    return {
        "work_ms": round(median(work), 2),
        "bytes": median(sent),
        "ms_at_400khz": round(median(took), 2),
    }


def main() -> None:
    """Command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--answers", type=whole(1), default=30, help="default: %(default)s")
    parser.add_argument("--burst", type=whole(1), default=10_000, help="default: %(default)s")
    parser.add_argument(
        "--idle-seconds",
        type=positive,
        default=30,
        metavar="S",
        help="how long it is watched at rest; default: %(default)s",
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with running(Path(folder), "instant") as daemon:
            console.print(f"nobody there, {given.idle_seconds:g} s")
            cpu = daemon.idle(given.idle_seconds)
            replies = answers(daemon, given.answers)
        with running(Path(folder), "paced") as daemon:
            met = while_drawing(daemon, max(1, given.answers // 3))
            flood = burst(daemon, given.burst)
    light = spread([reply.light_ms for reply in replies])
    picture = spread([reply.picture.ms for reply in replies])
    figures: dict[str, object] = {
        "machine": machine(),
        "light_ms": light["p95"],
        "picture_ms_400khz": picture["p95"],
        "bytes_per_answer": round(sum(reply.picture.bytes for reply in replies) / len(replies)),
        "idle_cpu_percent": round(cpu, 2),
        "light_ms_spread": light,
        "picture_ms_spread": picture,
        "light_ms_while_drawing": spread([reply.light_ms for reply in met]),
        "burst": flood,
        "peers": peers(),
    }
    for name, value in figures.items():
        print(f"{name:30} {value}")
    write(given.json, figures)
    sys.exit(0 if flood["newest_won"] else 1)


if __name__ == "__main__":
    main()
