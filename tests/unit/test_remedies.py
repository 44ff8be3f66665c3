"""What the doctor advises."""

from __future__ import annotations

import pytest

from kiosk.ctl.doctor.camera import _remedy


@pytest.mark.parametrize(
    ("driver", "problem", "does"),
    [
        ("webcam", "PyAV cannot be imported (No module named 'av'); install it", "install it"),
        ("picamera", "picamera2 cannot be imported (x); install it: apt", "install it"),
        ("replay", "PyAV cannot be imported (No module named 'av'); install it", "install it"),
        (
            "webcam",
            "no camera at /dev/v4l/by-id/x: No such file or directory",
            "plug the camera in",
        ),
        ("webcam", "camera.device is empty; set it to one of", "correct camera.device"),
        ("webcam", "/etc/motd is no camera device; set camera.device to", "correct camera.device"),
        ("webcam", "/dev/null does not open as a camera (x); is it in use", "or end what uses"),
        ("webcam", "the webcam broke while reading (x); was it unplugged?", "unplug the camera"),
        ("webcam", "", "unplug the camera"),
        ("replay", "the replay camera needs a folder with pictures, none is set", "camera.folder"),
        ("replay", "the replay camera cannot read its folder /x: No such file", "camera.folder"),
        ("replay", "a.png is no readable PNG or JPEG picture (OSError); remove it", "mend that"),
        ("picamera", "the camera did not start (x); is it plugged in", "check the camera's cable"),
        ("picamera", "", "check the camera's cable"),
    ],
)
def test_the_remedy_for_a_camera_fits_the_cause(driver: str, problem: str, does: str) -> None:
    assert does in _remedy(driver, problem)
