"""What waits, since when, and what lies in quarantine and why. Reads, and changes nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from kiosk import clock, wire
from kiosk.ctl.outbox.words import many, say
from kiosk.ctl.words import span
from kiosk.model import Instant
from kiosk.outbox import SealedSegments, Segment, read_segment, scanner_at_work
from kiosk.outbox.layout import OPEN, TORN, folders, is_segment

if TYPE_CHECKING:
    from kiosk.credentials.policy.words import Language


def summary(directory: Path, now: Instant, lang: Language) -> int:
    """Prints figures of the whole."""
    sealed = SealedSegments(directory)
    waiting = sealed.waiting()
    age_s = sealed.age_s(waiting[0], now) if waiting else None
    oldest = "" if age_s is None else say("oldest", lang, span=span(age_s, lang))
    print(say("waiting", lang, segments=many(len(waiting), "segment", lang), oldest=oldest))
    if still_open := sealed.still_open():
        print(
            say(
                "open",
                lang,
                segments=many(len(still_open), "segment", lang),
                records=many(sum(still_open), "record", lang),
                whose=say("scanner's" if scanner_at_work(directory) else "left", lang),
            )
        )
    if strays := sealed.strays():
        print(say("strays", lang, files=many(len(strays), "file", lang)))
    reasons = Counter(why for _, why in _quarantined(directory, lang))
    print(say("quarantine", lang, files=many(reasons.total(), "file", lang)))
    for why, number in reasons.most_common():
        print(say("because", lang, files=many(number, "file", lang), why=why))
    return 0


def listed(directory: Path, now: Instant, lang: Language) -> int:
    """Prints a line for each segment that waits, and for each file in quarantine."""
    sealed = SealedSegments(directory)
    for name in sealed.waiting():
        try:
            segment = read_segment(folders(directory).sealed / name)
        except FileNotFoundError:  # sent meanwhile
            continue
        except OSError as error:  # the others are listed all the same
            print(say("no-answer", lang, name=name, why=error.strerror or error))
            continue
        print(_line(name, segment, now, lang))
    for name in sealed.strays():
        print(say("stray", lang, name=name))
    for name, why in _quarantined(directory, lang):
        print(say("set-aside", lang, name=name, why=why))
    return 0


def _line(name: str, segment: Segment | None, now: Instant, lang: Language) -> str:
    if segment is None:
        return say("unreadable", lang, name=name)
    return say(
        "segment",
        lang,
        name=name,
        span=span(segment.age_s(now), lang),
        records=many(len(segment.records), "record", lang),
        first=segment.records[0].seq,
        last=segment.records[-1].seq,
        damaged=say("damaged", lang) if segment.damaged else "",
    )


def _quarantined(directory: Path, lang: Language) -> list[tuple[str, str]]:
    """Names of the files there, each with the reason, as far as the file tells it."""
    found = []
    sealed = SealedSegments(directory)
    for name in sealed.quarantined() + sealed.torn():
        path = folders(directory).quarantine / name
        if path.is_dir():
            found.append((name, say("no-file", lang)))
            continue
        try:
            segment = read_segment(path)
        except OSError as error:
            found.append((name, str(error.strerror)))
            continue
        found.append((name, _why(name, segment, lang)))
    return found


def _why(name: str, segment: Segment | None, lang: Language) -> str:
    if segment is None and name.endswith(TORN):
        return say("torn", lang)
    if segment is None:
        return say("nothing" if _is_ours(name) else "stranger", lang)
    records = many(len(segment.records), "record", lang)
    if segment.damaged:
        return say("in-part", lang, records=records)
    batch = wire.Batch(
        segment=name, header=segment.header, anchor=clock.now("system"), records=segment.records
    )
    large = len(wire.encode(batch)) > wire.MAX_BATCH_BYTES
    return say("too-large" if large else "namesake", lang, records=records)


def _is_ours(name: str) -> bool:
    """Whether it was a segment: sealed, or still the scanner's."""
    # A second file of one name has a number behind it.
    return any(is_segment(n) or n.endswith(OPEN) for n in (name, name.rpartition(".")[0]))
