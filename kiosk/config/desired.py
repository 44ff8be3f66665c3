"""The uppermost layer: the signed configuration that the centre wants of this kiosk.

It holds the keys of a site.toml, and names in `kiosk.id` the one kiosk it is for. What is not
whole, not signed by the fleet or not right is passed over, and said: the layer below it is then
in force, so that a kiosk with a damaged document can be reached and mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kiosk.config import on_the_card, said
from kiosk.config.together import Setting, Settings, contradictions
from kiosk.desired import Files, Stamp
from kiosk.errors import ConfigError, DocumentError

HERE_ALONE = {
    ("judge", "fleet_keys"): "who may sign is decided where the kiosk is",
    ("broker", "ca"): "who vouches for the broker is decided where the kiosk is",
    ("broker", "certificate"): "the kiosk's identity comes with its enrolment",
    ("broker", "key"): "the kiosk's identity comes with its enrolment",
    ("uplink", "trial_s"): "a trial is judged by the terms before it",
    **dict.fromkeys(
        (("paths", key) for key in ("outbox", "run", "state", "kernel")),
        "records and sockets lie where the system's units say",
    ),
}
"""Keys that no document of the centre may hold, and why."""


class InForce(NamedTuple):
    """Every setting, and the document of the centre that some of them come from. `version` 0:
    there is none. `problems`: why one that lies there is passed over. `stamp`: identity of what
    lay there when it was read."""

    settings: list[Setting]
    version: int
    on_trial: bool
    problems: list[str]
    files: Files
    stamp: Stamp | None

    @property
    def changed(self) -> bool:
        """Whether another document lies there now. Raises OSError."""
        return self.files.configuration() != self.stamp


def in_force(paths: Sequence[Path] | None) -> InForce:
    """What a kiosk with these files works by. Raises ConfigError like `kiosk.config.load`."""
    below, base = on_the_card(paths)
    files = Files.below(below["paths", "state"].value)
    problems: list[str] = []
    found = None
    try:
        found = files.configuration()
    except OSError as error:
        problems.append(f"{files.folder}: cannot be read: {error.strerror}")
    for file in (files.trial, files.config) if found else ():
        try:
            version, settings = _over(below, base, file.read_bytes(), file)
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"{file}: cannot be read: {error.strerror}")
        except DocumentError as error:
            problems.append(f"{file}: {error}")
        except ConfigError as error:
            problems += error.problems
        else:
            listed = list(settings.values())
            return InForce(listed, version, file == files.trial, problems, files, found)
    return InForce(list(below.values()), 0, False, problems, files, found)


def tried(paths: Sequence[Path] | None, document: bytes) -> list[Setting]:
    """What would be in force with `document`, signed, as every daemon would find it. Raises
    DocumentError and ConfigError."""
    below, base = on_the_card(paths)
    _, settings = _over(below, base, document, Path("the centre's document"))
    return list(settings.values())


class Checked(NamedTuple):
    """Whom a configuration is for, and the sealing keys in it (PEM)."""

    kid: str
    seal_keys: list[str]


def check(content: bytes) -> Checked:
    """Whether a kiosk could take this, as far as it can be told without the kiosk. Raises
    ConfigError."""
    problems: list[str] = []
    above = _said(content, Path("configuration"), Path(), problems)
    if problems:
        raise ConfigError(problems)
    keys = above.get(("seal", "keys"))
    return Checked(above["kiosk", "id"].value, keys.value if keys else [])


def _said(raw: bytes, name: Path, base: Path, problems: list[str]) -> Settings:
    above = {(s.section, s.key): s for s in said(raw, name, base, problems)}
    problems += [
        f"{name}: {section}.{key} cannot be changed from afar: {HERE_ALONE[section, key]}"
        for section, key in above
        if (section, key) in HERE_ALONE
    ]
    if not problems and ("kiosk", "id") not in above:
        problems.append(f"{name}: kiosk.id is missing; it says which kiosk this is for")
    return above


def _over(below: Settings, base: Path, document: bytes, name: Path) -> tuple[int, Settings]:
    from kiosk.signed import open_signed, read_keys  # heavy: only where there is a document

    try:
        keys = read_keys(below["judge", "fleet_keys"].value)
    except OSError as error:
        raise DocumentError(f"judge.fleet_keys: cannot read {error.filename}") from error
    if not keys:
        raise DocumentError("judge.fleet_keys is empty: nobody could have signed it")
    version, content = open_signed(document, "config", keys)
    problems: list[str] = []
    above = _said(bytes(content), name, base, problems)
    own, named = below["kiosk", "id"].value, above.pop(("kiosk", "id"), None)
    if named is not None and named.value != own:
        problems.append(
            f"{name}: kiosk.id: found {named.value}, expected {own}: it is for another kiosk"
        )
    settings = {**below, **above}
    if not problems:
        problems += contradictions(settings)
    if problems:
        raise ConfigError(problems)
    return version, settings
