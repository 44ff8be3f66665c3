"""Why a kiosk does not reach its centre: each reason with a code, in words, with what to do.

One table for status line, panel, `kioskctl doctor` and the alert after an outage.
docs/operating.md lists it; a test holds the two together.
"""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """`code` stays the same while the words may name a clock, a file or a number."""

    code: str
    en: str
    vi: str
    todo_en: str
    todo_vi: str

    def __str__(self) -> str:
        return f"{self.en} / {self.vi}"

    @property
    def todo(self) -> str:
        """What to do, in both languages."""
        return f"{self.todo_en} / {self.todo_vi}"


class _Todo(NamedTuple):
    en: str
    vi: str


_NETWORK = _Todo(
    "check cable, Wi-Fi and router; the records wait on the kiosk meanwhile",
    "kiểm tra dây mạng, Wi-Fi, router; các lượt vẫn nằm chờ trên thiết bị",
)
_NAME = _Todo(
    "check the network and its name server (resolvectl query), then broker.hosts",
    "kiểm tra mạng và máy chủ tên miền (resolvectl query), rồi broker.hosts",
)
_CENTRE = _Todo(
    "tell the centre if the network is well; the records wait on the kiosk meanwhile",
    "nếu mạng tốt thì báo trung tâm; các lượt vẫn nằm chờ trên thiết bị",
)
_HOSTS = _Todo(
    "check broker.hosts; tell the centre if it is right",
    "kiểm tra broker.hosts; nếu đúng thì báo trung tâm",
)
_STRANGER = _Todo(
    "check broker.hosts and broker.ca; a login page of the network, or a stranger, may stand"
    " between the kiosk and the centre",
    "kiểm tra broker.hosts và broker.ca; có thể trang đăng nhập của mạng hoặc kẻ lạ chen giữa"
    " thiết bị và trung tâm",
)
_PORTAL = _Todo(
    "check the port in broker.hosts; have whoever runs the network let the kiosk through without a"
    " login page",
    "kiểm tra cổng trong broker.hosts; nhờ người quản lý mạng cho thiết bị qua mà không cần trang"
    " đăng nhập",
)
_CLOCK = _Todo(
    "let the kiosk reach a time server (timedatectl timesync-status); if its clock is right, tell"
    " the centre",
    "cho thiết bị chỉnh giờ qua mạng (timedatectl timesync-status); nếu giờ đúng thì báo trung tâm",
)
_ENROL = _Todo(
    "see `kioskctl doctor --part identity`; have the fleet's authority give this kiosk a new"
    " certificate",
    "xem `kioskctl doctor --part identity`; nhờ nơi cấp chứng thư cấp lại cho thiết bị này",
)
_ADMIT = _Todo(
    "tell the centre: its broker's rules do not admit this kiosk",
    "báo trung tâm: luật của máy chủ không cho thiết bị này vào",
)
_TWICE = _Todo(
    "tell the centre at once: the card may have been copied, or the kiosk enrolled twice",
    "báo trung tâm ngay: thẻ nhớ có thể đã bị sao chép, hoặc thiết bị được ghi danh hai lần",
)
_PROXY = _Todo(
    "check broker.proxy with whoever runs the network",
    "kiểm tra broker.proxy với người quản lý mạng",
)
_WAIT = _Todo(
    "nothing: the kiosk tries again by itself; tell the centre if it lasts",
    "không cần làm gì: thiết bị tự thử lại; nếu kéo dài thì báo trung tâm",
)
_FILES = _Todo(
    "see `kioskctl doctor --part identity`; put back the files of this kiosk's enrolment",
    "xem `kioskctl doctor --part identity`; chép lại các tệp ghi danh của thiết bị này",
)

