"""From a frame to an answer: decode, judge, seal, store, and only then show.

Green is a promise: the cue is sent after `put` has returned, which is after the check-in
is durable. Nothing personal outlives its answer.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import msgspec

from kiosk.credentials.risk import gravest, is_graver
from kiosk.credentials.subjects import is_dependant, known_as
from kiosk.cues import Answer, ButtonCue, HintCue
from kiosk.decode import Sight
from kiosk.errors import CredentialError, OutboxError
from kiosk.model import (
    RISKY,
    CheckIn,
    Credential,
    Declared,
    Direction,
    Frame,
    Hint,
    Instant,
    Risk,
    Verdict,
    Visit,
)
from kiosk.outbox import Outbox
from kiosk.scanner.direction import Directions, Step
from kiosk.scanner.party import Parties
from kiosk.scanner.person import sealed_part
from kiosk.scanner.questions import Dialogue
from kiosk.scanner.showings import Given, Showing, Showings
from kiosk.scanner.stages import Stages
from kiosk.scanner.store import fault_code
from kiosk.scanner.visits import Visits
from kiosk.seal import SegmentSeal

log = logging.getLogger("kiosk.scanner")

NOT_RECORDED = {
    "card-full": Verdict("warn", "card-full", False),
    "outbox-fault": Verdict("warn", "outbox-fault", False),
}
"""What a visitor sees when the check-in cannot be made durable: never green."""

HINT_EVERY_S = 0.5
"""A hint is said again while it lasts: that it is over, its silence tells."""


class Parts(msgspec.Struct):
    """What the pipeline works with; `__main__` wires it.

    `judge` takes the credential, or the error that parsing raised, the gravest that `risk` says
    of the keys under which somebody may be listed, and what `visits` know of them. `hit` is called
    after the answer to somebody at risk, with the record unless that failed. `outbox` is None
    while the outbox is out of order.
    """

    look: Callable[[Frame], Sight]
    parse: Callable[[bytes], Credential]
    judge: Callable[[Credential | CredentialError, Instant, Risk, Visit], Verdict]
    risk: Callable[[str], Risk]
    hit: Callable[[CheckIn | None], object]
    send: Callable[[Answer | HintCue], object]
    now: Callable[[], Instant]
    boottime: Callable[[], float]
    put_failed: Callable[[OutboxError], object]
    showings: Showings
    directions: Directions
    parties: Parties
    outbox: Outbox[SegmentSeal] | None = None
    visits: Visits = msgspec.field(default_factory=Visits)
    dialogue: Dialogue = msgspec.field(default_factory=Dialogue)


class _Judged(NamedTuple):
    """A payload, read and judged. `person` is what will be sealed of it, `keys` all under
    which they are known, `step` what it means that they are shown."""

    credential: Credential
    keys: tuple[str, ...]
    party: str
    person: bytes
    verdict: Verdict
    risk: Risk
    step: Step
    instant: Instant


class Pipeline:
    """One turn per frame, and one per payload of an external reader. `scans` and `rejected`
    count answers since the start; `decode_ms` is a moving average."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._numbers = count(1)
        self._hint: HintCue | None = None  # the last one sent
        self.scans = 0
        self.rejected = 0
        self.decode_ms = 0.0

    def turn(self, frame: Frame) -> Sight:
        """Looks at one frame and answers if there is something new to answer."""
        stages = Stages()
        with stages.timed("decode"):
            sight = self._parts.look(frame)
        self.decode_ms += (stages.ms["decode"] - self.decode_ms) * 0.1
        self._see([symbol.payload for symbol in sight.symbols], frame.at, stages)
        if sight.hint is not None:
            self._help(sight.hint)
        return sight

    def read(self, payload: bytes, at: float) -> None:
        """Answers what an external reader has read, at `at` seconds of CLOCK_BOOTTIME."""
        self._see([payload], at, Stages())

    def press(self, cue: ButtonCue) -> None:
        """Takes an answer to the question that stands, or that somebody is leaving: not while a
        question stands, for then it was pressed before whoever answers could read it."""
        if not cue.answers:
            if not self._parts.dialogue.stands:
                self._parts.directions.press(cue.at)
        elif done := self._parts.dialogue.answer(cue, self._parts.boottime()):
            self._shown(done.payload, None, cue.at, Stages(), done.declared)

    def _see(self, payloads: list[bytes], at: float, stages: Stages) -> None:
        # The one that is held up comes first. Whoever is still in view reads their answer
        # before the next code gets one; what has long had its own, as a poster on the wall,
        # does not stand in the way.
        showings = self._parts.showings
        seen = [(payload, *showings.see(payload, at)) for payload in payloads]
        new = [one for one in seen if one[1] is not Showing.HELD]
        held = [one[0] for one in seen if one[1] is Showing.HELD]
        reading = any(showings.is_fresh(payload, at) for payload in held)
        turn, waiting = (new[:0], new) if reading else (new[:1], new[1:])
        for payload, _, _ in waiting:
            showings.put_off(payload)
        for payload, _, given in turn:
            self._shown(payload, given, at, stages)

    def _shown(
        self,
        payload: bytes,
        given: Given | None,
        at: float,
        stages: Stages,
        declared: Declared | None = None,
    ) -> None:
        """`given`: the answer to repeat, unless the button was pressed, or the risk list says
        worse of them by now. `declared`: what was answered since the code was shown."""
        directions, now = self._parts.directions, self._parts.boottime()
        if self._parts.dialogue.holds(payload):  # its answer is still to come
            self._parts.showings.answered(payload, now, None)
            return
        self._parts.dialogue.end("another code")
        with stages.timed("judge"):
            judged = self._judge(payload, now, declared)
        if given is None and self._asks(judged) and self._parts.dialogue.begin(payload, now):
            self._parts.showings.answered(payload, now, None)
            return
        verdict, record, settled = judged.verdict, None, True
        if verdict.questions and judged.step.declared is not None:
            verdict = judged.step.declared
        step = judged.step.refused() if verdict.outcome == "fail" else judged.step
        repeated, risk = step.repeats, judged.risk
        if given and not directions.leaving(now) and not is_graver(risk, given.risk):
            verdict, step, repeated, risk = given.verdict, Step(given.direction), True, given.risk
        elif verdict.recorded and not repeated:
            record, fault = self._store(judged, step.direction, stages)
            verdict = NOT_RECORDED[fault] if fault else verdict
            settled = record is not None
        answered_at = self._parts.boottime()
        if record is not None:
            answer = verdict if declared else None
            directions.recorded(judged.keys, step, risk, answered_at, answer)
            going = (step.direction, verdict.outcome)
            self._parts.visits.recorded(judged.keys, *going, judged.instant)
            self._parts.parties.recorded(judged.party, answered_at)
        # The time of the answer, not of the frame: a slow card is no reason to repeat it.
        told = Given(verdict, step.direction, risk)
        self._parts.showings.answered(payload, answered_at, told if settled else None)
        with stages.timed("cue"):
            number = self._send(judged.credential, told, repeated)
        self.scans += 1
        self.rejected += verdict.outcome == "fail"
        log.info(
            "answer number=%d outcome=%s reason=%s direction=%s repeated=%d epoch=%s seq=%d"
            " total_ms=%.2f%s",
            number,
            verdict.outcome,
            verdict.reason,
            step.direction,
            repeated,
            record.epoch if record else "-",
            record.seq if record else 0,
            (self._parts.boottime() - at) * 1000,
            stages,
        )
        if not repeated and risk in RISKY:
            self._parts.hit(record)

    def _asks(self, judged: _Judged) -> bool:
        """Whether to ask before there is an answer. Who is on the risk list is recorded in any
        case, and what cannot be recorded is not asked for."""
        can_record = self._parts.outbox is not None
        is_new = judged.verdict.questions and not judged.step.repeats
        return is_new and can_record and judged.risk not in RISKY

    def _judge(self, payload: bytes, at: float, declared: Declared | None = None) -> _Judged:
        instant = self._parts.now()
        try:
            credential = self._parts.parse(payload)
            keys = known_as(credential.subject, credential.claims)
            risk = gravest(self._parts.risk, credential.subject, credential.claims)
            party = self._parts.parties.token(is_dependant(credential.claims), at)
            step = self._parts.directions.step(keys, at, instant)
            visit = self._parts.visits.of(keys, step.direction, instant)
            if step.repeats:  # what makes no record, or by the risk list alone, is not too soon
                visit = msgspec.structs.replace(visit, since_s=None)
            visit = msgspec.structs.replace(visit, declared=declared)
            step = step.at_risk(risk)
            verdict = self._parts.judge(credential, instant, risk, visit)
            person = sealed_part(credential, risk, party, verdict.colour, declared)
        except CredentialError as error:
            log.info("malformed code: %s", error)
            credential = Credential(format=error.format, role="other")
            keys, risk, party = (), self._parts.risk(""), ""
            step = self._parts.directions.step(keys, at, instant)
            verdict = self._parts.judge(error, instant, risk, Visit())
            person = sealed_part(credential, risk, party)
        return _Judged(credential, keys, party, person, verdict, risk, step, instant)

    def _store(
        self, judged: _Judged, direction: Direction, stages: Stages
    ) -> tuple[CheckIn | None, str]:
        """The durable record, or None and the code of the fault that prevented it."""
        instant, verdict = judged.instant, judged.verdict
        if self._parts.outbox is None:
            return None, "outbox-fault"

        def make(seal: SegmentSeal, seq: int) -> CheckIn:
            with stages.timed("seal"):
                return CheckIn(
                    epoch=seal.header.epoch,
                    seq=seq,
                    id=secrets.token_hex(16),
                    scanned_at_ms=instant.wall_ms,
                    clock=instant.clock,
                    boot_id=instant.boot_id,
                    boottime_ms=instant.boottime_ms,
                    direction=direction,
                    outcome=verdict.outcome,
                    reason=verdict.reason,
                    sealed=seal.seal(seq, judged.person),
                )

        try:
            with stages.timed("put"):
                record = self._parts.outbox.put(make)
        except OutboxError as error:
            self._parts.put_failed(error)
            return None, fault_code(error)
        stages.ms["put"] -= stages.ms["seal"]  # put calls make
        return record, ""

    def _help(self, hint: Hint) -> None:
        now, last = self._parts.boottime(), self._hint
        if last is None or last.hint != hint or now - last.at >= HINT_EVERY_S:
            self._hint = HintCue(number=next(self._numbers), at=now, hint=hint)
            self._parts.send(self._hint)

    def _send(self, credential: Credential, told: Given, repeated: bool) -> int:
        answer = Answer(
            number=next(self._numbers),
            at=self._parts.boottime(),
            outcome=told.verdict.outcome,
            reason=told.verdict.reason,
            name=credential.display,
            direction=told.direction,
            repeated=repeated,
        )
        self._parts.send(answer)
        return answer.number
