"""The kernel's virtual camera, as `init` has set it up: what it sees and how it fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

WEBCAM = "/dev/video0"  # sizes and rates of a USB camera
SCREEN_OF = "/dev/video1"  # sees what is written to SCREEN
SCREEN = "/dev/video2"
SIZE = (320, 180)  # the smallest that the webcam has
SCREEN_SIZE = (640, 480)
DRIVER = Path("/sys/bus/platform/drivers/vivid")
BLACK, WHITE, RAMP = 5, 6, 20  # of `test_pattern`
_PRESS = 1


def tool(device: str, *arguments: str) -> str:
    """What v4l2-ctl prints."""
    return subprocess.run(
        ["v4l2-ctl", "--device", device, *arguments], check=True, capture_output=True, text=True
    ).stdout


def control(device: str, **values: int) -> None:
    """Sets controls by their names."""
    tool(device, "--set-ctrl", ",".join(f"{name}={value}" for name, value in values.items()))


def press(button: str) -> None:
    """A fault of the webcam, once."""
    control(WEBCAM, **{button: _PRESS})


def healthy() -> None:
    """The webcam sees a ramp from black to white, without text, and loses nothing."""
    control(WEBCAM, test_pattern=RAMP, osd_text_mode=2, percentage_of_dropped_buffers=0)


class Screen:
    """Shows one picture to SCREEN_OF until it is closed; as a context manager."""

    def __init__(self, luma: bytes, folder: Path) -> None:
        width, height = SCREEN_SIZE
        for device in (SCREEN, SCREEN_OF):
            tool(device, "--set-dv-bt-timings", "index=0")  # 640x480
        # The size of the picture and of the pixels must be the same on both sides.
        form = f"width={width},height={height},pixelformat=YU12"
        tool(SCREEN, "--set-fmt-video-out", form)
        control(SCREEN_OF, osd_text_mode=2, hdmi_001_0_is_connected_to=2)
        picture = folder / "screen.yuv"
        picture.write_bytes(luma + bytes([128]) * (width * height // 2))
        self._shows = subprocess.Popen(
            [
                *("v4l2-ctl", "--device", SCREEN, "--stream-out-mmap=4"),
                *(f"--stream-from={picture}", "--stream-loop", "--stream-count=1000000"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_error: object) -> None:
        self._shows.terminate()
        self._shows.wait()
