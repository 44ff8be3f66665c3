"""What a developer needs who was not there. No pictures, no records, no keys."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from kiosk.commands import doctor
from kiosk.commands.action import RESULT_BYTES, Args, Failed, Kiosk, Result, run
from kiosk.commands.journal import UNITS, bounded, lines
from kiosk.model import FIRMWARE

__all__ = ["LIMIT_S", "Args", "act"]

LIMIT_S = doctor.LIMIT_S + 100
_LIBRARIES = (
    "cryptography",
    "gpiozero",
    "luma.oled",
    "msgspec",
    "numpy",
    "paho-mqtt",
    "picamera2",
    "Pillow",
    "pyzbar",
    "systemd-python",
    "tinydb",
    "zxing-cpp",
)
_SHOWN = "--property=Id,LoadState,ActiveState,SubState,Result,NRestarts,ExecMainStatus,StatusText"
_LOG_BYTES = 20 * 1024
_SECRET = ("password", "secret", "token")


def act(_args: Args, kiosk: Kiosk) -> Result:
    """What cannot be had is told with the reason. Raises Failed when all of it is too large."""
    root = kiosk.config.paths.kernel
    parts: dict[str, Callable[[], Any]] = {
        "versions": _versions,
        "machine": lambda: _machine(root),
        "config": lambda: _config(kiosk),
        "units": _units,
        "findings": lambda: doctor.findings(kiosk),
        "log": lambda: bounded(lines(UNITS, 100, "warning"), _LOG_BYTES),
    }
    data: dict[str, Any] = {}
    for name, part in parts.items():
        try:
            data[name] = part()
        except (Failed, OSError) as error:
            data[name] = f"not to be had: {error}"
        if len(msgspec.json.encode(data)) > RESULT_BYTES:
            data[name] = "left out: too large"
    return Result("", data)


def _versions() -> dict[str, str]:
    found = {"firmware": FIRMWARE, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            found[library] = "not installed"
    return found


def _machine(root: Path) -> dict[str, Any]:
    disk = os.statvfs("/var/lib" if Path("/var/lib").is_dir() else "/")
    files = {
        "model": "proc/device-tree/model",
        "system": "etc/os-release",
        "boot_id": "proc/sys/kernel/random/boot_id",
        "uptime": "proc/uptime",
        "memory": "proc/meminfo",
        "throttled": "sys/devices/platform/soc/soc:firmware/get_throttled",
        "soc_millicelsius": "sys/class/thermal/thermal_zone0/temp",
        "pressure": "proc/pressure/io",
    }
    return {
        "kernel": platform.release(),
        "free_kb": disk.f_bavail * disk.f_frsize // 1024,
        **{name: _text(root / file) for name, file in files.items()},
    }


def _text(file: Path) -> str | None:
    try:
        return file.read_bytes()[:600].decode(errors="replace").strip("\0\n")
    except OSError:  # a kiosk has not all of them
        return None


def _config(kiosk: Kiosk) -> dict[str, Any]:
    """Names of files, not what is in them."""
    sections = msgspec.to_builtins(kiosk.config, enc_hook=str)
    for section in sections.values():
        for key in section:
            if any(word in key for word in _SECRET):
                section[key] = "<secret>"
    return dict(sections)


def _units() -> list[dict[str, str]]:
    units = [f"kiosk-{unit}.service" for unit in UNITS]
    said = run(["systemctl", "show", _SHOWN, *units], 15.0, no="no-systemd")
    blocks = said.decode(errors="replace").strip().split("\n\n")
    return [dict(line.partition("=")[::2] for line in block.splitlines()) for block in blocks]
