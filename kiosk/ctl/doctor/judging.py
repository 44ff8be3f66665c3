"""Whether the kiosk can judge codes, and seal what it judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from kiosk.config import Config
from kiosk.credentials.policy import parse_policy
from kiosk.credentials.trust import parse_trust
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.ctl.doctor.identity import ENROL, unreadable
from kiosk.errors import KioskError
from kiosk.seal import load_public


def check(config: Config) -> Iterator[Finding]:
    """Policy, trust list, public keys of the centre."""
    judge = config.judge
    yield _document("policy", judge.policy, parse_policy)
    if judge.trust:
        yield _document("trust list", judge.trust, parse_trust)
    else:
        yield fine("no trust list is configured: signed codes count as signed by nobody known")
    if not config.seal.recipients:
        yield wrong("no key to seal for: seal.recipients is empty, nothing is scanned", ENROL)
    for path in config.seal.recipients:
        yield _document("sealing key", path, load_public)


def _document(what: str, path: Path, parse: Callable[[bytes], object]) -> Finding:
    remedy = f"copy a good {what} there"
    try:
        parse(path.read_bytes())
    except KioskError as error:
        return wrong(f"the {what} {path} is wrong: {error}", remedy)
    except OSError as error:
        return unreadable(what, path, error, remedy)
    return fine(f"{what} {path} is readable")
