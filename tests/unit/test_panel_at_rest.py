"""The panel while nobody reads an answer: animation, brightness, screens that are asked for."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from paneldoor import IDLE, PASS, PATTERN_S, RULES, WELL, Door, any_of, state
from PIL import Image, ImageChops

from kiosk import screens
from kiosk.feedback.glow import MOVED_S, Glow, mirrored, moved
from kiosk.feedback.news import PAGE_S
from kiosk.feedback.panel import LANGUAGE_S, REFRESH_S
from kiosk.feedback.scene import Scene, drawn


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
    assert door.glass.level == 20
    still = len(door.glass.shown)
    door.live(LANGUAGE_S - 1)
    assert len(door.glass.shown) - still <= 1, "and nothing moves but the language"
    door.turn(door.alive(moved_at=door.now))
    assert door.glass.level == 102
    door.live(RULES.dim_after_s + 1)
    assert door.glass.level == 20
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
    for _ in range(8):
        door.now += 60.0
        shown = door.turn(door.alive("camera-silent"), door.uplink())
        seen.add(shown.tobytes())
        assert shown.crop(shown.getbbox()) == first.crop(first.getbbox())
    assert len(seen) == 9
    door.now += MOVED_S
    turned = screens.state(WELL._replace(faults=("camera-silent",)), mirrored=True)
    assert door.turn(door.alive("camera-silent"), door.uplink()) == turned
    assert {moved(n * MOVED_S) for n in range(9)} == {
        (x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)
    }


TIMES = ("08:45", "13:27", "21:30")
LASTING: dict[str, dict[str, Any]] = {
    "idle": {},
    "idle, records wait": {"pending": 12},
    "idle, many wait": {"pending": 1200},
    "idle, no network": {"link": "offline", "pending": 128},
    "idle, all marks": {"link": "offline", "clock_set": False, "warnings": ("button-absent",)},
    "not enrolled": {"enrolled": False},
    "not enrolled, marks": {"enrolled": False, "link": "uplink-silent", "clock_set": False},
    "starting": {"scanner": "awaited"},
    "out of order": {"scanner": "silent"},
    "out of order, marks": {"scanner": "silent", "link": "uplink-silent", "clock_set": False},
    **{
        name: {"faults": (name,)}
        for name in ("card-full", "outbox-fault", "camera-absent", "camera-silent")
    },
    "reader-absent": {"faults": ("reader-absent",)},
    "another fault": {"faults": ("policy-fault",)},
}


@pytest.mark.parametrize("size", [screens.SIZE, screens.LOW])
@pytest.mark.parametrize("lasting", LASTING)
def test_no_point_is_lit_all_day(lasting: str, size: screens.Size) -> None:
    """At rest, without an animation: the display would burn in. Whatever the minute, the
    picture has been at each place at three times of day, at least."""
    situation = WELL._replace(**LASTING[lasting])
    frames = screens.animation(situation, size).frames
    if screens.screen(situation) == "idle":
        frames = 1
    always = Image.new("1", size, 1)
    places = {(moved(second), mirrored(second)) for second in range(0, 86_400, int(MOVED_S))}
    assert len(places) == 18
    for time, language, frame in product(TIMES, ("vi", "en"), range(frames)):
        timed = situation._replace(time=time if situation.clock_set else "")
        for move, turned in places:
            shown = drawn(Scene(timed, language, frame, move=move, mirrored=turned), size)
            always = ImageChops.logical_and(always, shown)
    assert always.getbbox() is None


def test_the_mirrored_picture_shows_the_same() -> None:
    for size, of in product((screens.SIZE, screens.LOW), LASTING.values()):
        plain, turned = (
            screens.state(WELL._replace(**of), mirrored=way, size=size) for way in (False, True)
        )
        assert plain != turned
        assert plain.convert("L").histogram() == turned.convert("L").histogram(), of
        left, top, right, bottom = turned.getbbox()
        assert left >= 1 and top >= 1 and right < size[0] and bottom < size[1]


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


def test_a_long_press_shows_the_set_up_screen_unless_another_is_asked_for(door: Door) -> None:
    door.turn(door.alive(), door.uplink())
    door.feedback.pressed(float("-inf"), set_up_at=door.now)
    assert door.turn(door.alive(), door.uplink()) in any_of(asked="set-up")
    door.live(8.0)
    again = door.now
    for _ in range(2):  # every turn says it again
        door.feedback.pressed(float("-inf"), set_up_at=again)
        assert door.turn(after=7.0) in any_of(asked="set-up")
        door.turn(door.alive(), door.uplink())
    assert door.turn(door.alive(), door.uplink(), after=1.1) in any_of()
    updating = door.asked("updating", lasts_s=60.0)
    door.turn(door.alive(), door.uplink(), updating)
    door.feedback.pressed(float("-inf"), set_up_at=door.now + 1)
    assert door.turn(door.alive(), door.uplink(), after=1) in any_of(asked="updating")


def test_the_button_is_told_when_an_answer_stands_or_lamps_play(door: Door) -> None:
    door.turn(door.alive(), door.uplink())
    assert door.feedback.shown.quiet
    door.turn(door.answer())
    door.lamps.until = 0.0
    door.turn()
    assert not door.feedback.shown.quiet, "it stands"
    door.now += 3.5
    door.turn(door.alive(), door.hint())
    assert not door.feedback.shown.quiet, "a hint flickers"


@pytest.mark.parametrize(
    "asked",
    [{"screen": "identify"}, {"screen": "self-test"}, {"screen": "self-test", "page": "pixels"}],
    ids=["identify", "self-test", "pixels"],
)
def test_what_is_asked_for_goes_on_and_is_not_dimmed(door: Door, asked: dict[str, str]) -> None:
    door.live(RULES.dim_after_s + 1)
    assert door.glass.level == 51
    door.live(RULES.dim_after_s + 1, door.asked(**asked, lasts_s=600.0))
    assert door.glass.level == 255
    assert len({picture.tobytes() for picture in door.live(20.0)}) >= 2, "it moves"


def test_on_a_low_panel_the_technicians_words_come_at_rest_too() -> None:
    door = Door(RULES._replace(size=screens.LOW, languages=("vi",)))
    door.turn(door.alive("camera-absent"), door.uplink())
    for _ in range(int(RULES.dim_after_s) + 1):
        door.turn(door.alive("camera-absent"), door.uplink(), after=1.0)
    seen = set()
    for _ in range(40):
        picture = door.turn(door.alive("camera-absent"), door.uplink(), after=1.0)
        seen.add(picture.crop(picture.getbbox()).tobytes())
    assert door.glass.level == 51
    assert len(seen) >= 2


@pytest.mark.parametrize("sign", ["hint", "press", "answer", "move"])
def test_whoever_comes_wakes_it(door: Door, sign: str) -> None:
    door.live(RULES.dim_after_s + 1)
    assert door.glass.level == 51
    if sign == "press":
        door.feedback.pressed(door.now)
        door.turn()
    else:
        cues = {
            "hint": door.hint(),
            "answer": door.answer(),
            "move": door.alive(moved_at=door.now),
        }
        door.turn(cues[sign])
    assert door.glass.level == 255
    door.live(100.0)
    assert door.glass.level == 255, "for two minutes"


@pytest.mark.parametrize(("page", "plays"), [("light", True), ("sound", True), ("words", False)])
def test_the_pages_for_light_and_sound_have_them(door: Door, page: str, plays: bool) -> None:
    door.turn(door.alive(), door.uplink(), door.asked("self-test", page=page, lasts_s=60.0))
    door.live(7.0)
    assert door.told.count("self-test") == (3 if plays else 0)
