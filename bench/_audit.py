"""What visitors were shown, against what the database has."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from bench._queueing import Visit
from central.db import check_in, connect, dead_letter, receipt
from demo.town import Key


class Row(NamedTuple):
    """Of the table of check-ins."""

    device_id: str
    epoch: str
    seq: int
    id: str
    subject: str

    @property
    def key(self) -> Key:
        return self.device_id, self.epoch, self.seq


class Books(NamedTuple):
    """What the database has of some kiosks. `receipts` and `letters` are counts."""

    rows: list[Row]
    receipts: int
    letters: int

    @classmethod
    def of(cls, url: str, kids: Collection[str]) -> Books:
        """Reads them."""
        engine = connect(url)
        c = check_in.c
        with engine.connect() as connection:

            def count(table: sa.Table) -> int:
                ours = table.c.device_id.in_(kids)
                query = sa.select(sa.func.count()).select_from(table).where(ours)
                return int(connection.execute(query).scalar_one())

            query = sa.select(c.device_id, c.epoch, c.seq, c.id, c.subject)
            rows = [Row(*row) for row in connection.execute(query.where(c.device_id.in_(kids)))]
            books = cls(rows, count(receipt), count(dead_letter))
        engine.dispose()
        return books


class Verdict(NamedTuple):
    """`records`: check-ins that a scanner said it has stored, and greens of a scanner that died
    before it could say so. `unasked` rows are of scanners that died between storing and telling.
    `problems` says in words what should not be."""

    records: int
    committed: int
    lost: int
    duplicated: int
    unasked: int
    problems: list[str]


def judge(visits: Sequence[Visit], books: Books, scanner_deaths: int) -> Verdict:
    """The account."""
    problems: list[str] = []
    by_key = {row.key: row for row in books.rows}
    by_visit: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in books.rows:
        by_visit[row.device_id, row.subject].append(row)
    told: dict[Key, Visit] = {}
    lost = duplicated = silent = silent_there = 0
    for visit in visits:
        for epoch, seq in visit.stored:
            key = visit.kid, epoch, seq
            if key in told:
                duplicated += 1
                problems.append(f"{key} was given to two visitors")
            told[key] = visit
            there = by_key.get(key)
            if there is None:
                lost += 1
                problems.append(f"{key} is lost; {visit.outcome or 'no answer'} on the panel")
            elif there.subject != visit.subject:
                lost += 1
                problems.append(f"{key} holds somebody else's check-in")
        if visit.green and not visit.stored:
            silent += 1
            if by_visit[visit.kid, visit.subject]:
                silent_there += 1
            else:
                lost += 1
                problems.append(f"green at {visit.kid}, and no check-in; {visit.tries} tries")
        if not visit.outcome:
            problems.append(f"no answer at {visit.kid} in {visit.tries} tries")
    for gap in _gaps(by_key, told):
        lost += 1
        problems.append(f"{gap} is a gap")
    twice = _twice(books.rows)
    duplicated += len(twice)
    problems += twice
    untold = [row for row in books.rows if row.key not in told]
    problems += _unasked(untold, visits, scanner_deaths)
    if books.receipts != len(books.rows):
        problems.append(f"{books.receipts} receipts for {len(books.rows)} check-ins")
    if books.letters:
        problems.append(f"{books.letters} dead letters")
    committed = sum(key in by_key for key in told) + silent_there
    return Verdict(
        len(told) + silent, committed, lost, duplicated, len(untold) - silent_there, problems
    )


def _gaps(there: Iterable[Key], told: Collection[Key]) -> list[Key]:
    """Numbers below another of the same epoch that have no row, and that nobody was told of."""
    highest: dict[tuple[str, str], int] = defaultdict(int)
    known = set(there)
    for kid, epoch, seq in known:
        highest[kid, epoch] = max(highest[kid, epoch], seq)
    every = ((*scanner, seq) for scanner, last in highest.items() for seq in range(1, last))
    return [key for key in every if key not in known and key not in told]


def _twice(rows: Sequence[Row]) -> list[str]:
    """One scanner stores nobody's check-in twice, however often they show their code."""
    keys = Counter(row.key for row in rows)
    ids = Counter(row.id for row in rows)
    people = Counter((row.device_id, row.epoch, row.subject) for row in rows)
    found = [f"{key} is there {n} times" for key, n in keys.items() if n > 1]
    found += [f"id {id} is there {n} times" for id, n in ids.items() if n > 1]
    return found + [
        f"one visitor of {kid} is there {n} times in epoch {epoch}"
        for (kid, epoch, _), n in people.items()
        if n > 1
    ]


def _unasked(untold: Sequence[Row], visits: Sequence[Visit], deaths: int) -> list[str]:
    """Each needs a death of the scanner, and a showing that it did not answer."""
    unanswered = Counter[tuple[str, str]]()
    for visit in visits:
        unanswered[visit.kid, visit.subject] += visit.tries - visit.answers
    found = Counter((row.device_id, row.subject) for row in untold)
    problems = [
        f"{n} check-ins at {kid} of one visitor whom nobody told of them"
        for (kid, subject), n in found.items()
        if n > unanswered[kid, subject]
    ]
    if len(untold) > deaths:
        problems.append(f"{len(untold)} check-ins nobody was told of, {deaths} scanners died")
    return problems
