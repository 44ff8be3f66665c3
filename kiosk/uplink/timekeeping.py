"""What the uplink knows of the time beside the clock, for every daemon and for the next boot.

Sources: the kiosk's own certificate, what an earlier boot left on the card, and the moment in each
acknowledgement of the centre, which came over mutual TLS. Nothing is believed before the
certificate began or after it, or the broker's, ended, and close to that end nothing is
kept: a wrong clock at the centre cannot shut the kiosk out of its broker for good.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime

from kiosk import clock, wire
from kiosk.config import Config
from kiosk.uplink.papers import CERTIFICATE_MAX, period_ms
from kiosk.validity import Validity

log = logging.getLogger("kiosk.uplink")

LOOK_EVERY_S = 1.0
SAVE_EVERY_MS = 3_600_000  # the card wears
SAVE_AT_END_MS = 60_000
PROMPT_MS = 30_000  # an answer that took longer says little of the time
NEWS_MS = 1_000
SPARE_MS = 14 * 86_400_000  # of a certificate's life that what is kept always leaves
_SENT_MAX = 256


class Timekeeper:
    """`trouble` says in words how clock and centre contradict each other; empty when they do
    not. A time of the centre counts as its own once a second answer agrees: an answer may have
    waited at the broker for the uplink of an earlier boot."""

    def __init__(self, config: Config, kept: clock.Clock, validity: Validity) -> None:
        self._clock = kept
        self._run = config.paths.run
        self._file = config.paths.state / "time"
        self._validity = validity
        self._why: dict[str, str] = {}
        self._sent: dict[str, int] = {}
        self._measured: tuple[int, int] | None = None
        self._look_at = 0.0
        self._impossible = self.trouble = ""
        self._certificate = config.broker.certificate
        self._seen = self._stamp()
        begin_ms, self._end_ms = self._period()
        self._saved_ms = self._load()
        before = kept.known()  # of an uplink that ran in this boot
        certain_ms = max(clock.BUILT_MS, begin_ms)
        past_ms = (
            self._saved_ms if certain_ms <= self._saved_ms <= self._believed_ms else certain_ms
        )
        least_ms = max(before.least_ms, past_ms - _boottime_ms(), 0)
        self._known = clock.Known(certain_ms=certain_ms, least_ms=least_ms, most_ms=before.most_ms)
        self._tell()

    def sent(self, segment: str) -> None:
        """It goes to the centre now, perhaps not for the first time."""
        if len(self._sent) >= _SENT_MAX:
            self._sent.clear()
        self._sent.setdefault(segment, _boottime_ms())

    def heard(self, ack: wire.Ack) -> None:
        """The centre's answer: it was written after its segment was sent, and before now."""
        now_ms = _boottime_ms()
        sent_ms = self._sent.pop(ack.segment, None)
        known, said = self._known, ack.server_ms
        latest = self._believed_ms
        self._impossible = "" if known.certain_ms <= said <= latest else _impossible(said)
        if self._impossible:
            return
        least_ms, most_ms = max(known.least_ms, said - now_ms), known.most_ms
        if sent_ms is not None and now_ms - sent_ms <= PROMPT_MS:
            measured, before = (said - now_ms, said - sent_ms), self._measured
            self._measured = measured
            if before is not None and _agree(before, measured):
                least_ms, most_ms = measured
        self._learn(max(least_ms, 0), most_ms)

    def turn(self, at: float) -> None:
        """Looks once a second. `at`: CLOCK_BOOTTIME in seconds."""
        if at >= self._look_at:
            self._look_at = at + LOOK_EVERY_S
            self._renewed()
            self.trouble = self._contradiction()
            self._save(SAVE_EVERY_MS)

    def close(self) -> None:
        """Keeps what is known for the next boot."""
        self._save(SAVE_AT_END_MS)

    @property
    def _believed_ms(self) -> int:
        """The latest moment that certificates vouch for."""
        return min(self._end_ms, self._validity.end_ms or self._end_ms)

    def _contradiction(self) -> str:
        if self._impossible or not self._clock.is_set():
            return self._impossible
        ahead_ms = self._clock.ahead_ms()
        if abs(ahead_ms) <= clock.AGREED_MS:
            return ""
        way = "ahead of" if ahead_ms > 0 else "behind"
        return (
            f"this kiosk's clock is {abs(ahead_ms) / 1000:.0f} s {way} the centre's, and its time"
            " server says that it is right"
        )

    def _learn(self, least_ms: int, most_ms: int | None) -> None:
        known = self._known
        moved = abs(least_ms - known.least_ms), abs((most_ms or 0) - (known.most_ms or 0))
        if max(moved) > NEWS_MS:
            self._known = clock.Known(
                certain_ms=known.certain_ms, least_ms=least_ms, most_ms=most_ms
            )
            self._tell()

    def _tell(self) -> None:
        why = ""
        try:
            clock.tell(self._run, self._known)
        except OSError as error:
            why = str(error)
        self._note("the other daemons are not told the time", why)

    def _load(self) -> int:
        """What an earlier boot knew last: the time at which the file was changed."""
        try:
            return self._file.stat().st_mtime_ns // 1_000_000
        except FileNotFoundError:  # the first start, or nowhere to keep it, which saving tells
            return 0
        except OSError as error:
            self._note("what an earlier boot knew of the time cannot be read", str(error))
            return 0

    def _save(self, when_moved_ms: int) -> None:
        """As systemd-timesyncd(8) does it: a change of the time of a file costs the card least."""
        is_set = self._clock.is_set() and not self.trouble
        known_ms = self._clock.now().wall_ms if is_set else self._clock.earliest_ms()
        if (
            known_ms > self._believed_ms - SPARE_MS
            or abs(known_ms - self._saved_ms) < when_moved_ms
        ):
            return
        why = ""
        try:
            os.close(os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
            os.utime(self._file, ns=(known_ms * 1_000_000, known_ms * 1_000_000))
        except OSError as error:
            why = str(error)
        self._note("the time is not kept for the next boot", why)
        self._saved_ms = known_ms  # also when it failed: then again in an hour

    def _renewed(self) -> None:
        """A new certificate takes the place of the old one while the uplink runs."""
        seen = self._stamp()
        if seen not in (None, self._seen):
            self._seen = seen
            self._end_ms = self._period()[1] or self._end_ms

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._certificate.stat()
        except OSError:  # reading it tells why
            return None
        return found.st_ino, found.st_mtime_ns

    def _period(self) -> tuple[int, int]:
        try:
            with self._certificate.open("rb") as opened:
                return period_ms(opened.read(CERTIFICATE_MAX))
        except (OSError, ValueError) as error:  # no connection either, which the session tells
            self._note("no date is certain but that of the firmware", str(error))
            return 0, 0

    def _note(self, what: str, why: str) -> None:
        if self._why.get(what, "") != why:
            self._why[what] = why
            log.warning("%s%s", what, f": {why}" if why else ": no longer so")


def _boottime_ms() -> int:
    return int(clock.boottime() * 1000)


def _agree(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] + NEWS_MS and other[0] <= one[1] + NEWS_MS


def _impossible(said_ms: int) -> str:
    try:
        said = f"{datetime.fromtimestamp(said_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        said = f"{said_ms} ms after 1970"
    return f"the centre's clock says {said}, which the kiosk's certificates exclude: not believed"
