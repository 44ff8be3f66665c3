"""What the outbox refuses to do at the moment."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from kiosk.errors import OutboxError

log = logging.getLogger("kiosk.uplink")


class Troubles:
    """Each lasts until the very operation that failed succeeds. The journal gets beginning
    and end, not the repetitions between them."""

    def __init__(self) -> None:
        self._why: dict[str, str] = {}  # operation -> error, in the order of their beginning

    @property
    def first(self) -> str:
        """The one that has lasted longest, in words; empty when all is well."""
        return next(iter(self._why.values()), "")

    @contextmanager
    def of(self, operation: str) -> Iterator[None]:
        """Takes note of an OutboxError, or that there was none."""
        try:
            yield
        except OutboxError as error:
            self.note(operation, str(error))
        else:
            self.note(operation, "")

    def note(self, operation: str, why: str) -> None:
        """`why` is empty when it succeeded."""
        if why:
            if operation not in self._why:
                log.error("outbox, %s: %s", operation, why)
            self._why[operation] = why
        elif self._why.pop(operation, ""):
            log.info("outbox, %s: works again", operation)
