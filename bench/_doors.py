"""Kiosks whose visitors are many and quick: an external scanner instead of a camera, a small
card, a wall clock that jumps, and systemd's ear."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench._defects import Defect, afflicted
from bench._line import Line
from bench._notified import Daemon, Notified
from bench._wall import Wall
from demo.kiosk import DAEMONS, Kiosk, section, unit_environment
from demo.processes import Process

CARD_MB = 16
_LEFT_BYTES = 2 << 20  # less than the outbox asks for


def why_no_card() -> str:
    """Why no card can be made full here; empty when it can."""
    return "" if os.geteuid() == 0 else "not root: no small card is mounted, none is full"


class Door:
    """One kiosk of a town, not started yet. `library` is what makes its wall clock jump, None: it
    does not. Close it when its daemons have ended."""

    def __init__(
        self, kiosk: Kiosk, notified: Notified, library: Path | None, defect: Defect
    ) -> None:
        self.kiosk = kiosk
        self._open = ExitStack()
        self.line = Line(kiosk.root / "by-id")
        self._open.callback(self.line.close)
        self.wall = Wall(library, kiosk.root / "wall") if library else None
        self.has_card = not why_no_card()
        if self.has_card:
            self._mount()
        rules = kiosk.root / "chaos.toml"
        rules.write_text(
            section("camera", driver="none")
            + section("reader", driver="serial_line", device=self.line.device)
            # Whoever shows a code once more gets no second record from the same scanner.
            + section("scan", hold_s=0.5, repeat_s=600)
            + section("broker", keepalive_s=5, reconnect_base_s=0.2, reconnect_cap_s=2)
            + section("uplink", ack_timeout_s=3, telemetry_s=5)
        )
        self.config = [*kiosk.config, rules]
        self.daemons: dict[str, Daemon] = {}
        for name in DAEMONS:
            label = f"{kiosk.name} {name}"
            heard = notified.daemon_of(label, kiosk.run / f"{name}.notify")
            self.daemons[name] = heard
            words = [f"--config={path}" for path in self.config]
            kiosk.daemons[name] = Process(
                label,
                [sys.executable, "-m", *afflicted(f"kiosk.{name}", defect), *words],
                kiosk.root / f"{name}.log",
                {
                    **unit_environment(name),
                    **heard.environment,
                    **(self.wall.environment if self.wall else {}),
                },
            )

    def _mount(self) -> None:
        size = f"size={CARD_MB}m,mode=755"
        outbox = self.kiosk.outbox
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", outbox], check=True)
        self._open.callback(lambda: subprocess.run(["umount", "--lazy", outbox], check=False))

    @contextmanager
    def card_full(self) -> Iterator[None]:
        """Something else takes nearly all of it meanwhile."""
        ballast = self.kiosk.outbox / "ballast"
        disk = os.statvfs(self.kiosk.outbox)
        try:
            with ballast.open("wb") as file:
                os.posix_fallocate(
                    file.fileno(), 0, max(1, disk.f_bavail * disk.f_frsize - _LEFT_BYTES)
                )
            yield
        finally:
            ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmounts and unplugs."""
        self._open.close()
