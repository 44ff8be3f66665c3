"""What a kiosk's configuration may hold: sections, keys, bounds. Every key has its default, and a
line of comment, in config/kiosk.toml alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

NONE = "none"
NO_PIN = -1

_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
_NAME = r"([A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]+\])"

Pin = Annotated[int, Meta(ge=0, le=27)]
PinOrNone = Annotated[int, Meta(ge=-1, le=27)]
DoorDirection = Literal["in", "out", "toggle", "button"]
Seconds = Annotated[float, Meta(gt=0, le=86400)]
KioskId = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,63})?\Z",
        description="at most 64 of letters, digits and _ . -, a letter or digit first,"
        " or empty while the kiosk is not enrolled",
    ),
]
# Drivers are known by their files, which nobody here may import; a test holds these to them.
CameraDriver = Literal["picamera", "webcam", "replay", "none"]
ReaderDriver = Literal["serial_line", "keyboard", "none"]
PanelDriver = Literal["luma_i2c", "luma_spi", "png", "none"]
Language = Literal["vi", "en"]
Host = Annotated[
    str,
    Meta(
        pattern=rf"^{_NAME}:({_PORT})\Z",
        description='"host:port" (an IPv6 address in brackets)',
    ),
]
BrokerHost = Annotated[
    str,
    Meta(
        pattern=rf"^({_NAME}:({_PORT})|wss://{_NAME}:({_PORT})(/[A-Za-z0-9._~/-]*)?)\Z",
        description='"host:port" or "wss://host:port/path" (an IPv6 address in brackets)',
    ),
]
_LOGIN = r"[A-Za-z0-9._~!$&'()*+,;=%-]"  # userinfo of RFC 3986 without its colon
ProxyUrl = Annotated[
    str,
    Meta(
        pattern=rf"^(http://({_LOGIN}+:{_LOGIN}*@)?{_NAME}:({_PORT}))?\Z",
        description='"http://host:port", "http://user:password@host:port" with what is no letter or'
        ' digit percent-encoded, or "" for none',
    ),
]

Brightness = Annotated[
    str,
    Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9] ([1-9][0-9]?|100)%\Z",
        description='a time of day and a brightness from 1% to 100%, as "19:00 30%"',
    ),
]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections. Every key has its default in config/kiosk.toml alone."""


class Kiosk(Section, frozen=True, kw_only=True):
    """Who and where. `id` is the certificate's common name, empty = not enrolled. `toggle`
    alone uses `min_stay_s` and `day_starts_h` (hour of the day in Vietnam)."""

    id: KioskId
    place: Annotated[str, Meta(max_length=120)]
    direction: DoorDirection
    min_stay_s: Seconds
    day_starts_h: Annotated[int, Meta(ge=0, le=23)]


class Paths(Section, frozen=True, kw_only=True):
    """`outbox` holds open/ sealed/ quarantine/; `run` the daemons' sockets and the marker
    of a connected uplink; `state` what else survives a reboot; `kernel` holds sys/ and proc/."""

    outbox: Path
    run: Path
    state: Path
    kernel: Path


class Clock(Section, frozen=True, kw_only=True):
    """Whom to believe about the time, see `kiosk.clock`."""

    source: Literal["timesync", "system"]


class Camera(Section, frozen=True, kw_only=True):
    """`driver` is a file in drivers/camera, or `NONE`. `replay` alone uses `folder` (where the
    pictures lie) and `hold_s` (how long each is shown), `webcam` alone `device`."""

    driver: CameraDriver
    width: Annotated[int, Meta(ge=160, le=4608)]
    height: Annotated[int, Meta(ge=120, le=2592)]
    fps: Annotated[float, Meta(gt=0, le=120)]
    device: Path
    folder: Path | Literal[""]
    hold_s: Seconds


class Reader(Section, frozen=True, kw_only=True):
    """An external scanner. `driver` is a file in drivers/reader, `end` what the scanner puts
    after each code. `serial_line` alone uses `baud`, `keyboard` alone `alt`."""

    driver: ReaderDriver
    device: Path | Literal[""]
    baud: Annotated[int, Meta(ge=1200, le=4_000_000)]
    end: Annotated[
        Literal["cr", "lf", "tab"],
        Meta(description='"cr" (Enter, CR, CR LF) or "lf" (LF, CR LF) or "tab"'),
    ]
    alt: Literal["none", "unicode", "bytes"]


class Scan(Section, frozen=True, kw_only=True):
    """A code unseen for less than `hold_s` is still the same showing; shown again within
    `repeat_s` it gets the same answer and makes no new record."""

    hold_s: Seconds
    repeat_s: Seconds


