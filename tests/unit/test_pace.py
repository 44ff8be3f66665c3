"""What the scanner's status line tells of its work."""

from __future__ import annotations

from kiosk.scanner.pace import Pace


def test_frames_are_counted_and_the_last_answer_ages() -> None:
    pace = Pace()
    assert pace.last_scan_s(10.0) == "-"
    pace.turn(True, 0, 10.0)
    pace.turn(False, 0, 11.0)
    pace.turn(True, 1, 12.0)
    pace.turn(True, 1, 13.0)
    assert pace.frames == 3
    assert pace.last_scan_s(75.9) == 63
    pace.turn(True, 3, 80.0)
    assert pace.last_scan_s(80.0) == 0
