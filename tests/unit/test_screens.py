from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kiosk.credentials.policy import REASONS
from kiosk.model import Hint
from kiosk.screens import WINS, Situation, answer, drawing, hint, screen, state, texts
from kiosk.screens.gallery import screens

REFERENCE = Path(__file__).parents[1] / "reference"
WELL = Situation(enrolled=True, scanner="well")
VIETNAMESE = [
    unicodedata.normalize("NFC", form(vowel + tone))
    for form in (str.lower, str.upper)
    for vowel in "aăâeêioôơuưy"
    for tone in ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
    if (vowel + tone) not in "aeiouy"
] + ["đ", "Đ"]


@pytest.mark.parametrize("name", sorted(screens()))
def test_every_screen_is_as_it_was_looked_at(name: str) -> None:
    with Image.open(REFERENCE / f"{name}.png") as reference:
        shown = screens()[name]
        assert (shown.mode, shown.size) == ("1", (128, 64))
        assert shown.tobytes() == reference.tobytes(), (
            f"{name} changed; look at it, then run"
            " python -m kiosk.screens docs/panel.png --each tests/reference"
        )


def test_no_reference_without_a_screen() -> None:
    assert {path.stem for path in REFERENCE.glob("*.png")} == set(screens())


@pytest.mark.parametrize("face", ["10x20", "6x13"])
def test_fonts_have_all_vietnamese_letters(face: drawing.Face) -> None:
    assert len(set(VIETNAMESE)) == 134
    missing = bytes(drawing.font(face).getmask("\ue123", "1"))
    drawn = {letter: bytes(drawing.font(face).getmask(letter, "1")) for letter in VIETNAMESE}
    assert not [letter for letter, mask in drawn.items() if mask == missing]
    assert len(set(drawn.values())) == 134  # each differs from every other


def test_no_text_is_cut() -> None:
    def cut(text: str, face: drawing.Face, width: int) -> bool:
        return drawing.fitted(text, face, width) != text

    lines = [*texts.REASONS.values(), *texts.OTHER_REASON.values()]
    lines += [n[1:] for n in texts.HINTS.values()]
    lines += [texts.REPEATED, *(n[1:] for n in texts.NOTICES.values())]
    lines += [text for _, text in texts.PASSED.values()]
    assert not [text for text, _ in lines if cut(text, "6x13", 128)]
    assert not [text for _, text in lines if cut(text, "6x10", 128)]
    headlines = [*texts.HEADLINES.values(), *(headline for headline, _ in texts.PASSED.values())]
    assert not [h for h in headlines if cut(h, "10x20", 84)]
    for first, second, english in (texts.IDLE, texts.LEAVING):
        assert not any(cut(h, "10x20", 82) for h in (first, second))
        assert not cut(english, "6x10", 128)
    assert not [n.headline for n in texts.HINTS.values() if cut(n.headline, "10x20", 84)]
    assert not [n.headline for n in texts.NOTICES.values() if cut(n.headline, "10x20", 128)]
    assert all(text.isascii() for _, text in lines)  # the English font has no diacritics


def test_every_reason_of_the_policy_has_its_text() -> None:
    assert set(REASONS) <= set(texts.REASONS)


@pytest.mark.parametrize("outcome", ["pass", "warn", "fail"])
def test_unknown_reason_falls_back_on_the_outcome(outcome: str) -> None:
    assert answer(outcome, "made-up") == answer(outcome, "also-made-up")
    assert answer(outcome, "made-up") != answer(outcome, "expired")


def test_symbols_differ_in_shape() -> None:
    box = (0, 0, drawing.SYMBOL, drawing.SYMBOL)
    shapes = {answer(o, "expired").crop(box).tobytes() for o in ("pass", "warn", "fail")}
    shapes |= {hint(word).crop(box).tobytes() for word in get_args(Hint)}
    shapes.add(state(WELL).crop(box).tobytes())
    assert len(shapes) == 8


def test_a_trial_is_marked_and_names_nobody() -> None:
    trial = answer("pass", "accepted", name="Nguyễn A.", trial=True)
    assert trial == answer("pass", "accepted", trial=True)
    assert trial != answer("pass", "accepted")


def test_who_wins() -> None:
    everything = Situation(
        enrolled=False,
        scanner="awaited",
        faults=(
            "reader-absent",
            "camera-absent",
            "camera-silent",
            "outbox-fault",
            "card-full",
            "else",
        ),
        link="offline",
        pending=5,
    )
    assert screen(everything) == "not-enrolled"
    assert screen(everything._replace(enrolled=True)) == "starting"
    assert screen(everything._replace(enrolled=True, scanner="silent")) == "out-of-order"
    order = (
        "card-full",
        "outbox-fault",
        "camera-absent",
        "camera-silent",
        "reader-absent",
        "other-fault",
    )
    left = set(everything.faults)
    for expected in order:
        assert screen(WELL._replace(faults=tuple(left))) == expected
        left.discard(expected)
    assert screen(WELL._replace(link="offline", pending=1)) == "idle"
    assert {name for name, _ in WINS} - {"idle"} == set(texts.NOTICES)


def test_marks() -> None:
    plain = state(WELL)
    pictures = [state(WELL._replace(link=link)) for link in texts.LINKS]
    pictures += [plain, state(WELL._replace(pending=1)), state(WELL._replace(pending=2))]
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    above = (0, 0, 128, 51)
    assert all(picture.crop(above) == plain.crop(above) for picture in pictures)


def test_long_name_is_cut_with_an_ellipsis() -> None:
    shown = drawing.fitted("Tôn Nữ Thị Ngọc Huyền", "6x13", 84)
    assert shown == "Tôn Nữ Thị Ng…"
    decomposed = unicodedata.normalize("NFD", "Nguyễn Thị Ánh Tuyết")
    assert drawing.fitted(decomposed, "6x13", 84) == "Nguyễn Thị Án…"


@given(st.text(max_size=400))
def test_any_name_stays_on_its_line(name: str) -> None:
    shown = drawing.fitted(name, "6x13", 84)
    assert drawing.font("6x13").getlength(shown) <= 84
    assert all(c.isprintable() for c in shown)
    picture = answer("pass", "accepted", name=name)
    without = answer("pass", "accepted")
    assert picture.crop((0, 0, 44, 64)) == without.crop((0, 0, 44, 64))
    assert picture.crop((0, 40, 128, 64)) == without.crop((0, 40, 128, 64))


def test_gallery_by_command(tmp_path: Path) -> None:
    sheet = tmp_path / "panel.png"
    subprocess.run([sys.executable, "-m", "kiosk.screens", str(sheet)], check=True)
    documented = Path(__file__).parents[2] / "docs" / "panel.png"
    with Image.open(sheet) as made, Image.open(documented) as committed:
        assert made.tobytes() == committed.tobytes()
