"""A door that asks the questions of the declaration: real policy, formats, outbox and seal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from scannerdoor import Door as Scanner

from kiosk.credentials import parse
from kiosk.credentials.policy import judge, parse_policy
from kiosk.credentials.trust import TrustList
from kiosk.cues import Answer, ButtonCue, FeedbackState, HintCue, QuestionCue
from kiosk.errors import CredentialError
from kiosk.model import Credential, Instant, Risk, Verdict, Visit
from kiosk.outbox import SealedSegments
from kiosk.scanner.direction import Directions
from kiosk.scanner.questions import Dialogue
from kiosk.scanner.visits import Visits

SHIPPED = (Path(__file__).parents[2] / "config/policy.toml").read_text()
ASKING = """
[needs]
one_of = ["declaration"]
[questions]
formats = ["cccd"]
symptoms = "fail"
contact = "warn"
timeout_s = 20
"""
WALL_MS = 1_795_600_000_000
CARD = "099199000001|990000001|Nguyễn Thị Ngọc Ánh|02011999|Nữ|Số 1|01062021".encode()
PHONE = b"099199000001|NGUYEN THI NGOC ANH|1999-01-02|0|162979000000000001|<2"
OTHER = b"099099000002||Le Van B|03021990|Nam|So 2|01062021"
POSTER = b"https://qr.pccovid.gov.vn/x"


class Door(Scanner):
    """A door that asks, with a panel that can, unless told otherwise."""

    def __init__(
        self,
        directory: Path,
        text: str = ASKING,
        kind: str = "in",
        asks: bool = True,
        more_needed: str = "warn",
    ) -> None:
        super().__init__(directory)
        self.text, self.kind = text, kind
        self.shipped = SHIPPED.replace('\nmore-needed = "warn"', f'\nmore-needed = "{more_needed}"')
        self.wall_ms = WALL_MS
        self.asked: list[QuestionCue] = []
        self.said: list[Answer | QuestionCue] = []
        self.parts.now = self.instant
        self.parts.send = self.hear
        self.restart()
        self.panel(asks)

    def restart(self) -> None:
        """Another process at the same card."""
        self.policy = parse_policy(f"{self.shipped}\n{self.text}".encode())
        self.parts.dialogue = Dialogue(self.policy, self.hear)
        self.parts.directions = Directions(self.kind, 300, 3, self.at - 1e6)
        self.parts.visits = Visits(self.policy)

    def instant(self) -> Instant:
        return Instant(self.wall_ms, "synced", "boot", int(self.at * 1000))

    def parse(self, payload: bytes) -> Credential:
        return parse(payload, TrustList())

    def judge(
        self, shown: Credential | CredentialError, now: Instant, risk: Risk, visit: Visit
    ) -> Verdict:
        return judge(shown, self.policy, now, risk, visit)

    def hear(self, cue: Answer | HintCue | QuestionCue) -> None:
        if isinstance(cue, QuestionCue):
            if cue.at == cue.since:
                self.asked.append(cue)
            self.said.append(cue)
        else:
            assert isinstance(cue, Answer)
            self.answer(cue)
            self.said.append(cue)

    def panel(self, asks: bool) -> None:
        self.parts.dialogue.heard(FeedbackState(number=1, at=self.at, asks=asks))

    def wait(self, seconds: float, *codes: bytes, asks: bool | None = True) -> None:
        """Frames for so long, with a panel that is well, silent (None) or not able to ask."""
        end = self.at + seconds
        while self.at < end:
            if asks is not None:
                self.panel(asks)
            self.parts.dialogue.turn(self.at)
            self.show(*codes, at=min(end, self.at + 0.25))

    def press(self, yes: bool = False, number: int | None = None, age: float = 0.0) -> None:
        number = self.asked[-1].number if number is None and self.asked else number
        self.pipeline.press(ButtonCue(number=1, at=self.at - age, answers=number or 0, yes=yes))

    def declare(self, symptoms: bool = False, contact: bool = False) -> Answer:
        """Shows the card, takes it away, and answers both."""
        self.show(CARD, at=self.at)
        self.wait(2)
        self.press(symptoms)
        self.wait(1)
        self.press(contact)
        return self.answers[-1]

    def rows(self) -> list[tuple[str, str, str]]:
        """Direction, outcome and reason of every record, which nothing hides."""
        self.outbox.tick(0, connected=True)
        segments = SealedSegments(self.directory)
        read = [segments.read(name) for name in segments.waiting()]
        return [
            (r.direction, r.outcome, r.reason)
            for segment in read
            if segment
            for r in segment.records
        ]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Door]:
    return lambda **more: Door(tmp_path, **more)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)
