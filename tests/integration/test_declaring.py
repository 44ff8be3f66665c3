"""A check-in without a declaration code, with the real daemons, broker and centre: a card before
the camera, the questions on the panel, the button on its mock pin, the answers in the database."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import glass
import pytest
from rig import until

from central.db import check_in, connect
from demo.crowd import Visitor, crowd_of
from demo.kiosk import section
from demo.scenes import draw
from demo.town import Town
from kiosk import screens
from kiosk.feedback.button import READ_S, YES_S
from kiosk.model import Question
from provisioning.authority import sign

pytestmark = pytest.mark.timeout(240)

PIN = 22
TIMEOUT_S = 8
POLICY = Path(__file__).parents[2] / "config/policy.toml"
ASKING = f"""
[needs]
one_of = ["declaration"]
[questions]
formats = ["cccd"]
symptoms = "fail"
contact = "warn"
timeout_s = {TIMEOUT_S}
"""

# The panel's daemon as it is, but that signals push the button on its mock pin: one presses
# it for a moment, the other presses it and, the next time, lets it go.
PUSHED_BY_SIGNAL = f"""
import runpy, signal
from drivers.gpio import _factory
mock, factories, down = _factory._mock, [], []
def kept():
    factories.append(mock())
    return factories[-1]
def drive(low):
    for factory, _ in factories:  # the lamps' too, where nobody has this pin
        pin = factory.pin({PIN})
        pin.drive_low() if low else pin.drive_high()
def press(*_):
    drive(True)
    drive(False)
def hold(*_):
    down.append(not down or not down[-1])
    drive(down[-1])
_factory._mock = kept
signal.signal(signal.SIGUSR1, press)
signal.signal(signal.SIGUSR2, hold)
runpy.run_module("kiosk.feedback", run_name="__main__")
"""

ANYBODY = next(v for v in crowd_of(16, seed=5, now=time.time()).visitors if v.outcome == "pass")
NAME = "Nguyễn Thị Ngọc Ánh"


def holding(payload: str) -> Visitor:
    return replace(ANYBODY, medium="phone", payload=payload.encode())


CARD = holding(f"099199000001|990000001|{NAME}|02011999|Nữ|Số 1|01062021")
PHONE = holding("099199000001|NGUYEN THI NGOC ANH|1999-01-02|0|162979000000000001|<2")


class Declaring:
    """A kiosk that asks, and somebody before it."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self._learnt = 0  # lines of the log
        (self.kiosk,) = town.kiosks
        self.feedback = self.kiosk.daemons["feedback"]
        self.scanner = self.kiosk.daemons["scanner"]

    def shows(self, asked: Question) -> bool:
        """Whether the panel asks it, whatever its bars."""
        pictures = [screens.question(asked, language=language) for language in glass.LANGUAGES]
        file = self.kiosk.screens / "screen.png"
        return glass.shows(file, lambda: iter(pictures), (0, 0, 128, 40))()

    def answers(self, *args: Any, **more: Any) -> bool:
        file = self.kiosk.screens / "screen.png"
        return glass.shows(file, partial(glass.answers, *args, **more))()

    def is_idle(self) -> bool:
        situation = screens.Situation(enrolled=True, scanner="well")
        return glass.shows_state(self.kiosk.screens / "screen.png", situation, glass.LEFT)()

    def can_ask(self, can: bool = True) -> None:
        """Waits until the scanner has learnt anew whether the panel can ask."""
        state = f"questions state={'ready' if can else 'no-panel'}"

        def learnt() -> bool:
            lines = self.scanner.log.read_text().splitlines()
            states = [line for line in lines if "questions state=" in line][self._learnt :]
            if not states or not states[-1].endswith(state):
                return False
            self._learnt += len(states)
            return True

        until(learnt, state, 60)

    def show(self, visitor: Visitor) -> None:
        self.kiosk.hold_up(draw(visitor, seed=1))

    def asked(self, which: Question) -> None:
        until(lambda: self.shows(which), f"the panel asks about {which}")
        time.sleep(READ_S + 0.2)

    def press(self) -> None:
        self.feedback.signal(signal.SIGUSR1)

    def hold(self) -> None:
        self.feedback.signal(signal.SIGUSR2)
        time.sleep(YES_S + 0.5)
        self.feedback.signal(signal.SIGUSR2)

    def rows(self, count: int) -> list[tuple[str, str, str, dict[str, Any]]]:
        """Format, outcome, reason and claims at the centre, once there are so many."""
        assert self.town.wait_until_committed(count) == count
        engine = connect(self.town.database)
        with engine.connect() as connection:
            found = connection.execute(check_in.select().order_by(check_in.c.scanned_at_ms)).all()
        engine.dispose()
        return [(row.format, row.outcome, row.reason, row.claims) for row in found]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Declaring]:
    with Town(tmp_path, ["gate-1"]) as town:
        door = Declaring(town)
        policy = tmp_path / "asking.signed"
        content = f"{POLICY.read_text()}\n{ASKING}".encode()
        policy.write_bytes(sign(town.fleet, "policy", content))
        file = door.kiosk.root / "asking.toml"
        file.write_text(section("judge", policy=policy) + section("gpio", button=PIN))
        for name in ("scanner", "feedback"):
            daemon = door.kiosk.daemons[name]
            daemon.command += ["--config", str(file)]
            daemon.kill()
            (door.kiosk.run / f"{name}.sock").unlink(missing_ok=True)
        door.feedback.command[1:3] = ["-c", PUSHED_BY_SIGNAL]
        door.kiosk.start()
        door.can_ask()
        yield door


