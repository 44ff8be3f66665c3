"""Ctrl-C, kill and a closed terminal: all end the demo in order."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from demo.processes import ENDINGS


class Interrupted(KeyboardInterrupt):
    """A signal asks to end now."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number  # as a shell reports it


class Signals:
    """While `gentle`, the first Ctrl-C only sets `asked`. Any other signal raises Interrupted,
    once: what follows is cleaning up, which nothing may disturb."""

    def __init__(self) -> None:
        self.gentle = False
        self.asked = False
        for number in ENDINGS:
            # SIGINT is caught even when a shell's `&` had it ignored; SIGHUP under nohup not.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._on)

    def _on(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.gentle and not self.asked:
            self.asked = True
            return
        for ending in ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        if number == signal.SIGHUP:  # the terminal is gone; writing to it would fail
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in (sys.stdout, sys.stderr):
                os.dup2(nowhere, stream.fileno())
        raise Interrupted(number)
