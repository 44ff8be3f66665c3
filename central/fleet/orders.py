"""Commands to kiosks: made, signed, sent, and followed until they have ended."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central import files
from central.fleet.line import Heard, Line, Sent
from central.words import both
from kiosk import signed, wire
from kiosk.errors import ConfigError, DocumentError, WireError

KNOWN = {
    "identify": both(
        "hiện màn hình và kêu để nhận ra máy (seconds=)", "show which kiosk it is (seconds=)"
    ),
    "selftest": both("tự kiểm tra", "self-test and the doctor's findings"),
    "restart": both(
        "khởi động lại phần mềm (daemon=scanner|feedback|uplink|all)",
        "restart daemons (daemon=scanner|feedback|uplink|all)",
    ),
    "reboot": both("khởi động lại máy", "reboot the kiosk"),
    "logs": both(
        "đọc nhật ký (unit=, lines=, level=)",
        "the last lines of the journal (unit=, lines=, level=)",
    ),
    "set-time": both(
        "chỉnh giờ khi không có máy chủ giờ (backwards=yes)",
        "set a clock that no server sets (backwards=yes)",
    ),
    "capture-diagnostics": both("thu thập tình trạng máy", "what a developer needs to know"),
    "rotate-key": both("tạo khóa mới, trả về CSR", "make a new key and give its CSR"),
    "install-certificate": both(
        "đặt chứng thư mới (certificate=@FILE)", "use the certificate of it (certificate=@FILE)"
    ),
    "decommission": both(
        "xóa khóa và cấu hình, ngừng dùng máy (confirm=KID, force=yes)",
        "wipe keys and configuration for good (confirm=KID, force=yes)",
    ),
}
"""What kiosks of this version know, for people. Others are sent as they are."""
_UNSIGNED = both(
    "lệnh này phải có chữ ký: thêm --key fleet-sign.key",
    "this command must be signed: add --key fleet-sign.key",
)
_UNKNOWN = (
    both(
        "không có lệnh này; nếu máy mới hơn biết nó thì thêm --key fleet-sign.key; các lệnh",
        "no such command; if a newer kiosk knows it, add --key fleet-sign.key; there are",
    )
    + f": {', '.join(KNOWN)}"
)


class Order(msgspec.Struct, frozen=True):
    """A command and the bytes that travel."""

    command: wire.Command
    payload: bytes


def load_key(file: Path) -> Ed25519PrivateKey:
    """The fleet's signing key. Raises ConfigError."""
    try:
        return signed.load_private(files.read(file))
    except DocumentError as error:
        raise ConfigError([f"{file}: {error}"]) from error


def make(
    kid: str,
    name: str,
    args: Mapping[str, str],
    lifetime_s: float,
    key: Ed25519PrivateKey | None,
    sid: str = "",
) -> Order:
    """A command to one kiosk, issued now, signed where it must be. Raises ConfigError."""
    issued_ms = time.time_ns() // 1_000_000
    try:
        command = msgspec.convert(
            {
                "id": secrets.token_hex(8),
                "kid": kid,
                "name": name,
                "args": dict(args),
                "issued_ms": issued_ms,
                "expires_ms": issued_ms + round(lifetime_s * 1000),
                "sid": sid,
            },
            wire.Command,
        )
    except msgspec.ValidationError as error:
        raise ConfigError([f"{name}: {error}"]) from error
    payload = wire.encode(command)
    if name not in wire.HARMLESS:
        if key is None:
            raise ConfigError([f"{name}: {_UNSIGNED if name in KNOWN else _UNKNOWN}"])
        payload = signed.sign(key, "command", issued_ms, payload)
    if len(payload) > wire.MAX_COMMAND_BYTES:
        raise ConfigError([f"{name}: {len(payload)} bytes, at most {wire.MAX_COMMAND_BYTES}"])
    return Order(command, payload)


class Course:
    """What became of one command."""

    def __init__(self, order: Order, sent: Sent) -> None:
        self.order, self.sent = order, sent
        self.responses: list[wire.Response] = []

    @property
    def kid(self) -> str:
        return self.order.command.kid

    @property
    def last(self) -> wire.Response | None:
        """The kiosk's last word."""
        return self.responses[-1] if self.responses else None

    @property
    def over(self) -> bool:
        """Nothing more is to be waited for."""
        last = self.last
        return bool(self.sent.why) or (last is not None and last.final)

    @property
    def done(self) -> bool:
        last = self.last
        return last is not None and last.st == "done"

    def heard(self, response: wire.Response) -> None:
        """Each state once; the same is told again after a lost connection."""
        if self.over or (self.last is not None and response.st == self.last.st):
            return
        if self.responses and response.st == "accepted":
            return
        self.responses.append(response)


class Orders:
    """Sends commands over `line` and follows them."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._courses: dict[tuple[str, str], Course] = {}
        self.states: dict[str, wire.State] = {}

    @staticmethod
    def topics(kids: Iterable[str] | None) -> list[str]:
        """What the line must be subscribed to; None: all kiosks."""
        whose = ["+"] if kids is None else list(kids)
        return [wire.up(kid, "state") for kid in whose] + [wire.up(kid, "rsp") for kid in whose]

    @property
    def courses(self) -> list[Course]:
        """In the order in which they were sent."""
        return list(self._courses.values())

    def send(self, order: Order) -> Course:
        """Raises LineError."""
        command = order.command
        sent = self._line.publish(
            wire.command(command.kid, command.name),
            order.payload,
            expiry_s=max(1, (command.expires_ms - command.issued_ms) // 1000),
            reply_to=wire.up(command.kid, "rsp"),
            correlation=command.id.encode(),
        )
        return self.follow(order, sent)

    def follow(self, order: Order, sent: Sent | None = None) -> Course:
        """Listens for what becomes of an order that was sent, perhaps over another line."""
        course = Course(order, sent or Sent())
        self._courses[order.command.kid, order.command.id] = course
        return course

    def turn(self, wait_s: float) -> None:
        """Takes in what the kiosks say. Raises LineError."""
        for heard in self._line.turn(wait_s):
            try:
                self._take(heard)
            except WireError:
                continue  # of a kiosk that is newer, or not well; nobody waits for it here

    def sid(self, kid: str) -> str:
        """A kiosk's session; empty while it is not connected."""
        state = self.states.get(kid)
        return state.sid if state is not None and state.st == "online" else ""

    def _take(self, heard: Heard) -> None:
        kid = wire.kid_of(heard.topic)
        if heard.topic == wire.up(kid, "rsp") and not heard.retained:
            response = wire.decode(heard.payload, wire.Response)
            # What the kiosk could not read, it knows by its correlation data alone.
            id = response.id or heard.correlation.decode("ascii", "replace")
            course = self._courses.get((kid, id))
            if course is not None:
                course.heard(response)
        elif heard.topic == wire.up(kid, "state") and heard.payload:
            state = wire.decode(heard.payload, wire.State)
            known = self.states.get(kid)
            if state.st != "lost" or known is None or known.sid == state.sid:
                self.states[kid] = state
