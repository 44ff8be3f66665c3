"""The keys to which kiosks seal: `centre-seal`, and those that follow it.

Each is a file `.key` for the ingest workers and a file `.pub` for the kiosks. Kiosks seal to all
keys whose `.pub` lies in the fleet's folder when they are enrolled.
"""

from __future__ import annotations

import re
from pathlib import Path

from kiosk import seal
from kiosk.errors import ConfigError
from provisioning import files

SUITES = {"x25519": seal.X25519, "x25519-mlkem768": seal.HYBRID}
DEFAULT = "x25519"
RETIRED = "retired"
_NAME = re.compile(r"centre-seal(?:-([1-9][0-9]{0,5}))?")


def add_key(fleet: Path, suite: str) -> str:
    """A new key pair of a suite of `SUITES`; its name: `centre-seal`, `centre-seal-2` .."""
    numbers = [int(match[1] or 1) for name in _stems(fleet, "key") if (match := _NAME.match(name))]
    name = f"centre-seal-{max(numbers) + 1}" if numbers else "centre-seal"
    key = seal.new_key(SUITES[suite])
    files.refuse_existing((fleet / f"{name}.key", fleet / f"{name}.pub"))
    files.write_new(fleet / f"{name}.key", key.pem(), files.PRIVATE)
    files.write_new(fleet / f"{name}.pub", key.public.pem(), files.PUBLIC)
    return name


def recipients(fleet: Path) -> list[str]:
    """File names of the public keys to which a new kiosk seals. Raises ConfigError when there
    is none."""
    names = [f"{name}.pub" for name in _stems(fleet, "pub")]
    if not names:
        raise ConfigError([f"{fleet} holds no centre-seal*.pub; {files.INIT}"])
    return names


def retire_key(fleet: Path, name: str) -> None:
    """Moves the public half to `retired/`. Raises ConfigError for the last one."""
    names = recipients(fleet)
    if f"{name}.pub" not in names:
        raise ConfigError([f"{name} is none of the keys in use: {', '.join(names)}"])
    if len(names) == 1:
        raise ConfigError([f"{name} is the only key; first make another with add-seal-key"])
    files.make_folder(fleet / RETIRED)
    files.refuse_existing([fleet / RETIRED / f"{name}.pub"])
    try:
        (fleet / f"{name}.pub").rename(fleet / RETIRED / f"{name}.pub")
    except OSError as error:
        raise ConfigError([f"{fleet}/{name}.pub cannot be moved: {error.strerror}"]) from error


def _stems(fleet: Path, ending: str) -> list[str]:
    """Names of the keys of which there is such a file, in the order in which they were made."""
    found = [path.stem for path in fleet.glob(f"centre-seal*.{ending}")]
    return sorted((n for n in found if _NAME.fullmatch(n)), key=lambda n: (len(n), n))
