from __future__ import annotations

import numpy as np

from kiosk.decode.hints import AFTER_S, Patience, advice
from kiosk.decode.zxing import Unread


def square(side: int, modules: int = 0) -> Unread:
    low, high = 40, 40 + side
    return Unread(((low, low), (high, low), (high, high), (low, high)), modules)


def frame(white: int = 200) -> np.ndarray:
    code = np.random.default_rng(1).integers(0, 2, (60, 80)).repeat(5, 0).repeat(5, 1)
    return np.where(code, white, 40).astype(np.uint8)


def test_few_pixels_per_module_ask_to_come_closer():
    assert advice(frame(), [square(100, 53)]) == "closer"
    assert advice(frame(), [square(200, 53)]) == "hold-still"


def test_a_code_too_small_to_count_its_modules_asks_to_come_closer():
    assert advice(frame(), [square(60)]) == "closer"


def test_burnt_out_modules_are_too_bright():
    glaring = frame(255)
    assert advice(glaring, [square(200, 53)]) == "hold-still"  # white, yet legible
    glaring[60:140, 60:200] = 255
    assert advice(glaring, [square(200, 53)]) == "too-bright"


def test_a_code_partly_outside_the_frame_is_judged_by_what_is_inside():
    outside = Unread(((-500, -500), (-400, -500), (-400, -400), (-500, -400)), 53)
    assert advice(frame(), [outside]) == "closer"


def test_nothing_found_brings_no_advice():
    assert advice(frame(), []) is None


def test_a_hint_needs_patience_and_goes_at_once():
    patience = Patience()
    assert patience.settled("closer", 10.0) is None
    assert patience.settled("closer", 10.0 + AFTER_S / 2) is None
    assert patience.settled("closer", 10.01 + AFTER_S) == "closer"
    assert patience.settled(None, 10.0 + AFTER_S + 0.1) is None
    assert patience.settled("hold-still", 11.0) is None
