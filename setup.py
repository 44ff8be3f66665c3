"""Packaging. Tool settings stand in pyproject.toml; system packages in the Makefile."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
ON_A_PI = 'platform_machine in "aarch64 armv7l armv6l"'


def below(folder: str) -> list[tuple[str, list[str]]]:
    """Every file under `folder`, as data files under share/kiosk."""
    files = [p for p in (HERE / folder).rglob("*") if p.is_file()]
    parents = sorted({p.parent for p in files})
    return [
        (
            f"share/kiosk/{parent.relative_to(HERE)}",
            [str(p.relative_to(HERE)) for p in files if p.parent == parent],
        )
        for parent in parents
    ]


def changed_s() -> int | None:
    """Moment of the newest change, in seconds since 1970: SOURCE_DATE_EPOCH
    (reproducible-builds.org), else that of the newest commit; None where neither is known."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if not given and (HERE / ".git").exists():
        command = ["git", "-C", str(HERE), "log", "-1", "--format=%ct"]
        try:
            given = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"the date of the newest commit is not known: {error}", file=sys.stderr)
    return int(given) if given else None


class Dated(build_py):
    """Builds a firmware that knows when it was made: no kiosk's clock can be earlier."""

    def run(self) -> None:
        super().run()
        changed = changed_s()
        if self.editable_mode or changed is None:
            return
        if changed > time.time() + 86_400:
            sys.exit(
                f"the newest change is of {time.strftime('%Y-%m-%d', time.gmtime(changed))}, which"
                " lies ahead: set this machine's clock, or name the date by SOURCE_DATE_EPOCH"
            )
        file = Path(self.build_lib) / "kiosk" / "clock.py"
        line = re.compile(r"^BUILT_MS = ([0-9_]+)$", re.MULTILINE)
        source = file.read_text()
        built_ms = max(changed * 1000, int(line.findall(source)[0]))
        file.write_text(line.sub(f"BUILT_MS = {built_ms}", source, count=1))


setup(
    cmdclass={"build_py": Dated},
    name="door-kiosk",
    version=re.findall(r'FIRMWARE = "(.+)"', (HERE / "kiosk/model.py").read_text())[0],
    description="Door terminal that reads health declarations, ID cards and certificates",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(
        include=["kiosk*", "drivers*", "central*", "provisioning*", "demo*", "bench*"]
    ),
    package_data={
        "kiosk.screens": ["fonts/*"],
        "central": ["migrations/*.mako", "migrations/*.ini"],
    },
    data_files=below("config") + below("systemd"),
    install_requires=[
        "cbor2>=6.1.1",
        "cryptography>=50",
        "gpiozero>=2.0.1",
        "luma.oled>=3.15",
        "msgspec>=0.20",
        "numpy>=1.24",
        "paho-mqtt>=2.1,<2.3",
        "Pillow>=10,<14",  # luma.oled calls what goes in 14
        "pyzbar>=0.1.9",
        "systemd-python>=235",
        "tinydb>=4.8",
        "zxing-cpp>=3.1",
    ],
    extras_require={
        # picamera2 needs libcamera from the system: a venv with system packages
        "pi": [
            f"picamera2>=0.3.18; {ON_A_PI}",
            f"lgpio>=0.2; {ON_A_PI}",
            f"spidev>=3.5; {ON_A_PI}",
        ],
        "webcam": ["av>=12"],
        # evdev comes as source, and needs what systemd-python needs
        "reader": ["evdev>=1.6", "pyserial>=3.5"],
        "central": [
            "alembic>=1.13",
            "psycopg[binary]>=3.1",
            "reportlab>=4.2",
            "rich>=13",
            "SQLAlchemy>=2.0",
        ],
        "demo": ["rich>=13", "segno>=1.6"],
        "fuzz": ["atheris>=3"],
        "test": [
            "av>=12",
            "base45>=0.4",
            "evdev>=1.6",
            "hypothesis>=6.100",
            "jsonschema>=4.18",
            "mypy>=1.10",
            "pyfuse3>=3.3",  # comes as source
            "pyserial>=3.5",
            "pytest>=8",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.7",
            "rfc8785>=0.1.4",
            "ruff>=0.6",
            "trio>=0.22",
            "types-jsonschema>=4.18",
            "tzdata>=2024.1",  # time zones for hypothesis, where the system has none
            "vulture>=2.11",
        ],
    },
    entry_points={"console_scripts": ["kioskctl=kiosk.ctl:main"]},
)
