"""What `kioskctl outbox` says, in Vietnamese and English."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.ctl.words import count

if TYPE_CHECKING:
    from kiosk.credentials.policy.words import Language

_SENTENCES: dict[str, tuple[str, str]] = {
    # What waits
    "waiting": ("đang chờ: {segments}{oldest}", "waiting: {segments}{oldest}"),
    "oldest": (", lâu nhất đã {span}", ", the oldest for {span}"),
    "open": ("đang mở: {segments}, {records}, {whose}", "open: {segments}, {records}, {whose}"),
    "scanner's": ("do máy quét giữ", "in the scanner's hands"),
    "left": ("máy quét đã chết để lại", "left by a dead scanner"),
    "quarantine": ("cách ly (quarantine/): {files}", "quarantine: {files}"),
    "because": ("  {files}: {why}", "  {files}: {why}"),
    "sealed": ("đã đóng {segments}", "sealed {segments}"),
    "nothing-left": ("không còn gì đang mở", "nothing was left open"),
    "segment": (
        "{name}  chờ đã {span}, {records}, số {first} đến {last}{damaged}",
        "{name}  waiting {span}, {records}, numbers {first} to {last}{damaged}",
    ),
    "damaged": (", HỎNG", ", DAMAGED"),
    "unreadable": (
        "{name}  không đọc được, kiosk-uplink sẽ chuyển vào quarantine/",
        "{name}  unreadable, kiosk-uplink will move it to quarantine",
    ),
    "no-answer": (
        "{name}  thẻ nhớ không cho đọc ({why}); kiosk-uplink sẽ thử lại, rồi chuyển vào"
        " quarantine/",
        "{name}  the card does not give it ({why}); kiosk-uplink tries again, then moves it to"
        " quarantine",
    ),
    "stray": (
        "{name}  không phải gói của kiosk, kiosk-uplink sẽ chuyển vào quarantine/",
        "{name}  no segment of the outbox, kiosk-uplink will move it to quarantine",
    ),
    "strays": (
        "trong sealed/ có tệp lạ: {files}; kiosk-uplink sẽ chuyển vào quarantine/",
        "strangers in sealed/: {files}; kiosk-uplink will move them to quarantine",
    ),
    "set-aside": ("{name}  cách ly: {why}", "{name}  in quarantine: {why}"),
    # Why something lies in quarantine
    "stranger": ("không phải gói của kiosk", "no segment of the outbox"),
    "no-file": ("không phải tệp", "it is no file"),
    "torn": (
        "lượt đang ghi thì mất điện, chưa ai thấy xanh; không cần làm gì",
        "cut short as power failed, before anybody saw green; nothing is to be done",
    ),
    "nothing": ("không đọc được gì", "nothing of it can be read"),
    "in-part": ("hỏng, còn đọc được {records}", "damaged, {records} can be read"),
    "too-large": (
        "quá lớn cho một thông điệp, {records}",
        "too large for one message, {records}",
    ),
    "namesake": (
        "nguyên vẹn, {records}; đã có gói cùng tên (thẻ được sao chép hay phục hồi?)",
        "whole, {records}; one of the same name was there (was the card restored or cloned?)",
    ),
    # Export
    "no-folder": (
        "{to} không phải là thư mục; hãy cắm và gắn (mount) USB, rồi ghi đường dẫn của nó",
        "{to} is no folder; plug the stick in, mount it, and name where it is mounted",
    ),
    "not-mounted": (
        "{to} nằm trên chính thẻ nhớ của kiosk: USB chưa được gắn ở đó; hãy gắn (mount /dev/sda1"
        " {to}), hoặc thêm --any-folder nếu đúng là muốn vậy",
        "{to} lies on the kiosk's own card: no stick is mounted there; mount it (mount /dev/sda1"
        " {to}), or add --any-folder if that is meant",
    ),
    "read-only": (
        "{to} chỉ đọc được; hãy gạt khóa ghi, kiểm tra USB (fsck), rồi gắn lại để ghi",
        "{to} is mounted read-only; slide its lock, check it (fsck), and mount it for writing",
    ),
    "no-right": (
        "không được phép ghi vào {to}; hãy dùng sudo",
        "{to} may not be written by this user; use sudo",
    ),
    "full": (
        "USB {to} đã đầy; những gì đã ghi vẫn dùng được. Hãy dùng một USB lớn hơn, hoặc gọi với"
        " --delete rồi gọi lại với một USB khác",
        "the stick {to} is full; what is on it is good. Take a larger one, or call this with"
        " --delete, and then again with another stick",
    ),
    "stick-failed": (
        "không ghi được vào {to}: {why}; hãy gọi lại, hoặc dùng một USB khác",
        "{to} cannot be written: {why}; call this again, or take another stick",
    ),
    "stick-lies": (
        "USB {to} không trả lại đúng những gì đã ghi ({wrong} sai); hãy dùng một USB khác."
        " Không có gì bị xóa khỏi kiosk",
        "the stick {to} does not give back what was written ({wrong} wrong); take another one."
        " Nothing was deleted from the kiosk",
    ),
    "no-identity": (
        "không ký được: {why}; hãy xem kioskctl doctor --part identity. Với --unsigned, trung tâm"
        " phải tin lời người mang USB đến",
        "cannot be signed: {why}; see kioskctl doctor --part identity. With --unsigned the centre"
        " has to take the word of whoever brings the stick",
    ),
    "exported": (
        "đã ghi và kiểm tra trên USB: {segments}, {records}, vào {file}",
        "on the stick and verified: {segments}, {records}, in {file}",
    ),
    "before": (
        "đã có sẵn trên USB: {segments}",
        "on the stick before: {segments}",
    ),
    "copied": (
        "không đọc được hết, sao chép nguyên trạng vào {folder}: {files}",
        "not readable in whole, copied as they are to {folder}: {files}",
    ),
    "none": ("không có gì đang chờ", "nothing waits"),
    "still-open": (
        "CHƯA ghi: {segments}, {records}, do máy quét giữ; hãy dừng nó (systemctl stop"
        " kiosk-scanner) rồi gọi lại",
        "NOT on the stick: {segments}, {records} in the scanner's hands; stop it (systemctl stop"
        " kiosk-scanner) and call this again",
    ),
    "not-sealed": (
        "không đóng được gói mà máy quét để lại ({why}); đọc thẳng từ open/",
        "what the scanner left open cannot be handed over ({why}); read from open/ as it is",
    ),
    "deleted": ("đã xóa khỏi kiosk: {files}", "deleted from the kiosk: {files}"),
    "kept": (
        "trên kiosk vẫn còn đủ; --delete sẽ xóa những gì đã kiểm tra trên USB",
        "the kiosk still has all of it; --delete removes what was verified on the stick",
    ),
    "unmount": (
        "hãy tháo (umount {to}) trước khi rút USB; ở trung tâm: python -m central.ingest import",
        "unmount the stick (umount {to}) before you pull it out; at the centre: python -m"
        " central.ingest import",
    ),
}
_COUNTED = {"segment": "gói", "record": "lượt", "file": "tệp"}


def say(sentence: str, lang: Language, **facts: object) -> str:
    """One of the sentences with its facts."""
    vi, en = _SENTENCES[sentence]
    return (vi if lang == "vi" else en).format(**facts)


def many(number: int, what: str, lang: Language) -> str:
    """`2 segments`, `1 record`, `3 files`."""
    if lang == "vi":
        return f"{number} {_COUNTED[what]}"
    return count(number, what)
