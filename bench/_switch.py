"""When the power goes: the moment of a cut, and the accidents before it."""

from __future__ import annotations

import errno
from random import Random

import trio

from bench._mount import Order, Room

_READ_ONLY = 0.2


class Switch:
    """Every call to the file system passes by here, and meets an OSError when it fails. From
    `hold` on all wait, so that the processes at work can be killed."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.held = trio.Event()
        self.chance = Random(0)
        self.read_only = False
        self._order: Order | None = None
        self._changes = 0
        self._failing = False
        self._moved = trio.Event()

    def arm(self, order: Order) -> None:
        """Until the moment comes."""
        self._order, self._changes, self.chance = order, 0, Random(order.seed)
        self.trace.clear()

    def hold(self) -> None:
        """The moment has come."""
        self._order = None
        self.held.set()

    def move(self, failing: bool) -> None:
        """Nothing is held any more; it fails, or is served."""
        self._order, self._failing = None, failing
        self.held = trio.Event()
        self._moved.set()
        self._moved = trio.Event()

    async def pass_by(self) -> None:
        """A call that changes nothing."""
        while self.held.is_set():
            await self._moved.wait()
        if self._failing:
            raise OSError(errno.EIO, "the power is gone")

    async def change(self, what: str, takes: tuple[Room, ...] = ()) -> None:
        """A call that changes something, and needs room for it."""
        await self.sync(what)
        if self._failed():
            raise OSError(errno.EIO, "an accident")
        if self.full_of in takes:
            self.trace[-1] += " -> ENOSPC"
            raise OSError(errno.ENOSPC, "an accident")

    async def sync(self, what: str) -> None:
        """A call that makes something certain, unless it `sync_fails`."""
        if self._order is not None:
            self._changes += 1
            if self._changes > self._order.after:
                self.hold()
        self.trace.append(f"{what} (held)" if self.held.is_set() else what)
        await self.pass_by()
        if self.read_only:
            self.trace[-1] += " -> EROFS"
            raise OSError(errno.EROFS, "after an accident")

    def sync_fails(self, data_alone: bool = False) -> bool:
        """Whether it does. One in some leaves the disk read-only until power comes back, as
        ext4 does when its journal cannot be written; `data_alone` has nothing to do with that."""
        if data_alone and self._order is not None and self._one_in(self._order.unsynced):
            return True
        if not self._failed():
            return False
        self.read_only = self.chance.random() < _READ_ONLY
        return True

    def _failed(self) -> bool:
        return self._order is not None and self._one_in(self._order.fails)

    def _one_in(self, many: int) -> bool:
        failed = many > 0 and self.chance.randrange(many) == 0
        if failed:
            self.trace[-1] += " -> EIO"
        return failed

    @property
    def full_of(self) -> Room | None:
        """What there is no more of."""
        order = self._order
        if order is None or not 0 <= self._changes - order.full_from < order.full_for:
            return None
        return order.full_of

    @property
    def told_full_of(self) -> Room | None:
        """... and statfs(2) says so."""
        return self.full_of if self._order is not None and self._order.told else None
