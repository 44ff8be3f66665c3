"""A scanner with its real outbox and seal, and with camera, rules and clock handed in."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from demo.door import recorded
from kiosk.cues import AlertCue, Answer, HintCue
from kiosk.decode import Sight
from kiosk.errors import CredentialError
from kiosk.faults import Faults
from kiosk.model import (
    CheckIn,
    Credential,
    Frame,
    Hint,
    Instant,
    Person,
    Risk,
    Symbol,
    Verdict,
    Visit,
)
from kiosk.outbox import Outbox, SealedSegments
from kiosk.scanner.direction import Directions
from kiosk.scanner.eye import FAULTS as EYE
from kiosk.scanner.party import Parties
from kiosk.scanner.pipeline import Parts, Pipeline
from kiosk.scanner.showings import Showings
from kiosk.scanner.store import FAULTS as STORE
from kiosk.scanner.store import Store
from kiosk.seal import X25519, SegmentSeal, new_key, new_segment

LOG = logging.getLogger("kiosk.scanner")
NOW = Instant(1_795_000_000_000, "synced", "boot", 1000)
GREY = np.zeros((2, 2), np.uint8)


class Picture(NamedTuple):
    grey: np.ndarray
    at: float
    codes: tuple[bytes, ...] = ()
    hint: Hint | None = None


class Door:
    """A scanner with its real outbox and seal; camera, rules and clock in our hands."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = new_key(X25519)
        self.at = 100.0
        self.answers: list[Answer] = []
        self.hints: list[HintCue] = []
        self.stored_when_answered: list[int] = []
        self.alerts: list[AlertCue] = []
        self.hits: list[CheckIn | None] = []
        self.listed: dict[str, Risk] = {}
        self.faults = Faults(self.alerts.append, lambda: self.at, EYE | STORE, LOG)
        self.outbox = Outbox(directory, 64, self.begin)
        self.store = Store(lambda: self.outbox, self.faults, lambda: self.at)
        self.parts = Parts(
            look=self.look,
            parse=self.parse,
            judge=self.judge,
            risk=self.risk,
            hit=self.hits.append,
            send=self.answer,
            now=lambda: NOW,
            boottime=lambda: self.at,
            showings=Showings(1.5, 10),
            put_failed=self.store.put_failed,
            directions=Directions("in", 300, 3, self.at),
            parties=Parties(),
            outbox=self.outbox,
        )
        self.pipeline = Pipeline(self.parts)

    def begin(self, epoch: str, first_seq: int) -> SegmentSeal:
        return new_segment([self.key.public], "k-1", epoch, first_seq)

    def look(self, frame: Frame) -> Sight:
        assert isinstance(frame, Picture)
        return Sight([Symbol(code, "qr", ()) for code in frame.codes], frame.hint)

    def parse(self, payload: bytes) -> Credential:
        if payload == b"broken":
            raise CredentialError("test", "not as it should be")
        role = "place" if payload == b"place" else "identity"
        return Credential(
            format="test", role=role, subject="s:" + payload.decode(), display="N. V. A"
        )

    def risk(self, subject: str) -> Risk:
        return self.listed.get(subject, "clear")

    def judge(
        self, shown: Credential | CredentialError, now: Instant, risk: Risk, visit: Visit
    ) -> Verdict:
        if risk == "quarantine":
            return Verdict("fail", "at-risk", True)
        if isinstance(shown, CredentialError):
            return Verdict("warn", "malformed", False)
        if shown.role == "place":
            return Verdict("warn", "place-code", False)
        return Verdict("pass", "accepted", True)

    def answer(self, answer: Answer | HintCue) -> None:
        if isinstance(answer, HintCue):
            self.hints.append(answer)
            return
        self.answers.append(answer)
        self.stored_when_answered.append(sum(SealedSegments(self.directory).still_open()))

    def show(self, *codes: bytes, at: float) -> None:
        self.at = at
        self.pipeline.turn(Picture(GREY, at, codes))

    def people(self) -> list[Person]:
        self.outbox.tick(0, connected=True)
        return recorded(self.directory, self.key)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)