class Judge(Section, frozen=True, kw_only=True):
    """Files that say what passes. Without `trust` no issuer is trusted, without `risk` nobody
    is looked up. `fleet_keys` are public keys (PEM); each of them alone may sign these files. Of
    the kinds in `from_centre` a newer one that the centre announces is fetched."""

    policy: Path
    trust: Path | Literal[""]
    risk: Path | Literal[""]
    fleet_keys: list[Path]
    from_centre: Annotated[
        list[Literal["policy", "trust", "risk"]],
        Meta(description='a list of "policy", "trust", "risk", or [] for none'),
    ]


class Seal(Section, frozen=True, kw_only=True):
    """Public keys of the centre (PEM); each of them alone opens every record. `recipients` are
    files, `keys` the PEM itself, as a configuration from afar has it."""

    recipients: list[Path]
    keys: list[Annotated[str, Meta(max_length=4096)]]


class Outbox(Section, frozen=True, kw_only=True):
    """When a segment is handed over: full, or this old while the uplink is connected."""

    segment_records: Annotated[int, Meta(ge=1, le=64)]
    seal_after_s: Seconds


class Panel(Section, frozen=True, kw_only=True):
    """`driver` is a file in drivers/oled; `png` alone uses `folder` (where the screens are
    written), `luma_i2c` alone `bus` and `address`, `luma_spi` alone `spi_*`, `dc` and `reset`
    (`NO_PIN`: not connected). No heartbeat for `scanner_silent_s` = out of order. `languages` take
    turns in this order; each of `brightness` holds until the next one; nobody before the camera for
    `dim_after_s` = dimmed."""

    driver: PanelDriver
    controller: Literal[
        "ssd1306", "ssd1305", "ssd1309", "ssd1315", "ssd1316", "sh1106", "sh1107", "ch1115"
    ]
    width: Literal[128]
    height: Literal[32, 64]
    rotate: Literal[0, 180]
    bus: Annotated[int, Meta(ge=0, le=10)]
    address: Annotated[int, Meta(ge=3, le=119)]
    spi_port: Annotated[int, Meta(ge=0, le=6)]
    spi_device: Annotated[int, Meta(ge=0, le=2)]
    spi_mhz: Literal[1, 2, 4, 8]
    dc: Annotated[int, Meta(ge=1, le=27)]
    reset: PinOrNone
    folder: Path | Literal[""]
    answer_s: Annotated[float, Meta(gt=0, le=30)]
    scanner_silent_s: Annotated[float, Meta(ge=1.5, le=3600)]  # it speaks once a second
    languages: Annotated[
        list[Language], Meta(min_length=1, description='a list of "vi", "en" or both')
    ]
    brightness: list[Brightness]
    dim_after_s: Seconds


class Gpio(Section, frozen=True, kw_only=True):
    """Lamps, buzzer and button, by BCM number. `blue` makes the lamps one RGB LED, `common` is
    what they share; `NO_PIN` leaves `blue` or `button` out, `silent` the sound. The button is
    held when it is down for `hold_s`."""

    pins: Literal["lgpio", "mock", "none"]
    green: Pin
    red: Pin
    blue: PinOrNone
    common: Literal["cathode", "anode"]
    buzzer: Pin
    buzzer_kind: Literal["passive", "active", "active-low"]
    silent: bool
    button: PinOrNone
    hold_s: Annotated[float, Meta(ge=1, le=30)]


class Broker(Section, frozen=True, kw_only=True):
    """`hosts` are tried in order; mutual TLS with the kiosk's certificate. Silence on the line
    is noticed after 1.5 `keepalive_s`."""

    hosts: list[BrokerHost]
    proxy: ProxyUrl
    ca: Path
    certificate: Path
    key: Path
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)]
    reconnect_base_s: Seconds
    reconnect_cap_s: Seconds


class Uplink(Section, frozen=True, kw_only=True):
    """`window`: messages sent and not yet acknowledged, of live records and of the backlog each.
    `rate_kb_s`: kB (1000 bytes) of the backlog a second on average; 0 = no limit. A configuration
    of the centre has `trial_s` to prove itself; a fleet spreads its requests for a new document
    over `spread_s`."""

    window: Annotated[int, Meta(ge=1, le=64)]
    rate_kb_s: Annotated[float, Meta(ge=0, le=100_000)]
    ack_timeout_s: Seconds
    telemetry_s: Seconds
    trial_s: Annotated[float, Meta(ge=20, le=3600)]
    spread_s: Annotated[float, Meta(ge=0, le=86400)]


class Log(Section, frozen=True, kw_only=True):
    """What reaches the journal."""

    level: Literal["debug", "info", "warning", "error"]


class Config(Section, frozen=True, kw_only=True):
    """The effective configuration of one kiosk."""

    kiosk: Kiosk
    paths: Paths
    clock: Clock
    camera: Camera
    reader: Reader
    scan: Scan
    judge: Judge
    seal: Seal
    outbox: Outbox
    panel: Panel
    gpio: Gpio
    broker: Broker
    uplink: Uplink
    log: Log
