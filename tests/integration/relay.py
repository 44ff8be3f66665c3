"""A slow line between a kiosk and its broker, that can be cut."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress


class Relay:
    """Listens on `port` of loopback and passes on to port `to`; down at `rate` bytes a second."""

    def __init__(self, to: int, rate: float) -> None:
        self.port = 0
        self.passed = 0
        self._to, self._rate = to, rate
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=4096)
        )
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()

    async def _serve(self, kiosk: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        broker, on = await asyncio.open_connection("127.0.0.1", self._to, limit=4096)
        self._writers |= {back, on}
        with suppress(OSError):
            await asyncio.wait(
                [
                    asyncio.ensure_future(self._pump(kiosk, on, 0)),
                    asyncio.ensure_future(self._pump(broker, back, self._rate)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        for writer in (back, on):
            writer.transport.abort()
            self._writers.discard(writer)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
                if rate:
                    self.passed += len(data)
                    await asyncio.sleep(len(data) / rate)

    def cut(self) -> None:
        """Every connection breaks now; new ones are taken."""

        def abort() -> None:
            for writer in list(self._writers):
                writer.transport.abort()

        self._loop.call_soon_threadsafe(abort)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
