"""The panel while nobody reads an answer: animation, brightness, screens that are asked for."""

from __future__ import annotations

import pytest
from paneldoor import IDLE, PASS, PATTERN_S, RULES, Door, any_of, state

from kiosk import screens
from kiosk.feedback.glow import DIMMED, MOVED_S, Glow, moved
from kiosk.feedback.news import PAGE_S
from kiosk.feedback.panel import LANGUAGE_S, REFRESH_S


@pytest.fixture
def door() -> Door:
    return Door()


def test_ready_moves_and_speaks_both_languages(door: Door) -> None:
    shown = door.live(2 * LANGUAGE_S)
    assert shown[:4] == [state(n) for n in range(4)]
    assert shown[4:8] == [state(n, "en") for n in range(4)]
    assert len(shown) == 8, "one picture a second"


def test_one_language_if_the_configuration_says_so() -> None:
    door = Door(RULES._replace(languages=("en",)))
    shown = door.live(2 * LANGUAGE_S)
    assert {picture.tobytes() for picture in shown} == {state(n, "en").tobytes() for n in range(4)}


def test_turns_when_the_picture_is_to_change(door: Door) -> None:
    door.turn(door.alive())
    door.now += 0.9
    assert door.feedback.turn(door.now, door.wall) == pytest.approx(0.1)
    door.turn(door.answer())
    door.now += 1.3
    assert door.feedback.turn(door.now, door.wall) == pytest.approx(0.2)


def test_brightness_by_the_hour_and_dimmed_when_nobody_is_there(door: Door) -> None:
    door.turn(door.alive(), door.uplink())
    assert door.glass.level == 255
    door.wall_ms += 12 * 3_600_000
    door.turn()
    assert door.glass.level == 102
    door.live(RULES.dim_after_s)
    door.turn(door.alive(), door.uplink())
    assert door.glass.level == round(102 * DIMMED)
    still = len(door.glass.shown)
    door.live(LANGUAGE_S - 1)
    assert len(door.glass.shown) - still <= 1, "and nothing moves but the language"
    door.turn(door.alive(moved_at=door.now))
    assert door.glass.level == 102
    door.live(RULES.dim_after_s + 1)
    assert door.glass.level == round(102 * DIMMED)
    door.turn(door.answer())
    assert door.glass.level == 102


def test_glow() -> None:
    assert Glow([]).percent(None, dimmed=False) == 100
    glow = Glow(["19:00 30%", "06:00 90%"])
    day = {minute: glow.percent(minute, False) for minute in (0, 359, 360, 1139, 1140, 1439)}
    assert list(day.values()) == [30, 30, 90, 90, 30, 30]
    assert glow.percent(None, dimmed=False) == 90, "by day it must be seen"
    assert Glow(["00:00 1%"]).percent(5, dimmed=True) == 1


def test_a_picture_that_stands_is_moved_about() -> None:
    door = Door(RULES._replace(languages=("vi",)))
    first = state(faults=("camera-silent",))
    assert door.turn(door.alive("camera-silent"), door.uplink()) == first
    seen = {first.tobytes()}
    for _ in range(9):
        door.now += MOVED_S
        shown = door.turn(door.alive("camera-silent"), door.uplink())
        seen.add(shown.tobytes())
        assert shown.crop(shown.getbbox()) == first.crop(first.getbbox())
    assert len(seen) >= 8
    assert {moved(n * MOVED_S) for n in range(9)} == {
        (x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)
    }


def test_identify_flashes_and_sounds_until_it_ends(door: Door) -> None:
    door.turn(door.alive(), door.uplink())
    shown = door.live(2.0, door.asked("identify", lasts_s=10.0))
    wanted = [state(n, asked="identify") for n in range(4)]
    assert shown[:4] == wanted, "two flashes in two seconds"
    assert door.told.count("identify") == 1
    door.live(PATTERN_S)
    assert door.told.count("identify") == 2, "when it has ended"
    answered = door.turn(door.alive(), door.uplink(), door.answer())
    assert answered == PASS, "a visitor comes first"
    door.live(10.0)
    assert door.turn(door.alive(), door.uplink()) in any_of()


def test_a_screen_can_be_ended(door: Door) -> None:
    updating = door.asked("updating", percent=40, lasts_s=900.0)
    wanted = state(asked="updating", percent=40)
    assert door.turn(door.alive(), door.uplink(), updating) == wanted
    door.now += 20
    assert door.turn(updating) in any_of(asked="updating", percent=40), (
        "the scanner is silent while it is renewed"
    )
    assert door.turn(door.alive(), door.uplink(), door.asked(None)) == IDLE


def test_the_self_test_shows_all_pages_in_turn(door: Door) -> None:
    door.turn(door.alive(), door.uplink())
    shown = door.live(5 * PAGE_S, door.asked("self-test", lasts_s=60.0))
    pixels = [state(n, asked="self-test") for n in range(4)]
    assert shown[:4] == pixels
    for page in screens.PAGES[1:]:
        assert {
            state(0, language, asked="self-test", page=page).tobytes() for language in ("vi", "en")
        } & {picture.tobytes() for picture in shown}, page
    assert "self-test" in door.told
    one = door.asked("self-test", page="button", lasts_s=60.0)
    assert door.turn(one) == state(asked="self-test", page="button")
    door.feedback.pressed(door.now)
    assert door.turn() == state(asked="self-test", page="button", pressed=True)


def test_what_the_glass_may_have_lost_is_sent_again(door: Door) -> None:
    door.live(4 * REFRESH_S)
    assert 3 <= door.glass.refreshed <= 4
