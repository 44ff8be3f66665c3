"""TOML to typed, validated sections. (Loader follows.)"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=1, le=65535)]
Pin = Annotated[int, Meta(ge=0, le=27)]
Seconds = Annotated[float, Meta(gt=0, le=86400)]
KioskId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections. Every key has its default in config/kiosk.toml alone."""


class Kiosk(Section, frozen=True, kw_only=True):
    id: KioskId | Literal[""]  # empty = not enrolled
    place: str
    direction: Literal["in", "out"]


class Paths(Section, frozen=True, kw_only=True):
    outbox: Path  # open/ sealed/ quarantine/ lie below it
    run: Path  # sockets of the daemons, marker of a connected uplink


class Clock(Section, frozen=True, kw_only=True):
    source: Literal["timesync", "system"]


class Camera(Section, frozen=True, kw_only=True):
    driver: str  # name of a file in drivers/camera
    width: Annotated[int, Meta(ge=160, le=4608)]
    height: Annotated[int, Meta(ge=120, le=2592)]
    fps: Annotated[float, Meta(gt=0, le=120)]
    folder: Path | Literal[""]  # replay: where the pictures lie
    hold_s: Seconds  # replay: how long each picture is shown


class Scan(Section, frozen=True, kw_only=True):
    hold_s: Seconds  # a code unseen for less than this is still the same showing
    repeat_s: Seconds  # shown again within this: same answer, no new record


class Judge(Section, frozen=True, kw_only=True):
    policy: Path
    trust: Path | Literal[""]  # empty = no issuer is trusted


class Seal(Section, frozen=True, kw_only=True):
    recipients: list[Path]  # public keys of the centre, PEM


class Outbox(Section, frozen=True, kw_only=True):
    segment_records: Annotated[int, Meta(ge=1, le=64)]
    seal_after_s: Seconds


class Panel(Section, frozen=True, kw_only=True):
    driver: str  # name of a file in drivers/oled
    controller: Literal["ssd1306", "sh1106", "ssd1309"]
    width: Literal[128]
    height: Literal[64]
    bus: Annotated[int, Meta(ge=0, le=10)]
    address: Annotated[int, Meta(ge=3, le=119)]
    rotate: Literal[0, 180]
    folder: Path | Literal[""]  # png: where the screens are written
    answer_s: Seconds
    scanner_silent_s: Seconds  # no heartbeat for this long = out of order


class Gpio(Section, frozen=True, kw_only=True):
    pins: Literal["lgpio", "mock", "none"]
    green: Pin
    red: Pin
    buzzer: Pin
    silent: bool


class Broker(Section, frozen=True, kw_only=True):
    hosts: list[str]  # "host:port", tried in order
    ca: Path
    certificate: Path
    key: Path
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)]
    reconnect_base_s: Seconds
    reconnect_cap_s: Seconds


class Uplink(Section, frozen=True, kw_only=True):
    window: Annotated[int, Meta(ge=1, le=64)]  # segments sent and not yet acknowledged
    ack_timeout_s: Seconds
    telemetry_s: Seconds


class Log(Section, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"]


class Config(Section, frozen=True, kw_only=True):
    """The effective configuration of one kiosk."""

    kiosk: Kiosk
    paths: Paths
    clock: Clock
    camera: Camera
    scan: Scan
    judge: Judge
    seal: Seal
    outbox: Outbox
    panel: Panel
    gpio: Gpio
    broker: Broker
    uplink: Uplink
    log: Log
