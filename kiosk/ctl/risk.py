"""The risk list on a desk: tries it on codes, and tells under which keys a code is known."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kiosk.credentials import parse
from kiosk.credentials.risk import Keys, RiskList, gravest, key_id, read_key
from kiosk.credentials.subjects import listed_as
from kiosk.credentials.trust import TrustList
from kiosk.ctl.words import about
from kiosk.errors import ConfigError, CredentialError
from kiosk.model import Credential, Risk


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which list to ask, and its key."""
    parser.add_argument(
        "--risk",
        type=Path,
        metavar="FILE",
        help="ask this risk list, not yet signed or signed by the fleet; without it nobody is"
        " checked",
    )
    parser.add_argument(
        "--risk-key",
        type=Path,
        metavar="FILE",
        help="key of that list, as `python -m central.risk new-key` made it; without it the risk"
        " is not-checked, as at a door that was not connected since it started",
    )


class Asked(NamedTuple):
    """A list and the keys at hand; without a list the risk is "none"."""

    listed: RiskList | None
    keys: Keys

    def of(self, shown: Credential | CredentialError) -> Risk:
        """What the door would know of whoever shows it."""
        if isinstance(shown, CredentialError):
            return self._check("")
        return gravest(self._check, shown.subject, shown.claims)

    def told(self, shown: Credential | CredentialError) -> dict[str, str]:
        """The same for an answer in JSON: empty without a list."""
        return {} if self.listed is None else {"risk": self.of(shown)}

    def _check(self, key: str) -> Risk:
        return "none" if self.listed is None else self.listed.check(key, self.keys)


NO_LIST = Asked(None, {})


def asked(args: argparse.Namespace, read: Callable[[Path], RiskList]) -> Asked:
    """The list that the arguments name. Raises ConfigError, also when the key is another's."""
    file: Path | None = args.risk_key
    if args.risk is None:
        if file is not None:
            raise ConfigError([f"{file}: a key without its list; name that with --risk"])
        return NO_LIST
    listed = read(args.risk)
    if file is None:
        return Asked(listed, {})
    try:
        key = read_key(file.read_bytes())
    except OSError as error:
        raise ConfigError([f"cannot read {file}: {error.strerror}"]) from error
    except ConfigError as error:
        raise ConfigError(about(file, error)) from error
    if key_id(key) != listed.key_id:
        raise ConfigError(
            [f"{file} is key {key_id(key)}, and {args.risk} was made with key {listed.key_id}"]
        )
    return Asked(listed, {listed.key_id: key})


def print_keys(payload: bytes) -> int:
    """Prints, one a line, the keys by which a risk list may name the holder of a code."""
    try:
        shown = parse(payload, TrustList())
    except CredentialError as error:
        print(f"kioskctl: {error}", file=sys.stderr)
        return 1
    keys = listed_as(shown.subject, shown.claims)
    if not keys:
        print(f"kioskctl: {shown.format}: this code names nobody", file=sys.stderr)
        return 1
    print(*keys, sep="\n")
    return 0
