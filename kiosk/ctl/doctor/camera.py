"""Whether the camera opens and gives a picture. The picture is dropped at once."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.camera import CameraError
from kiosk import hardware
from kiosk.config import Config
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.outbox import scanner_at_work

PATIENCE_S = 5.0
CABLE = "switch the kiosk off, check the camera's cable, switch it on"


def check(config: Config, _advice: Advice) -> Iterator[Finding]:
    """The driver, then one frame; not while the scanner holds the camera."""
    driver = config.camera.driver
    open_camera = hardware.camera(config)
    if open_camera is None:
        yield fine("this door has none")
        return
    if scanner_at_work(config.paths.outbox):
        yield fine("in use by the scanner")
        return
    remedy = CABLE if driver != "replay" else "correct camera.folder in the configuration"
    try:
        camera = open_camera()
        try:
            frame = camera.frame(PATIENCE_S)
        finally:
            camera.close()
    except CameraError as error:
        yield wrong(str(error), remedy)
        return
    if frame is None:
        yield wrong(
            f"the camera opens, but gives no picture within {PATIENCE_S:.0f} s",
            remedy,
        )
        return
    height, width = frame.grey.shape
    yield fine(f"{driver} gives pictures of {width}x{height}")
