"""A door in one process: the scanner's pipeline with its real decoder, rules, seal, outbox and
watch on the view. Frames are handed in, answers come out; the clock is in the caller's hands."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from drivers.camera import Frame
from kiosk.credentials import parse
from kiosk.credentials.lists import parse_trust
from kiosk.credentials.policy import judge, parse_policy
from kiosk.cues import Answer, HintCue
from kiosk.decode import Decoder, Sight
from kiosk.desired import Files
from kiosk.documents import Newest
from kiosk.faults import Faults
from kiosk.model import Credential, Instant, Person
from kiosk.outbox import Outbox, SealedSegments
from kiosk.scanner.direction import Directions
from kiosk.scanner.party import Parties
from kiosk.scanner.pipeline import Parts, Pipeline
from kiosk.scanner.risk import FAULTS as RISK_FAULTS
from kiosk.scanner.risk import Risks
from kiosk.scanner.showings import Showings
from kiosk.scanner.store import FAULTS as STORE_FAULTS
from kiosk.scanner.store import Store
from kiosk.scanner.view import FAULTS as VIEW_FAULTS
from kiosk.scanner.view import View
from kiosk.seal import X25519, PrivateKey, SegmentSeal, new_key, new_segment, open_segment

HOLD_S, REPEAT_S = 1.5, 10.0  # the defaults of config/kiosk.toml
_POLICY = Path(__file__).parents[1] / "config" / "policy.toml"


class Door:
    """`boottime` tells the time in seconds, as frames do; `now` is the date for the rules, in
    seconds since 1970. `answers` are all that were given, each with its payload."""

    def __init__(
        self, outbox: Path, trust: bytes, now: float, boottime: Callable[[], float]
    ) -> None:
        """`outbox`: an empty folder. `trust`: list of issuers, JSON."""
        self.answers: list[tuple[bytes, Answer]] = []
        self._payload = b""
        self._folder = outbox
        self._key = new_key(X25519)
        self._outbox = Outbox(outbox, 64, self._begin)
        self._decoder = Decoder()
        policy = parse_policy(_POLICY.read_bytes())
        self._trust = parse_trust(trust)
        log = logging.getLogger("kiosk.scanner")
        known = STORE_FAULTS | VIEW_FAULTS | RISK_FAULTS
        faults = Faults(lambda _cue: None, boottime, known, log)
        risks = Risks(Newest("risk", "", Files(outbox), {}), faults, boottime)
        store = Store(lambda: self._outbox, faults, boottime)
        self._view = View(faults)
        instant = Instant(int(now * 1000), "synced", "boot", 0)
        parts = Parts(
            look=self._decoder.look,
            parse=self._parse,
            judge=lambda shown, at, risk, visit: judge(shown, policy, at, risk, visit),
            risk=risks.of,
            hit=risks.hit,
            send=self._send,
            now=lambda: instant,
            boottime=boottime,
            showings=Showings(HOLD_S, REPEAT_S),
            put_failed=store.put_failed,
            directions=Directions("in", 300, 3, boottime()),
            parties=Parties(),
            outbox=store.keep_open(),
        )
        self._pipeline = Pipeline(parts)

    def show(self, frame: Frame) -> Sight:
        """One turn of the scanner."""
        sight = self._pipeline.turn(frame)
        self._view.turn(frame.grey, frame.at, self._pipeline.scans)
        return sight

    def records(self) -> list[Person]:
        """Seals what is open, and opens all that was recorded."""
        self._outbox.tick(0, connected=True)
        return recorded(self._folder, self._key)

    def close(self) -> None:
        """Releases decoder and outbox."""
        self._outbox.close()
        self._decoder.close()

    def _begin(self, epoch: str, first_seq: int) -> SegmentSeal:
        return new_segment([self._key.public], "door", epoch, first_seq)

    def _parse(self, payload: bytes) -> Credential:
        self._payload = payload
        return parse(payload, trust=self._trust)

    def _send(self, cue: Answer | HintCue) -> None:
        if isinstance(cue, Answer):
            self.answers.append((self._payload, cue))


def recorded(outbox: Path, key: PrivateKey) -> list[Person]:
    """What the sealed segments of an outbox hold, for whom they are sealed."""
    segments, found = SealedSegments(outbox), []
    for name in segments.waiting():
        segment = segments.read(name)
        if segment is None:
            raise LookupError(f"{name} went away while it was read")
        opener = open_segment({key.public.kid: key}, segment.header)
        for record in segment.records:
            plain = opener.open(record.seq, record.sealed)
            found.append(msgspec.json.decode(plain, type=Person))
    return found
