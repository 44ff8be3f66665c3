"""What the door judges by: policy and trust list, also when newer ones come while it works.

They are read anew while nothing moves before the camera, since a long list may take a second. What
cannot be used is a fault then, and leaves the one before it in force.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from kiosk.credentials.lists import parse_trust
from kiosk.credentials.policy import Policy, parse_policy
from kiosk.credentials.trust import TrustList
from kiosk.documents import Newest
from kiosk.errors import ConfigError, DocumentError
from kiosk.faults import Faults, Severity

log = logging.getLogger("kiosk.scanner")

FAULTS: dict[str, Severity] = {"rules-bad": "warning"}
LOOK_EVERY_S = 5.0
QUIET_S = 2.0
PATIENCE_S = 60.0
"""Where something always moves, newer rules wait no longer than this."""

T = TypeVar("T")


class _Rule(Generic[T]):
    """A document, and what it says: `value`."""

    def __init__(self, source: Newest, parse: Callable[[bytes], T], value: T) -> None:
        self.source = source
        self.value = value
        self._parse = parse
        self._version = 0

    def renew(self) -> None:
        """Raises DocumentError and OSError; then `value` stays."""
        kind = self.source.kind
        try:
            path, found = self.source.read(self._version)
        except DocumentError as error:
            raise DocumentError(f"judge.{kind}: {error}") from error
        try:
            self.value = self._parse(bytes(found.content))
        except ConfigError as error:
            raise DocumentError(f"judge.{kind}: {path}: {error}") from error
        self._version = found.version
        log.info("%s version=%d from %s", kind, self._version, path)


class Rules:
    """Reads both once. Raises DocumentError and OSError when one cannot be used."""

    def __init__(self, policy: Newest, trust: Newest) -> None:
        self._policy: _Rule[Policy | None] = _Rule(policy, parse_policy, None)
        self._trust = _Rule(trust, parse_trust, TrustList())
        self._policy.renew()
        if trust.is_there:
            self._trust.renew()
        self._look_at = 0.0
        self._waits_since: float | None = None

    @property
    def policy(self) -> Policy:
        assert self._policy.value is not None, "it is read before anything is judged"
        return self._policy.value

    @property
    def trust(self) -> TrustList:
        return self._trust.value

    def turn(self, at: float, moved_at: float, faults: Faults) -> bool:
        """Called in turns in which no question stands; something last moved before the camera at
        `moved_at`. Whether other rules are in force than before."""
        if at < self._look_at:
            return False
        try:
            news = [r for r in (self._policy, self._trust) if _is_new(r.source)]
            if not news:
                self._wait(at)
                return False
            if self._waits_since is None:
                self._waits_since = at
            if at - moved_at < QUIET_S and at - self._waits_since < PATIENCE_S:
                return False
            self._wait(at)
            for rule in news:
                rule.renew()
        except (OSError, DocumentError) as error:
            self._wait(at)
            why = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else error
            faults.raised("rules-bad", f"{why}; what was in force before stays")
            return False
        faults.cleared("rules-bad")
        return True

    def _wait(self, at: float) -> None:
        self._look_at, self._waits_since = at + LOOK_EVERY_S, None


def _is_new(source: Newest) -> bool:
    return source.is_there and source.changed()
