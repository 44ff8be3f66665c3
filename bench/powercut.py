"""Cuts the power of a kiosk's outbox thousands of times, and counts what was lost.

The scanner's and the uplink's real code run as processes of their own on a file system that
forgets at each cut any of the writes and names that were not synced (`bench/_lossy.py`); in
between the card is full, or fails. After each cut the outbox is opened again, and every
check-in for which `put` returned must be there, readable, once, or with the centre. What is
there besides (`unasked`) was under way at a cut or a kill, or its put had failed; nothing
comes back that was missing once. Besides that, the same processes are killed at each of their
system calls in turn.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar, get_args

from rich.console import Console
from rich.progress import track

from bench._fork import die_with_parent
from bench._mount import why_not
from bench._report import arguments, machine, whole, write
from bench._rig import Tried, card_life, killed_everywhere
from bench._scanning import Without

CARD_CUTS = 100  # then a blank card
console = Console(stderr=True)
T = TypeVar("T")


def main() -> None:
    """Command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--cuts", type=whole(1), default=200, help="default: %(default)s")
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        help="fixes what is drawn for the cards and their weather, not what the processes do"
        " meanwhile: no run is exactly like another; default: %(default)s",
    )
    parser.add_argument(
        "--cards",
        type=whole(1),
        default=os.cpu_count() or 1,
        help="tried at the same time; default: one for each core, %(default)s",
    )
    parser.add_argument(
        "--without",
        choices=[word for word in get_args(Without) if word],
        default="",
        help="take a safety out, and the kills: there must be losses then",
    )
    given = parser.parse_args()
    if why_not():
        parser.error(why_not())
    began = time.monotonic()
    # Spawned: they fork, which nothing that has threads may do.
    with ProcessPoolExecutor(
        given.cards, multiprocessing.get_context("spawn"), die_with_parent
    ) as pool:
        killing = None if given.without else pool.submit(_whole, killed_everywhere)
        lives = [
            pool.submit(_whole, card_life, f"{given.seed}/{number}", cuts, given.without)
            for number, cuts in enumerate(_shares(given.cuts))
        ]
        try:
            for life in track(as_completed(lives), "cards", len(lives), console=console):
                _say_first(life.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)  # nobody waits for the other cards
            raise
        killed, calls = (None, {}) if killing is None else killing.result()
    took_s = time.monotonic() - began
    cards = [life.result() for life in lives]
    tried = [*cards, killed] if killed else cards
    counts = {
        "cuts": given.cuts,
        "green": sum(card.green for card in cards),
        "lost": sum(one.lost for one in tried),
        "duplicated": sum(one.duplicated for one in tried),
        "corrupted": sum(one.corrupted for one in tried),
    }
    more = {
        "machine": machine(),
        "seed": given.seed,
        "cards_at_once": given.cards,
        "unasked": sum(card.unasked for card in cards),
        "kills": sum(card.kills for card in cards),
        "puts_failed": sum(card.failed for card in cards),
        "syncs_failed": sum(card.unsynced for card in cards),
        "set_aside": sum(card.set_aside for card in cards),
        "kills_at_calls": calls,
        "ms_per_cut": round(took_s * 1000 / given.cuts, 1),
    }
    problems = [problem for one in tried for problem in one.problems]
    write(given.json, {**counts, **more})
    for problem in problems:
        print(problem)
    for name, value in more.items():
        print(f"{name:16} {value}")
    print(" ".join(f"{name}={value}" for name, value in counts.items()))
    sys.exit(0 if counts["green"] and not problems else 1)


def _whole(action: Callable[..., T], *words: object) -> T:
    """For a process of the pool: an interrupt ends it, and not only what it is just doing."""
    try:
        return action(*words)
    except KeyboardInterrupt:
        os._exit(128 + signal.SIGINT)


def _shares(cuts: int) -> Iterator[int]:
    """How many of the cuts each card gets."""
    for before in range(0, cuts, CARD_CUTS):
        yield min(CARD_CUTS, cuts - before)


def _say_first(card: Tried) -> None:
    if card.problems:
        found = "\n".join(card.problems[:3])
        print(f"{found}\nbefore that:\n{card.trace}", file=sys.stderr)


if __name__ == "__main__":
    main()
