"""The tables of docs/panel.md, made from the code: who wins, and every word in both languages."""

from __future__ import annotations

from collections.abc import Iterator

from kiosk.screens import texts
from kiosk.screens.situation import WINS
from kiosk.screens.texts import Text


def wins() -> str:
    """A table in Markdown, the winner first."""
    rows = [f"| {n} | {name} | {when} |" for n, (name, when, _) in enumerate(WINS, 1)]
    return "\n".join(["| | screen | when |", "|---|---|---|", *rows])


def _said() -> Iterator[tuple[str, str, Text]]:
    """Where, which, and the words."""
    for direction, text in texts.PASSED.items():
        yield "pass", direction, text
    yield "pass", "once more", texts.REPEATED
    for reason, text in texts.REASONS.items():
        yield "reason", reason, text
    for outcome, text in texts.OTHER_REASON.items():
        yield "another reason", outcome, text
    yield "mark of a trial", "", texts.TRIAL
    for hint, text in texts.HINTS.items():
        yield "hint", hint, text
    yield "ready", "idle", texts.IDLE
    yield "ready", "leaving", texts.LEAVING
    for name, text in texts.VISITORS.items():
        yield "state, to visitors", name, text
    for name, text in texts.TECHNICIANS.items():
        yield "state, to technicians", name, text
    for mark, text in texts.MARKS.items():
        yield "mark", mark, text
    for question, text in texts.QUESTIONS.items():
        yield "question", question, text
    yield "question", "no", texts.NO
    yield "question", "yes", texts.YES
    for page, text in texts.PAGES.items():
        yield "self-test", page, text
    yield "self-test", "button pressed", texts.PRESSED


def words() -> str:
    """A table in Markdown of everything the panel can say."""
    rows = [
        f"| {where} | {which} | {text.vi} | {text.en} |".replace("\N{NO-BREAK SPACE}", " ")
        for where, which, text in _said()
    ]
    return "\n".join(["| where | which | Tiếng Việt | English |", "|---|---|---|---|", *rows])


_TABLES = {"wins": wins, "words": words}


def renewed(document: str) -> str:
    """`document` with the tables between `<!-- NAME -->` and `<!-- end of NAME -->` as they are
    in code. Raises ValueError where such a line is missing."""
    for name, table in _TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, found, rest = document.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"no lines {begin} and {end} around the table")
        document = f"{before}{begin}\n{table()}\n{end}{after}"
    return document
