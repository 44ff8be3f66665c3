"""Whether the kiosk knows what time it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from kiosk.clock import AGREED_MS, Clock
from kiosk.config import Config
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong

MEND = (
    "let the kiosk reach a time server (timedatectl timesync-status), or give it a clock battery"
    " / cho thiết bị chỉnh giờ qua mạng (timedatectl timesync-status), hoặc lắp pin đồng hồ"
)
COMPARE = (
    "compare both with a watch; the one that is off has a wrong time server (timedatectl"
    " timesync-status) / so cả hai với đồng hồ khác; bên lệch đang dùng sai máy chủ giờ"
    " (timedatectl timesync-status)"
)


def check(config: Config, _advice: Advice) -> Iterator[Finding]:
    """The clock's state, and what the centre says of it."""
    kept = Clock(config.clock.source, config.paths.run)
    moment, known, ahead_s = kept.now(), kept.known(), round(kept.ahead_ms() / 1000)
    shown = _utc(moment.wall_ms)
    if moment.clock == "synced" and abs(ahead_s) * 1000 > AGREED_MS:
        way, vi = ("ahead of", "nhanh hơn") if ahead_s > 0 else ("behind", "chậm hơn")
        yield wrong(
            f"the clock is set, says {shown}, and is {abs(ahead_s)} s {way} the centre's"
            f" / đồng hồ đã chỉnh, chỉ {shown}, nhưng {vi} trung tâm {abs(ahead_s)} giây",
            COMPARE,
        )
    elif moment.clock == "synced":
        yield fine(shown)
    elif known.most_ms is not None:
        yield wrong(
            f"no time server has confirmed the clock, which says {_system()}; by the centre it is"
            f" {shown}, and check-ins carry that"
            f" / chưa có máy chủ giờ nào xác nhận; đồng hồ chỉ {_system()}, theo trung tâm là"
            f" {shown}, các lượt được ghi theo giờ này",
            MEND,
        )
    else:
        yield wrong(
            f"no time server has confirmed the clock, which says {_system()}; it is {shown} or"
            " later, which is all that is known"
            f" / chưa có máy chủ giờ nào xác nhận; đồng hồ chỉ {_system()}; chỉ biết chắc là từ"
            f" {shown} trở đi",
            MEND,
        )


def _utc(wall_ms: int) -> str:
    return f"{datetime.fromtimestamp(wall_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _system() -> str:
    return _utc(time.time_ns() // 1_000_000)
