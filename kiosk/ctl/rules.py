"""What `scan` and `verify` judge by: the kiosk's own rules, or other files in their place."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from kiosk.clock import Clock, boot_id
from kiosk.config import ETC, Config, load
from kiosk.credentials import PAYLOAD_MAX, parse, times
from kiosk.credentials.listing import Listing
from kiosk.credentials.lists import parse_listing
from kiosk.credentials.policy import Explained, Policy, explain, parse_policy
from kiosk.credentials.risk import RiskList
from kiosk.credentials.trust import TrustList
from kiosk.ctl import risk
from kiosk.ctl.words import about
from kiosk.documents import Newest, newest
from kiosk.errors import ConfigError, CredentialError, DocumentError
from kiosk.model import Credential, Instant, Risk, Verdict, Visit
from kiosk.signed import Keys, Kind, is_signed, read_keys, take

Read = TypeVar("Read")

MAX_BYTES = PAYLOAD_MAX + 2
"""With a newline at the end, and one byte by which a longer input shows; the rest of it is
not read."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Other rules, another moment."""
    parser.add_argument(
        "--at",
        type=_moment,
        metavar="TIME",
        help="judge as if it were TIME (RFC 3339, as 2026-03-01T08:00:00+07:00), with a clock"
        " that can be trusted",
    )
    parser.add_argument(
        "--trust",
        type=Source.of,
        action="append",
        metavar="FILE",
        help="another trust list, ours or as others publish it; several together are one."
        " URL=FILE for the key set (jwks.json) of a SMART Health Card issuer, with its URL",
    )
    parser.add_argument("--policy", type=Path, metavar="FILE", help="another policy")
    risk.arguments(parser)


class Source(NamedTuple):
    """A trust list, and the URL of whoever published it where that has to be told."""

    path: Path
    issuer: str = ""

    @classmethod
    def of(cls, text: str) -> Source:
        """From FILE, or URL=FILE with the issuer's URL or that of its key set."""
        issuer, equals, file = text.partition("=")
        if equals and issuer.startswith(("https://", "http://")):
            return cls(Path(file), issuer.removesuffix("/.well-known/jwks.json").rstrip("/"))
        return cls(Path(text))


class Rules(NamedTuple):
    """Everything that an answer depends on."""

    policy: Policy
    trust: TrustList
    now: Instant
    asked: risk.Asked = risk.NO_LIST

    def judge(self, payload: bytes) -> tuple[Credential | CredentialError, Verdict]:
        """What the payload is, and what the door would say."""
        shown, explained = self.explain(payload, Visit())
        return shown, explained.verdict

    def explain(
        self, payload: bytes, visit: Visit, level: Risk | None = None
    ) -> tuple[Credential | CredentialError, Explained]:
        """The same, and why; as if the risk list said `level`."""
        shown: Credential | CredentialError
        try:
            shown = parse(payload, self.trust)
        except CredentialError as error:
            shown = error
        return shown, explain(shown, self.policy, self.now, level or self.asked.of(shown), visit)


def load_rules(args: argparse.Namespace) -> Rules:
    """Raises ConfigError when a file is missing or wrong, or not signed as it must be."""
    config = _config(args.config)
    keys = _fleet_keys(config.judge.fleet_keys)
    if args.policy:
        policy = _parsed(args.policy, "policy", parse_policy, keys)
    else:
        policy = _own(newest(config, "policy", keys), parse_policy)
    if args.trust:
        lists = read_lists(args.trust, keys)
    else:
        own = newest(config, "trust", keys)
        lists = _own(own, parse_listing) if own.is_there else Listing()
    kept = Clock(config.clock.source, config.paths.run)
    at = kept.now() if args.at is None else instant(args.at)
    asked = risk.asked(args, lambda path: _parsed(path, "risk", RiskList, keys))
    return Rules(policy, TrustList(listing=lists), at, asked)


def read_lists(sources: Iterable[Source], keys: Keys | None = None) -> Listing:
    """Several trust lists, named by somebody, as one. Raises ConfigError."""
    lists = (
        _parsed(path, "trust", partial(parse_listing, issuer=issuer), keys or {})
        for path, issuer in sources
    )
    return sum(lists, Listing())


def read_payload() -> bytes:
    """All of standard input less one newline at the end; of what is too long, too much."""
    if sys.stdin.isatty():
        print("Type or paste the payload, then press Ctrl-D twice.", file=sys.stderr)
    return sys.stdin.buffer.read(MAX_BYTES).removesuffix(b"\n")


def instant(at: datetime) -> Instant:
    """That moment, as by a clock that can be trusted."""
    return Instant(int(at.timestamp() * 1000), "synced", boot_id(), 0)


def _config(paths: list[Path] | None) -> Config:
    """Judging needs no enrolment: on a desk the defaults will do, as long as they are named, and
    its clock, which has a battery."""
    if paths is not None or (ETC / "site.toml").exists():
        return load(paths)
    print(
        "kioskctl: not on a kiosk and no --config: the defaults apply, and the clock of this"
        " computer is believed",
        file=sys.stderr,
    )
    config = load([])
    clock = msgspec.structs.replace(config.clock, source="system")
    return msgspec.structs.replace(config, clock=clock)


def _fleet_keys(files: list[Path]) -> Keys:
    try:
        return read_keys(files)
    except OSError as error:
        raise ConfigError([f"cannot read {error.filename}: {error.strerror}"]) from error
    except DocumentError as error:
        raise ConfigError([str(error)]) from error


def _own(source: Newest, parse: Callable[[bytes], Read]) -> Read:
    try:
        path, found = source.read()
    except OSError as error:
        raise ConfigError([f"cannot read {error.filename}: {error.strerror}"]) from error
    except DocumentError as error:
        raise ConfigError([str(error)]) from error
    return _read(path, bytes(found.content), parse)


def _parsed(path: Path, kind: Kind, parse: Callable[[bytes], Read], keys: Keys) -> Read:
    """What a file says that somebody has named to try it; it need not be signed yet."""
    try:
        data = path.read_bytes()
        content = bytes(take(data, kind, keys if is_signed(data) else {}).content)
    except OSError as error:
        raise ConfigError([f"cannot read {path}: {error.strerror}"]) from error
    except DocumentError as error:
        raise ConfigError([f"{path}: {error}"]) from error
    return _read(path, content, parse)


def _read(path: Path, content: bytes, parse: Callable[[bytes], Read]) -> Read:
    try:
        return parse(content)
    except ConfigError as error:
        raise ConfigError(about(path, error)) from error


def moment(text: str) -> datetime:
    """A time in RFC 3339 since 1970. Raises ValueError with words for whoever wrote it."""
    try:
        found = times.parse(text)
    except ValueError:
        found = None
    if found is not None and found.tzinfo is None:
        raise ValueError(
            f"{text!r} lacks its offset from UTC; expected as in 2026-03-01T08:00:00+07:00,"
            " or with Z for UTC"
        )
    if found is None or found.timestamp() < 0:
        raise ValueError(
            f"{text!r} is no time in RFC 3339 since 1970; expected as in 2026-03-01T08:00:00Z"
        )
    return found


def _moment(text: str) -> datetime:
    try:
        return moment(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
