"""TCP between clients and a broker, through us: cut, half open, held up, slow, refused.

Bytes are passed on as they are, in their order: what runs through is TLS. Which sides of a broken
connection hear of it is what tells one fault from another.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Literal, TypeVar

_T = TypeVar("_T")
Side = Literal["client", "broker"]
HELD_S = 0.02
_CHUNK = 4096
_PIECE = 128  # bytes at a time on a slow line
_QUEUE = 64  # chunks on their way; then the sender has to wait, as with full buffers
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


class Network(threading.Thread):
    """The loop that all links live in."""

    def __init__(self) -> None:
        super().__init__(name="network", daemon=True)
        self._loop = asyncio.new_event_loop()
        self.start()

    def run(self) -> None:
        """Until `close`."""
        self._loop.run_forever()
        self._loop.close()

    def link(self, name: str, port: int) -> Link:
        """A new way to what listens on `port`."""
        link = Link(name, port, self)
        self.do(link.listen())
        return link

    def do(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Runs it in the loop, and waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def close(self) -> None:
        """Ends all that goes through it."""
        self.do(_cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class Link:
    """One client's way to the broker. `delay_s` and `held` are of every chunk from now on,
    `bytes_s` (0 = no limit) of each direction of each connection."""

    def __init__(self, name: str, target: int, network: Network) -> None:
        self.name = name
        self.port = 0
        self.held = False
        self.delay_s = 0.0
        self.bytes_s = 0
        self._target = target
        self._network = network
        self._pipes: set[_Pipe] = set()
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """On a port of its own, the same one each time."""
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, limit=_CHUNK
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target, limit=_CHUNK)
        except OSError:
            _reset(writer)
            return
        pipe = _Pipe(self, _End(reader, writer), _End(*there))
        self._pipes.add(pipe)
        with suppress(asyncio.CancelledError):  # we are closed
            await pipe.run()
        self._pipes.discard(pipe)

    def refuse(self, refused: bool) -> None:
        """Nobody listens, or somebody does again. What is connected stays."""
        self._network.do(self._close_server() if refused else self.listen())

    async def _close_server(self) -> None:
        assert self._server is not None
        self._server.close()

    def cut(self) -> None:
        """Both sides hear of it at once."""
        self._network.do(self._break(set()))

    def half_open(self, unaware: set[Side]) -> None:
        """What is connected now is gone. Sides that are `unaware` hear nothing any more, and
        what they send is taken and lost, until they give up by themselves."""
        self._network.do(self._break(unaware))

    async def _break(self, unaware: set[Side]) -> None:
        for pipe in list(self._pipes):
            pipe.broken(unaware)


class _End:
    """Of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.gone = False
        peer = writer.get_extra_info("socket")
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def reset(self) -> None:
        if not self.gone:
            self.gone = True
            _reset(self.writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    peer = writer.get_extra_info("socket")
    if peer.fileno() >= 0:  # it may be closed already
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


class _Pipe:
    """One client's connection and ours to the broker."""

    def __init__(self, link: Link, client: _End, broker: _End) -> None:
        self._link = link
        self._ends: dict[Side, _End] = {"client": client, "broker": broker}
        self._broken = False

    async def run(self) -> None:
        """Until both ends are gone."""
        client, broker = self._ends["client"], self._ends["broker"]
        try:
            await asyncio.gather(self._way(client, broker), self._way(broker, client))
        finally:
            client.reset()
            broker.reset()

    def broken(self, unaware: set[Side]) -> None:
        self._broken = True
        for side, end in self._ends.items():
            if side not in unaware:
                end.reset()

    async def _way(self, source: _End, sink: _End) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUE)
        await asyncio.gather(self._take(source, queue), self._pass_on(queue, sink))

    async def _take(self, source: _End, queue: asyncio.Queue[tuple[float, bytes]]) -> None:
        data = b"-"
        while data:
            try:
                data = await source.reader.read(_CHUNK)
            except OSError:
                data = b""
            await queue.put((asyncio.get_running_loop().time(), data))
        if self._broken:  # it has given up
            source.reset()

    async def _pass_on(self, queue: asyncio.Queue[tuple[float, bytes]], sink: _End) -> None:
        link, now = self._link, asyncio.get_running_loop().time
        data = b"-"
        while data:
            at, data = await queue.get()
            while not self._broken and (link.held or now() < at + link.delay_s):
                await asyncio.sleep(HELD_S)
            if not self._broken:
                await self._write(data, sink)

    async def _write(self, data: bytes, sink: _End) -> None:
        if not data:
            sink.writer.close()
        while data and not sink.writer.is_closing():
            rate = self._link.bytes_s
            size = _PIECE if rate else len(data)
            piece, data = data[:size], data[size:]
            sink.writer.write(piece)
            try:
                await sink.writer.drain()
            except OSError:  # its own reader says so to the other side
                return
            if rate:
                await asyncio.sleep(len(piece) / rate)
