"""Coming and going, at the public door of the pipeline: each row of the table in
kiosk/scanner/direction.py, with the real formats, outbox and seal."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from scannerdoor import Door as Scanner

from kiosk.credentials import parse
from kiosk.credentials.formats.door_pass import Pass, encode
from kiosk.credentials.policy import judge, parse_policy
from kiosk.credentials.trust import TrustList
from kiosk.errors import CredentialError
from kiosk.model import ClockState, Credential, Direction, Instant, Risk, Verdict, Visit
from kiosk.outbox import SealedSegments
from kiosk.scanner.direction import BUTTON_S, NO_CLOCK_S, Directions
from kiosk.scanner.party import FOLLOWS_S
from kiosk.scanner.people import KEYS_OF_ONE, REMEMBERED
from kiosk.scanner.visits import Visits

SHIPPED = (Path(__file__).parents[2] / "config/policy.toml").read_text()
MIN_STAY_S = 300
H = 3600
MIDNIGHT_MS = 1_795_021_200_000  # 2026-11-19 00:00 in Vietnam

ID, CMND, QID = "099199000001", "990000001", "162979000000000001"
CARD = f"{ID}|{CMND}|Nguyễn Thị Ngọc Ánh|02011999|Nữ|Số 1|01062021".encode()
NEW_CARD = f"{ID}||Nguyễn Thị Ngọc Ánh|02011999|Nữ|Số 1|01082024||||".encode()
PHONE = f"{ID}|NGUYEN THI NGOC ANH|1999-01-02|0|{QID}|<2".encode()
BEFORE = f"{CMND}|NGUYEN THI NGOC ANH|1999-01-02|0||<2".encode()
MASKED = f"******000001|NGUYEN THI NGOC ANH|1999-**-**|0|{QID}|<2".encode()
OTHER = b"099099000002||Le Van B|03021990|Nam|So 2|01062021"
NOBODY = b"******000009|LE VAN C|1990-**-**|0||<1"


def child(number: int) -> bytes:
    return f"|LE VAN CON|2015-09-{number:02}|1|16297900000000010{number}|{QID}<1".encode()


SCHOOL = Ed25519PrivateKey.generate()


def pupil(number: int, name: str) -> bytes:
    days = {"first": date(2026, 9, 1), "last": date(2027, 5, 31)}
    return encode(Pass(id=number, name=name, birth="2014-09-05", group="7A2", **days), SCHOOL)


class Door(Scanner):
    """A door of any kind that stands since `started`, hours after midnight in Vietnam.
    Refuses who is in `refused`."""

    def __init__(self, directory: Path, kind: str = "toggle", started: float = 2.5) -> None:
        super().__init__(directory)
        self.refused: set[bytes] = set()
        self.clock: ClockState = "synced"
        self.started = started
        self.kind = kind
        self.parts.now = self.instant
        self.restart(started)

    def restart(self, hour: float) -> None:
        """Another process at the same card."""
        self.at = hour * H
        self.parts.directions = Directions(self.kind, MIN_STAY_S, 3, self.at)

    def instant(self) -> Instant:
        return Instant(MIDNIGHT_MS + int(self.at * 1000), self.clock, "boot", int(self.at * 1000))

    def parse(self, payload: bytes) -> Credential:
        return msgspec.structs.replace(parse(payload, TrustList()), issuer=payload[:30].decode())

    def judge(
        self, shown: Credential | CredentialError, now: Instant, risk: Risk, visit: Visit
    ) -> Verdict:
        assert isinstance(shown, Credential)
        if any(shown.issuer == payload[:30].decode() for payload in self.refused):
            return Verdict("fail", "expired", True)
        if risk == "quarantine":
            return Verdict("fail", "at-risk", True)
        if shown.role not in ("identity", "declaration"):
            return Verdict("warn", "place-code", False)
        return Verdict("pass", "accepted", True)

    def came(self, code: bytes, hour: float, seconds: float = 0) -> tuple[Direction, bool]:
        """What is answered at an hour of the day: direction, and whether it repeats."""
        self.show(at=hour * H + seconds - 2)  # nobody for longer than a code is held
        before = len(self.answers)
        self.show(code, at=hour * H + seconds)
        (answer,) = self.answers[before:]
        return answer.direction, answer.repeated

    def recorded(self) -> list[tuple[Direction, str]]:
        """Direction and outcome of every record."""
        self.outbox.tick(0, connected=True)
        segments = SealedSegments(self.directory)
        read = [segments.read(name) for name in segments.waiting()]
        return [(r.direction, r.outcome) for segment in read if segment for r in segment.records]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Door]:
    return lambda *words, **more: Door(tmp_path, *words, **more)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@pytest.mark.parametrize("kind", ["in", "out"])
def test_a_door_of_one_direction_has_no_other(make: Callable[..., Door], kind: Direction) -> None:
    door = make(kind)
    for hour in (8, 12, 17):
        assert door.came(CARD, hour) == (kind, False)
    assert door.recorded() == [(kind, "pass")] * 3


def test_first_in_then_out_then_in(door: Door) -> None:
    assert [door.came(CARD, hour) for hour in (8, 10, 13, 17)] == [
        ("in", False),
        ("out", False),
        ("in", False),
        ("out", False),
    ]
    assert [direction for direction, _ in door.recorded()] == ["in", "out", "in", "out"]


@pytest.mark.parametrize("last", ["in", "out", "unknown"])
def test_within_the_minimum_stay_the_answer_is_repeated_without_a_record(
    door: Door, last: Direction
) -> None:
    if last == "unknown":
        door.restart(7)
    if last == "out":
        door.came(CARD, 8)
    door.came(CARD, 9)
    before = len(door.recorded())
    for seconds in (5, 60, 280):
        assert door.came(CARD, 9, seconds) == (last, True)
    assert len(door.recorded()) == before
    after = {"in": "out", "out": "in", "unknown": "unknown"}[last]
    assert door.came(CARD, 9, 301) == (after, False)


def test_a_repeated_answer_does_not_prolong_the_stay(door: Door) -> None:
    door.came(CARD, 8)
    assert door.came(CARD, 8, 200) == ("in", True)
    assert door.came(CARD, 8, 400) == ("out", False)


def test_after_a_restart_nobody_knows_who_was_inside(door: Door) -> None:
    door.came(CARD, 8)
    door.restart(9)
    assert door.came(CARD, 10) == ("unknown", False)
    assert door.came(CARD, 12) == ("unknown", False), "they alternate, but from what?"
    assert door.came(OTHER, 13) == ("unknown", False)
    assert door.came(CARD, 24 + 8) == ("in", False), "the next day is known again"
    assert door.came(CARD, 24 + 12) == ("out", False)


def test_a_restart_before_the_day_begins_costs_nothing(door: Door) -> None:
    door.restart(2.9)
    assert door.came(CARD, 3.1) == ("in", False)


def test_who_forgot_to_check_out_comes_in_again_the_next_day(door: Door) -> None:
    door.came(CARD, 20)
    assert door.came(CARD, 24 + 2.9) == ("out", False), "it is still the same day"
    door.came(CARD, 24 + 4)
    assert door.came(CARD, 48 + 4) == ("in", False)


@pytest.mark.parametrize("clock", ["floor", "unknown"])
def test_without_a_right_clock_the_last_hours_are_the_day(door: Door, clock: ClockState) -> None:
    door.clock = clock
    assert door.came(CARD, 8) == ("unknown", False)
    later = 2.5 + NO_CLOCK_S / H + 0.1
    assert door.came(OTHER, later) == ("in", False)
    assert door.came(OTHER, later + 1) == ("out", False)
    assert door.came(OTHER, later + 1.1 + NO_CLOCK_S / H) == ("in", False)


def test_a_clock_that_is_set_late_does_not_make_up_who_is_inside(door: Door) -> None:
    door.came(CARD, 4)
    door.clock = "floor"
    door.came(OTHER, 21)  # CARD is forgotten: 17 hours
    door.clock = "synced"
    assert door.came(CARD, 22) == ("unknown", False), "the day began before it was forgotten"


@pytest.mark.parametrize(
    "codes",
    [(CARD, PHONE), (PHONE, MASKED), (CARD, BEFORE), (MASKED, PHONE, CARD, BEFORE)],
    ids=["card, phone", "phone, masked", "card, old number", "a chain"],
)
def test_codes_of_one_person_toggle_together(door: Door, codes: tuple[bytes, ...]) -> None:
    seen = [door.came(code, 8 + n)[0] for n, code in enumerate(codes)]
    assert seen == ["in", "out", "in", "out"][: len(codes)]


def test_the_newest_record_counts_under_whichever_number(door: Door) -> None:
    door.came(CARD, 8)  # tells both numbers
    door.came(NEW_CARD, 10)  # out, by one of them
    assert door.came(BEFORE, 12) == ("in", False)  # by the other
    assert door.came(NEW_CARD, 14) == ("out", False)


def test_two_who_turn_out_to_be_one_go_on_from_the_newest_record(door: Door) -> None:
    door.came(NEW_CARD, 8)
    door.came(BEFORE, 9)
    door.came(BEFORE, 10)
    assert door.came(CARD, 12) == ("in", False), "it went out at 10, by the older number"


def test_what_cannot_be_linked_is_two_people(door: Door) -> None:
    door.came(NEW_CARD, 8)
    assert door.came(BEFORE, 10) == ("in", False)


def test_twins_with_passes_come_and_go_each_for_themselves(door: Door) -> None:
    one, other = pupil(14, "Nguyễn Văn Hùng"), pupil(15, "Nguyễn Văn Hưng")
    assert door.came(one, 7) == ("in", False)
    assert door.came(other, 7, 20) == ("in", False), "no repetition of the other one's answer"
    assert door.came(other, 11) == ("out", False)
    assert door.came(one, 12) == ("out", False)
    assert [direction for direction, _ in door.recorded()] == ["in", "in", "out", "out"]


def test_who_has_no_key_is_always_unknown(door: Door) -> None:
    assert [door.came(NOBODY, hour) for hour in (8, 10)] == [("unknown", False)] * 2
    assert door.recorded() == [("unknown", "pass")] * 2


def test_strangers_with_the_same_stand_in_for_a_number_are_not_one(door: Door) -> None:
    for n, code in enumerate(
        (b"******000001|TRAN B|1990-**-**|0|0|", b"000000000|LE C|1991-**-**|0|0|")
    ):
        assert door.came(code, 8, n * 20) == ("unknown", False)
    assert len(door.recorded()) == 2


def test_who_is_turned_away_did_not_come_in(door: Door) -> None:
    door.refused.add(CARD)
    assert door.came(CARD, 8) == ("in", False)
    assert door.came(CARD, 8, 60) == ("in", False), "each is recorded"
    door.refused.clear()
    assert door.came(CARD, 9) == ("in", False)
    door.refused.add(CARD)  # expired while inside
    assert door.came(CARD, 9, 60) == ("in", False)
    assert door.came(CARD, 11) == ("out", False)
    assert door.came(CARD, 13) == ("in", False)
    assert [outcome for _, outcome in door.recorded()] == ["fail"] * 2 + ["pass"] + ["fail"] * 3


def test_what_is_not_recorded_changes_nothing(door: Door) -> None:
    outbox, door.parts.outbox = door.parts.outbox, None
    door.came(CARD, 8)
    assert door.answers[-1].reason == "outbox-fault"
    door.parts.outbox = outbox
    assert door.came(CARD, 10) == ("in", False)
    door.came(b"https://qr.pccovid.gov.vn/x", 11)
    assert door.came(CARD, 12) == ("out", False)


def test_memory_is_bounded_and_what_is_forgotten_is_not_made_up() -> None:
    now = Instant(MIDNIGHT_MS + 8 * H * 1000, "synced", "boot", 0)
    directions = Directions("toggle", MIN_STAY_S, 3, 2.5 * H)
    tracemalloc.start()
    try:
        for number in range(REMEMBERED // 2 + 1):
            keys = (f"vn-id:{number:012}", f"vn-qid:{number}")
            at = 8 * H + number / 1000
            step = directions.step(keys, at, now)
            assert step.direction == "in"
            directions.recorded(keys, step, "clear", at)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(directions._last) == REMEMBERED
    print(f"{size / 1e6:.1f} MB")
    assert size < 16e6
    secret = "vn-id:000000010000"
    assert secret.encode() not in repr(vars(directions._last)).encode()
    later = Instant(now.wall_ms + H * 1000, "synced", "boot", 0)
    assert directions.step((secret,), 9 * H, later).direction == "out"
    assert directions.step(("vn-id:000000000000",), 9 * H, later).direction == "unknown"
    assert directions.step(("somebody new",), 9 * H, later).direction == "unknown"


def test_keys_that_are_strung_together_without_end_do_not_pile_up() -> None:
    now = Instant(MIDNIGHT_MS + 8 * H * 1000, "synced", "boot", 0)
    directions = Directions("toggle", MIN_STAY_S, 3, 2.5 * H)
    for number in range(1000):
        keys = (f"passport:{number}", "vn-qid:1")
        step = directions.step(keys, 8 * H + number, now)
        directions.recorded(keys, step, "none", 8 * H)
    assert len(directions._last) == KEYS_OF_ONE


@pytest.mark.parametrize("kind", ["button", "toggle"])
def test_a_press_makes_the_next_showing_a_check_out(make: Callable[..., Door], kind: str) -> None:
    door = make(kind)
    assert door.came(CARD, 8) == ("in", False)
    door.parts.directions.press(8 * H + 3)
    assert door.came(CARD, 8, 5) == ("out", False), "though the code was shown a moment ago"
    assert door.came(OTHER, 8, 8) == ("in", False), "one press, one check-out"
    assert [direction for direction, _ in door.recorded()] == ["in", "out", "in"]


def test_at_a_door_with_a_button_who_does_not_press_comes_in(make: Callable[..., Door]) -> None:
    door = make("button")
    assert [door.came(CARD, hour) for hour in (8, 10)] == [("in", False)] * 2
    door.restart(11)
    assert door.came(CARD, 12) == ("in", False), "a restart changes nothing"


def test_a_press_wears_off_and_waits_for_what_is_recorded(make: Callable[..., Door]) -> None:
    door = make("button")
    door.parts.directions.press(8 * H)
    assert door.came(CARD, 8, BUTTON_S + 0.1) == ("in", False)
    door.parts.directions.press(9 * H)
    door.came(b"https://qr.pccovid.gov.vn/x", 9, 2)
    assert door.parts.directions.leaving(9 * H + 3) == 9 * H + BUTTON_S
    assert door.came(OTHER, 9, 5) == ("out", False)
    assert door.parts.directions.leaving(9 * H + 6) == 0


def test_at_a_toggle_door_a_press_tells_what_a_restart_made_unknown(door: Door) -> None:
    door.restart(9)
    door.parts.directions.press(10 * H)
    assert door.came(CARD, 10, 1) == ("out", False)
    assert door.came(CARD, 12) == ("in", False)


@pytest.mark.parametrize("kind", ["in", "out"])
def test_a_door_of_one_direction_has_no_use_for_a_button(
    make: Callable[..., Door], kind: Direction
) -> None:
    door = make(kind)
    door.parts.directions.press(8 * H)
    assert door.came(CARD, 8, 1) == (kind, False)


def test_dependants_shown_after_an_adult_are_their_party(make: Callable[..., Door]) -> None:
    door = make("in")
    door.came(CARD, 8)
    for number in (1, 2):
        door.came(child(number), 8, number * 5)
    door.came(OTHER, 8, 15)
    door.came(child(3), 8, 15 + FOLLOWS_S + 1)
    adult, one, two, stranger, late = door.people()
    assert adult.party == one.party == two.party != ""
    assert len({adult.party, stranger.party, late.party}) == 3
    assert one.claims["guardian_qid"] == QID
    assert len({person.subject for person in (adult, one, two)}) == 3, "each is a check-in"


def test_a_queue_of_strangers_is_no_party(make: Callable[..., Door]) -> None:
    door = make("in")
    for seconds, code in ((0, CARD), (3, OTHER), (6, MASKED)):
        door.came(code, 8, seconds)
    assert len({person.party for person in door.people()}) == 3


def test_a_repeated_showing_does_not_break_a_party(make: Callable[..., Door]) -> None:
    door = make("in")
    door.came(CARD, 8)
    door.came(CARD, 8, 3)
    door.came(child(1), 8, 6)
    assert len({person.party for person in door.people()}) == 1


@pytest.mark.parametrize("listed", [f"vn-id:{ID}", f"vn-cmnd:{CMND}"])
def test_the_risk_list_is_asked_by_every_number_of_a_card(door: Door, listed: str) -> None:
    door.listed[listed] = "quarantine"
    door.came(CARD, 8)
    assert door.answers[-1].reason == "at-risk"
    assert door.people()[0].risk == "quarantine"


@pytest.mark.parametrize("seconds", [5, 60], ids=["the answer is repeated", "within the stay"])
@pytest.mark.parametrize("last", ["in", "out", "unknown"])
def test_who_is_listed_after_their_record_gets_another_and_is_a_hit_once(
    door: Door, last: Direction, seconds: float
) -> None:
    policy = parse_policy(
        SHIPPED.replace('at-risk = "fail"', 'at-risk = "warn"').encode()
        + b"[limits]\nmin_interval_s = 600\n"
    )
    door.parts.judge = lambda shown, *known: judge(shown, policy, *known)
    door.parts.visits = Visits(policy)
    if last == "unknown":
        door.restart(7)
    if last == "out":
        door.came(CARD, 8)
    assert door.came(CARD, 9) == (last, False)
    before = door.recorded()
    door.listed[f"vn-id:{ID}"] = "follow-up"
    assert door.came(CARD, 9, seconds) == (last, False)
    assert door.answers[-1].reason == "at-risk", "and not too soon"
    assert door.came(PHONE, 9, seconds + 5) == (last, True)
    assert door.came(CARD, 9, seconds + 15) == (last, True)
    assert (len(door.recorded()), len(door.hits)) == (len(before) + 1, 1)
    door.listed[f"vn-id:{ID}"] = "quarantine"  # it became worse
    assert door.came(PHONE, 9, seconds + 30) == (last, False)
    door.listed.clear()
    assert door.came(CARD, 9, seconds + 45) == (last, True), "what became better is no news"
    assert door.recorded()[len(before) :] == [(last, "warn")] * 2
    assert len(door.hits) == 2
    assert door.hits[-1] is not None
    after = {"in": "out", "out": "in", "unknown": "unknown"}[last]
    assert door.came(CARD, 10) == (after, False)


def test_the_risk_list_finds_the_holder_of_a_pass_by_name(door: Door) -> None:
    door.listed["name:NGUYEN<VAN<HUNG:2014-09-05"] = "quarantine"
    door.came(pupil(14, "Nguyễn Văn Hùng"), 8)
    assert door.answers[-1].reason == "at-risk"
