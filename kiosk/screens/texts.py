"""Every word on the panel, in Vietnamese and English.

A test checks that nothing here is cut, on either size of panel. Texts never accuse: whoever
is turned away is asked to the desk, and only the desk learns why. Who is at risk gets the
very picture of a forged code, who declared something that of a certificate that is not green.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from kiosk.model import Direction, Hint, Outcome, Page, Question

Language = Literal["vi", "en"]


class Text(NamedTuple):
    """The same in both languages."""

    vi: str
    en: str

    def of(self, language: Language) -> str:
        """In one of them."""
        return self.vi if language == "vi" else self.en


DESK = Text("Mời vào bàn hướng dẫn", "Please go to the desk")
ASK_DESK = Text("Mời hỏi bàn hướng dẫn", "Please ask the desk")

PASSED: dict[Direction, Text] = {
    "in": Text("Mời vào", "Please enter"),
    "out": Text("Tạm biệt", "Goodbye"),
    "unknown": Text("Xin chào", "Hello"),
}
REPEATED = Text("Đã ghi nhận rồi", "Already noted")

REASONS: dict[str, Text] = {
    "expired": Text("Mã đã hết hạn", "Code has expired"),
    "not-yet-valid": Text("Mã chưa có hiệu lực", "Code is not valid yet"),
    "revoked": Text("Mã không còn hiệu lực", "Code no longer valid"),
    "forged": DESK,
    "at-risk": DESK,
    "unknown-key": Text("Chưa rõ nơi cấp mã", "Issuer not known here"),
    "clock-unknown": Text("Chưa kiểm được ngày", "Date can't be checked"),
    "too-soon": Text("Vừa được ghi nhận", "Recorded just now"),
    "more-needed": Text("Xin đưa thêm mã khác", "Show one more code"),
    "declaration-too-old": Text("Xin khai báo lại", "Please declare anew"),
    "declared": ASK_DESK,
    "not-green": ASK_DESK,
    "full": Text("Hiện đã đủ người", "Full at the moment"),
    "closed": Text("Ngoài giờ mở cửa", "Closed at this hour"),
    "not-accepted": Text("Mời dùng mã loại khác", "Use another code"),
    "place-code": Text("Xin đưa mã của mình", "Show your own code"),
    "unknown-code": Text("Xin đưa thẻ căn cước", "Show your ID card"),
    "malformed": Text("Mã lỗi, xin thử lại", "Damaged, try again"),
    "card-full": Text("Chưa ghi, mời vào bàn", "Not noted, see desk"),
    "outbox-fault": Text("Chưa ghi, mời vào bàn", "Not noted, see desk"),
}
"""Reason of a verdict, or what kept the scanner from recording one."""

OTHER_REASON: dict[Outcome, Text] = {
    "pass": PASSED["unknown"],
    "warn": ASK_DESK,
    "fail": DESK,
}
"""For a reason that this version does not know."""

TRIAL = Text("THỬ", "TRIAL")

HINTS: dict[Hint, Text] = {
    "closer": Text("Đưa mã gần hơn", "Hold it closer"),
    "hold-still": Text("Xin giữ yên", "Hold it still"),
    "too-bright": Text("Chói quá, nghiêng mã", "Too bright: tilt it"),
    "one-at-a-time": Text("Từng mã một", "One at a time"),
}

IDLE = Text("Đưa mã vào đây", "Hold code here")
LEAVING = Text("Lượt ra: đưa mã", "Leaving: show code")

VISITORS: dict[str, Text] = {
    "shutdown": Text("Đang tắt máy", "Shutting down"),
    "updating": Text("Đang cập nhật", "Updating"),
    "set-up": Text("Đang cài đặt", "Being set up"),
    "not-enrolled": DESK,
    "starting": Text("Đang bật máy", "Starting"),
    "out-of-order": DESK,
    "card-full": DESK,
    "outbox-fault": DESK,
    "camera-absent": DESK,
    "camera-silent": DESK,
    "reader-absent": DESK,
    "other-fault": DESK,
}
"""What a state says to visitors, by its name in `WINS`."""

TECHNICIANS: dict[str, Text] = {
    "shutdown": Text("Xin đừng rút điện", "Do not unplug yet"),
    "updating": Text("Xin đừng rút điện", "Do not unplug"),
    "set-up": Text("Đưa mã cài đặt", "Show the set-up code"),
    "not-enrolled": Text("Máy chưa đăng ký", "Not enrolled yet"),
    "starting": Text("Xin chờ giây lát", "Please wait a moment"),
    "out-of-order": Text("Bộ quét không chạy", "Scanner is silent"),
    "card-full": Text("Thẻ nhớ đã đầy", "Memory card full"),
    "outbox-fault": Text("Không ghi được thẻ", "Cannot store records"),
    "camera-absent": Text("Không thấy máy ảnh", "No camera found"),
    "camera-silent": Text("Máy ảnh bị treo", "Camera is hung"),
    "reader-absent": Text("Không thấy máy quét", "No code reader found"),
    "other-fault": Text("Lỗi", "Fault"),
}
"""... and below it in small letters to who mends it; after the last one stands the code of the
fault."""

MARKS: dict[str, Text] = {
    "offline": Text("Mất mạng", "No network"),
    "centre-away": Text("Chờ máy chủ", "Centre away"),
    "uplink-silent": Text("Ngừng gửi", "Not sending"),
    "clock": Text("Chưa có giờ", "Clock unset"),
    "button-absent": Text("Hỏng nút", "No button"),
    "pins-absent": Text("Hỏng đèn", "No light"),
}
"""Words beside the small marks, for a screen that has room for them."""

QUESTIONS: dict[Question, Text] = {
    "symptoms": Text("Sốt, ho, khó thở?", "Fever, cough, short breath?"),
    "contact": Text("21 ngày qua gần ca bệnh?", "Near a case in the last 21 days?"),
}
NO = Text("Bấm: Không", "Press: No")
YES = Text("Giữ: Có", "Hold: Yes")

PAGES: dict[Page, Text] = {
    "pixels": Text("Điểm ảnh", "Pixels"),
    "words": Text("Chữ", "Words"),
    "light": Text("Đèn có sáng không?", "Is there light?"),
    "sound": Text("Có nghe tiếng không?", "Is there sound?"),
    "button": Text("Xin bấm nút", "Press the button"),
}
"""Pages of the self-test."""
PRESSED = Text("Đã bấm", "Pressed")
