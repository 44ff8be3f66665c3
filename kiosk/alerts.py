"""Every alert that a kiosk sends: how grave it is, what it means, what to do about it.

For the centre's operators, in Vietnamese and English. `docs/alerts.md` is this table; a test
holds the two, and every daemon's own list, together.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Known(NamedTuple):
    """`critical`: the door does not do its work, or records are at stake. `warning`: it does, and
    somebody should see to it."""

    severity: Literal["warning", "critical"]
    vi: str
    en: str


ALERTS: dict[str, Known] = {
    "camera-absent": Known(
        "critical",
        "Không thấy camera. Kiểm tra cáp và camera; dùng cửa khác trong lúc chờ.",
        "No camera is found. Check cable and camera; use another door meanwhile.",
    ),
    "camera-silent": Known(
        "critical",
        "Camera có nhưng không gửi hình. Nếu 10 phút không tự hết, thay cáp hoặc camera.",
        "The camera is there and sends no picture. If it does not recover in 10 minutes, change"
        " cable or camera.",
    ),
    "camera-slow": Known(
        "warning",
        "Camera gửi dưới 2 hình mỗi giây, quét mã sẽ chậm. Xem nhiệt độ và nguồn điện trước.",
        "The camera gives less than 2 frames a second, so reading is slow. Look at temperature"
        " and power supply first.",
    ),
    "camera-reboot": Known(
        "warning",
        "Thiết bị đã tự khởi động lại vì camera bị treo. Nếu lặp lại, thay cáp hoặc camera.",
        "The kiosk rebooted because its camera hung. If it comes again, change cable or camera.",
    ),
    "view-dark": Known(
        "warning",
        "Camera chỉ thấy tối. Bật đèn hoặc tháo nắp ống kính.",
        "The camera sees darkness. Switch the light on, or take the lens cap off.",
    ),
    "view-blank": Known(
        "warning",
        "Camera chỉ thấy một màu. Ống kính bị che hoặc bẩn: lau hoặc bỏ vật che.",
        "The camera sees one shade only. The lens is covered or smeared: wipe it, uncover it.",
    ),
    "view-blurred": Known(
        "warning",
        "Hình bị mờ. Lau ống kính, chỉnh lại nét.",
        "The picture is blurred. Wipe the lens, set the focus anew.",
    ),
    "reads-nothing": Known(
        "warning",
        "Có người trước máy mà nửa giờ không đọc được mã nào. Thử bằng một mã; lau kính, tránh"
        " chói.",
        "People stand there, and no code was read for half an hour. Try with a code; wipe the"
        " glass, avoid glare.",
    ),
    "reader-absent": Known(
        "warning",
        "Không thấy máy quét cầm tay. Cắm lại dây. Cửa không có camera thì đây là lỗi nặng.",
        "The external scanner is not found. Plug it in again. Critical at a door without camera.",
    ),
    "reader-unread": Known(
        "warning",
        "Máy quét cầm tay gửi mã không dùng được. Cài lại máy quét như trong hướng dẫn.",
        "The external scanner sends codes that are of no use. Set it as the manual says.",
    ),
    "card-full": Known(
        "critical",
        "Thẻ nhớ đầy, cửa không nhận thêm lượt. Nối mạng để gửi bớt, hoặc dọn thẻ.",
        "The card is full and the door takes no more check-ins. Connect the kiosk so that they"
        " drain, or free space.",
    ),
    "outbox-fault": Known(
        "critical",
        "Không ghi được lên thẻ nhớ, cửa không nhận lượt. Thẻ có thể đã hỏng: thay thẻ.",
        "The card cannot be written and the door takes no check-ins. It may be worn: change it.",
    ),
    "outbox-stuck": Known(
        "warning",
        "Lượt đã ghi không chuyển đi gửi được; cửa vẫn nhận lượt. Xem nhật ký: quyền thư mục, tệp"
        " lạ; thẻ có thể đã hỏng.",
        "Check-ins that are stored cannot be handed over for sending; the door works. See the"
        " journal: rights of folders, strange files; the card may be worn.",
    ),
    "mark-unreadable": Known(
        "warning",
        "Bộ quét không biết có kết nối hay không; lượt mới gửi chậm hơn, không mất. Xem nhật ký.",
        "The scanner cannot tell whether there is a connection; check-ins come later, none is"
        " lost. See the journal.",
    ),
    "outbox-unreadable": Known(
        "critical",
        "Không đọc hoặc xóa được lượt đang chờ trên thẻ. Xem quyền thư mục; thẻ có thể đã hỏng.",
        "Waiting check-ins cannot be read or removed on the card. See the rights of its folders;"
        " it may be worn.",
    ),
    "segment-quarantined": Known(
        "critical",
        "Có tệp hỏng để riêng trên thẻ. Chép ra USB mang về trung tâm: kioskctl outbox export DIR"
        " --delete.",
        "Damaged files lie aside on the card. Carry them to the centre on a stick: kioskctl outbox"
        " export DIR --delete.",
    ),
    "records-refused": Known(
        "critical",
        "Trung tâm không nhận một số lượt và giữ chúng riêng. Người quản trị xem thư chết.",
        "The centre refused records and keeps them apart. Its administrator looks at the dead"
        " letters.",
    ),
    "rules-bad": Known(
        "warning",
        "Quy tắc hoặc danh sách tin cậy sai chữ ký hoặc hỏng, cửa dùng bản cũ. Gửi lại bản đúng.",
        "Policy or trust list is not signed by the fleet, or damaged; the one before it stays in"
        " force. Send a good one.",
    ),
    "risk-list-bad": Known(
        "warning",
        "Danh sách nguy cơ sai chữ ký hoặc hỏng, cửa dùng bản cũ. Gửi lại danh sách đúng.",
        "The risk list is not signed by the fleet, or damaged; the one before it stays in force."
        " Send a good one.",
    ),
    "risk-key-wrong": Known(
        "warning",
        "Khóa không hợp với danh sách nguy cơ, cửa không tra ai. Gửi danh sách mới.",
        "The key does not belong to the risk list, and nobody is looked up. Send the new list.",
    ),
    "risk-hit": Known(
        "warning",
        "Một người trong danh sách nguy cơ đang ở cửa. Đây không phải lỗi: báo bàn trực.",
        "Somebody on the risk list stands at the door. No fault: tell the desk.",
    ),
    "panel-absent": Known(
        "critical",
        "Không thấy màn hình. Kiểm tra dây và địa chỉ; cửa vẫn quét nhưng khách không thấy gì.",
        "The panel is not found. Check wiring and address; the door reads codes, and visitors"
        " see nothing.",
    ),
    "pins-absent": Known(
        "warning",
        "Không dùng được đèn và còi. Kiểm tra chân cắm trong cấu hình.",
        "Lamps and buzzer cannot be used. Check the pins in the configuration.",
    ),
    "button-absent": Known(
        "warning",
        "Nút bấm không dùng được hoặc bị kẹt. Kiểm tra nút và dây.",
        "The button cannot be used, or is stuck. Check it and its wires.",
    ),
    "config-refused": Known(
        "warning",
        "Cấu hình gửi đến bị từ chối, máy vẫn dùng cấu hình cũ. Xem lý do trong up/cfg, ký lại với"
        " số phiên bản cao hơn.",
        "The configuration that was sent is refused, and the kiosk goes on with the one before. See"
        " up/cfg for why, and sign another with a higher version.",
    ),
    "config-rolled-back": Known(
        "warning",
        "Cấu hình mới làm máy không hoạt động tốt nên máy đã tự quay lại cấu hình cũ. Xem lý do"
        " trong up/cfg.",
        "With the new configuration the kiosk did not come to be well, and went back to the one"
        " before by itself. See up/cfg for why.",
    ),
    "document-refused": Known(
        "warning",
        "Quy tắc hoặc danh sách mà trung tâm gửi bị từ chối; cửa dùng bản cũ. Xem lý do, ký lại"
        " hoặc dọn thẻ nhớ.",
        "A policy or list that the centre sends is refused; the one before it stays in force. See"
        " why; sign it anew, or free space on the card.",
    ),
    "unit-down": Known(
        "critical",
        "Một phần mềm của thiết bị không chạy. Xem nhật ký; khởi động lại thiết bị.",
        "A daemon of the kiosk does not run. See its journal; restart the kiosk.",
    ),
    "unit-restarts": Known(
        "warning",
        "Phần mềm tự khởi động lại nhiều lần trong nửa giờ. Xem nhật ký, nguồn điện, bộ nhớ.",
        "Daemons were restarted again and again within half an hour. See journal, power supply,"
        " memory.",
    ),
    "under-voltage": Known(
        "warning",
        "Nguồn điện yếu, thiết bị có thể tắt và hỏng thẻ. Thay bộ nguồn hoặc dây nguồn.",
        "The power supply is weak; the kiosk may go out and its card be damaged. Change the"
        " supply or its cable.",
    ),
    "throttled": Known(
        "warning",
        "Bộ xử lý bị giảm tốc vì nóng hoặc yếu điện. Xem hai cảnh báo kia; làm mát, thay nguồn.",
        "The processor is slowed down, by heat or a weak supply. See those two alerts; cool it,"
        " change the supply.",
    ),
    "soc-hot": Known(
        "warning",
        "Bộ xử lý nóng từ 80 °C. Tránh nắng, làm thoáng vỏ máy.",
        "The processor has 80 °C or more. Keep it out of the sun, let air into the case.",
    ),
    "memory-low": Known(
        "warning",
        "Sắp hết bộ nhớ. Khởi động lại thiết bị; nếu lặp lại, báo nhà phát triển.",
        "Memory runs out. Restart the kiosk; if it comes again, tell the developers.",
    ),
    "disk-low": Known(
        "warning",
        "Thẻ nhớ còn dưới 200 MB. Nối mạng để gửi lượt đang chờ; dọn nhật ký.",
        "Less than 200 MB are free on the card. Connect the kiosk so that its records drain;"
        " clear old journals.",
    ),
    "inodes-low": Known(
        "warning",
        "Thẻ nhớ sắp hết chỗ cho tệp mới. Nối mạng để gửi lượt đang chờ; xóa tệp thừa.",
        "The card can hold few more files. Connect the kiosk so that its records drain; remove"
        " files that are not needed.",
    ),
    "card-worn": Known(
        "warning",
        "Bộ nhớ eMMC đã dùng gần hết tuổi thọ. Lên lịch thay.",
        "The eMMC has used up nearly all of its life. Plan to replace it.",
    ),
    "was-offline": Known(
        "warning",
        "Thiết bị đã mất kết nối hơn một phút, hoặc bị từ chối; nay đã có lại, lý do ở kèm. Lặp lại"
        " thì xem mạng ở cửa; nếu danh tính bị dùng ở nơi khác, kiểm tra ngay.",
        "The kiosk was offline for more than a minute, or was refused; it is back, and the reason"
        " is beside this. If it comes again, see the network at the door; if its identity was used"
        " elsewhere, look into it at once.",
    ),
    "queue-old": Known(
        "warning",
        "Có trung tâm mà lượt chờ hơn một giờ chưa được nhận. Xem trung tâm và cảnh báo khác.",
        "The centre is there, and a check-in waits for more than an hour. See the centre, and"
        " other alerts of this kiosk.",
    ),
    "clock-unset": Known(
        "warning",
        "Thiết bị chưa chỉnh được giờ. Cho phép máy chủ giờ (NTP) qua mạng, hoặc lắp pin đồng hồ.",
        "The kiosk could not set its clock. Let it reach a time server (NTP), or give it a clock"
        " battery.",
    ),
    "clock-off": Known(
        "warning",
        "Đồng hồ lệch hơn nửa giây. Xem máy chủ giờ.",
        "The clock is more than half a second off. See the time server.",
    ),
    "clock-differs": Known(
        "warning",
        "Giờ của thiết bị và giờ của trung tâm mâu thuẫn. Xem máy chủ giờ (NTP) của cả hai nơi.",
        "The kiosk's clock and the centre's contradict each other. See the time servers (NTP) of"
        " both.",
    ),
    "signal-weak": Known(
        "warning",
        "Sóng Wi-Fi yếu. Dời điểm phát lại gần, hoặc dùng dây mạng.",
        "The Wi-Fi signal is weak. Move the access point nearer, or use a cable.",
    ),
    "certificate-ends": Known(
        "warning",
        "Chứng thư của thiết bị hết hạn trong 14 ngày. Đổi khóa từ trung tâm, hoặc ghi danh lại.",
        "The kiosk's certificate ends within 14 days. Change its key from afar, or enrol it anew.",
    ),
    "figures-stale": Known(
        "warning",
        "Không đọc được số đo của máy nữa; thẻ nhớ hoặc hệ thống có thể bị treo. Khởi động lại.",
        "Figures of the machine can no longer be read; card or system may hang. Restart the kiosk.",
    ),
}