def logs(door: Declaring) -> str:
    return door.scanner.log.read_text() + door.feedback.log.read_text()


def test_a_card_and_two_short_presses_are_a_check_in(door: Declaring) -> None:
    door.show(CARD)
    door.asked("symptoms")
    assert door.kiosk.answers() == [], "no answer yet"
    door.kiosk.take_away()
    door.press()
    door.asked("contact")
    door.press()
    until(lambda: door.answers("pass", "declared", name="N. T. N. Ánh"), "the panel says pass")
    ((kind, outcome, reason, claims),) = door.rows(1)
    assert (kind, outcome, reason) == ("cccd", "pass", "declared")
    assert claims["declared"] == {"symptoms": False, "contact": False, "by": "button"}
    assert claims["name"] == NAME
    until(door.is_idle, "and is ready for the next one")
    (answer,) = door.kiosk.answers()
    print(f"from the last press to the answer: {answer['total_ms']} ms")


def test_a_yes_leads_to_the_desk_and_is_told_to_the_centre_alone(door: Declaring) -> None:
    door.show(CARD)
    door.asked("symptoms")
    door.press()
    door.asked("contact")
    door.hold()
    until(lambda: door.answers("warn", "declared"), "the panel asks to the desk")
    ((_, outcome, reason, claims),) = door.rows(1)
    assert (outcome, reason) == ("warn", "declared")
    assert claims["declared"] == {"symptoms": False, "contact": True, "by": "button"}
    for secret in (NAME, "099199000001", "Ánh", "yes=", "contact=", "True"):
        assert secret not in logs(door)


def test_who_does_not_answer_is_forgotten_and_a_code_ends_the_questions(door: Declaring) -> None:
    door.show(CARD)
    door.asked("symptoms")
    door.press()
    door.asked("contact")
    until(door.is_idle, "the time is over", TIMEOUT_S + 10)
    assert (door.kiosk.answers(), door.town.committed()) == ([], [])
    door.kiosk.take_away()
    time.sleep(1.0)
    door.show(CARD)
    door.asked("symptoms")
    door.show(PHONE)
    until(lambda: door.answers("pass", "accepted", name="N. T. N. ANH"), "the code is answered")
    assert [(kind, reason) for kind, _, reason, _ in door.rows(1)] == [("vn_personal", "accepted")]
    assert "ended: no answer in time" in logs(door)
    assert "ended: another code" in logs(door)


def test_whichever_daemon_dies_in_between_nothing_is_made_up(door: Declaring) -> None:
    door.show(CARD)
    door.asked("symptoms")
    door.scanner.kill()
    (door.kiosk.run / "scanner.sock").unlink(missing_ok=True)
    door.kiosk.take_away()
    until(lambda: not door.shows("symptoms"), "nobody asks any longer")
    door.press()  # kept for the scanner, to which it is no answer
    door.kiosk.start()
    door.can_ask()
    door.show(CARD)
    door.asked("symptoms")
    door.feedback.kill()
    (door.kiosk.run / "feedback.sock").unlink(missing_ok=True)
    door.can_ask(False)
    assert "ended: the panel can ask no longer" in logs(door)
    assert door.kiosk.answers() == []
    door.kiosk.take_away()
    time.sleep(1.0)
    answer = door.kiosk.ask(draw(CARD, seed=1), patience_s=20)
    assert (answer["outcome"], answer["reason"]) == ("warn", "more-needed")
    assert [(kind, reason) for kind, _, reason, _ in door.rows(1)] == [("cccd", "more-needed")]
