"""What FFmpeg's reader leaves undone on a V4L2 device, done on the device itself.

It waits for a picture without an end, and when streaming does not start it forgets the
buffers that it has mapped, which keep the device in use for as long as this process lives.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import stat
from pathlib import Path

_CAPTURE = (1).to_bytes(4, "little")  # V4L2_BUF_TYPE_VIDEO_CAPTURE
_STREAMOFF = 0x40045613  # VIDIOC_STREAMOFF of linux/videodev2.h

_libc = ctypes.CDLL(None)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)

Buffers = set[tuple[int, int]]
"""Where they begin and end in the memory of this process."""


def stop(node: os.stat_result) -> None:
    """Ends the stream that this process has open on `node`: a read of it that waits fails now.

    What is no device, is unplugged or does not stream is left alone.
    """
    if not stat.S_ISCHR(node.st_mode):
        return
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - only the names are wanted
        try:
            if os.path.samestat(os.fstat(int(name)), node):
                fcntl.ioctl(int(name), _STREAMOFF, _CAPTURE)
        except OSError:  # closed since, unplugged, or not the one that streams
            continue


def mapped(node: os.stat_result) -> Buffers:
    """The buffers of `node` that this process has mapped."""
    device = f"{os.major(node.st_dev):02x}:{os.minor(node.st_dev):02x}"
    found = set()
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, _access, _offset, on, inode, *_path = line.split()
        if on == device and int(inode) == node.st_ino:
            start, end = addresses.split("-")
            found.add((int(start, 16), int(end, 16)))
    return found


def unmap(buffers: Buffers) -> None:
    """Gives buffers back that nobody knows of any more."""
    for start, end in buffers:
        _libc.munmap(start, end - start)
