"""What `scan` and `verify` judge by: the kiosk's own rules, or other files in their place."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from kiosk.clock import boot_id, now
from kiosk.config import ETC, Config, load
from kiosk.credentials import parse
from kiosk.credentials.policy import Policy, judge, judge_malformed, parse_policy
from kiosk.credentials.trust import TrustList, parse_trust
from kiosk.ctl.words import about
from kiosk.errors import ConfigError, CredentialError, DocumentError
from kiosk.model import Credential, Instant, Verdict
from kiosk.signed import Keys, Kind, is_signed, read_keys, take

Read = TypeVar("Read")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Other rules, another moment."""
    parser.add_argument(
        "--at",
        type=_moment,
        metavar="TIME",
        help="judge as if it were TIME (RFC 3339, as 2026-03-01T08:00:00+07:00), with a clock"
        " that can be trusted",
    )
    parser.add_argument("--trust", type=Path, metavar="FILE", help="another trust list")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="another policy")


class Rules(NamedTuple):
    """Everything that an answer depends on."""

    policy: Policy
    trust: TrustList
    now: Instant

    def judge(self, payload: bytes) -> tuple[Credential | CredentialError, Verdict]:
        """What the payload is, and what the door would say."""
        try:
            credential = parse(payload, self.trust)
        except CredentialError as error:
            return error, judge_malformed(error, self.policy)
        return credential, judge(credential, self.policy, self.now)


def load_rules(args: argparse.Namespace) -> Rules:
    """Raises ConfigError when a file is missing or wrong, or not signed as it must be."""
    config = _config(args.config)
    if args.at is None:
        moment = now(config.clock.source)
    else:
        moment = Instant(int(args.at.timestamp() * 1000), "synced", boot_id(), 0)
    keys = _fleet_keys(config.judge.fleet_keys)
    policy = _rule(args.policy, config.judge.policy, "policy", keys, parse_policy)
    trust = _rule(args.trust, config.judge.trust, "trust", keys, parse_trust)
    assert policy is not None  # there is always one in the configuration
    return Rules(policy, trust or TrustList(), moment)


def _config(paths: list[Path] | None) -> Config:
    # Judging needs no enrolment: on a desk the defaults will do, as long as they are named.
    if paths is None and not (ETC / "site.toml").exists():
        print("kioskctl: not on a kiosk and no --config: the defaults apply", file=sys.stderr)
        paths = []
    return load(paths)


def _fleet_keys(files: list[Path]) -> Keys:
    try:
        return read_keys(files)
    except OSError as error:
        raise ConfigError([f"cannot read {error.filename}: {error.strerror}"]) from error
    except DocumentError as error:
        raise ConfigError([str(error)]) from error


def _rule(
    named: Path | None,
    configured: Path | Literal[""],
    kind: Kind,
    keys: Keys,
    parse: Callable[[bytes], Read],
) -> Read | None:
    """From the file `named` on the command line, else from the configured one, if any. What
    a person names to try it need not be signed yet."""
    path = named or configured
    if not path:
        return None
    try:
        data = path.read_bytes()
        return parse(bytes(take(data, kind, {} if named and not is_signed(data) else keys).content))
    except OSError as error:
        raise ConfigError([f"cannot read {path}: {error.strerror}"]) from error
    except DocumentError as error:
        raise ConfigError([f"{path}: {error}"]) from error
    except ConfigError as error:
        raise ConfigError(about(path, error)) from error


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} lacks its offset from UTC; expected as in 2026-03-01T08:00:00+07:00,"
            " or with Z for UTC"
        )
    if moment is None or moment.timestamp() < 0:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time in RFC 3339 since 1970; expected as in 2026-03-01T08:00:00Z"
        )
    return moment
