"""TOML to typed, validated sections, in layers: later ones win, key by key.

The first layer is config/kiosk.toml, which holds every key with its default. Relative
paths are relative to the file that names them. All mistakes are reported at once.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from kiosk.config.sections import (
    NO_PIN,
    NONE,
    Broker,
    BrokerHost,
    CameraDriver,
    Config,
    DoorDirection,
    Gpio,
    Host,
    Judge,
    Panel,
    PanelDriver,
    ReaderDriver,
    Section,
)
from kiosk.config.together import Setting, Settings, contradictions
from kiosk.errors import ConfigError

__all__ = [
    "DEFAULTS",
    "ETC",
    "NONE",
    "NO_PIN",
    "Broker",
    "BrokerHost",
    "CameraDriver",
    "Config",
    "DoorDirection",
    "Gpio",
    "Host",
    "Judge",
    "Panel",
    "PanelDriver",
    "ReaderDriver",
    "Section",
    "Setting",
    "effective",
    "keys_of",
    "layer",
    "load",
    "shown_value",
]


def _shipped() -> Path:
    in_tree = Path(__file__).parents[2] / "config" / "kiosk.toml"
    if in_tree.exists():
        return in_tree
    return Path(sys.prefix) / "share" / "kiosk" / "config" / "kiosk.toml"


DEFAULTS = _shipped()
ETC = Path("/etc/kiosk")
MAX_BYTES = 256 * 1024

_SECTIONS: dict[str, type[Section]] = {f.name: f.type for f in msgspec.structs.fields(Config)}

SECRET = {("broker", "proxy")}
"""Keys that may hold a password."""
_HIDDEN = "something else, not shown here since it may hold a password"

Keys = dict[str, dict[str, Any]]
"""Types by section and key."""


def keys_of(config: type[Section]) -> Keys:
    """What a struct of sections may hold."""
    return {
        f.name: {k.encode_name: k.type for k in msgspec.structs.fields(f.type)}
        for f in msgspec.structs.fields(config)
    }


_KEYS = keys_of(Config)


def load(paths: Sequence[Path] | None) -> Config:
    """What is in force: the defaults, then `paths` in order, then what the centre wants of this
    kiosk (`kiosk.config.desired`). None = board.toml (if any) and site.toml below /etc/kiosk.
    Raises ConfigError with one sentence per mistake."""
    return config_of(effective(paths))


def config_of(settings: Iterable[Setting]) -> Config:
    """The same as `Config`."""
    values: dict[str, dict[str, Any]] = {name: {} for name in _SECTIONS}
    for setting in settings:
        values[setting.section][setting.key] = setting.value
    sections: dict[str, Any] = {name: _SECTIONS[name](**keys) for name, keys in values.items()}
    return Config(**sections)


def effective(paths: Sequence[Path] | None) -> list[Setting]:
    """Every key that is in force, in the order of `Config`. Raises ConfigError like `load`."""
    from kiosk.config.desired import in_force  # it stands on this module

    return in_force(paths).settings


def on_the_card(paths: Sequence[Path] | None) -> tuple[Settings, Path]:
    """Every key by the defaults and by `paths`, and the folder of the file that names the kiosk:
    relative paths of the centre's are relative to it. Raises ConfigError like `load`."""
    problems: list[str] = []
    settings: Settings = {}
    files = [DEFAULTS, *(_installed(problems) if paths is None else paths)]
    for path in files:
        for setting in layer(path, problems):
            settings[setting.section, setting.key] = setting
    if not problems:
        problems += [
            f"{DEFAULTS}: {name}.{key} has no default; install the firmware anew"
            for name, keys in _KEYS.items()
            for key in keys
            if (name, key) not in settings
        ]
    if not problems:
        problems += contradictions(settings)
    if problems:
        raise ConfigError(problems)
    return in_order(settings), settings["kiosk", "id"].source.parent


def in_order(settings: Settings) -> Settings:
    """As in `Config`."""
    return {which: settings[which] for which in ((n, k) for n, keys in _KEYS.items() for k in keys)}


def shown_value(setting: Setting) -> Any:
    """The value, fit to be shown: a password in a URL is not."""
    if (setting.section, setting.key) in SECRET:
        return re.sub(r"(//[^:@]*:)[^@]*@", r"\1***@", str(setting.value))
    return setting.value


def _installed(problems: list[str]) -> list[Path]:
    board, site = ETC / "board.toml", ETC / "site.toml"
    if not site.exists():
        problems.append(
            f"{site} is missing: this kiosk is not enrolled; enrol it, or name another"
            " configuration with --config FILE"
        )
        return []
    return [board, site] if board.exists() else [site]


def layer(path: Path, problems: list[str], known: Keys = _KEYS) -> Iterator[Setting]:
    """What one file says, as far as it is right; a wrong value is msgspec.UNSET. Adds a
    sentence per mistake to `problems`."""
    raw = _read(path, problems)
    return iter(()) if raw is None else said(raw, path, path.parent, problems, known)


