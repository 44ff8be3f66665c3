"""Dead letters read once more, after what was wrong with them has been mended: a key of the
centre that was missing, a program that was too old, a database that refused."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from central.ingest.reading import Keys, Reading, read
from central.ingest.store import Answer, Letter, Store
from kiosk import wire

_AT_ONCE = 64


class Retried:
    """Counts of records: `stored`, `known` (in the database already), and `left` by reason."""

    def __init__(self) -> None:
        self.stored = self.known = 0
        self.left: Counter[str] = Counter()


def retry(store: Store, keys: Keys) -> Retried:
    """Takes every record that can be taken now out of the dead letters, in the way of any
    other record. May be broken off and called again. Raises StoreError."""
    done, after = Retried(), ""
    while letters := store.dead_letters(after, _AT_ONCE):
        after = letters[-1].digest
        readings = [read(wire.up(one.device_id, "checkin"), one.raw, keys) for one in letters]
        whole = [(one, r) for one, r in zip(letters, readings, strict=True) if r.batch is not None]
        done.left.update(
            one.reason for one, r in zip(letters, readings, strict=True) if not r.batch
        )
        answers = store.commit([reading for _, reading in whole], datetime.now(UTC))
        settled = [
            letter
            for (letter, reading), answer in zip(whole, answers, strict=True)
            if _settled(done, letter, reading, answer)
        ]
        store.forget(settled)
    return done


def _settled(done: Retried, letter: Letter, reading: Reading, answer: Answer) -> bool:
    """Whether the letter is of no use any more: taken, or kept under another reason."""
    done.stored += answer.fresh
    done.known += len(answer.ack.accepted) - answer.fresh
    done.left.update(refusal.reason for refusal in answer.ack.refused)
    return all(refusal.reason != letter.reason for refusal in answer.ack.refused)
