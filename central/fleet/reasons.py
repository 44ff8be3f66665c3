"""Why a kiosk did not do what it was told, for those who read Vietnamese. The kiosk itself says it
in English, with more detail."""

from __future__ import annotations

VIETNAMESE = {
    # Not begun.
    "unsigned": "lệnh phải có chữ ký của hệ thống",
    "bad-signature": "chữ ký không đúng, hoặc lệnh bị sửa",
    "wrong-kiosk": "lệnh dành cho máy khác",
    "wrong-topic": "lệnh gửi sai chỗ",
    "unknown-command": "máy không biết lệnh này; cần cập nhật phần mềm của máy",
    "bad-args": "tham số không đúng",
    "unreadable": "không đọc được lệnh",
    "too-large": "quá lớn",
    "lifetime": "thời hạn của lệnh quá dài",
    "expired": "lệnh đã hết hạn",
    "not-yet": "lệnh đề giờ tương lai; so lại đồng hồ hai bên",
    "clock-unset": "đồng hồ của máy chưa chỉnh; gửi lại khi máy đang kết nối",
    "replayed": "lệnh cũ, không làm lại",
    "id-reused": "mã lệnh đã dùng cho lệnh khác",
    "busy": "máy đang bận việc khác; thử lại sau",
    "no-memory": "thẻ nhớ đầy hoặc hỏng, không ghi được",
    "memory-damaged": "sổ lệnh trên thẻ nhớ bị hỏng; thử lại sau 5 phút",
    "no-daemon": "phần nhận lệnh trên máy không chạy",
    # Begun.
    "interrupted": "bị ngắt giữa chừng; không rõ đã làm đến đâu",
    "timed-out": "quá lâu, đã bỏ",
    "system": "hệ điều hành từ chối",
    "unexpected": "lỗi phần mềm; báo nhà phát triển",
    "no-program": "thiếu chương trình của hệ điều hành",
    "no-panel": "phần màn hình không chạy",
    "no-findings": "kioskctl doctor không trả kết quả",
    "no-journal": "không đọc được nhật ký",
    "no-systemd": "systemd không trả lời",
    "not-restarted": "không khởi động lại được phần mềm",
    "not-rebooted": "không khởi động lại được máy",
    "not-stopped": "không dừng được bộ quét",
    "clock-set": "đồng hồ đã được chỉnh rồi",
    "before-built": "giờ gửi đến sai, trước ngày có phần mềm này",
    "behind": "đồng hồ máy đi trước giờ gửi đến; nếu chắc chắn, backwards=yes",
    "no-key-waits": "chưa có khóa mới; chạy rotate-key trước",
    "no-certificate": "không phải chứng thư",
    "no-root": "máy không có chứng thư gốc",
    "other-key": "chứng thư của khóa khác",
    "other-name": "chứng thư của máy khác",
    "other-fleet": "chứng thư của hệ thống khác",
    "other-use": "chứng thư không dùng cho máy ở cửa",
    "certificate-ended": "chứng thư đã hết hạn",
    "certificate-not-yet": "chứng thư chưa có hiệu lực",
    "not-taken": "broker không nhận; khóa cũ vẫn dùng",
    "not-confirmed": "confirm phải là mã của chính máy này",
    "records-wait": "còn lượt chờ gửi; chờ gửi xong, hoặc force=yes để hủy",
}


def words(reason: str, detail: str) -> str:
    """Of a newer kiosk perhaps the English words alone."""
    vietnamese = VIETNAMESE.get(reason, "")
    parts = [vietnamese, ": ".join(part for part in (reason, detail) if part)]
    return " / ".join(part for part in parts if part)
