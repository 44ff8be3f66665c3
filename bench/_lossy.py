"""What a card may hold after a power cut: the model of a file system that forgets.

Everything written lives in two places: `live`, what programs see, and `card`, what is there
for certain. Between the two stand the changes that no fsync(2) has covered yet. A cut keeps
any of them and forgets the others:

- of a file, each write by itself: not at all, whole, or torn into sectors of 512 bytes of
  which any are kept; its new size may be kept without its data (zeros, or what lay there);
- of folders, each name by itself: created, gone, renamed or not, in any order. A rename
  never loses both names; it may leave both, as some file systems do.

fsync and fdatasync of a file make its content and size certain, but not its name; fsync of a
folder makes the names in it certain, but not the content behind them. ext4 promises more
than that; what is right here is right there.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import NamedTuple

SECTOR = 512
_TORN = 0.4  # of the writes that are kept
_GARBAGE = 0.3  # of the sectors that came into being without their data
_numbers = count(2)  # FUSE keeps 1 for the root; none is used again


class _Write(NamedTuple):
    offset: int
    data: bytes


class _Resize(NamedTuple):
    size: int


class Node:
    """A file or a folder. Owner, mode and time are never forgotten."""

    def __init__(self, mode: int) -> None:
        self.number = next(_numbers)
        self.mode = mode
        self.uid, self.gid = os.geteuid(), os.getegid()
        self.mtime_ns = time.time_ns()

    def like(self, other: Node) -> None:
        """Takes over what is never forgotten."""
        self.mode, self.uid, self.gid = other.mode, other.uid, other.gid
        self.mtime_ns = other.mtime_ns


class File(Node):
    """Bytes."""

    def __init__(self, mode: int, content: bytes = b"") -> None:
        super().__init__(stat.S_IFREG | mode)
        self.live = bytearray(content)
        self.card = content
        self._pending: list[_Write | _Resize] = []

    def write(self, offset: int, data: bytes) -> None:
        """Seen by everybody at once, certain after a sync."""
        _put(self.live, offset, data)
        self._pending.append(_Write(offset, bytes(data)))
        self.mtime_ns = time.time_ns()

    def resize(self, size: int) -> None:
        """As ftruncate(2)."""
        _fit(self.live, size)
        self._pending.append(_Resize(size))
        self.mtime_ns = time.time_ns()

    def sync(self) -> None:
        """All changes are certain."""
        content = bytearray(self.card)
        for change in self._pending:
            if isinstance(change, _Write):
                _put(content, change.offset, change.data)
            else:
                _fit(content, change.size)
        self._settle(content)

    def lose(self, chance: Random) -> None:
        """Each change is kept or forgotten: by a cut, or by a sync that failed, after which
        Linux counts the pages as clean and never writes them again."""
        content = bytearray(self.card)
        for change, kept in zip(self._pending, _fates(chance, len(self._pending)), strict=True):
            if kept and isinstance(change, _Resize):
                _fit(content, change.size)
            elif kept and isinstance(change, _Write):
                if chance.random() < _TORN:
                    _tear(chance, content, change)
                else:
                    _put(content, change.offset, change.data)
        self._settle(content)

    def _settle(self, content: bytearray) -> None:
        self.card = bytes(content)
        self._pending.clear()


class Folder(Node):
    """Names."""

    def __init__(self, mode: int) -> None:
        super().__init__(stat.S_IFDIR | mode)
        self.live: dict[bytes, Node] = {}
        self.card: dict[bytes, Node] = {}


@dataclass(eq=False)
class _Name:
    """In this folder the name now stands for `node`, or for nothing. `after`: where a
    renamed file appears, without which its old name does not go."""

    folder: Folder
    name: bytes
    node: Node | None
    after: _Name | None = None


class Disk:
    """A tree of folders and files below `root`. Raises OSError as the kernel would."""

    def __init__(self) -> None:
        self.root = Folder(0o755)
        self._pending: list[_Name] = []

    def find(self, folder: Folder, name: bytes) -> Node:
        """What a name stands for."""
        try:
            return folder.live[name]
        except KeyError:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT)) from None

    def add(self, folder: Folder, name: bytes, node: Node) -> None:
        """A new file or folder under a name that is free."""
        if name in folder.live:
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        self._happens(_Name(folder, name, node))

    def unlink(self, folder: Folder, name: bytes) -> None:
        """Forgets the name of a file, which goes on living while it is open."""
        if isinstance(self.find(folder, name), Folder):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        self._happens(_Name(folder, name, None))

    def rename(self, old: Folder, old_name: bytes, new: Folder, new_name: bytes) -> None:
        """Replaces a file that has the new name."""
        node = self.find(old, old_name)
        if isinstance(new.live.get(new_name), Folder):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        appears = _Name(new, new_name, node)
        self._happens(appears)
        self._happens(_Name(old, old_name, None, after=appears))

    def _happens(self, change: _Name) -> None:
        _enter(change.folder.live, change)
        change.folder.mtime_ns = time.time_ns()
        self._pending.append(change)

    def sync(self, folder: Folder) -> None:
        """All names in a folder are certain."""
        for change in [c for c in self._pending if c.folder is folder]:
            self._settle(change)

    def cut(self, chance: Random) -> None:
        """The power goes and comes back: what is not on the card never was."""
        for change, kept in zip(self._pending, _fates(chance, len(self._pending)), strict=True):
            if kept:
                self._settle(change)
        for node in self.nodes():
            if isinstance(node, File):
                node.lose(chance)
        self.put_in(self.copy())

    def _settle(self, change: _Name) -> None:
        if change.after in self._pending:
            self._settle(change.after)
        _enter(change.folder.card, change)
        # What went before under the same name can no longer come to be.
        until = self._pending.index(change) + 1
        spot = (change.folder, change.name)
        before = [c for c in self._pending[:until] if (c.folder, c.name) != spot]
        self._pending = [*before, *self._pending[until:]]

    def copy(self) -> Folder:
        """The tree as the card has it."""
        return _copied(self.root, {})

    def put_in(self, root: Folder) -> None:
        """Another card."""
        self.root = root
        self._pending.clear()

    def nodes(self) -> Iterator[Node]:
        """All there are, the root first."""
        return _below(self.root, set())


def _enter(names: dict[bytes, Node], change: _Name) -> None:
    if change.node is None:
        names.pop(change.name, None)
    else:
        names[change.name] = change.node


def _below(node: Node, seen: set[Node]) -> Iterator[Node]:
    """A node and all that can be reached from it, live or on the card, each once."""
    if node in seen:
        return
    seen.add(node)
    yield node
    if isinstance(node, Folder):
        for child in [*node.live.values(), *node.card.values()]:
            yield from _below(child, seen)


def _copied(node: Folder, made: dict[Node, Node]) -> Folder:
    fresh = Folder(node.mode)
    fresh.like(node)
    for name, child in node.card.items():
        if child not in made:
            made[child] = _twin(child, made)
        fresh.live[name] = fresh.card[name] = made[child]
    return fresh


def _twin(node: Node, made: dict[Node, Node]) -> Node:
    if isinstance(node, Folder):
        return _copied(node, made)
    if not isinstance(node, File):
        raise TypeError(f"neither file nor folder: {node!r}")
    fresh = File(node.mode, node.card)
    fresh.like(node)
    return fresh


def _put(content: bytearray, offset: int, data: bytes) -> None:
    _fit(content, max(len(content), offset))
    content[offset : offset + len(data)] = data


def _fit(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


def _fates(chance: Random, many: int) -> list[bool]:
    """Which of so many changes are kept: none, all, the first of them, or any."""
    mood = chance.randrange(4)
    if mood == 0:
        return [False] * many
    if mood == 1:
        return [True] * many
    if mood == 2:
        first = chance.randint(0, many)
        return [number < first for number in range(many)]
    share = chance.random()
    return [chance.random() < share for _ in range(many)]


def _tear(chance: Random, content: bytearray, write: _Write) -> None:
    """Some sectors of a write; those that are new and not kept are zero or garbage."""
    end = write.offset + len(write.data)
    first = write.offset // SECTOR * SECTOR
    starts = [max(at, write.offset) for at in range(first, end, SECTOR)]
    stops = [*starts[1:], end]
    for (start, stop), kept in zip(
        zip(starts, stops, strict=True), _fates(chance, len(starts)), strict=True
    ):
        if kept:
            _put(content, start, write.data[start - write.offset : stop - write.offset])
    old = len(content)
    if old < end and chance.random() < 0.5:  # the size became certain before the data
        garbage = chance.randbytes(end - old) if chance.random() < _GARBAGE else b""
        _fit(content, end)
        content[old : old + len(garbage)] = garbage
