"""One kiosk of the town: three real daemons over simulated hardware.

Its camera shows the picture that lies in its folder, its panel writes PNG files, its pins
exist in memory.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path

from PIL import Image

from demo.processes import Failed, Process
from demo.scenes import write_scene

DAEMONS = ("feedback", "scanner", "uplink")
_TREE = Path(__file__).resolve().parents[1]
SIMULATED = _TREE / "config" / "boards" / "simulated.toml"
UNITS = _TREE / "systemd"
Answer = dict[str, str]


class Kiosk:
    """One enrolled kiosk with its three daemons."""

    def __init__(self, root: Path, run: Path, kid: str, site: Path) -> None:
        self.kid = kid
        self.root = root
        self.camera = root / "camera"
        self.screens = root / "screens"
        self.state = root / "state"
        self.outbox = self.state / "outbox"
        self.run = run / kid
        for folder in (self.camera, self.screens, self.outbox, self.run):
            folder.mkdir(parents=True)
        desk = root / "desk.toml"
        desk.write_text(
            "# Where this kiosk lives on this machine.\n"
            + section("paths", outbox=self.outbox, run=self.run, state=self.state)
            + section("camera", folder=self.camera)
            + section("panel", folder=self.screens)
            + section("scan", hold_s=0.5, repeat_s=2)
            + section("broker", reconnect_base_s=0.2, reconnect_cap_s=2)
            + section("uplink", ack_timeout_s=5)
        )
        self.config = [SIMULATED, site, desk]
        self._write_kioskctl()
        self.daemons = {name: self._daemon(name) for name in DAEMONS}
        self._answers: list[Answer] = []
        self._shown: list[Answer] = []
        self._new_answers = self.reader("scanner")
        self._new_shown = self.reader("feedback")

    @property
    def name(self) -> str:
        """What people call it."""
        return self.root.name

    def _write_kioskctl(self) -> None:
        options = " ".join(f"--config {shlex.quote(str(path))}" for path in self.config)
        wrapper = self.root / "kioskctl"
        wrapper.write_text(
            "#!/bin/sh\n# kioskctl for this kiosk of the demo.\n"
            f'exec {shlex.quote(sys.executable)} -m kiosk.ctl {options} "$@"\n'
        )
        wrapper.chmod(0o755)

    def reader(self, daemon: str) -> Answers:
        """Reads what the scanner answered, or feedback showed, from now on."""
        return Answers(self.daemons[daemon].log)

    def _daemon(self, name: str) -> Process:
        command = [sys.executable, "-m", f"kiosk.{name}"]
        for path in self.config:
            command += ["--config", str(path)]
        log = self.root / f"{name}.log"
        return Process(f"{self.name} {name}", command, log, unit_environment(name))

    def start(self) -> None:
        """Starts all daemons that are not running."""
        for daemon in self.daemons.values():
            daemon.start()

    def hold_up(self, scene: Image.Image) -> None:
        """A visitor holds this in front of the camera."""
        write_scene(scene, self.camera / "view.png")

    def take_away(self) -> None:
        """Nobody is in front of the camera any more."""
        (self.camera / "view.png").unlink(missing_ok=True)

    def answers(self) -> list[Answer]:
        """Every answer that the scanner gave, in order: number, outcome, reason, seq ..."""
        self._answers += self._new_answers.take()
        return self._answers

    def shown(self) -> list[Answer]:
        """Every answer that the panel showed: number, outcome, reason."""
        self._shown += self._new_shown.take()
        return self._shown

    def ask(self, scene: Image.Image, patience_s: float = 10.0) -> Answer:
        """Holds up `scene` until the scanner answers, and leaves it there; the answer.

        Raises Failed when none comes.
        """
        before = len(self.answers())
        self.hold_up(scene)
        deadline = time.monotonic() + patience_s
        while len(self.answers()) == before:
            if time.monotonic() > deadline:
                raise Failed(f"{self.kid} gave no answer within {patience_s:.0f} s")
            time.sleep(0.01)
        return self.answers()[before]


def unit_environment(daemon: str) -> dict[str, str]:
    """The variables that the daemon's unit sets."""
    lines = (UNITS / f"kiosk-{daemon}.service").read_text().splitlines()
    words = [w for line in lines if line.startswith("Environment=") for w in line[12:].split()]
    return dict(word.split("=", 1) for word in words)


def section(name: str, **values: object) -> str:
    """One table of a TOML file."""
    lines = [f"[{name}]"]
    for key, value in values.items():
        shown = json.dumps(str(value)) if isinstance(value, Path | str) else value
        lines.append(f"{key} = {shown}")
    return "\n".join(lines) + "\n\n"


class Answers:
    """The `answer key=value ...` lines of a daemon's log, each taken once."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = log.stat().st_size if log.exists() else 0

    def take(self) -> list[Answer]:
        """Those that came since the last time."""
        if not self._log.exists():
            return []
        with self._log.open("rb") as file:
            file.seek(self._offset)
            whole, _, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + 1 if whole else 0
        found = []
        for line in whole.decode(errors="replace").splitlines():
            _, mark, answer = line.partition(" answer ")
            if mark and answer.startswith("number="):
                found.append(dict(w.split("=", 1) for w in answer.split() if "=" in w))
        return found
