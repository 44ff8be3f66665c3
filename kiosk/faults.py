"""What is wrong with a daemon now: told to the journal, the panel and the centre."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Literal

import msgspec

from kiosk.cues import AlertCue, Cue, Daemon

REMIND_S = 60.0
Severity = Literal["warning", "critical"]


def standing_file(run: Path, daemon: Daemon) -> Path:
    """Where a daemon writes what is wrong with it, for `kioskctl doctor`."""
    return run / f"{daemon}-faults.json"


def standing(file: Path) -> dict[str, str] | None:
    """Code and sentence of each fault, as the daemon wrote it last, which may be dead by now;
    None when there is nothing that can be read as such. Raises OSError."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, str])
    except (FileNotFoundError, msgspec.DecodeError):
        return None


class Faults:
    """A set of fault codes. A change is logged and told to the uplink at once; `remind`
    tells it again what lasts, since both daemons and the centre may have been restarted
    in between. `known` are all codes that may come up, `critical` if the door does not work
    then: what is not raised is told as cleared once, in case a former process raised it.
    What stands is also in `file`, if one is given."""

    def __init__(
        self,
        to_uplink: Callable[[Cue], object],
        boottime: Callable[[], float],
        known: Mapping[str, Severity],
        log: logging.Logger,
        file: Path | None = None,
    ) -> None:
        self._log = log
        self._to_uplink = to_uplink
        self._boottime = boottime
        self._active: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self._known = known
        self._unsaid = set(known)
        self._reminded_at = boottime()
        self._numbers = count(1)
        self._file = file
        self._write()

    @property
    def active(self) -> list[str]:
        """Codes of what stops the door, in the order in which they were raised: the panel
        shows them to visitors."""
        return self._codes("critical")

    @property
    def warnings(self) -> list[str]:
        """Codes of what should be seen to, while the door works."""
        return self._codes("warning")

    def _codes(self, wanted: Severity) -> list[str]:
        return [code for code in self._active if self._known[code] == wanted]

    def raised(self, code: str, why: str) -> None:
        """`why` is a sentence without personal data."""
        is_news = self._active.get(code) != why
        if is_news:
            level = logging.ERROR if self._known[code] == "critical" else logging.WARNING
            self._log.log(level, "fault code=%s %s", code, why)
        if code not in self._active:
            self._since[code] = self._boottime()
            self._tell(code, True, why)
        self._active[code] = why
        if is_news:
            self._write()

    def cleared(self, code: str) -> None:
        """Nothing happens when it was not raised."""
        if self._active.pop(code, None) is not None:
            self._log.info("fault cleared code=%s", code)
            self._write()
            self._tell(code, False, "")

    def remind(self) -> None:
        """Called each turn; does something once a minute."""
        if self._boottime() - self._reminded_at < REMIND_S:
            return
        self._reminded_at = self._boottime()
        for code in sorted(self._unsaid - set(self._active)):
            self._tell(code, False, "")
        self._unsaid.clear()
        for code, why in self._active.items():
            self._tell(code, True, why)

    def _write(self) -> None:
        """Whole or not at all."""
        if self._file is None:
            return
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.json.encode(self._active))
            fresh.replace(self._file)
        except OSError as error:  # the door needs no doctor
            self._log.warning("%s cannot be written: %s", self._file, error.strerror)

    def _tell(self, code: str, raised: bool, why: str) -> None:
        self._unsaid.discard(code)
        self._to_uplink(
            AlertCue(
                number=next(self._numbers),
                at=self._since[code] if raised else self._boottime(),
                code=code,
                severity=self._known[code],
                raised=raised,
                detail=why[:500],
            )
        )
