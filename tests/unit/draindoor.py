"""A drain over a real outbox directory, and the messages that left."""

from __future__ import annotations

from pathlib import Path

import pytest
from outboxes import PlainSeal, record

from kiosk import wire
from kiosk.model import Instant
from kiosk.outbox import Outbox, SealedSegments
from kiosk.uplink import pace
from kiosk.uplink.drain import Drain

NOW = Instant(1_795_000_000_000, "synced", "boot", 7000)
ACK_TIMEOUT_S = 30.0


class Door:
    """An outbox, a drain over it, and the messages that left."""

    def __init__(self, directory: Path, window: int = 3) -> None:
        self.directory = directory
        self.outbox = Outbox(directory, 64, PlainSeal)
        self.segments = SealedSegments(directory)
        self.messages: list[wire.Batch] = []
        self.connected = True
        self._window = window
        self.drain = self.another_drain()

    def another_drain(self, rate: float = 0.0) -> Drain:
        drain = Drain(self.segments, self._publish, lambda: NOW, self._window, ACK_TIMEOUT_S, rate)
        drain.saw(self.segments.waiting() if self.path("").exists() else [])
        return drain

    def _publish(self, name: str, payload: bytes) -> bool:
        if self.connected:
            self.messages.append(wire.decode(payload, wire.Batch))
            assert self.messages[-1].segment == name
        return self.connected

    def seal(self, records: int = 1, size: int = 8) -> str:
        """One more sealed segment; its name."""
        before = set(self.segments.waiting())
        for _ in range(records):
            self.outbox.put(lambda seal, seq: record(seal, seq, bytes(size)))
        self.outbox.tick(0.0, connected=True)
        (name,) = set(self.segments.waiting()) - before
        self.drain.saw(self.segments.waiting())
        return name

    def sent(self) -> list[str]:
        """Names sent since the last call."""
        names = [m.segment for m in self.messages]
        self.messages.clear()
        return names

    def path(self, name: str) -> Path:
        return self.directory / "sealed" / name


def answer(batch: wire.Batch, refused: dict[int, str] | None = None) -> wire.Ack:
    refused = refused or {}
    return wire.Ack(
        segment=batch.segment,
        accepted=[r.seq for r in batch.records if r.seq not in refused],
        refused=[wire.Refusal(seq, reason) for seq, reason in refused.items()],
        server_ms=1,
    )


@pytest.fixture(autouse=True)
def good_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit by bytes, which has its own tests, also after a time-out."""
    monkeypatch.setattr(pace, "START", 10**6)
    monkeypatch.setattr(pace, "LEAST", 10**6)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def stuck(path: Path) -> None:
    """Makes it impossible to remove the file, also for root."""
    path.unlink()
    (path / "in the way").mkdir(parents=True)


def loose(path: Path) -> None:
    (path / "in the way").rmdir()
    path.rmdir()
