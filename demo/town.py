"""A fleet on one machine: authority, broker, centre and kiosks, each a real process.

Simulated is the hardware alone: a kiosk's camera shows the picture that lies in its
folder, its panel writes PNG files, its pins exist in memory.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa
from PIL import Image

from central.db import check_in, connect, dead_letter
from demo.processes import Failed, Process, free_port, wait_for_port
from demo.scenes import write_scene
from provisioning.authority import enrol, init_fleet
from provisioning.broker import prepare

DAEMONS = ("feedback", "scanner", "uplink")
_HERE = Path(__file__).resolve().parents[1]
NOBODY = b'{"version": 1, "issuers": []}'  # a trust list without issuers
SIMULATED = _HERE / "config" / "boards" / "simulated.toml"


class Kiosk:
    """One enrolled kiosk with its three daemons."""

    def __init__(self, root: Path, run: Path, kid: str, site: Path, trust: bytes = NOBODY) -> None:
        self.kid = kid
        self.root = root
        self.camera = root / "camera"
        self.screens = root / "screens"
        self.outbox = root / "outbox"
        self.run = run / kid
        for folder in (self.camera, self.screens, self.outbox, self.run):
            folder.mkdir(parents=True)
        (root / "trust.json").write_bytes(trust)
        desk = root / "desk.toml"
        desk.write_text(
            "# Where this kiosk lives on this machine.\n"
            + _section("paths", outbox=self.outbox, run=self.run, state=root)
            + _section("camera", folder=self.camera)
            + _section("panel", folder=self.screens)
            + _section("judge", trust=root / "trust.json")
            + _section("scan", hold_s=0.5, repeat_s=2)
            + _section("broker", reconnect_base_s=0.2, reconnect_cap_s=2)
            + _section("uplink", ack_timeout_s=5)
        )
        self.config = [SIMULATED, site, desk]
        self.daemons = {name: self._daemon(name) for name in DAEMONS}
        self._answers = _Answers(self.daemons["scanner"].log)
        self._shown = _Answers(self.daemons["feedback"].log)

    def _daemon(self, name: str) -> Process:
        command = [sys.executable, "-m", f"kiosk.{name}"]
        for path in self.config:
            command += ["--config", str(path)]
        return Process(f"{self.kid} {name}", command, self.root / f"{name}.log")

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

    def answers(self) -> list[dict[str, str]]:
        """Every answer that the scanner gave, in order: number, outcome, reason, seq ..."""
        return self._answers.read()

    def shown(self) -> list[dict[str, str]]:
        """Every answer that the panel showed: number, outcome, reason."""
        return self._shown.read()

    def ask(self, scene: Image.Image, patience_s: float = 10.0) -> dict[str, str]:
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


class Town:
    """Use as a context manager: on leaving, everything is stopped, files stay in `root`.

    `database` is a SQLAlchemy URL; SQLite in `root` by default.
    """

    def __init__(
        self, root: Path, kids: list[str], trust: bytes = NOBODY, database: str = ""
    ) -> None:
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        # A Unix socket's path holds 108 bytes at most, so these live apart from `root`.
        self._run = Path(tempfile.mkdtemp(prefix="kiosk-"))
        self.database = database or f"sqlite:///{self.root / 'tracing.sqlite'}"
        self.port = free_port()
        self.fleet = self.root / "fleet"
        init_fleet(self.fleet, ["localhost"])
        conf = prepare(self.fleet, self.root / "broker", self.port)
        mosquitto = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if mosquitto is None:
            raise Failed("mosquitto is not installed: apt-get install mosquitto")
        self.broker = Process("broker", [mosquitto, "-c", str(conf)], self.root / "broker.log")
        self.ingest = self._ingest()
        self.kiosks = [self._kiosk(kid, trust) for kid in kids]
        self._engine = connect(self.database)

    def _ingest(self) -> Process:
        config = self.root / "central.toml"
        config.write_text(
            _section("database", url=self.database)
            + _section(
                "broker",
                host=f"localhost:{self.port}",
                ca=self.fleet / "ca.crt",
                certificate=self.fleet / "_ingest-1.crt",
                key=self.fleet / "_ingest-1.key",
            )
            + f"[seal]\nkeys = [{json.dumps(str(self.fleet / 'centre-seal.key'))}]\n"
        )
        return Process(
            "ingest",
            [sys.executable, "-m", "central.ingest", "--config", str(config)],
            self.root / "ingest.log",
        )

    def _kiosk(self, kid: str, trust: bytes) -> Kiosk:
        root = self.root / kid
        place = f"Chợ mẫu, cửa {kid}"
        site = enrol(self.fleet, kid, place, f"localhost:{self.port}", root / "enrolled")
        return Kiosk(root, self._run, kid, site, trust)

    @property
    def processes(self) -> list[Process]:
        """All of them, in the order in which they start."""
        daemons = [daemon for kiosk in self.kiosks for daemon in kiosk.daemons.values()]
        return [self.broker, self.ingest, *daemons]

    def start(self) -> None:
        """Starts what is not running, the broker first. Raises Failed."""
        self.broker.start()
        wait_for_port(self.port, self.broker)
        self.ingest.start()
        for kiosk in self.kiosks:
            kiosk.start()

    def check(self) -> None:
        """Raises Failed when a process has ended by itself."""
        for process in self.processes:
            process.check()

    def committed(self) -> list[sa.Row[tuple[str, str, int, str, str, str, str]]]:
        """Rows of the tracing database: device, epoch, seq, format, subject, outcome,
        reason. Empty while the database has no table yet."""
        c = check_in.c
        query = sa.select(
            c.device_id, c.epoch, c.seq, c.format, c.subject, c.outcome, c.reason
        ).order_by(c.received_at, c.device_id, c.seq)
        try:
            with self._engine.connect() as connection:
                return list(connection.execute(query))
        except (sa.exc.OperationalError, sa.exc.ProgrammingError):
            return []

    def dead_letters(self) -> int:
        """How many records the centre refused."""
        with self._engine.connect() as connection:
            return connection.execute(
                sa.select(sa.func.count()).select_from(dead_letter)
            ).scalar_one()

    def wait_until_committed(self, rows: int, patience_s: float = 30.0) -> int:
        """Waits for `rows` rows in the database; how many there are in the end."""
        deadline = time.monotonic() + patience_s
        while (found := len(self.committed())) < rows and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    def __enter__(self) -> Town:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Kiosks first, so that they can say goodbye; the broker last."""
        self._engine.dispose()
        for process in reversed(self.processes):
            process.stop()
        shutil.rmtree(self._run, ignore_errors=True)


def _section(name: str, **values: object) -> str:
    lines = [f"[{name}]"]
    for key, value in values.items():
        shown = json.dumps(str(value)) if isinstance(value, Path | str) else value
        lines.append(f"{key} = {shown}")
    return "\n".join(lines) + "\n\n"


class _Answers:
    """The `answer key=value ...` lines of a daemon's log, read as they come."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = 0
        self._found: list[dict[str, str]] = []

    def read(self) -> list[dict[str, str]]:
        if not self._log.exists():
            return self._found
        with self._log.open("rb") as file:
            file.seek(self._offset)
            whole, _, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + 1 if whole else 0
        for line in whole.decode(errors="replace").splitlines():
            _, found, answer = line.partition(" answer ")
            if found and answer.startswith("number="):
                self._found.append(dict(w.split("=", 1) for w in answer.split() if "=" in w))
        return self._found
