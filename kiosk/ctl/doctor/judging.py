"""Whether the kiosk can judge codes, and seal what it judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from kiosk.config import Config
from kiosk.credentials.policy import parse_policy
from kiosk.credentials.trust import parse_trust
from kiosk.ctl.doctor.advice import Advice
from kiosk.ctl.doctor.finding import Finding, fine, wrong
from kiosk.ctl.doctor.identity import unreadable
from kiosk.ctl.words import about
from kiosk.errors import ConfigError, SealError
from kiosk.seal import load_public


def check(config: Config, advice: Advice) -> Iterator[Finding]:
    """Policy, trust list, public keys of the centre."""
    judge = config.judge
    yield _document("policy", judge.policy, parse_policy)
    if judge.trust:
        yield _document("trust list", judge.trust, parse_trust)
    else:
        yield fine("no trust list is configured: signed codes count as signed by nobody known")
    if not config.seal.recipients:
        yield wrong(
            "no key to seal for: seal.recipients is empty, nothing is scanned", advice.enrol
        )
    for path in config.seal.recipients:
        yield _document("sealing key", path, load_public)


def _document(what: str, path: Path, parse: Callable[[bytes], object]) -> Finding:
    remedy = f"copy a good {what} there"
    try:
        parse(path.read_bytes())
    except ConfigError as error:
        return wrong(f"the {what} is wrong: {'; '.join(about(path, error))}", remedy)
    except SealError as error:
        return wrong(f"the {what} {path} is wrong: {error}", remedy)
    except OSError as error:
        return unreadable(what, path, error, remedy)
    return fine(f"{what} {path} is readable")
