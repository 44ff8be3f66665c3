"""Whether the camera opens and gives a picture. The picture is dropped at once."""

from __future__ import annotations

from collections.abc import Iterator

from drivers import driver
from drivers.camera import Camera, CameraError, CameraOptions
from kiosk.config import Config
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.outbox import scanner_at_work

PATIENCE_S = 5.0
CABLE = "switch the kiosk off, check the camera's cable, switch it on"


def check(config: Config, _advice: Advice) -> Iterator[Finding]:
    """The driver, then one frame; not while the scanner holds the camera."""
    options = config.camera
    if scanner_at_work(config.paths.outbox):
        yield fine("in use by the scanner")
        return
    try:
        module = driver("camera", options.driver)
    except ValueError as error:
        yield wrong(f"camera.driver: {error}", "correct it in the configuration")
        return
    remedy = CABLE if options.driver != "replay" else "correct camera.folder in the configuration"
    try:
        camera: Camera = module.open_camera(
            CameraOptions(
                options.width,
                options.height,
                options.fps,
                str(options.folder),
                options.hold_s,
                str(options.device),
            )
        )
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
    yield fine(f"{options.driver} gives pictures of {width}x{height}")
