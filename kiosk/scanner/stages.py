"""How long each stage of an answer takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Stages:
    """Milliseconds per stage of one turn; prints as ` decode_ms=4.10 judge_ms=0.05`."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self.ms[stage] = (perf_counter() - start) * 1000

    def __str__(self) -> str:
        return "".join(f" {stage}_ms={ms:.2f}" for stage, ms in self.ms.items())
