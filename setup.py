"""Packaging. Tool settings stand in pyproject.toml; system packages in the Makefile."""

import re
from pathlib import Path

from setuptools import find_packages, setup

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


setup(
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
            "mypy>=1.10",
            "pyfuse3>=3.3",  # comes as source
            "pyserial>=3.5",
            "pytest>=8",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.7",
            "rfc8785>=0.1.4",
            "ruff>=0.6",
            "trio>=0.22",
            "tzdata>=2024.1",  # time zones for hypothesis, where the system has none
            "vulture>=2.11",
        ],
    },
    entry_points={"console_scripts": ["kioskctl=kiosk.ctl:main"]},
)
