"""What the actions share. Each is one file in `actions/`: `Args`, `LIMIT_S`, `act`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple, Protocol

import msgspec

from kiosk import wire
from kiosk.commands.actions import ACTIONS
from kiosk.config import Config
from kiosk.errors import KioskError
from kiosk.model import Instant

RESULT_BYTES = 48 * 1024


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of an action; values come as text, and are converted."""


class Result(NamedTuple):
    """It is done: a sentence, and what was asked for, at most `RESULT_BYTES` as JSON. `then` is
    called when the broker has the response, or cannot be waited for: it may end the uplink."""

    detail: str = ""
    data: dict[str, Any] = {}  # noqa: RUF012 - nobody writes to it
    then: Callable[[], None] | None = None


class Failed(KioskError):
    """It is not done. `reason` is a word, `detail` a sentence for a person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


NO_COMMAND = wire.Command(id="0" * 16, kid="", name="none", issued_ms=0, expires_ms=0)


class Kiosk(NamedTuple):
    """What an action works on. `options` are words that make another program of ours read the
    same configuration. `before_leaving` waits until the centre knows that the action runs, at
    most a few seconds. `set_clock` takes seconds since 1970."""

    config: Config
    options: Sequence[str]
    now: Callable[[], Instant]
    set_clock: Callable[[float], None]
    before_leaving: Callable[[], None] = lambda: None
    command: wire.Command = NO_COMMAND


class Action(Protocol):
    """A file in `actions/`."""

    Args: type[Args]
    LIMIT_S: float
    """It is given up after so long."""

    def act(self, args: Any, kiosk: Kiosk) -> Result:
        """Raises Failed, and OSError."""


def action(name: str) -> Action | None:
    """None when this firmware does not know it."""
    if name not in ACTIONS:
        return None
    module: Any = import_module(f"kiosk.commands.actions.{name.replace('-', '_')}")
    return module  # type: ignore[no-any-return]


def run(command: Sequence[str], limit_s: float, no: str = "") -> bytes:
    """Standard output of a program that ended with 0. Raises Failed; `no` is its reason when
    the program says no."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failed("timed-out", f"{command[0]} does not end within {limit_s:g} s") from None
    except OSError as error:
        raise Failed("no-program", f"{command[0]}: {error.strerror}") from error
    if no and done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise Failed(no, f"{' '.join(command[:3])}: {said[0] if said else done.returncode}"[:400])
    return done.stdout
