"""The configuration that the centre wants of this kiosk: taken, tried, and kept or given up.

    down/cfg                 signed, for this kiosk, newer, and right as every daemon will see it?
       |                     no: refused
    trial.signed             written; each daemon ends and begins anew with it
       |                     all as well as before, and the centre there, for HOLD_S: kept
    config.signed            not within uplink.trial_s, or STARTS starts of the uplink: rolled back

Each step is one rename or removal, told by `up/cfg`. The starts are counted before anything is
done with the new values, so a configuration with which the uplink cannot live is given up, too.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from kiosk import durable, wire
from kiosk.config.desired import InForce, tried
from kiosk.desired import Trial, Verdict
from kiosk.errors import ConfigError, DocumentError
from kiosk.signed import Header, Keys, open_header, open_signed, unchecked_header
from kiosk.uplink.connection import Connection
from kiosk.uplink.health import Health
from kiosk.uplink.memory import Memory

log = logging.getLogger("kiosk.uplink")

HOLD_S = 10.0
SETTLE_S = 60.0
"""For so long a trial waits for daemons that are just starting: who is not there when it begins is
not asked for in it."""
STARTS = 3
MAX_WHY = 500


def begin(in_force: InForce, memory: Memory) -> bool:
    """At each start of the uplink, before anything else: counts it, if a configuration is on trial.
    False when that was given up: the uplink is to start anew, with the one before."""
    files = memory.files
    try:
        header = unchecked_header(files.trial.read_bytes())
    except FileNotFoundError:
        return True
    except (OSError, DocumentError) as error:
        return not _give_up(memory, None, f"it cannot be read: {error}")
    verdict, trial = memory.state.verdict, memory.state.trial
    if verdict is not None and _is_of(verdict, header):  # the power went before it was removed
        return not _give_up(memory, None, verdict.why)
    if not in_force.on_trial:
        return not _give_up(memory, header, "; ".join(in_force.problems))
    if trial is None or trial.version != header.version:
        trial = Trial(header.version)
    if trial.starts >= STARTS:
        why = f"the uplink was started {trial.starts} times with it and did not come to be well"
        return not _give_up(memory, header, why)
    log.info("configuration version=%d on trial, start %d", header.version, trial.starts + 1)
    try:
        memory.keep(trial=Trial(trial.version, trial.starts + 1, trial.daemons, trial.faults))
    except OSError as error:
        log.error("a start on trial cannot be counted: %s", error)
    return True


def _give_up(memory: Memory, header: Header | None, why: str) -> bool:
    """First the verdict, then the file: a power cut between them is seen at the next start.
    False when the card does not let it go."""
    log.error("configuration version=%s is rolled back: %s", header and header.version, why)
    try:
        if header is not None:
            verdict = Verdict(header.version, header.sha512, "rolled-back", why[:MAX_WHY])
            memory.keep(verdict=verdict, trial=None)
        durable.remove(memory.files.trial)
    except OSError as error:
        log.error("it cannot be rolled back: %s", error)
        return False
    return True


def _is_of(verdict: Verdict, header: Header) -> bool:
    return verdict.status == "rolled-back" and (verdict.version, verdict.sha512) == (
        header.version,
        header.sha512,
    )


def _header(file: Path) -> Header | None:
    """Of a document that was checked already; None when there is none any more."""
    try:
        return unchecked_header(file.read_bytes())
    except (OSError, DocumentError):
        return None


class Desired:
    """Give it what comes by `down/cfg`, and a `turn` again and again."""

    def __init__(
        self,
        in_force: InForce,
        paths: Sequence[Path] | None,
        keys: Keys,
        memory: Memory,
        health: Health,
        trial_s: float,
    ) -> None:
        self._paths = paths
        self._keys = keys
        self._memory = memory
        self._files = memory.files
        self._health = health
        self._trial_s = trial_s
        self._version = in_force.version
        self._on_trial = in_force.on_trial
        file = self._files.trial if in_force.on_trial else self._files.config
        self._current = _header(file) if in_force.version else None
        self._unknown = "; ".join(in_force.problems)
        self._offer: bytes | None = None
        self._began: float | None = None
        self._since: float | None = None
        self._well_since: float | None = None
        self._lacking = ""
        self._link: Connection | None = None
        self._said: wire.Reported | None = None

    @property
    def reported(self) -> wire.Reported:
        """What `up/cfg` says."""
        verdict, seen = self._memory.state.verdict, self._memory.state.at_least("config")
        if self._unknown:
            return self._report(max(seen, self._version), "refused", self._unknown)
        if verdict is not None:
            return self._report(verdict.version, verdict.status, verdict.why)
        return self._report(self._version, "trial" if self._on_trial else "applied", "")

    def _report(self, desired: int, status: wire.ConfigStatus, why: str) -> wire.Reported:
        return wire.Reported(
            version=self._version, desired=desired, status=status, why=why[:MAX_WHY]
        )

    def trouble(self, status: wire.ConfigStatus) -> str:
        """Why the last one is `refused` or `rolled-back`; empty when it is not."""
        reported = self.reported
        return f"version {reported.desired}: {reported.why}" if reported.status == status else ""

    def hear(self, document: bytes) -> None:
        """An empty one takes back what was said, and changes nothing here."""
        self._offer = document or None

    def turn(self, at: float, centre_lacks: str, link: Connection | None) -> None:
        """`centre_lacks`: why the centre does not answer; empty when it does."""
        self._since = at if self._since is None else self._since
        waits = at - self._since < SETTLE_S and not self._health.complete
        try:
            if self._offer is not None:
                self._consider(self._offer, centre_lacks or waits)
            if self._on_trial and self._current is not None:
                self._judge(self._current, at, centre_lacks)
        except OSError as error:
            self._note(f"the card does not take it: {error.strerror}")
            self._offer = None
        reported = self.reported
        if link is not None and (link is not self._link or reported != self._said):
            sent = link.publish("cfg", wire.encode(reported), "reported configuration", retain=True)
            self._link, self._said = (link, reported) if sent else (None, None)

    def _consider(self, document: bytes, waits: object) -> None:
        try:
            header = open_header(document, "config", self._keys)
            open_signed(document, "config", self._keys)
        except DocumentError as error:
            self._offer = None
            self._note(str(error))
            return
        self._unknown = ""
        verdict = self._memory.state.verdict
        if self._current is not None and header == self._current:
            self._offer = None
            self._memory.keep(verdict=None)
        elif verdict is not None and _is_of(verdict, header):
            self._offer = None  # it had its trial
        elif why := self._memory.refusal(header) or self._mistakes(document):
            self._offer = None
            log.error("configuration version=%d is refused: %s", header.version, why)
            refused = Verdict(header.version, header.sha512, "refused", why[:MAX_WHY])
            self._memory.keep(verdict=refused)
        elif not waits:  # without centre and daemons, a trial would tell nothing
            self._offer = None
            self._begin(header, document)

    def _note(self, why: str) -> None:
        if why != self._unknown:
            log.error("configuration of the centre is refused: %s", why)
        self._unknown = why

    def _mistakes(self, document: bytes) -> str:
        try:
            tried(self._paths, document)
        except (ConfigError, DocumentError) as error:
            return "; ".join(str(error).splitlines())
        return ""

    def _begin(self, header: Header, document: bytes) -> None:
        log.info("configuration version=%d goes on trial", header.version)
        trial = Trial(header.version, 0, self._health.working(), self._health.faults())
        self._memory.keep(seen=self._memory.with_seen(header), verdict=None, trial=trial)
        durable.replace(self._files.trial, document)
        # Every daemon sees the other file and ends; the next uplink counts and judges.
        self._current, self._version, self._on_trial = header, header.version, True
        self._began = None

    def _judge(self, header: Header, at: float, centre_lacks: str) -> None:
        trial = self._memory.state.trial or Trial(header.version)
        if self._began is None:
            self._began = at
        lacking = centre_lacks or self._health.lacking(trial)
        if lacking:
            self._well_since, self._lacking = None, lacking
        elif self._well_since is None:
            self._well_since = at
        elif at - self._well_since >= HOLD_S:
            durable.move(self._files.trial, self._files.config)
            log.info("configuration version=%d stood its trial", header.version)
            self._on_trial = False
            return
        if at - self._began >= self._trial_s:
            why = (
                f"the kiosk was not well within {self._trial_s:g} s: {self._lacking or 'unsteady'}"
            )
            self._began = at
            if _give_up(self._memory, header, why):  # ... this process will end in a moment
                self._on_trial, self._current = False, _header(self._files.config)
                self._version = self._current.version if self._current else 0
