"""What the commands of the centre share: how they end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from kiosk.errors import KioskError


def ending(act: Callable[[], object]) -> None:
    """Does it. Exits 1 after one sentence per problem when it refuses, and without a word when
    whoever read the output has left (`| head`)."""
    try:
        act()
        sys.stdout.flush()
    except KioskError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # What is still to be written would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
