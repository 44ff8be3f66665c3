"""Every word on the panel, Vietnamese first.

A line holds 21 letters, a headline beside a symbol 8, a headline of its own 12; a test
checks that nothing here is cut. Texts never accuse: whoever is turned away is asked to
the desk, and only the desk learns why. Who is at risk gets the very picture of a forged
code.
"""

from __future__ import annotations

from typing import NamedTuple

from kiosk.model import Direction, Hint, Outcome


class Text(NamedTuple):
    """One line in both languages."""

    vi: str
    en: str


class Notice(NamedTuple):
    """A state of the kiosk, or a hint: headline, what to do or what is wrong, the same in
    English."""

    headline: str
    vi: str
    en: str


HEADLINES: dict[Outcome, str] = {"pass": "Mời vào", "warn": "Lưu ý", "fail": "Xin chờ"}
TRIAL = "THỬ · TRIAL"

REASONS: dict[str, Text] = {
    "accepted": Text("Đã ghi nhận", "Recorded, welcome"),
    "expired": Text("Mã đã hết hạn", "Code has expired"),
    "not-yet-valid": Text("Mã chưa có hiệu lực", "Code not valid yet"),
    "revoked": Text("Mã không còn hiệu lực", "Code was withdrawn"),
    "forged": Text("Mời vào bàn hướng dẫn", "Please go to the desk"),
    "at-risk": Text("Mời vào bàn hướng dẫn", "Please go to the desk"),
    "unknown-key": Text("Chưa rõ nơi cấp mã", "Issuer not known here"),
    "clock-unknown": Text("Chưa kiểm được ngày", "Date can't be checked"),
    "too-soon": Text("Vừa được ghi nhận", "Recorded just now"),
    "more-needed": Text("Xin đưa thêm mã khác", "Show another code too"),
    "declaration-too-old": Text("Xin khai báo lại", "Please declare anew"),
    "not-green": Text("Mời hỏi bàn hướng dẫn", "Please ask the desk"),
    "full": Text("Hiện đã đủ người", "Full at the moment"),
    "closed": Text("Ngoài giờ mở cửa", "Outside opening hours"),
    "not-accepted": Text("Mời dùng mã loại khác", "Use another code"),
    "place-code": Text("Xin đưa mã cá nhân", "Show your own code"),
    "unknown-code": Text("Chưa biết loại mã này", "Code not known here"),
    "malformed": Text("Mã lỗi, xin thử lại", "Damaged, try again"),
    "card-full": Text("Chưa ghi, mời vào bàn", "Unrecorded, see desk"),
    "outbox-fault": Text("Chưa ghi, mời vào bàn", "Unrecorded, see desk"),
}
"""Reason of a verdict, or what kept the scanner from recording one."""

OTHER_REASON: dict[Outcome, Text] = {
    "pass": Text("Xin cảm ơn", "Thank you"),
    "warn": Text("Mời hỏi bàn hướng dẫn", "Please ask the desk"),
    "fail": Text("Mời vào bàn hướng dẫn", "Please go to the desk"),
}
"""For a reason that this version does not know."""

PASSED: dict[Direction, tuple[str, Text]] = {
    "out": ("Tạm biệt", Text("Đã ghi lượt ra", "Recorded, goodbye")),
    "unknown": ("Xin chào", Text("Đã ghi nhận", "Recorded, thank you")),
}
"""Headline and line of a pass to whoever does not surely come in."""

REPEATED = Text("Đã ghi nhận rồi", "Already recorded")

IDLE = ("Đưa mã", "vào đây", "Hold your code here")
LEAVING = ("Lượt ra:", "đưa mã", "Leaving: show code")
"""Two headlines beside the symbol and the line below; the other, after the button."""

NOTICES: dict[str, Notice] = {
    "not-enrolled": Notice("Chưa đăng ký", "Xin gọi kỹ thuật viên", "Not enrolled yet"),
    "starting": Notice("Đang bật máy", "Xin chờ giây lát", "Starting, please wait"),
    "out-of-order": Notice("Tạm ngưng", "Mời vào bàn hướng dẫn", "Out of order"),
    "card-full": Notice("Tạm ngưng", "Thẻ nhớ đã đầy", "Memory card full"),
    "outbox-fault": Notice("Tạm ngưng", "Lỗi ghi thẻ nhớ", "Cannot store records"),
    "camera-absent": Notice("Tạm ngưng", "Không thấy máy ảnh", "No camera found"),
    "camera-silent": Notice("Tạm ngưng", "Máy ảnh bị treo", "Camera gives nothing"),
    "reader-absent": Notice("Tạm ngưng", "Không thấy máy quét", "No scanner found"),
    "other-fault": Notice("Tạm ngưng", "Máy đang có lỗi", "Fault"),
}

HINTS: dict[Hint, Notice] = {
    "closer": Notice("Gần hơn", "Đưa mã lại gần hơn", "Hold it closer"),
    "hold-still": Notice("Giữ yên", "Xin giữ yên giây lát", "Hold it still"),
    "too-bright": Notice("Chói quá", "Xin nghiêng nhẹ mã", "Too bright: tilt it"),
    "one-at-a-time": Notice("Từng mã", "Mỗi lần chỉ một mã", "One code at a time"),
}

LINKS: dict[str, str] = {
    "offline": "Mất mạng",
    "centre-away": "Chờ trung tâm",
    "uplink-silent": "Ngừng gửi",
}
"""Small marks: no network, no centre behind it, no word from the daemon that sends."""
