"""Documents that the fleet signs: nothing that a kiosk could not use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kiosk import seal, signed
from kiosk.config import desired as configuration
from kiosk.credentials.lists import parse_trust
from kiosk.credentials.policy import Policy, parse_policy
from kiosk.credentials.risk import RiskList
from kiosk.errors import ConfigError, DocumentError, SealError
from provisioning import files

SIGNER = "fleet-sign"


def _configuration(content: bytes) -> str:
    """Id of the kiosk that it is for. Raises ConfigError when none could use it."""
    checked = configuration.check(content)
    for pem in checked.seal_keys:
        try:
            seal.load_public(pem.encode())
        except SealError as error:
            raise ConfigError([f"configuration: seal.keys: {error}"]) from error
    return checked.kid


CHECKS: dict[signed.Kind, Callable[[bytes], object]] = {
    "policy": parse_policy,
    "trust": parse_trust,
    "risk": RiskList,
    "config": _configuration,
}
"""How a kiosk reads each kind of document."""


def sign(
    fleet: Path,
    kind: signed.Kind,
    content: bytes,
    version: int | None = None,
    before: bytes = b"",
) -> bytes:
    """`content` as a document signed by the fleet, in place of the signed one `before`. The
    version of a policy is the one that stands in it.

    Raises ConfigError when a kiosk could not use it: nothing is signed that is wrong, or not
    newer than `before`."""
    version = _version(CHECKS[kind](content), version)
    if before:
        _newer(fleet, kind, version, before)
    try:
        key = signed.load_private(files.read(fleet / f"{SIGNER}.key"))
    except DocumentError as error:
        raise ConfigError(
            [f"{fleet / SIGNER}.key is not the key that init made: {error}"]
        ) from error
    return signed.sign(key, kind, version, content)


def _version(read: object, given: int | None) -> int:
    if isinstance(read, Policy):
        if not read.version:
            raise ConfigError(["[policy] version is missing; a signed policy needs it"])
        if given not in (None, read.version):
            raise ConfigError(
                [
                    f"--version {given}, and the file says [policy] version = {read.version};"
                    " leave --version out"
                ]
            )
        return read.version
    if given is None or given < 1:
        found = "missing" if given is None else given
        raise ConfigError([f"version is {found}; expected --version 1, 2, 3 .."])
    return given


def _newer(fleet: Path, kind: signed.Kind, version: int, before: bytes) -> None:
    public = fleet / f"{SIGNER}.pub"
    try:
        keys = signed.keys_by_id([signed.load_public(files.read(public))])
        last = signed.open_signed(before, kind, keys).version
    except DocumentError as error:
        raise ConfigError(
            [f"what is to be replaced is no signed {kind} of this fleet ({error}); remove it first"]
        ) from error
    if version <= last:
        where = "[policy] version" if kind == "policy" else "--version"
        raise ConfigError(
            [f"version {version} is to replace version {last}; raise {where} to {last + 1}"]
        )
