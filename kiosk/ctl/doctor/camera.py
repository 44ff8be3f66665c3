"""Whether the camera opens and gives a picture. The picture is dropped at once."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.camera import CameraError
from kiosk import hardware
from kiosk.config import Config
from kiosk.ctl.doctor import standing
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.outbox import scanner_at_work

PATIENCE_S = 5.0
CABLE = "switch the kiosk off, check the camera's cable, switch it on"
VIEW = "see what the camera sees: light, lens, glare; docs/operating.md lists it by warning"
# Driver (any, if empty) and words of what it says -> what to do; the first that fits.
_REMEDIES = (
    ("", "cannot be imported", "install it, then start the scanner anew"),
    ("replay", "needs a folder", "correct camera.folder in the configuration"),
    ("replay", "cannot read its folder", "correct camera.folder in the configuration"),
    ("replay", "", "mend that file, or take it away"),
    ("webcam", "no camera at ", "plug the camera in, or correct camera.device"),
    ("webcam", "is empty", "correct camera.device in the configuration"),
    ("webcam", "is no camera device", "correct camera.device in the configuration"),
    ("webcam", "does not open", "correct camera.device, or end what uses the camera"),
    ("webcam", "", "unplug the camera and plug it in again; if that does not help, change it"),
    ("", "", CABLE),
)


def check(config: Config, _advice: Advice) -> Iterator[Finding]:
    """The driver, then one frame; while the scanner holds the camera, what that says."""
    driver = config.camera.driver
    open_camera = hardware.camera(config)
    if open_camera is None:
        yield fine("this door has none")
        return
    if scanner_at_work(config.paths.outbox):
        yield from standing.in_use(
            config.paths.run,
            "scanner",
            standing.CAMERA,
            lambda code, why: _remedy(driver, why) if code.startswith("camera-") else VIEW,
        )
        return
    try:
        camera = open_camera()
        try:
            frame = camera.frame(PATIENCE_S)
        finally:
            camera.close()
    except CameraError as error:
        yield wrong(str(error), _remedy(driver, str(error)))
        return
    if frame is None:
        yield wrong(
            f"the camera opens, but gives no picture within {PATIENCE_S:.0f} s",
            _remedy(driver, ""),
        )
        return
    height, width = frame.grey.shape
    yield fine(f"{driver} gives pictures of {width}x{height}")


def _remedy(driver: str, problem: str) -> str:
    return next(
        remedy for of, words, remedy in _REMEDIES if of in ("", driver) and words in problem
    )
