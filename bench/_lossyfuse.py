"""`_lossy.Disk` as a file system in user space (FUSE)."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from random import Random

import pyfuse3
from pyfuse3 import (
    EntryAttributes,
    FileHandleT,
    FileInfo,
    FileNameT,
    FlagT,
    FUSEError,
    InodeT,
    ModeT,
    ReaddirToken,
    RequestContext,
    SetattrFields,
    StatvfsData,
)

from bench._lossy import Disk, File, Folder, Node
from bench._mount import Room
from bench._switch import Switch

_BLOCK = 4096
_BLOCKS = 1 << 18  # 1 GiB
_INODES = 1 << 16
_KEPT_S = 3600.0


class LossyOperations(pyfuse3.Operations):
    """File system calls on a disk. The kernel caches names and attributes, which nobody but it
    changes between two cuts, and no content; no write is delayed."""

    def __init__(self, disk: Disk, switch: Switch) -> None:
        super().__init__()
        self._disk = disk
        self._switch = switch
        self._nodes: dict[int, Node] = {}
        self._open: dict[int, Node] = {}
        self._listed: dict[int, list[tuple[bytes, Node]]] = {}
        self._handles = 0
        self.spoiled: set[Node] = set()
        self.see()

    def see(self) -> None:
        """After a cut all nodes are new: the kernel forgets the names at the top, and with them
        all that is below. Nobody may have a call under way."""
        old = self._nodes.get(pyfuse3.ROOT_INODE)
        for name in old.live if isinstance(old, Folder) else ():
            with suppress(FileNotFoundError):  # it was never asked for
                pyfuse3.invalidate_entry(pyfuse3.ROOT_INODE, FileNameT(name))
        self._nodes = {node.number: node for node in self._disk.nodes()}
        self._nodes[pyfuse3.ROOT_INODE] = self._disk.root

    def spoil(self, chance: Random) -> str:
        """Some files of which the card gives nothing any more, by their inodes."""
        files = [n for n in self._disk.nodes() if isinstance(n, File) and n.live]
        self.spoiled = set(chance.sample(files, min(len(files), chance.randint(1, 2))))
        return " ".join(["spoiled", *(str(node.number) for node in self.spoiled)])

    async def _change(self, what: str, *takes: Room) -> None:
        with _errors():
            await self._switch.change(what, takes)

    async def _look(self) -> None:
        with _errors():
            await self._switch.pass_by()

    def _folder(self, inode: int) -> Folder:
        node = self._node(inode)
        if not isinstance(node, Folder):
            raise FUSEError(errno.ENOTDIR)
        return node

    def _node(self, inode: int) -> Node:
        try:
            return self._nodes[inode]
        except KeyError:  # of before a cut
            raise FUSEError(errno.ESTALE) from None

    def _file(self, handle: int) -> File:
        node = self._opened(handle)
        if not isinstance(node, File):
            raise FUSEError(errno.EISDIR)
        return node

    def _opened(self, handle: int) -> Node:
        try:
            return self._open[handle]
        except KeyError:
            raise FUSEError(errno.EBADF) from None

    def _handle(self, node: Node) -> FileHandleT:
        self._handles += 1
        self._open[self._handles] = node
        return FileHandleT(self._handles)

    def _attributes(self, node: Node) -> EntryAttributes:
        found = EntryAttributes()
        found.st_ino = InodeT(pyfuse3.ROOT_INODE if node is self._disk.root else node.number)
        # Of the root one can always ask, which wakes the server (`LossyMount.wake`).
        found.attr_timeout = 0 if node is self._disk.root else _KEPT_S
        found.entry_timeout = _KEPT_S
        found.st_mode = ModeT(node.mode)
        found.st_nlink = 1
        found.st_uid, found.st_gid = node.uid, node.gid
        found.st_size = len(node.live) if isinstance(node, File) else 0
        found.st_atime_ns = found.st_ctime_ns = found.st_mtime_ns = node.mtime_ns
        return found

    async def lookup(
        self, parent_inode: InodeT, name: FileNameT, ctx: RequestContext
    ) -> EntryAttributes:
        await self._look()
        return self._attributes(self._found(self._folder(parent_inode), name))

    def _found(self, folder: Folder, name: bytes) -> Node:
        with _errors():
            return self._disk.find(folder, name)

    async def forget(self, inode_list: Sequence[tuple[InodeT, int]]) -> None:
        pass  # nodes go with the next cut

    async def getattr(self, inode: InodeT, ctx: RequestContext) -> EntryAttributes:
        if inode != pyfuse3.ROOT_INODE:
            await self._look()
        return self._attributes(self._node(inode))

    async def setattr(
        self,
        inode: InodeT,
        attr: EntryAttributes,
        fields: SetattrFields,
        fh: FileHandleT | None,
        ctx: RequestContext,
    ) -> EntryAttributes:
        node = self._node(inode)
        if fields.update_size:
            await self._change(f"truncate {node.number} to {attr.st_size}")
            if not isinstance(node, File):
                raise FUSEError(errno.EISDIR)
            node.resize(attr.st_size)
        else:
            await self._look()
        if fields.update_mode:
            node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(attr.st_mode)
        if fields.update_uid:
            node.uid = attr.st_uid
        if fields.update_gid:
            node.gid = attr.st_gid
        if fields.update_mtime:
            node.mtime_ns = attr.st_mtime_ns
        return self._attributes(node)

    async def mkdir(
        self, parent_inode: InodeT, name: FileNameT, mode: ModeT, ctx: RequestContext
    ) -> EntryAttributes:
        await self._change(f"mkdir {_text(name)}", "blocks", "inodes")
        return self._attributes(self._added(parent_inode, name, Folder(stat.S_IMODE(mode))))

    async def create(
        self, parent_inode: InodeT, name: FileNameT, mode: ModeT, flags: FlagT, ctx: RequestContext
    ) -> tuple[FileInfo, EntryAttributes]:
        await self._change(f"create {_text(name)}", "blocks", "inodes")
        node = self._added(parent_inode, name, File(stat.S_IMODE(mode)))
        self._switch.trace[-1] += f" = {node.number}"
        return FileInfo(fh=self._handle(node), direct_io=True), self._attributes(node)

    def _added(self, parent: int, name: bytes, node: Node) -> Node:
        with _errors():
            self._disk.add(self._folder(parent), name, node)
        self._nodes[node.number] = node
        return node

    async def unlink(self, parent_inode: InodeT, name: FileNameT, ctx: RequestContext) -> None:
        await self._change(f"unlink {_text(name)}")
        with _errors():
            self._disk.unlink(self._folder(parent_inode), name)

    async def rename(
        self,
        parent_inode_old: InodeT,
        name_old: FileNameT,
        parent_inode_new: InodeT,
        name_new: FileNameT,
        flags: FlagT,
        ctx: RequestContext,
    ) -> None:
        await self._change(
            f"rename {_text(name_old)} to {_text(name_new)} in {parent_inode_new}", "blocks"
        )
        if flags:
            raise FUSEError(errno.EINVAL)
        old, new = self._folder(parent_inode_old), self._folder(parent_inode_new)
        with _errors():
            self._disk.rename(old, name_old, new, name_new)

    async def open(self, inode: InodeT, flags: FlagT, ctx: RequestContext) -> FileInfo:
        await self._look()
        node = self._node(inode)
        if flags & os.O_TRUNC and isinstance(node, File):
            await self._change(f"truncate {node.number}")
            node.resize(0)
        return FileInfo(fh=self._handle(node), direct_io=True)

    async def read(self, fh: FileHandleT, off: int, size: int) -> bytes:
        await self._look()
        file = self._file(fh)
        if file in self.spoiled:
            raise FUSEError(errno.EIO)
        return bytes(file.live[off : off + size])

    async def write(self, fh: FileHandleT, off: int, buf: bytes) -> int:
        file = self._file(fh)
        await self._change(f"write {len(buf)} at {off} in {file.number}")
        if self._switch.full_of == "blocks":
            buf = buf[: self._switch.chance.randint(0, len(buf))]  # what still found room
            self._switch.trace[-1] += f" -> {len(buf)}, then ENOSPC"
            if not buf:
                raise FUSEError(errno.ENOSPC)
        file.write(off, buf)
        return len(buf)

    async def fsync(self, fh: FileHandleT, datasync: bool) -> None:
        file = self._file(fh)
        with _errors():
            await self._switch.sync(f"{'fdatasync' if datasync else 'fsync'} {file.number}")
        if self._switch.sync_fails(data_alone=datasync):
            file.lose(self._switch.chance)
            raise FUSEError(errno.EIO)
        file.sync()

    async def fsyncdir(self, fh: FileHandleT, datasync: bool) -> None:
        folder = self._opened(fh)
        if not isinstance(folder, Folder):
            raise FUSEError(errno.ENOTDIR)
        with _errors():
            await self._switch.sync(f"fsync folder {folder.number}")
        if self._switch.sync_fails():
            raise FUSEError(errno.EIO)
        self._disk.sync(folder)

    async def flush(self, fh: FileHandleT) -> None:
        raise FUSEError(errno.ENOSYS)  # close(2) promises nothing: the kernel need not ask

    async def release(self, fh: FileHandleT) -> None:
        self._open.pop(fh, None)

    async def opendir(self, inode: InodeT, ctx: RequestContext) -> FileHandleT:
        await self._look()
        folder = self._folder(inode)
        handle = self._handle(folder)
        self._listed[handle] = list(folder.live.items())
        return handle

    async def readdir(self, fh: FileHandleT, start_id: int, token: ReaddirToken) -> None:
        await self._look()
        for number, (name, node) in enumerate(self._listed[fh][start_id:], start_id + 1):
            if not pyfuse3.readdir_reply(token, FileNameT(name), self._attributes(node), number):
                return

    async def releasedir(self, fh: FileHandleT) -> None:
        self._open.pop(fh, None)
        self._listed.pop(fh, None)

    async def statfs(self, ctx: RequestContext) -> StatvfsData:
        await self._look()
        found = StatvfsData()
        found.f_bsize = found.f_frsize = _BLOCK
        found.f_blocks = _BLOCKS
        found.f_files = _INODES
        used = len(self._nodes)
        full = self._switch.told_full_of
        found.f_bfree = found.f_bavail = 0 if full == "blocks" else _BLOCKS - used
        found.f_ffree = found.f_favail = 0 if full == "inodes" else _INODES - used
        return found


@contextmanager
def _errors() -> Iterator[None]:
    """The kernel gets the errors of model and switch."""
    try:
        yield
    except OSError as error:
        raise FUSEError(error.errno or errno.EIO) from None


def _text(name: bytes) -> str:
    return name.decode(errors="replace")
