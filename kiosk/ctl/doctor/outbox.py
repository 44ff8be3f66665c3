"""Whether check-ins can be kept, and what waits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kiosk.clock import Clock
from kiosk.config import Config
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.ctl.words import count, opened, span
from kiosk.model import Instant
from kiosk.outbox import SealedSegments, scanner_at_work
from kiosk.outbox.layout import folders
from kiosk.outbox.writer import RESERVE_BYTES, RESERVE_FILES

SCARCE_BYTES = 16 * RESERVE_BYTES
SCARCE_FILES = 16 * RESERVE_FILES
LONG_S = 24 * 3600.0


def check(config: Config, advice: Advice) -> Iterator[Finding]:
    """Directory, space, queue, quarantine, scanner."""
    directory = config.paths.outbox
    if not directory.is_dir():
        yield wrong(f"the outbox {directory} is missing", advice.outbox)
        return
    yield from _rights(directory, advice)
    yield _space(directory)
    try:
        if all(place.is_dir() for place in folders(directory)):
            sealed = SealedSegments(directory)
            yield _waiting(sealed, Clock(config.clock.source, config.paths.run).now())
            yield from _strays(sealed, directory)
            yield from _quarantine(sealed, directory)
        else:
            yield fine("nothing was ever stored here")
        yield _scanner(directory, advice)
    except OSError as error:
        yield wrong(str(error), advice.outbox)


def _rights(directory: Path, advice: Advice) -> Iterator[Finding]:
    places = [place for place in folders(directory) if place.exists()]
    for place in [directory, *places]:
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            yield wrong(f"{place} may not be written by this user", advice.outbox)


def _space(directory: Path) -> Finding:
    disk = os.statvfs(directory)
    free = disk.f_bavail * disk.f_frsize
    shown = f"{free // 2**20} MiB are free for the outbox"
    if disk.f_files and disk.f_favail < SCARCE_FILES:
        return wrong(
            f"only {disk.f_favail} more files fit on the card; below {RESERVE_FILES} nobody is"
            " let in any more",
            "find the folder that holds very many files (du --inodes) and empty it",
        )
    if free < SCARCE_BYTES:
        return wrong(
            f"only {shown}; below {RESERVE_BYTES // 2**20} MiB nobody is let in any more",
            "connect the kiosk so that its records drain, or free space on the card",
        )
    return fine(shown)


def _waiting(sealed: SealedSegments, now: Instant) -> Finding:
    waiting = sealed.waiting()
    if not waiting:
        return fine("nothing that was handed over waits for the centre")
    oldest = sealed.age_s(waiting[0], now)
    what = f"waiting for the centre: {count(len(waiting), 'segment')}"
    if oldest is not None:
        what += f", the oldest for {span(oldest)}"
    if oldest is not None and oldest > LONG_S:
        return wrong(what, "see what broker, below, says; the records are safe and will follow")
    return fine(what)


def _strays(sealed: SealedSegments, directory: Path) -> Iterator[Finding]:
    names = sealed.strays()
    if names:
        yield wrong(
            f"{folders(directory).sealed} holds {count(len(names), 'file')} beside the segments",
            "the uplink moves such files to quarantine/; take them away there, and see who may"
            " write into the outbox",
        )


def _quarantine(sealed: SealedSegments, directory: Path) -> Iterator[Finding]:
    names = sealed.quarantined()
    if names:
        yield wrong(
            f"{folders(directory).quarantine} holds {count(len(names), 'file')} that could not be"
            " read in whole",
            "kioskctl outbox says why; carry them to the centre: kioskctl outbox export DIR"
            " --delete; the card may be worn out",
        )


def _scanner(directory: Path, advice: Advice) -> Finding:
    held = SealedSegments(directory).still_open() if folders(directory).open.is_dir() else []
    if scanner_at_work(directory):
        return fine(f"a scanner holds the outbox{f'; open: {opened(held)}' if held else ''}")
    if held:
        return wrong(
            f"no scanner is at work, and a dead one left {count(len(held), 'segment')} unsealed",
            "start kiosk-scanner, or hand them over: kioskctl outbox seal",
        )
    return wrong("no scanner is at work: nothing is scanned", advice.start("scanner"))
