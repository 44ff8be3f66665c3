"""`python -m bench._lossyserver MOUNTPOINT FD`: serves a lossy file system.

Whoever started it gives orders over the socket FD (`_mount.Order`). It unmounts and ends
when the socket closes.
"""

from __future__ import annotations

import signal
import socket
import sys
from random import Random

import msgspec
import pyfuse3
import trio

from bench._lossy import Disk, Folder
from bench._lossyfuse import LossyOperations
from bench._mount import Order
from bench._switch import Switch

MOUNTED, HELD, DONE = b"mounted", b"held", b"done"
TRACED = 300


class Orders:
    """Takes orders from a socket until that closes."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._disk = Disk()
        self._saved = self._disk.root
        self._switch = Switch()
        self.operations = LossyOperations(self._disk, self._switch)

    async def take(self, nursery: trio.Nursery) -> None:
        """Ends what runs in the nursery when there are no more."""
        while True:
            await trio.lowlevel.wait_readable(self._control)
            message = self._control.recv(1 << 16)
            if not message:
                nursery.cancel_scope.cancel()
                return
            order = msgspec.json.decode(message, type=Order)
            if order.do == "arm":
                self._switch.arm(order)
                nursery.start_soon(self._tell)
            elif order.do == "hold":
                self._switch.hold()
            else:
                self._control.send(self._done(order))

    async def _tell(self) -> None:
        await self._switch.held.wait()
        self._control.send(HELD)

    def _done(self, order: Order) -> bytes:
        if order.do == "trace":
            # Not empty: so it looks when the other end has closed.
            return "\n".join(self._switch.trace[-TRACED:] or ["nothing"]).encode()
        if order.do == "spoil":
            return self.operations.spoil(Random(order.seed)).encode()
        if order.do == "heal":
            self.operations.spoiled.clear()
            return DONE
        if order.do == "save":
            self._saved = self._disk.copy()
            return DONE
        if order.do == "cut":
            self._disk.cut(Random(order.seed))
            self._switch.read_only = False
        elif order.do == "restore":
            self._disk.put_in(self._saved)
        elif order.do == "blank":
            self._disk.put_in(Folder(0o755))
        if order.do in ("cut", "restore", "blank"):
            self.operations.see()
        self._switch.move(failing=order.do == "fail-held")
        return DONE


async def _serve(orders: Orders) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pyfuse3.main)
        await orders.take(nursery)


def main() -> None:
    """Serves until the socket closes."""
    mountpoint, fd = sys.argv[1:]
    for ending in (signal.SIGINT, signal.SIGTERM):  # sent to all at once: the end comes by socket
        signal.signal(ending, signal.SIG_IGN)
    control = socket.socket(fileno=int(fd))
    orders = Orders(control)
    pyfuse3.init(orders.operations, mountpoint, {"fsname=lossy"})
    try:
        control.send(MOUNTED)
        trio.run(_serve, orders)
    finally:
        pyfuse3.close(unmount=True)


if __name__ == "__main__":
    main()
