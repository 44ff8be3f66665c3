"""The risk list at this door: its file, its key, and the alert that follows a hit.

The list may be replaced at any time and is read whole: what was verified is what is asked,
and no look-up waits for the card. The key comes from the uplink and lives in memory alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from kiosk.credentials.risk import RiskList, key_id
from kiosk.documents import Newest
from kiosk.errors import ConfigError, DocumentError
from kiosk.faults import Faults, Severity
from kiosk.model import CheckIn, Risk

log = logging.getLogger("kiosk.scanner")

FAULTS: dict[str, Severity] = {
    "risk-list-bad": "warning",
    "risk-key-wrong": "warning",
    "risk-hit": "warning",
}
LOOK_EVERY_S = 5.0
HIT_S = 60.0
"""A hit is an event and an alert a state: raised anew by each, over when no other came for so
long."""


class Risks:
    """Answers "none" without a list. One that is not to be trusted is a fault, and leaves
    the list before it in force; without one, nobody is checked, and the door works on."""

    def __init__(self, source: Newest, faults: Faults, boottime: Callable[[], float]) -> None:
        self._source = source
        self._faults = faults
        self._boottime = boottime
        self._keys: dict[str, bytes] = {}
        self._list: RiskList | None = None
        self._wanted = source.is_there
        self._in_force = 0  # version of the list
        self._look_at = 0.0
        self._hit_at = 0.0

    def of(self, subject: str) -> Risk:
        """What the list says of a person."""
        if not self._wanted:
            return "none"
        return "not-checked" if self._list is None else self._list.check(subject, self._keys)

    @property
    def state(self) -> str:
        """For the status line: `none`, `no-list`, `no-key`, or the version in force."""
        if not self._wanted:
            return "none"
        if self._list is None:
            return "no-list"
        return f"v{self._in_force}" if self._list.key_id in self._keys else "no-key"

    def keys(self, keys: Sequence[bytes]) -> None:
        """The keys that hold from now on; none, when the centre took them back."""
        self._keys = {key_id(key): key for key in keys}
        self._compare()

    def turn(self) -> None:
        """Called each turn; looks for another list every `LOOK_EVERY_S`."""
        now = self._boottime()
        if self._hit_at and now - self._hit_at >= HIT_S:
            self._hit_at = 0.0
            self._faults.cleared("risk-hit")
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._look()

    def hit(self, record: CheckIn | None) -> None:
        """Somebody on the list was here. The centre is told which record, and nothing else."""
        self._hit_at = self._boottime()
        self._faults.cleared("risk-hit")  # of the one before: the uplink passes on changes alone
        which = f"record {record.epoch} {record.seq}" if record else "it could not be recorded"
        self._faults.raised("risk-hit", which)

    def _look(self) -> None:
        try:
            self._wanted = self._wanted or self._source.is_there
            if not self._wanted or not self._source.changed():
                return
            _, (version, content) = self._source.read(self._in_force)
            self._list = RiskList(content)
        except OSError as error:
            self._bad(f"{error.filename} cannot be read: {error.strerror}")
            return
        except DocumentError as error:
            self._bad(str(error))
            return
        except ConfigError as error:
            self._bad("; ".join(error.problems))
            return
        self._in_force = version
        self._faults.cleared("risk-list-bad")
        log.info(
            "risk list version=%d entries=%d key=%s", version, len(self._list), self._list.key_id
        )
        self._compare()

    def _bad(self, why: str) -> None:
        after = "nobody is checked" if self._list is None else f"version {self._in_force} stays"
        self._faults.raised("risk-list-bad", f"judge.risk: {why}; {after}")

    def _compare(self) -> None:
        """A list whose key has not come yet is no fault: there may be no network."""
        if self._list is None:
            return
        if self._keys and self._list.key_id not in self._keys:
            self._faults.raised(
                "risk-key-wrong",
                f"the risk list is for key {self._list.key_id}, the centre sent"
                f" {', '.join(self._keys)}; nobody is checked until they fit",
            )
        else:
            self._faults.cleared("risk-key-wrong")
