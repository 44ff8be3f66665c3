"""The colour of a certificate: rules in order, the first that holds wins.

What is known of a time depends on the clock. At its floor a clock may be late, never early,
so an age by it is the least that it can be:

    clock     age is at least n                     age is at most n
    synced    yes or no                             yes or no; a date to come: no
    floor     yes if it is by the floor,            no if it is more by the floor,
              else it cannot be told                else it cannot be told
    unknown   cannot be told                        cannot be told

What does not hang on the date is certain by any clock: a certificate of one dose has not
two. A rule that cannot be told may be the first that holds, or not; the colour is certain
when all that are possible are the same.

A day is counted as it is written, a time of a day alone from its midnight in Vietnam.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from kiosk.credentials.policy.rules import (
    Ago,
    Among,
    ColourRule,
    Finding,
    Mark,
    Truth,
    rule_name,
)
from kiosk.model import VIETNAM, ClockState, Event, Instant

_RANK: dict[Mark, int] = {"no": 0, "unknown": 1, "yes": 2}


class Moment(NamedTuple):
    """Now, as the rules look at it. `local` is Vietnam's time, None = unknown."""

    clock: ClockState
    seconds: float
    local: datetime | None

    @classmethod
    def of(cls, now: Instant) -> Moment:
        """A time beyond the calendar is as good as none."""
        seconds = now.wall_ms / 1000
        if now.clock == "unknown":
            return cls("unknown", seconds, None)
        try:
            return cls(now.clock, seconds, datetime.fromtimestamp(seconds, VIETNAM))
        except (OverflowError, ValueError, OSError):
            return cls("unknown", seconds, None)

    def at_least(self, age: float | None, least: float) -> Truth:
        """See above; `age` None = unknown."""
        if age is None:
            return "unknown"
        if age >= least:
            return "yes"
        return "no" if self.clock == "synced" else "unknown"

    def at_most(self, age: float | None, most: float) -> Truth:
        """See above; `age` None = unknown."""
        if age is None:
            return "unknown"
        if age > most:
            return "no"
        if self.clock != "synced":
            return "unknown"
        return "yes" if age >= 0 else "no"

    def days(self, event: Event) -> int | None:
        """How many days ago."""
        return None if self.local is None else (self.local.date() - _day(event)).days

    def hours(self, event: Event) -> float | None:
        """How many hours ago, to a tenth, rounded up: a laboratory's clock may be some minutes
        ahead."""
        if self.local is None:
            return None
        at = datetime.fromisoformat(event.date)
        at = at if at.tzinfo is not None else at.replace(tzinfo=VIETNAM)
        return -((at.timestamp() - self.seconds) // 360) / 10


def find(rules: Sequence[ColourRule], code: Code, now: Moment) -> tuple[list[str], list[Finding]]:
    """The colours that are possible, one if it is certain, and what was found on the way."""
    possible: list[str] = []
    findings: list[Finding] = []
    for number, rule in enumerate(rules, 1):
        if not is_about(rule, code.purposes):
            continue
        where = rule_name(number, rule)
        found = list(_conditions(rule, code, now, where))
        holds = min((f.holds for f in found), key=_RANK.__getitem__, default="yes")
        findings += found or [Finding(where, "yes", "rest")]
        if holds != "no" and rule.name not in possible:
            possible.append(rule.name)
        if holds == "yes":
            break
    return possible, findings


def is_about(rule: ColourRule, purposes: Iterable[str]) -> bool:
    """Whether the rule is asked of codes that are good for these."""
    return not set(rule.purposes).isdisjoint(purposes)


class Code(NamedTuple):
    """What the rules ask of a code."""

    format: str
    purposes: tuple[str, ...]
    events: tuple[Event, ...]


def _conditions(rule: ColourRule, code: Code, now: Moment, where: str) -> Iterator[Finding]:
    if rule.formats:
        holds: Truth = "yes" if code.format in rule.formats else "no"
        yield Finding(where, holds, "formats", {"format": code.format, "wanted": rule.formats})
    if rule.doses_at_least is not None:
        yield from _doses(rule, rule.doses_at_least, code.events, now, where)
    if rule.recovered_within_days is not None:
        yield _recovered(rule, rule.recovered_within_days, code.events, now, where)
    if rule.test_negative_within_hours is not None:
        wanted, hours = "negative", rule.test_negative_within_hours
        yield _tested(rule, wanted, hours, code.events, now, where)
    if rule.test_positive_within_hours is not None:
        wanted, hours = "positive", rule.test_positive_within_hours
        yield _tested(rule, wanted, hours, code.events, now, where)


def _doses(
    rule: ColourRule, least: int, events: Iterable[Event], now: Moment, where: str
) -> Iterator[Finding]:
    given = [e for e in events if e.kind == "vaccination"]
    if not given:
        yield Finding(where, "no", "doses-none", {"need": least})
        return
    if rule.products:
        found = dict.fromkeys(e.product or "unnamed" for e in given)
        given = [e for e in given if e.product in rule.products]
        holds: Truth = "yes" if given else "no"
        yield Finding(where, holds, "products", {"found": tuple(found), "wanted": rule.products})
        if not given:
            return
    # A certificate may list all doses, or the last one with its number.
    days = sorted({_day(e) for e in given})
    numbers = [(max(e.dose, days.index(_day(e)) + 1), e) for e in given]
    have = max(number for number, _ in numbers)
    facts: dict[str, object] = {"have": have, "need": least, "days": rule.dose_days_at_least}
    if have < least:
        yield Finding(where, "no", "doses-counted", facts)
        return
    nearest = min(number for number, _ in numbers if number >= least)
    before = (nearest - least) * rule.dose_gap_days
    held: list[tuple[Truth, float | None]] = []
    for event in (event for number, event in numbers if number == nearest):
        since = now.days(event)
        if since is not None and since >= 0:
            held.append((now.at_least(since + before, rule.dose_days_at_least), since))
        else:
            held.append((now.at_least(since, 0), since))
    best = max(held, key=lambda one: (_RANK[one[0]], one[1] or 0))
    if best[0] == "yes" and not rule.dose_days_at_least:
        yield Finding(where, "yes", "doses-counted", facts)
    else:
        phrase = "doses" if nearest == least else "doses-later"
        facts |= {"last": nearest, "estimated": (best[1] or 0) + before}
        yield _dated(where, best, phrase, facts)
    if rule.dose_days_at_most is not None:
        since = now.days(max(given, key=_day))
        last = (now.at_most(since, rule.dose_days_at_most), since)
        yield _dated(where, last, "dose-last", {"days": rule.dose_days_at_most})


def _recovered(
    rule: ColourRule, within: int, events: Iterable[Event], now: Moment, where: str
) -> Finding:
    found = []
    for event in events:
        if event.kind == "recovery":
            age = now.days(event)
            both = now.at_most(age, within), now.at_least(age, rule.recovered_days_at_least)
            found.append((min(both, key=_RANK.__getitem__), age))
    facts = {"needed": Ago(rule.recovered_days_at_least, within)}
    if not found:
        return Finding(where, "no", "recovery-none", facts)
    return _dated(where, _best(found), "recovery", facts)


def _tested(
    rule: ColourRule, wanted: str, within: int, events: Iterable[Event], now: Moment, where: str
) -> Finding:
    facts = {"result": wanted, "hours": within, "methods": Among(rule.test_methods)}
    found = [
        (now.at_most(now.hours(e), within), now.hours(e))
        for e in events
        if e.kind == "test"
        and e.detected == (wanted == "positive")
        and (not rule.test_methods or e.method in rule.test_methods)
    ]
    if not found:
        return Finding(where, "no", "test-none", facts)
    return _dated(where, _best(found), "test", facts)


def _best(found: Iterable[tuple[Truth, float | None]]) -> tuple[Truth, float | None]:
    """The event that serves best; of several the youngest."""
    return max(found, key=lambda one: (_RANK[one[0]], -(one[1] or 0)))


def _dated(
    where: str, found: tuple[Truth, float | None], phrase: str, facts: Mapping[str, object]
) -> Finding:
    holds, age = found
    if age is None:
        return Finding(where, holds, f"{phrase}-undated", facts)
    if age < 0:
        return Finding(where, holds, f"{phrase}-ahead", facts)
    return Finding(where, holds, phrase, {**facts, "age": age})


def _day(event: Event) -> date:
    return date.fromisoformat(event.date[:10])