def said(
    raw: bytes, path: Path, base: Path, problems: list[str], known: Keys = _KEYS
) -> Iterator[Setting]:
    """The same of the bytes of a file; relative paths in it are relative to `base`."""
    for name, table in _tables(raw, path, problems).items():
        keys = known.get(name)
        if keys is None:
            what = f"section [{name}]" if isinstance(table, dict) else f"key {name}"
            problems.append(f"{path}: unknown {what}{_nearest_section(name, known)}")
        elif not isinstance(table, dict):
            problems.append(
                f"{path}: {name}: found {_shown(table)}, allowed: a section [{name}] with keys"
            )
        else:
            for key, value in table.items():
                if key not in keys:
                    near = _nearest_key(name, key, known)
                    problems.append(f"{path}: unknown key {name}.{key}{near}")
                    continue
                try:
                    yield Setting(name, key, _typed(value, keys[key], base), path)
                except msgspec.ValidationError:
                    found = _HIDDEN if (name, key) in SECRET else _shown(value)
                    problems.append(
                        f"{path}: {name}.{key}: found {found}, allowed: {_allowed(keys[key])}"
                    )
                    yield Setting(name, key, msgspec.UNSET, path)


def _read(path: Path, problems: list[str]) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
        return None


def _tables(raw: bytes, path: Path, problems: list[str]) -> dict[str, object]:
    try:
        if len(raw) > MAX_BYTES:
            problems.append(f"{path}: more than {MAX_BYTES} bytes; is it a configuration file?")
            return {}
        return tomllib.loads(raw.decode())
    except UnicodeDecodeError as error:
        problems.append(f"{path}: not UTF-8 text, byte {error.start} is {raw[error.start]:#04x}")
    except tomllib.TOMLDecodeError as error:
        hint = "; text needs quotes" if str(error).startswith("Invalid value") else ""
        problems.append(f"{path}: not TOML: {error}{hint}")
    except RecursionError:
        problems.append(f"{path}: not a configuration: nested too deep")
    return {}


def _typed(value: object, kind: object, base: Path) -> object:
    """`value` as `kind`. Raises msgspec.ValidationError."""
    if kind is Path:
        if not isinstance(value, str) or not value or "\0" in value:
            raise msgspec.ValidationError("not a path")
        return (base / value).absolute()
    if get_origin(kind) in (Union, UnionType):  # Path | Literal[""]
        return "" if value == "" else _typed(value, Path, base)
    if kind == list[Path]:
        return [_typed(item, Path, base) for item in msgspec.convert(value, list[str])]
    return msgspec.convert(value, kind)


def _allowed(kind: object) -> str:
    """What a key may hold, in words."""
    if kind is Path:
        return "a path"
    if get_origin(kind) in (Union, UnionType):
        return 'a path, or "" for none'
    if get_origin(kind) is Literal:
        return " or ".join(_shown(choice) for choice in get_args(kind))
    if get_origin(kind) is list:
        return f"a list, each item {_allowed(get_args(kind)[0])}"
    if get_origin(kind) is Annotated:
        plain, meta = get_args(kind)
        return _bounded(plain, meta)
    return "true or false" if kind is bool else "text"


def _bounded(plain: type, meta: Meta) -> str:
    if meta.description is not None:
        return meta.description
    if plain is str:
        return f"text of at most {meta.max_length} characters"
    number = "a whole number" if plain is int else "a number"
    if meta.gt is not None:
        return f"{number} above {meta.gt} and at most {meta.le}"
    return f"{number} from {meta.ge} to {meta.le}"


def _shown(value: object) -> str:
    """A value as TOML would write it, cut short."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        text = f"[{', '.join(_shown(item) for item in value)}]"
    else:
        # JSON's strings are TOML's as well, and hide no control character.
        text = msgspec.json.encode(value).decode() if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _nearest_section(name: str, known: Keys) -> str:
    homes = [section for section, keys in known.items() if name in keys]
    if homes:
        return f"; {name} belongs below [{'] or ['.join(homes)}]"
    near = _nearest(name, list(known))
    return f"; did you mean [{near}]?" if near else f"; known are {', '.join(known)}"


def _nearest_key(section: str, key: str, known: Keys) -> str:
    near = _nearest(key, list(known[section]))
    if near:
        return f"; did you mean {section}.{near}?"
    homes = [f"{name}.{key}" for name, keys in known.items() if key in keys]
    if homes:
        return f"; did you mean {' or '.join(homes)}?"
    return f"; [{section}] knows {', '.join(known[section])}"


def _nearest(word: str, known: list[str]) -> str:
    import difflib  # only when something is wrong: the daemons stay small

    return next(iter(difflib.get_close_matches(word, known, n=1)), "")
