"""The trial of a configuration: what is taken, kept and given up, and what a power cut leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from wanting import OTHERS, STRANGER, TRIAL_S, Kiosk, Link, document

from kiosk import durable, wire
from kiosk.uplink.desired import HOLD_S, SETTLE_S, STARTS

GOOD = "[panel]\nanswer_s = 7"


class PowerCut(BaseException):
    """Nothing that was to come after this has happened."""


@pytest.fixture
def kiosk(tmp_path: Path) -> Kiosk:
    kiosk = Kiosk(tmp_path)
    kiosk.start()
    return kiosk


def reported(version: int, wanted: int, status: Any, why: str = "") -> wire.Reported:
    return wire.Reported(version=version, desired=wanted, status=status, why=why)


def test_a_kiosk_that_was_never_told_anything_says_so(kiosk: Kiosk) -> None:
    assert kiosk.settle(3) == reported(0, 0, "applied")
    assert kiosk.link is not None
    assert kiosk.link.said == [reported(0, 0, "applied")]
    assert not kiosk.files.folder.exists()  # nor is anything written


def test_a_good_one_is_tried_kept_and_told(kiosk: Kiosk) -> None:
    kiosk.publish(document(4, GOOD))
    assert kiosk.settle() == reported(4, 4, "applied")
    assert kiosk.link is not None
    assert [said.status for said in kiosk.link.said] == ["trial", "trial", "applied"]
    assert kiosk.card.value("panel", "answer_s") == 7
    assert not kiosk.files.trial.exists()
    starts = kiosk.starts
    assert kiosk.settle() == reported(4, 4, "applied")
    assert kiosk.starts == starts == 2
    kiosk.cut()
    assert kiosk.settle(3) == reported(4, 4, "applied")


def test_it_waits_for_the_centre_before_it_tries_anything(kiosk: Kiosk) -> None:
    kiosk.centre = "the centre does not answer"
    kiosk.publish(document(4, GOOD))
    kiosk.settle()
    assert not kiosk.files.folder.exists()
    kiosk.centre = ""
    assert kiosk.settle() == reported(4, 4, "applied")


def test_one_with_which_the_centre_is_lost_is_given_up(kiosk: Kiosk) -> None:
    kiosk.publish(document(3, GOOD))
    kiosk.settle()
    kiosk.publish(document(4, "[panel]\nanswer_s = 9"))
    kiosk.turn()
    kiosk.link, kiosk.centre = None, "refused: no broker listens there"
    kiosk.settle(50)
    assert kiosk.files.trial.exists()
    kiosk.settle(30)
    assert not kiosk.files.trial.exists()
    assert kiosk.card.value("panel", "answer_s") == 7
    kiosk.link, kiosk.centre = Link(), ""
    kiosk.publish(kiosk.retained)  # the broker says it again
    said = kiosk.settle()
    assert (said.version, said.desired, said.status) == (3, 4, "rolled-back")
    assert "no broker listens there" in said.why
    assert kiosk.link is not None
    assert {said.status for said in kiosk.link.said} == {"rolled-back"}
    kiosk.publish(document(5, GOOD))
    assert kiosk.settle() == reported(5, 5, "applied")


@pytest.mark.parametrize("daemon", OTHERS)
def test_one_with_which_another_daemon_does_not_work_is_given_up(kiosk: Kiosk, daemon: str) -> None:
    kiosk.others_work_with = lambda version: version != 4
    kiosk.publish(document(4, GOOD))
    kiosk.settle(5)
    kiosk.card.works("scanner" if daemon == "feedback" else "feedback", 4)  # the other one does
    said = kiosk.settle()
    assert (said.version, said.desired, said.status) == (0, 4, "rolled-back")
    assert f"the {daemon} does not work with it" in said.why


def test_a_daemon_that_dies_and_comes_back_is_not_well(kiosk: Kiosk) -> None:
    kiosk.publish(document(4, GOOD))
    kiosk.settle(3)
    for _ in range(int(TRIAL_S / HOLD_S) + 3):
        kiosk.settle(int(HOLD_S) - 3)
        kiosk.card.dies("scanner")
        kiosk.turn()
        kiosk.card.works("scanner", kiosk.found.version)
    assert kiosk.settle().status == "rolled-back"


def test_a_daemon_that_was_not_there_before_need_not_come(kiosk: Kiosk) -> None:
    kiosk.others_work_with = lambda version: False
    kiosk.start()
    kiosk.publish(document(4, GOOD))
    assert kiosk.settle() == reported(4, 4, "applied")


def test_a_trial_waits_for_a_daemon_that_is_just_starting(kiosk: Kiosk) -> None:
    """As after a roll-back: it would not be asked for otherwise."""
    kiosk.others_work_with = lambda version: version != 4
    kiosk.start()
    kiosk.card.dies("scanner")
    kiosk.publish(document(4, GOOD))
    kiosk.settle(int(SETTLE_S) // 2)
    assert not kiosk.files.trial.exists()
    kiosk.card.works("scanner", 0)
    assert kiosk.settle().status == "rolled-back"


def test_a_grave_fault_that_comes_with_it_is_reason_to_give_it_up(kiosk: Kiosk) -> None:
    faults = kiosk.card.run / "scanner-faults.json"
    faults.write_bytes(msgspec.json.encode({"camera-absent": "unplugged", "view-dark": "night"}))
    kiosk.publish(document(4, GOOD))
    assert kiosk.settle() == reported(4, 4, "applied")  # it stood before
    kiosk.publish(document(5, GOOD + "\n"))
    kiosk.turn()
    faults.write_bytes(msgspec.json.encode({"camera-absent": "unplugged", "outbox-fault": "?"}))
    said = kiosk.settle()
    assert (said.version, said.status) == (4, "rolled-back")
    assert "faults came with it: outbox-fault" in said.why


def test_one_with_which_the_uplink_cannot_run_is_given_up_at_its_starts(kiosk: Kiosk) -> None:
    kiosk.publish(document(4, GOOD))
    kiosk.turn()
    for _ in range(STARTS):
        assert kiosk.start()  # ... and then it crashes, whatever the cause
        assert kiosk.files.trial.exists()
    assert not kiosk.start()
    said = kiosk.settle()
    assert (said.version, said.desired, said.status) == (0, 4, "rolled-back")
    assert "started 3 times" in said.why


def test_one_that_no_daemon_can_read_any_more_is_given_up_at_once(kiosk: Kiosk) -> None:
    kiosk.publish(document(4, GOOD))
    kiosk.turn()
    kiosk.files.trial.write_bytes(document(4, GOOD)[:-1])  # the card, or a board.toml by hand
    assert not kiosk.start()
    said = kiosk.settle()
    assert (said.version, said.status) == (0, "rolled-back")
    assert "cut short" in said.why
    kiosk.files.trial.write_bytes(b"")
    assert not kiosk.start()
    kiosk.settle(3)
    assert not kiosk.files.trial.exists()


REFUSED = {
    "an older one": (document(2, GOOD), "older than version 3", 2),
    "the same version with other content": (document(3, GOOD + "\n"), "other content before", 3),
    "a wrong key": (document(4, "[panel]\nanswer = 7"), "did you mean panel.answer_s?", 4),
    "another kiosk's": (document(4, kid="gate-2"), "it is for another kiosk", 4),
    "a driver that does not exist": (document(4, '[camera]\ndriver = "x"'), "camera.driver", 4),
    "a stranger's": (document(4, GOOD, key=STRANGER), "is it another fleet's", 3),
    "unsigned": (GOOD.encode(), "it is not signed", 3),
    "cut short": (document(4, GOOD)[:-1], "cut short", 3),
    "another kind": (document(4, GOOD, kind="policy"), "are two files mixed up?", 3),
}


@pytest.mark.parametrize("which", REFUSED)
def test_what_is_refused_is_told_and_changes_nothing(kiosk: Kiosk, which: str) -> None:
    kiosk.publish(document(3, GOOD))
    kiosk.settle()
    wrong, why, wanted = REFUSED[which]
    kiosk.publish(wrong)
    said = kiosk.settle()
    assert (said.version, said.desired, said.status) == (3, wanted, "refused")
    assert why in said.why
    assert kiosk.desired is not None
    assert why in kiosk.desired.trouble("refused")
    kiosk.cut()  # also in its next life, when the broker says it again
    said = kiosk.settle()
    assert (said.version, said.desired, said.status) == (3, wanted, "refused")
    assert kiosk.starts == 3
    kiosk.publish(document(3, GOOD))  # what is in force is wanted again
    assert kiosk.settle() == reported(3, 3, "applied")
    assert kiosk.desired is not None
    assert kiosk.desired.trouble("refused") == ""


def test_an_empty_message_takes_nothing_back(kiosk: Kiosk) -> None:
    kiosk.publish(document(3, GOOD))
    kiosk.settle()
    kiosk.publish(b"")
    assert kiosk.settle() == reported(3, 3, "applied")


def test_a_newer_one_takes_the_place_of_one_on_trial(kiosk: Kiosk) -> None:
    kiosk.publish(document(3, GOOD))
    kiosk.settle(5)
    kiosk.publish(document(4, "[panel]\nanswer_s = 8"))
    assert kiosk.settle() == reported(4, 4, "applied")


def test_one_that_the_card_lost_is_tried_again_when_the_broker_says_it(kiosk: Kiosk) -> None:
    kiosk.publish(document(3, GOOD))
    kiosk.settle()
    kiosk.files.config.write_bytes(document(3, GOOD)[:-1])
    kiosk.link = None
    said = kiosk.settle(5)
    assert (said.version, said.desired, said.status) == (0, 3, "refused")
    assert "cut short" in said.why
    kiosk.link = Link()
    kiosk.cut()
    assert kiosk.settle() == reported(3, 3, "applied")


def test_a_card_that_takes_nothing_is_told(kiosk: Kiosk) -> None:
    kiosk.files.folder.write_text("in the way")
    kiosk.publish(document(3, GOOD))
    said = kiosk.settle()
    assert (said.version, said.status) == (0, "refused")
    assert "the card does not take it" in said.why


@contextmanager
def power_goes(monkeypatch: pytest.MonkeyPatch, step: int, *, after: bool) -> Iterator[list[int]]:
    """Before or after the durable step with this number, counted from 0; how many there were."""
    count = [0]

    def counted(act: Callable[..., None]) -> Callable[..., None]:
        def acting(*args: Any) -> None:
            mine, count[0] = count[0], count[0] + 1
            if mine == step and not after:
                raise PowerCut
            act(*args)
            if mine == step:
                raise PowerCut

        return acting

    with monkeypatch.context() as patched:
        for name in ("replace", "remove"):
            patched.setattr(durable, name, counted(getattr(durable, name)))
        move = durable.move

        def counted_move(old: Path, new: Path) -> None:
            # `replace` ends with a move of its own, which is one step with it.
            if old.suffix == ".new":
                move(old, new)
            else:
                counted(move)(old, new)

        patched.setattr(durable, "move", counted_move)
        yield count


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("good", [True, False])
def test_a_power_cut_at_any_step_leaves_the_one_or_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: bool, after: bool
) -> None:
    step, went = 0, True
    while went:
        (tmp_path / str(step)).mkdir()
        kiosk = Kiosk(tmp_path / str(step))
        kiosk.start()
        kiosk.publish(document(3, GOOD))
        assert kiosk.settle() == reported(3, 3, "applied")
        kiosk.others_work_with = lambda version: good or version != 4
        kiosk.publish(document(4, "[panel]\nanswer_s = 9"))
        with power_goes(monkeypatch, step, after=after) as count:
            try:
                kiosk.settle()
            except PowerCut:
                kiosk.cut()
        went = count[0] > step
        found = kiosk.card.in_force()
        assert found.version in (3, 4)
        assert found.problems == []
        said = kiosk.settle()
        expected = (4, 4, "applied") if good else (3, 4, "rolled-back")
        assert (said.version, said.desired, said.status) == expected, step
        assert kiosk.card.value("panel", "answer_s") == (9 if good else 7)
        assert not kiosk.files.trial.exists()
        step += 1
    assert step >= 5, "no step was seen"


def test_repeated_power_cuts_on_trial_give_it_up(kiosk: Kiosk) -> None:
    """The technician at a door that looks dead pulls the plug."""
    kiosk.publish(document(4, GOOD))
    kiosk.turn()
    for _ in range(STARTS + 1):
        kiosk.settle(5)
        kiosk.cut()
    assert kiosk.settle(20).status == "rolled-back"