# In braces: {who} is the broker or the proxy, the others what was seen.
_TABLE: dict[str, tuple[str, str, _Todo]] = {
    # The way there.
    "refused": (
        "refused: no {who} listens there",
        "bị từ chối: không có {who} ở địa chỉ đó",
        _HOSTS,
    ),
    "no-route": (
        "no network, or no route to the {who}",
        "không có mạng hoặc đường đến {who}",
        _NETWORK,
    ),
    "no-network": ("no network", "không có mạng", _NETWORK),
    "no-answer": (
        "no answer from the {who}'s address",
        "địa chỉ của {who} không trả lời",
        _NETWORK,
    ),
    "reset": ("the {who} closed the connection", "{who} đóng kết nối", _CENTRE),
    "dns-silent": (
        "the name server does not answer",
        "máy chủ tên miền không trả lời",
        _NAME,
    ),
    "dns-unknown": ("name of the {who} not found", "không tìm thấy tên của {who}", _NAME),
    "dns-other": ("name of the {who}: {what}", "tên của {who}: {what}", _NAME),
    "slow": (
        "connecting takes long already: {what}; is the network up?",
        "kết nối mất nhiều thời gian: {what}; mạng có thông không?",
        _NETWORK,
    ),
    # The proxy.
    "proxy-login": (
        "the proxy wants a user name and a password, or others (HTTP 407)",
        "proxy đòi tên và mật khẩu, hoặc không nhận mật khẩu đã đặt (HTTP 407)",
        _PROXY,
    ),
    "proxy-forbids": (
        "the proxy forbids this way (HTTP 403)",
        "proxy không cho đi đường này (HTTP 403)",
        _PROXY,
    ),
    "proxy-fails": (
        "the proxy does not get through to the broker (HTTP {what})",
        "proxy không nối được đến máy chủ trung tâm (HTTP {what})",
        _HOSTS,
    ),
    "proxy-mute": (
        "the proxy does not answer in HTTP",
        "proxy không trả lời bằng HTTP",
        _PROXY,
    ),
    # TLS.
    "tls-silent": (
        "TLS: accepts the connection, but does not speak TLS in time",
        "TLS: nhận kết nối nhưng không trả lời TLS kịp giờ",
        _CENTRE,
    ),
    "not-tls": (
        "TLS: what answers there does not speak TLS: a login page (captive portal) or a wrong port",
        "TLS: nơi trả lời không nói TLS: trang đăng nhập của mạng hoặc sai cổng",
        _PORTAL,
    ),
    "broker-early": (
        "TLS: the broker's certificate is not yet valid: this kiosk's clock is probably behind, it"
        " says {clock}",
        "TLS: chứng thư của máy chủ chưa có hiệu lực: đồng hồ thiết bị có lẽ chậm, đang là {clock}",
        _CLOCK,
    ),
    "broker-expired": (
        "TLS: the broker's certificate has expired, or this kiosk's clock is ahead, it says"
        " {clock}",
        "TLS: chứng thư của máy chủ hết hạn, hoặc đồng hồ thiết bị chạy trước, đang là {clock}",
        _CLOCK,
    ),
    "broker-stranger": (
        "TLS: the broker's certificate is from another authority than ours (broker.ca)",
        "TLS: chứng thư của máy chủ do nơi khác cấp (broker.ca)",
        _STRANGER,
    ),
    "broker-name": (
        "TLS: the broker's certificate is for another name or address than the one in broker.hosts",
        "TLS: chứng thư của máy chủ mang tên hoặc địa chỉ khác với broker.hosts",
        _STRANGER,
    ),
    "broker-unfit": (
        "TLS: the broker's certificate is not to be trusted: {what}",
        "TLS: không tin được chứng thư của máy chủ: {what}",
        _STRANGER,
    ),
    "kiosk-unknown": (
        "TLS: the broker's authority did not issue this kiosk's certificate",
        "TLS: chứng thư của thiết bị không do nơi cấp của máy chủ cấp",
        _ENROL,
    ),
    "kiosk-expired": (
        "TLS: this kiosk's certificate has expired, or a clock is wrong; the kiosk's says {clock}",
        "TLS: chứng thư của thiết bị hết hạn, hoặc sai giờ; đồng hồ thiết bị đang là {clock}",
        _ENROL,
    ),
    "kiosk-revoked": (
        "TLS: this kiosk's certificate was revoked",
        "TLS: chứng thư của thiết bị đã bị thu hồi",
        _ENROL,
    ),
    "kiosk-bad": (
        "TLS: the broker does not accept this kiosk's certificate ({what})",
        "TLS: máy chủ không nhận chứng thư của thiết bị ({what})",
        _ENROL,
    ),
    "tls-other": ("TLS: {what}", "TLS: {what}", _CENTRE),
    # WebSocket.
    "not-websocket": (
        "answers HTTP {what} instead of WebSocket: a login page (captive portal), or the path in"
        " broker.hosts is wrong",
        "trả lời HTTP {what} thay vì WebSocket: trang đăng nhập của mạng, hoặc sai đường dẫn trong"
        " broker.hosts",
        _PORTAL,
    ),
    "not-http": (
        "what answers there does not speak WebSocket",
        "nơi trả lời không nói WebSocket",
        _HOSTS,
    ),
    # What the broker says, or does not.
    "not-mqtt": (
        "what answers there does not speak MQTT 5",
        "nơi trả lời không nói MQTT 5",
        _HOSTS,
    ),
    "mute": (
        "the broker takes connections but says nothing for {what}",
        "máy chủ nhận kết nối nhưng im lặng {what}",
        _CENTRE,
    ),
    "not-admitted": (
        "not authorised: the broker does not admit this kiosk",
        "không được phép: máy chủ không cho thiết bị này vào",
        _ADMIT,
    ),
    "not-known": (
        "not authorised: the broker does not know this kiosk",
        "không được phép: máy chủ không biết thiết bị này",
        _ADMIT,
    ),
    "banned": ("banned at the broker", "bị máy chủ cấm", _ADMIT),
    "deaf": (
        "no acknowledgement could be received: not authorised to subscribe",
        "không nhận được lời đáp: không được phép đăng ký nhận",
        _ADMIT,
    ),
    "busy": ("the broker is busy ({what})", "máy chủ đang bận ({what})", _WAIT),
    "moved": (
        "the broker sends this kiosk to another server",
        "máy chủ chuyển thiết bị sang máy chủ khác",
        _WAIT,
    ),
    "shutting-down": ("the broker is shutting down", "máy chủ đang tắt", _WAIT),
    "no-life": (
        "no sign of life from the broker, or none of this kiosk at the broker",
        "không còn tín hiệu từ máy chủ, hoặc máy chủ không còn nghe thiết bị",
        _NETWORK,
    ),
    "taken-over": (
        "another device uses this kiosk's identity",
        "thiết bị khác đang dùng danh tính của thiết bị này",
        _TWICE,
    ),
    "too-large": (
        "the broker finds a message of this kiosk too large",
        "máy chủ cho rằng tin của thiết bị quá lớn",
        _CENTRE,
    ),
    "broker-says": ("the broker answers {what}", "máy chủ trả lời {what}", _CENTRE),
    "unanswered": (
        "the broker closed the connection before it answered",
        "máy chủ đóng kết nối trước khi trả lời",
        _CENTRE,
    ),
    # This kiosk.
    "not-enrolled": (
        "not enrolled: kiosk.id is empty",
        "chưa ghi danh: kiosk.id còn trống",
        _FILES,
    ),
    "no-broker": (
        "no broker configured: broker.hosts is empty",
        "chưa đặt máy chủ: broker.hosts còn trống",
        _FILES,
    ),
    "files": ("{what}", "tệp chứng thư hoặc khóa có lỗi: {what}", _FILES),
    "connecting": ("connecting", "đang kết nối", _WAIT),
    "other": ("{what}", "{what}", _CENTRE),
}
CODES = tuple(_TABLE)
ALWAYS_TOLD = (
    "taken-over",
    "banned",
    "not-admitted",
    "not-known",
    "broker-stranger",
    "broker-name",
)
"""Told to the centre afterwards however short the outage was: somebody may be at work there."""

_WHO_VI = {"broker": "máy chủ trung tâm", "proxy": "proxy"}


def reason(code: str, what: str = "", *, who: str = "broker", clock: str = "") -> Reason:
    """One of the table. `what` was seen, `clock` is what this kiosk's clock says."""
    en, vi, todo = _TABLE[code]
    seen = {"what": what, "clock": clock}
    if who == "proxy":
        code, todo = f"proxy-{code}", _PROXY
    return Reason(
        code,
        en.format(who=who, **seen),
        vi.format(who=_WHO_VI[who], **seen),
        todo.en,
        todo.vi,
    )
