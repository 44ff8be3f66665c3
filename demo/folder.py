"""The demo's folders: one for its files, which it may empty, and a short-lived one for sockets."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.processes import Failed

MARKER = ".made-by-demo"
_PREFIX = "kiosk-"
_SHORT = 50  # leaves room for the folders and the socket's name
_OWNER = "owner"  # locked as long as whoever made the folder lives


@contextmanager
def claimed(root: Path) -> Iterator[Path]:
    """`root`, emptied, ours alone for so long; its files stay.

    Raises Failed when it holds files that no demo made, or another demo uses it now.
    """
    root.mkdir(parents=True, exist_ok=True)
    marker = root / MARKER
    if not marker.exists() and any(root.iterdir()):
        raise Failed(
            f"{root} holds files that the demo did not make, and it would delete them;"
            " give it another folder with --dir, or empty this one"
        )
    with marker.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Failed(
                f"another demo is running in {root}: end it, or give this one a folder of its"
                " own with --dir"
            ) from error
        if not lock.tell():
            lock.write("`python -m demo` made this folder and empties it when it starts.\n")
            lock.flush()
        _empty(root)
        yield root


def _empty(root: Path, patience_s: float = 10.0) -> None:
    deadline = time.monotonic() + patience_s
    while left := [path for path in root.iterdir() if path.name != MARKER]:
        try:
            for path in left:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
        except OSError:  # daemons of a killed demo, about to end, may still write there
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@contextmanager
def run_folder() -> Iterator[Path]:
    """A new folder with a short path: a Unix socket's holds 108 bytes at most. What demos
    that were killed left behind is removed on the way."""
    base = tempfile.gettempdir()
    if len(base) > _SHORT:
        base = "/tmp"
    _sweep(Path(base))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    try:
        new = folder / f"{_OWNER}.new"
        with new.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            new.rename(folder / _OWNER)  # locked before others may look at it
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(base: Path) -> None:
    for owner in base.glob(f"{_PREFIX}*/{_OWNER}"):
        try:
            with owner.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(owner.parent, ignore_errors=True)
        except OSError:  # somebody else's, or in use
            continue
