"""The decoder before a camera: gate, second looks, the code that is held up, hints."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
import pytest
import segno

from demo import idle
from demo.hard import scene
from drivers.camera import Frame
from kiosk.decode import Decoder
from kiosk.decode.activity import Activity
from kiosk.decode.eyes import Eyes, Seen
from kiosk.decode.geometry import Box
from kiosk.decode.looks import LOOKS
from kiosk.model import Hint, Symbol

FPS = 15


@pytest.fixture
def decoder():
    decoder = Decoder()
    yield decoder
    decoder.close()


def code(payload: bytes, pitch: int = 4, black: int = 30, white: int = 220) -> np.ndarray:
    matrix = segno.make(payload, error="m", micro=False).matrix
    grey = np.array([[black if bit else white for bit in row] for row in matrix], np.uint8)
    grey = np.pad(grey, 4, constant_values=white)
    return grey.repeat(pitch, axis=0).repeat(pitch, axis=1)


def door(*held: tuple[np.ndarray, int, int], grey: int = 120, seed: int | None = 0) -> np.ndarray:
    """A frame of 640x480 with codes at (x, y); `seed` of the sensor's noise, None for none."""
    frame = np.full((480, 640), float(grey))
    for picture, x, y in held:
        frame[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    if seed is not None:
        frame += np.random.default_rng(seed).normal(0, 3, frame.shape)
    return frame.clip(0, 255).astype(np.uint8)


def payloads(decoder: Decoder, grey: np.ndarray, at: float) -> list[bytes]:
    return [symbol.payload for symbol in decoder.look(Frame(grey, at)).symbols]


def looks_taken(monkeypatch) -> list[int]:
    """Grows by one for each frame that a decoder sees."""
    taken: list[int] = []
    first = Eyes.first

    def counted(self, grey):
        taken.append(len(taken))
        return first(self, grey)

    monkeypatch.setattr(Eyes, "first", counted)
    return taken


@pytest.mark.parametrize("kind", ["noise", "flicker", "drift"])
def test_an_empty_door_is_looked_at_once_a_second(decoder, monkeypatch, kind):
    taken = looks_taken(monkeypatch)
    for number, grey in enumerate(idle.clip(kind, 12, FPS, size=(640, 480))):
        if number == 4 * FPS:
            taken.clear()  # at the start anything may have been put there
        assert payloads(decoder, grey, number / FPS) == []
    assert 7 <= len(taken) <= 9


def test_a_code_is_read_in_the_first_frame_that_shows_it(decoder):
    for number in range(60):
        payloads(decoder, door(seed=number), number / FPS)
    held = door((code(b"hello"), 300, 200), seed=99)
    assert payloads(decoder, held, 60 / FPS) == [b"hello"]


def test_a_small_card_opens_the_gate_at_once(decoder):
    for number in range(60):
        payloads(decoder, door(seed=number), number / FPS)
    small = code(b"x", pitch=2)
    assert max(small.shape) <= 64
    assert payloads(decoder, door((small, 411, 133), seed=99), 60 / FPS) == [b"x"]


def test_what_stands_there_from_the_start_is_read(decoder):
    held = code(b"poster")
    assert payloads(decoder, door((held, 300, 200)), 0.0) == [b"poster"]


def test_a_code_that_lies_still_is_read_five_times_a_second(decoder, monkeypatch):
    """A poster in view must not cost what a visitor does."""
    taken = looks_taken(monkeypatch)
    held = door((code(b"poster"), 300, 200), seed=None)
    read = [payloads(decoder, held, n / FPS) for n in range(10 * FPS)]
    assert set(map(tuple, read[: FPS + 1])) == {(b"poster",)}, "at first in every frame"
    assert 8 * 4 <= len(taken) - FPS <= 9 * 5 + 2
    gaps = np.diff([n for n, found in enumerate(read) if found])
    assert gaps.max() / FPS < 0.5, "well within scan.hold_s"
    moved = door((code(b"poster"), 304, 200), seed=None)
    assert payloads(decoder, moved, 10.0) == [b"poster"], "at once"


def test_a_code_that_creeps_in_unnoticed_is_read_within_a_second(decoder, monkeypatch):
    monkeypatch.setattr("kiosk.decode.activity.Activity.turn", lambda self, grey, at: True)
    held = door((code(b"slow"), 300, 200))
    read = [payloads(decoder, held, 100 + n / FPS) for n in range(3 * FPS)]
    assert [b"slow"] in read[: FPS + 1]


def test_second_looks_read_what_the_first_does_not(decoder):
    """Clips of hard scenes: one try a frame reads more in the end than a first look does."""
    eyes, first, read, total = Eyes(), 0, 0, 0
    rng = np.random.default_rng(1)
    for kind in ("bands", "dim", "moire"):
        for number in range(3):
            hard = scene(kind, 0.6, number, (640, 480))
            first += bool(eyes.first(hard.grey).symbols)
            found: set[bytes] = set()
            for frame in range(2 * FPS):
                grain = rng.normal(0, 2, hard.grey.shape)
                grey = (hard.grey + grain).clip(0, 255).astype(np.uint8)
                found.update(payloads(decoder, grey, total * 10 + frame / FPS))
            assert found <= {hard.payload}
            read += bool(found)
            total += 1
    assert read > first


@pytest.mark.parametrize(("kind", "seed"), [("bands", 1), ("blur", 3), ("moire", 2), ("motion", 0)])
def test_what_only_second_looks_read_is_not_lost_when_it_lies_still(decoder, kind, seed):
    hard = scene(kind, 0.6, seed, (640, 480))
    assert Eyes().first(hard.grey).symbols == []
    grain = idle.Grain((640, 480), np.random.default_rng(1), 2)
    read = []
    for number in range(12 * FPS):
        grey = (hard.grey + grain.frame()).clip(0, 255).astype(np.uint8)
        if payloads(decoder, grey, number / FPS):
            read.append(number / FPS)
    assert np.diff([0, *read, 12]).max() < 1.0


def without_code(frames: int) -> Iterator[np.ndarray]:
    """Something dense that moves."""
    noise = np.random.default_rng(5)
    for number in range(frames):
        grey = door(seed=number)
        grey[100:300, 200:400] = noise.integers(0, 2, (50, 50)).repeat(4, 0).repeat(4, 1) * 200
        yield grey


def test_a_look_that_helped_does_not_keep_the_others_out(decoder, monkeypatch):
    """Another code in the same place, which needs another look."""
    taken: list[str] = []

    def second(self, grey, box, look):
        taken.append(look.name)
        symbols = [Symbol(b"x", "qr", ((0, 0), (9, 0), (9, 9)))] if len(taken) == 3 else []
        return Seen(symbols, [])

    monkeypatch.setattr(Eyes, "second", second)
    for number, grey in enumerate(without_code(60)):
        payloads(decoder, grey, number / FPS)
    assert taken[:2] == [LOOKS[0].name, LOOKS[1].name]
    assert taken[3:11:2] == [LOOKS[2].name] * 4, "insists on what helped"
    assert taken[4:8:2] == [LOOKS[3].name, LOOKS[4].name], "and tries the others in between"
    assert len(set(taken)) == len(LOOKS)


def test_what_lies_still_and_is_found_gets_second_looks_for_good(decoder, monkeypatch):
    """A phone laid before the camera, with a code that only another look can read."""
    tried: list[str] = []
    second = Eyes.second

    def noted(self, grey, box, look):
        tried.append(look.name)
        return second(self, grey, box, look)

    monkeypatch.setattr(Eyes, "second", noted)
    spoilt = spoilt_code()
    for number in range(30 * FPS):
        decoder.look(Frame(door((spoilt, 240, 160), seed=number % 7), number / FPS))
    assert len(set(tried)) == len(LOOKS)
    assert len(tried) > 3 * FPS / 2 + 10, "every other second after the first three"


def test_the_second_look_is_at_what_was_moved_not_at_what_hangs_there(decoder, monkeypatch):
    boxes: list[Box] = []
    second = Eyes.second

    def noted(self, grey, box, look):
        boxes.append(box)
        return second(self, grey, box, look)

    noise = np.random.default_rng(5).integers(0, 2, (48, 48)).astype(np.uint8) * 190 + 30
    poster, held = noise.repeat(5, 0).repeat(5, 1), noise[:32, :32].repeat(4, 0).repeat(4, 1)
    for number in range(6 * FPS):  # known for long
        decoder.look(Frame(door((poster, 20, 40), seed=number % 7), number / FPS))
    monkeypatch.setattr(Eyes, "second", noted)
    for number in range(FPS):
        grey = door((poster, 20, 40), (held, 400 + 3 * (number % 2), 250), seed=number % 7)
        decoder.look(Frame(grey, 6 + number / FPS))
    assert boxes
    assert all(box.left > 300 for box in boxes)


def test_no_frame_gets_more_than_one_second_look(decoder, monkeypatch):
    taken: list[int] = []
    second = Eyes.second
    frame_number = 0

    def noted(self, *args):
        taken.append(frame_number)
        return second(self, *args)

    monkeypatch.setattr(Eyes, "second", noted)
    for frame_number, grey in enumerate(without_code(40)):
        payloads(decoder, grey, frame_number / FPS)
    assert len(taken) >= 15
    assert np.diff(taken).min() >= 2


def test_the_larger_and_more_central_of_two_is_held_up(decoder):
    large, small = code(b"large", 6), code(b"small", 3)
    assert payloads(decoder, door((small, 20, 20), (large, 350, 150)), 0.0)[0] == b"large"
    same = code(b"edge", 4), code(b"middle", 4)
    sight = payloads(decoder, door((same[0], 5, 5), (same[1], 260, 180)), 5.0)
    assert sight[0] == b"middle"


def test_two_of_a_size_do_not_take_turns(decoder):
    left, right = code(b"left", 4), code(b"right", 4)
    first = []
    for number in range(30):
        shift = 12 if number % 2 else -12
        grey = door((left, 140 + shift, 180), (right, 360 + shift, 180), seed=number)
        first.append(payloads(decoder, grey, number / FPS)[0])
    assert len(set(first)) == 1


def hints(decoder: Decoder, frames: list[np.ndarray]) -> list[Hint | None]:
    return [decoder.look(Frame(grey, n / FPS)).hint for n, grey in enumerate(frames)]


def trembling(picture: np.ndarray, frames: int = 30, **room) -> list[np.ndarray]:
    return [door((picture, 240 + 3 * (n % 2), 160), seed=n, **room) for n in range(frames)]


def test_several_codes_bring_the_hint_to_show_one(decoder):
    two = [(code(b"one"), 140, 180), (code(b"two"), 360, 180)]
    given = hints(decoder, [door(*two, seed=n) for n in range(20)])
    assert given[0] is None  # a glimpse is no trouble
    assert set(given) == {None, "one-at-a-time"}


def test_nobody_is_told_how_to_hold_a_poster(decoder):
    two = [(code(b"one"), 140, 180), (code(b"two"), 360, 180)]
    given = hints(decoder, [door(*two, seed=n) for n in range(5 * FPS)])
    assert given[-1] is None, "they have hung there for seconds"


def test_a_white_screen_is_something_unread_and_a_white_wall_is_not(decoder):
    """A lit screen of which the camera sees nothing but white."""
    screen = np.full((200, 120), 255, np.uint8)
    for number in range(2 * FPS):
        assert not decoder.look(Frame(door(seed=number), number / FPS)).unread
    sights = [
        decoder.look(Frame(door((screen, 200 + 2 * (n % 3), 150), seed=n), 2 + n / FPS))
        for n in range(4 * FPS)
    ]
    assert sum(sight.unread for sight in sights[1:FPS]) >= 4, "five times a second"
    held = door((screen, 202, 150), seed=None)
    still = [decoder.look(Frame(held, 6 + n / FPS)).unread for n in range(5 * FPS)]
    assert not any(still[4 * FPS :]), "lying still it may as well be a wall"


def test_a_code_in_view_is_unread_until_it_is_read(decoder):
    spoilt = np.random.default_rng(2).integers(0, 2, (40, 40)).repeat(5, 0).repeat(5, 1) * 190 + 30
    frames = trembling(spoilt.astype(np.uint8), 10)
    assert all(decoder.look(Frame(grey, n / FPS)).unread for n, grey in enumerate(frames))
    read = decoder.look(Frame(door((code(b"x"), 240, 160)), 1.0))
    assert read.symbols and not read.unread


def spoilt_code() -> np.ndarray:
    """One that is found, and that nobody can read."""
    held = code(b"7" * 60, 5)
    held = np.pad(held, 12, constant_values=220)
    side = len(held)
    mess = np.random.default_rng(2).integers(0, 2, (side, side)) * 190 + 30
    spoilt = held.copy()  # finders stay, what is between them does not
    spoilt[side // 3 :, side // 3 :] = mess[side // 3 :, side // 3 :].astype(np.uint8)
    return spoilt


@pytest.mark.parametrize(("kind", "seed"), [("bands", 1), ("blur", 3)])
def test_a_poster_takes_nobodys_second_looks(decoder, kind, seed):
    """It is read in every frame; the visitor's code needs more."""
    poster, hard = code(b"PLACE|on the wall", 3), scene(kind, 0.6, seed, (640, 480))
    held, rng = hard.grey[120:400, 180:480], np.random.default_rng(1)
    waited = None
    for number in range(8 * FPS):
        grey = door((poster, 4, 4), seed=None).astype(float)
        if number >= 5 * FPS:
            x = 200 + number % 3
            grey[150 : 150 + held.shape[0], x : x + held.shape[1]] = held
        grey += rng.normal(0, 2, grey.shape)
        sight = decoder.look(Frame(grey.clip(0, 255).astype(np.uint8), number / FPS))
        if waited is None and hard.payload in [s.payload for s in sight.symbols]:
            waited = number - 5 * FPS
            assert sight.held
        elif 4 * FPS <= number < 5 * FPS:
            assert not sight.held
    assert waited is not None and waited < FPS


def test_beside_a_poster_hints_are_given_all_the_same(decoder):
    poster, spoilt = code(b"PLACE|on the wall", 3), spoilt_code()
    for number in range(5 * FPS):
        decoder.look(Frame(door((poster, 4, 4), seed=number % 7), number / FPS))
    frames = [door((poster, 4, 4), (spoilt, 240 + 3 * (n % 2), 160), seed=n) for n in range(30)]
    sights = [decoder.look(Frame(grey, 5 + n / FPS)) for n, grey in enumerate(frames)]
    assert sights[-1].hint == "hold-still"
    assert sights[-1].unread


def test_a_phone_beside_a_poster_of_its_size_is_no_crowd(decoder):
    poster, phone = code(b"PLACE|on the wall"), code(b"somebody's")
    for number in range(5 * FPS):
        decoder.look(Frame(door((poster, 140, 180), seed=number % 7), number / FPS))
    frames = [door((poster, 140, 180), (phone, 360 + 5 * (n % 3), 180), seed=n) for n in range(30)]
    assert {decoder.look(Frame(grey, 5 + n / FPS)).hint for n, grey in enumerate(frames)} == {None}


def test_what_moves_in_a_row_does_not_move_the_rest_of_it():
    """A dark phone comes to the right of a lighter wall."""
    activity = Activity()
    for number in range(10):
        activity.turn(door(seed=number), number / FPS)
    dark = np.full((300, 150), 10, np.uint8)
    activity.turn(door((dark, 450, 90), seed=99), 1.0)
    moved = activity.since(1.0)
    assert moved[:, 14:].any()
    assert not moved[:, :13].any()


def test_large_frames_are_not_copied_for_second_looks(decoder, monkeypatch):
    copied: list[int] = []
    plain: set[str] = set()

    def noted(self, grey, box, look):
        if look.plain:
            plain.add(look.name)
        else:
            copied.append(box.pixels)
        return Seen([], [])

    monkeypatch.setattr(Eyes, "second", noted)
    rng = np.random.default_rng(4)
    for number in range(2 * len(LOOKS)):
        grey = rng.integers(0, 2, (300, 500), np.uint8).repeat(5, 0).repeat(5, 1) * 200
        decoder.look(Frame(grey, number / FPS))
    assert copied == []
    assert plain == {look.name for look in LOOKS if look.plain}


def test_a_code_spoilt_by_movement_brings_hold_still(decoder):
    assert hints(decoder, trembling(spoilt_code()))[-1] == "hold-still"


def test_a_code_that_is_read_brings_no_hint(decoder):
    assert set(hints(decoder, trembling(code(b"fine")))) == {None}


def test_an_empty_door_brings_no_hint(decoder):
    assert set(hints(decoder, list(idle.clip("passers-by", 4, FPS, size=(640, 480))))) == {None}


def test_the_state_holds_no_payload(decoder):
    secret = b"001093029317|NGUYEN VAN A"
    payloads(decoder, door((code(secret), 240, 160)), 0.0)
    assert not holds(decoder, secret)
    symbol = Symbol(secret, "qr", ((0, 0), (9, 0), (9, 9)))
    assert holds([decoder, symbol], secret), "in a struct it would be found"


def holds(thing: object, secret: bytes) -> bool:
    """Whether `secret` is anywhere in what it is made of."""
    ahead, seen = [thing], []
    while ahead:
        thing = ahead.pop()
        if any(thing is other for other in seen):
            continue
        seen.append(thing)  # held, so that no other takes its place in memory
        if isinstance(thing, bytes):
            if secret in thing:
                return True
        elif isinstance(thing, dict):
            ahead += [*thing.keys(), *thing.values()]
        elif isinstance(thing, (list, tuple, set, frozenset, deque)):
            ahead += list(thing)
        elif type(thing).__module__.startswith("kiosk"):
            ahead += list(getattr(thing, "__dict__", {}).values())
            ahead += [getattr(thing, name) for name in getattr(thing, "__struct_fields__", ())]
    return False
