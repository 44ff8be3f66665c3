"""A kiosk as it is installed, booted by systemd in a container, and an operator outside."""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from pathlib import Path

import msgspec
from rig import until

from central.fleet.line import Line
from central.fleet.orders import Course, Order, Orders, load_key, make
from kiosk import signed, wire

TREE = Path(__file__).parents[2]

KID = "gate-1"
BOOT_S = 60.0
REBOOTED = 133  # how systemd-nspawn --keep-unit ends when its system wants to start anew
BOARD = """
[camera]
driver = "none"
[reader]
driver = "serial_line"
device = "/dev/ttyACM0"
[panel]
driver = "none"
[gpio]
pins = "none"
"""


class Machine:
    """The container. What it writes to /etc/kiosk and /var/lib/kiosk stays, as on a card."""

    def __init__(self, tree: Path, folder: Path, enrolled: Path) -> None:
        self._tree, self._log = tree, folder / "console.log"
        self._folders = {"/etc/kiosk": folder / "etc", "/var/lib/kiosk": folder / "lib"}
        self._nspawn: subprocess.Popen[bytes] | None = None
        shutil.copytree(enrolled, self.etc)
        (self.etc / "board.toml").write_text(BOARD)
        (self._folders["/var/lib/kiosk"]).mkdir()
        self.etc.chmod(0o755)
        for unit in (TREE / "systemd").glob("kiosk*"):
            shutil.copy(unit, tree / "etc/systemd/system")
        for kind in ("sysusers.d", "tmpfiles.d"):
            (tree / "etc" / kind).mkdir(exist_ok=True)
            shutil.copy(TREE / "systemd" / kind / "kiosk.conf", tree / "etc" / kind)
        more = tree / "etc/systemd/system/kiosk-commands.service.d"
        more.mkdir(exist_ok=True)
        # In the /proc of its sandbox it would see the id of this machine's boot.
        own = "BindReadOnlyPaths=/etc/boot-id:/proc/sys/kernel/random/boot_id"
        (more / "container.conf").write_text(f"[Service]\n{own}\n")
        self._boot_id = folder / "boot-id"
        (tree / "etc/hosts").write_text("127.0.0.1 localhost\n")
        wants = tree / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / "kiosk.target").unlink(missing_ok=True)
        (wants / "kiosk.target").symlink_to("/etc/systemd/system/kiosk.target")

    @property
    def etc(self) -> Path:
        return self._folders["/etc/kiosk"]

    def boot(self) -> None:
        self._boot_id.write_text(f"{uuid.uuid4()}\n")
        binds = [f"--bind-ro={self._boot_id}:/etc/boot-id"]
        binds += [f"--bind={here}:{there}" for there, here in self._folders.items()]
        command = ["systemd-nspawn", "--quiet", f"--directory={self._tree}", "--volatile=overlay"]
        # The clock is this machine's too.
        command += [
            "--drop-capability=CAP_SYS_TIME",
            "--register=no",
            "--keep-unit",
            "--boot",
            "--console=pipe",
            *binds,
        ]
        with self._log.open("ab") as log:
            self._nspawn = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        until(self._booted, "it boots", BOOT_S)

    def _booted(self) -> bool:
        asked = "systemctl is-system-running --wait"
        return bool(self._leader()) and self.says(asked) in ("running", "degraded")

    def ended(self) -> int:
        """How the container ended."""
        assert self._nspawn is not None
        return self._nspawn.wait(BOOT_S)

    @property
    def up(self) -> bool:
        return self._nspawn is not None and self._nspawn.poll() is None

    def _leader(self) -> str:
        assert self._nspawn is not None
        assert self.up, self._log.read_text()
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        return children.read_text().strip()

    def run(self, shell: str) -> subprocess.CompletedProcess[str]:
        """A command of root in it."""
        words = ["nsenter", "--target", self._leader(), "--all", "/bin/sh", "-c", shell]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)

    def does(self, shell: str) -> bool:
        return self.run(shell).returncode == 0

    def says(self, shell: str) -> str:
        return self.run(shell).stdout.strip()

    def journal(self) -> str:
        return self.says("journalctl --no-pager -o short-iso -u 'kiosk-*' | tail -n 80")

    def close(self) -> None:
        if self.up:
            self.run("systemctl poweroff --force --force")
            assert self._nspawn is not None
            try:
                self._nspawn.wait(20)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()


class Operator:
    """An operator at the centre."""

    def __init__(self, fleet: Path, broker: str) -> None:
        self.key = load_key(fleet / "fleet-sign.key")
        self._line = Line(broker, fleet)
        self.orders = Orders(self._line)
        self._line.open(self.orders.topics(None))

    def online(self, not_sid: str = "") -> str:
        """The kiosk's session, once it has another one than `not_sid`."""

        def sid() -> str:
            self.orders.turn(0.1)
            found = self.orders.sid(KID)
            return "" if found == not_sid else found

        return str(until(sid, "the kiosk is online", BOOT_S))

    def order(self, name: str, **args: str) -> Order:
        return make(KID, name, args, 600, self.key, self.online())

    def later(self, order: Order, by_ms: int) -> Order:
        """The same, of an operator whose clock is ahead."""
        times = order.command.issued_ms + by_ms, order.command.expires_ms + by_ms
        command = msgspec.structs.replace(order.command, issued_ms=times[0], expires_ms=times[1])
        return Order(command, signed.sign(self.key, "command", times[0], wire.encode(command)))

    def send(self, order: Order) -> Course:
        return self.orders.send(order)

    def end(self, course: Course, timeout_s: float = 120) -> wire.Response:
        def over() -> bool:
            self.orders.turn(0.1)
            return course.over

        until(over, f"{course.order.command.name} ends", timeout_s)
        assert course.last is not None
        return course.last

    def does(self, name: str, **args: str) -> wire.Response:
        return self.end(self.send(self.order(name, **args)))

    def waits(self, seconds: float) -> None:
        due = time.monotonic() + seconds
        while time.monotonic() < due:
            self.orders.turn(0.1)
