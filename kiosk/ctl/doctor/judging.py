"""Whether the kiosk can judge codes, and seal what it judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from kiosk import seal
from kiosk.config import Config
from kiosk.credentials.lists import parse_trust
from kiosk.credentials.policy import parse_policy
from kiosk.credentials.risk import RiskList
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.ctl.doctor.identity import unreadable
from kiosk.ctl.words import about
from kiosk.desired import DocumentKind
from kiosk.documents import Newest, newest
from kiosk.errors import ConfigError, DocumentError, SealError
from kiosk.signed import Keys, load_public, read_keys

T = TypeVar("T")


def check(config: Config, advice: Advice) -> Iterator[Finding]:
    """Policy, trust list, risk list, public keys of the fleet and of the centre."""
    judge = config.judge
    keys: Keys = {}
    for path in judge.fleet_keys:
        yield _document("fleet's key", path, load_public)
    try:
        keys = read_keys(judge.fleet_keys)
    except (OSError, DocumentError):
        yield fine("whether policy and lists are signed is not looked at without those keys")
    else:
        documents: list[tuple[DocumentKind, str, Callable[[bytes], object]]] = [
            ("policy", "policy", parse_policy),
            ("trust", "trust list", parse_trust),
            ("risk", "risk list", RiskList),
        ]
        for kind, what, parse in documents:
            source = newest(config, kind, keys)
            if source.is_there:
                yield _newest(what, source, parse)
        yield fine(
            f"keys that may sign these files: {', '.join(keys)}"
            if keys
            else "judge.fleet_keys is empty: policy and lists are taken unsigned"
        )
    if not newest(config, "trust", keys).is_there:
        yield fine("no trust list is configured: signed codes count as signed by nobody known")
    if not (config.seal.recipients or config.seal.keys):
        yield wrong(
            "no key to seal for: seal.recipients is empty, nothing is scanned", advice.enrol
        )
    for path in config.seal.recipients:
        yield _document("sealing key", path, seal.load_public, _sealed_to)
    for pem in config.seal.keys:
        try:
            yield fine(f"sealing key in seal.keys{_sealed_to(seal.load_public(pem.encode()))}")
        except SealError as error:
            yield wrong(f"a sealing key in seal.keys is wrong: {error}", "correct it")


def _newest(what: str, source: Newest, parse: Callable[[bytes], object]) -> Finding:
    remedy = f"copy a good {what} there, or announce one at the centre"
    try:
        path, found = source.read()
    except DocumentError as error:
        return wrong(f"the {what} is wrong: {error}", remedy)
    except OSError as error:
        return unreadable(what, Path(error.filename or source.paths[0]), error, remedy)
    return _document(what, path, lambda _: parse(bytes(found.content)))


def _sealed_to(key: seal.PublicKey) -> str:
    return f": check-ins are sealed to {key.kid}, {key.suite}"


def _document(
    what: str,
    path: Path,
    parse: Callable[[bytes], T],
    more: Callable[[T], str] = lambda _: " is readable",
) -> Finding:
    remedy = f"copy a good {what} there"
    try:
        parsed = parse(path.read_bytes())
    except ConfigError as error:
        return wrong(f"the {what} is wrong: {'; '.join(about(path, error))}", remedy)
    except (SealError, DocumentError) as error:
        return wrong(f"the {what} {path} is wrong: {error}", remedy)
    except OSError as error:
        return unreadable(what, path, error, remedy)
    return fine(f"{what} {path}{more(parsed)}")
