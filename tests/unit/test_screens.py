from __future__ import annotations

import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from kiosk.credentials.policy import REASONS
from kiosk.model import Direction, Hint, Outcome, Question
from kiosk.screens import (
    LOW,
    SIZE,
    WINS,
    Language,
    Situation,
    Size,
    answer,
    faces,
    hint,
    marks,
    prepare,
    question,
    screen,
    state,
    symbols,
    texts,
)
from kiosk.screens.catalogue import SECTIONS, screens
from kiosk.screens.document import renewed
from kiosk.screens.gallery import FAR, afar

TREE = Path(__file__).parents[2]
REFERENCE = TREE / "tests" / "reference"
WELL = Situation(enrolled=True, scanner="well")
SIZES: tuple[Size, ...] = (SIZE, LOW)
LANGUAGES: tuple[Language, ...] = get_args(Language)
ALL = [(size, language) for size in SIZES for language in LANGUAGES]
HOW = (
    "python -m kiosk.screens docs/panel.png --low docs/panel-low.png --afar docs/panel-afar.png"
    " --technician docs/technician.png --each tests/reference --document docs/panel.md"
)
VIETNAMESE = [
    unicodedata.normalize("NFC", form(vowel + tone))
    for form in (str.lower, str.upper)
    for vowel in "aăâeêioôơuưy"
    for tone in ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
    if (vowel + tone) not in "aeiouy"
] + ["đ", "Đ"]


@pytest.mark.parametrize(("size", "language"), ALL)
def test_every_screen_is_as_it_was_looked_at(size: Size, language: Language) -> None:
    changed = []
    for name, shown in screens(language, size).items():
        assert (shown.mode, shown.size) == ("1", size)
        file = REFERENCE / f"{size[0]}x{size[1]}" / f"{name}.{language}.png"
        with Image.open(file) as reference:
            if shown.tobytes() != reference.tobytes():
                changed.append(file.name)
    assert changed == [], f"look at them, then run {HOW}"


def test_no_reference_without_a_screen() -> None:
    kept = {str(path.relative_to(REFERENCE)) for path in REFERENCE.rglob("*.png")}
    names = [name for section in SECTIONS for name in section.screens]
    assert len(names) == len(set(names))
    assert kept == {f"{w}x{h}/{n}.{lang}.png" for (w, h), lang in ALL for n in names}


def ink(face: faces.Face, letter: str) -> bytes:
    return bytes(faces.font(face).getmask(letter, "1"))


@pytest.mark.parametrize("face", get_args(faces.Face))
def test_fonts_have_all_vietnamese_letters(face: faces.Face) -> None:
    assert len(set(VIETNAMESE)) == 134
    missing = ink(face, "\ue123")
    drawn = {letter: ink(face, letter) for letter in VIETNAMESE}
    assert not [letter for letter, mask in drawn.items() if mask == missing]
    assert len(set(drawn.values())) == 134  # each differs from every other


@pytest.mark.parametrize("face", ["bold13", "bold16", "bold20", "bold28"])
def test_letters_stand_on_their_line_and_marks_above_them(face: faces.Face) -> None:
    """Hinting moves letters with a tilde by a row, and lets the marks of others melt."""
    for letter in VIETNAMESE:
        base, *marks = unicodedata.normalize("NFD", letter)
        if base not in "yđĐ" and "\u0323" not in marks:
            bottom = faces.font(face).getbbox(letter, anchor="ls")[3]
            assert bottom == 0, letter
        if {"\u0302", "\u0306"} & set(marks) and {"\u0300", "\u0301", "\u0303", "\u0309"} & set(
            marks
        ):
            under = unicodedata.normalize("NFC", base + marks[0])
            above = faces.font(face).getbbox(letter, anchor="ls")[1]
            assert above < faces.font(face).getbbox(under, anchor="ls")[1], letter


def test_no_text_of_ours_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever does not fit goes through `fitted`; only names may."""
    cut: list[str] = []
    fitted = faces.fitted

    def noted(text: str, face: faces.Face, limit: int) -> str:
        cut.append(text)
        return fitted(text, face, limit)

    monkeypatch.setattr(faces, "fitted", noted)
    for size, language in ALL:
        screens(language, size)
    assert set(cut) <= {"Phương-Trâm"}


def test_visitors_read_bold_letters_on_the_large_panel() -> None:
    for text in (*texts.REASONS.values(), *texts.PASSED.values(), texts.REPEATED, texts.DESK):
        assert all(faces.broken(words, 67, 50, faces.BOLD) for words in text), text


@pytest.mark.parametrize("size", SIZES)
def test_english_is_no_larger_than_vietnamese(size: Size, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever box of whatever screen."""
    used: list[faces.Face] = []
    broken = faces.broken

    def noted(*of: Any) -> faces.Lines | None:
        lines = broken(*of)
        used.append(lines.face if lines else faces.LARGE[-1])
        return lines

    for section in SECTIONS[:-1]:
        for name, draw in section.screens.items():
            largest = []
            for language in LANGUAGES:
                used.clear()
                with monkeypatch.context() as patched:
                    patched.setattr(faces, "broken", noted)
                    draw(language=language, size=size)
                largest.append(max((faces.font(face).size for face in used), default=0))
            assert largest[0] >= largest[1], name


def lit(picture: Image.Image) -> tuple[int, int, int, int]:
    box = picture.getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize(("size", "language"), ALL)
def test_what_stays_for_hours_keeps_off_the_rim(size: Size, language: Language) -> None:
    """So that it can be moved by a pixel each way."""
    standing = ("Ready", "Marks: what does not stop the door", "States")
    for section in SECTIONS:
        if section.title in standing:
            for name, draw in section.screens.items():
                left, top, right, bottom = lit(draw(language=language, size=size))
                assert left >= 1 and top >= 1, name
                assert right <= size[0] - 1 and bottom <= size[1] - 1, name


@pytest.mark.parametrize("size", SIZES)
def test_answers_use_the_whole_height(size: Size) -> None:
    for title in ("Answers", "Hints"):
        (section,) = [section for section in SECTIONS if section.title == title]
        for name, draw in section.screens.items():
            _, top, _, bottom = lit(draw(size=size).crop((0, 0, size[1], size[1])))
            assert bottom - top >= size[1] * 0.85, name
            assert lit(draw(size=size))[3] >= size[1] * 0.85, name


def test_the_words_change_with_the_language_and_nothing_else() -> None:
    for section in SECTIONS[:3]:
        for name, draw in section.screens.items():
            first, second = draw(language="vi"), draw(language="en")
            assert first.tobytes() != second.tobytes(), name
            for box in ((0, 0, 58, 64), (61, 53, 128, 64)):  # the symbol; direction and time
                if section.title == "Hints" and box[0]:
                    continue
                assert first.crop(box) == second.crop(box), name


@pytest.mark.parametrize(("size", "beside", "metres"), [(SIZE, 61, 5.0), (LOW, 34, 1.5)])
def test_screens_are_told_apart_from_afar(size: Size, beside: int, metres: float) -> None:
    """By shape alone: what an eye of acuity 1.0 gets of a panel 22 mm wide. The low panel is
    for who stands before it."""
    drawn = {name: draw for section in SECTIONS for name, draw in section.screens.items()}
    symbols = {}
    for name in FAR:
        picture = drawn[name](size=size)
        picture.paste(0, (beside, 0, *size))
        symbols[name] = afar(picture, metres)
    for a, b in combinations(FAR, 2):
        apart = ImageStat.Stat(ImageChops.difference(symbols[a], symbols[b])).rms[0]
        assert apart > 20, (a, b, apart)  # grey levels of 255, over the whole panel


def test_every_reason_of_the_policy_has_its_text() -> None:
    assert set(REASONS) - {"accepted"} <= set(texts.REASONS)


@pytest.mark.parametrize("outcome", ["pass", "warn", "fail"])
def test_unknown_reason_falls_back_on_the_outcome(outcome: str) -> None:
    assert answer(outcome, "made-up") == answer(outcome, "also-made-up")
    if outcome != "pass":
        assert answer(outcome, "made-up") != answer(outcome, "expired")


def test_nobody_is_shamed() -> None:
    """Who is at risk gets the very picture of a forged code, who declared something that of a
    certificate that is not green, and no refusal names anybody."""
    for size, language in ALL:
        more = {"language": language, "size": size, "time": "08:45"}
        assert answer("fail", "at-risk", **more) == answer("fail", "forged", **more)
        for asked in ("warn", "fail"):
            assert answer(asked, "declared", **more) == answer(asked, "not-green", **more)
        for outcome, reason in (("fail", "at-risk"), ("fail", "expired"), ("warn", "not-green")):
            named = answer(outcome, reason, name="N. V. A", **more)
            assert named == answer(outcome, reason, **more)
    accusing = ("nhiễm", "bệnh nhân", "cấm", "giả", "infected", "illegal", "forged", "denied")
    for text in (*texts.REASONS.values(), *texts.OTHER_REASON.values()):
        assert not [word for word in accusing if word in " ".join(text).lower()]


def test_no_refusal_or_fault_says_the_words_of_admission() -> None:
    """Nobody reads to the end of a sentence that begins with "Mời vào"."""
    turned_away = [*texts.REASONS.values(), *texts.VISITORS.values()]
    turned_away += [texts.OTHER_REASON["warn"], texts.OTHER_REASON["fail"]]
    for text in turned_away:
        for said, admitted in zip(text, texts.PASSED["in"], strict=True):
            assert admitted.lower() not in said.lower(), text


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("outcome", ["warn", "fail"])
def test_no_arrow_points_the_way_for_who_is_asked_to_the_desk(outcome: Outcome, size: Size) -> None:
    for reason in (*texts.REASONS, "made-up"):
        ways = [answer(outcome, reason, direction=d, size=size) for d in get_args(Direction)]
        assert ways[0] == ways[1] == ways[2], reason


@pytest.mark.parametrize("size", SIZES)
def test_update_tells_how_far_it_is(size: Size) -> None:
    shown = [
        points(state(WELL._replace(asked="updating", percent=done), size=size))
        for done in (0, 30, 99, 100)
    ]
    assert shown == sorted(set(shown))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("outcome", ["warn", "fail"])
def test_who_is_turned_away_sees_the_desk(outcome: Outcome, size: Size) -> None:
    desk = Image.new("1", (11, 11))
    marks.put(ImageDraw.Draw(desk), 0, 0, "desk")
    at = (61, 53) if size == SIZE else (117, 21)
    for reason in (*texts.REASONS, "made-up"):
        for language in LANGUAGES:
            shown = answer(outcome, reason, language=language, size=size, time="08:45")
            assert shown.crop((*at, at[0] + 11, at[1] + 11)) == desk, reason


def test_symbols_differ_in_shape() -> None:
    box = (0, 0, 60, 64)
    outcomes = [answer(o, "expired") for o in ("pass", "warn", "fail")]
    outcomes += [answer("warn", "place-code"), answer("pass", "accepted", repeated=True)]
    outcomes.append(answer("pass", "accepted", direction="out"))
    shapes = {picture.crop(box).tobytes() for picture in outcomes}
    shapes |= {hint(word).crop(box).tobytes() for word in get_args(Hint)}
    shapes.add(state(WELL).crop(box).tobytes())
    assert len(shapes) == 11


@pytest.mark.parametrize("size", SIZES)
def test_a_trial_is_marked_and_names_nobody(size: Size) -> None:
    trial = answer("pass", "accepted", name="Nguyễn A.", trial=True, size=size)
    assert trial == answer("pass", "accepted", trial=True, size=size)
    assert trial != answer("pass", "accepted", size=size)


def test_who_wins() -> None:
    """What is taken away one by one comes up one by one, in the order of the table."""
    everything = Situation(
        enrolled=False,
        scanner="awaited",
        faults=(
            "reader-absent",
            "camera-absent",
            "camera-silent",
            "outbox-fault",
            "card-full",
            "x",
        ),
        warnings=("button-absent", "pins-absent"),
        link="offline",
        pending=5,
        leaving=True,
        clock_set=False,
    )
    shown = []
    for visitor in ("answer", "question", "hint"):
        shown.append(screen(everything._replace(visitor=visitor, asked="shutdown")))
    assert shown == ["answer", "question", "shutdown"]
    for asked in ("identify", "self-test", "updating", "set-up"):
        shown.append(screen(everything._replace(asked=asked)))
    now = everything._replace(visitor="hint")
    for change in (
        {},
        {"enrolled": True},
        {"scanner": "silent"},
        {"scanner": "well"},
        {"faults": now.faults[:4]},
        {"faults": now.faults[:3]},
        {"faults": ("reader-absent", "camera-silent")},
        {"faults": ("reader-absent",)},
        {"faults": ("x",)},
        {"faults": ()},
        {"visitor": ""},
        {"leaving": False},
    ):
        now = now._replace(**change)
        shown.append(screen(now))
    assert shown == [name for name, _, _ in WINS]


def test_every_state_speaks_to_visitors_and_to_technicians() -> None:
    of_their_own = {"answer", "question", "hint", "identify", "self-test", "leaving", "idle"}
    assert {name for name, _, _ in WINS} - of_their_own == set(texts.VISITORS)
    assert set(texts.VISITORS) == set(texts.TECHNICIANS)


def marked() -> Iterator[Situation]:
    for link in ("offline", "centre-away", "uplink-silent"):
        yield WELL._replace(link=link)
    yield WELL._replace(clock_set=False)
    yield from (WELL._replace(pending=count) for count in (1, 2))
    yield from (WELL._replace(warnings=(code,)) for code in ("button-absent", "pins-absent"))


@pytest.mark.parametrize("size", SIZES)
def test_marks_leave_the_symbol_alone(size: Size) -> None:
    pictures = [state(WELL, size=size), *(state(situation, size=size) for situation in marked())]
    if size == SIZE:  # the low panel does not say how many records wait
        assert len({picture.tobytes() for picture in pictures}) == len(pictures)
    box = (0, 0, size[1] - 4, size[1])
    assert len({picture.crop(box).tobytes() for picture in pictures}) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_that_nobody_asked_for_shows_marks_and_no_word_runs_into_them(
    language: Language,
) -> None:
    known = [WELL._replace(enrolled=False)]
    known += [WELL._replace(scanner=how) for how in ("awaited", "silent")]
    known.append(WELL._replace(faults=("camera-absent",)))
    for one in known:
        situation = one._replace(link="offline", clock_set=False)
        alone = Image.new("1", SIZE)
        marks.corner(ImageDraw.Draw(alone), 126, 1, situation)
        left, top, right, bottom = lit(alone)
        around = (left - 2, top, right, bottom + 1)
        shown = state(situation, language=language)
        assert shown.crop(around) == alone.crop(around), screen(situation)


def test_a_name_that_is_too_long_keeps_the_given_name() -> None:
    def shown(name: str, limit: int = 67) -> str:
        return faces.name_fitted(name, limit, 15)[1]

    assert shown("N. T. Ánh") == "N. T. Ánh"
    assert shown("C. T. N. T. H. Phương-Trâm") == "Phương-Trâm"
    assert shown("Bartholomäus-Maximilian E.").startswith("Bartholom")
    decomposed = unicodedata.normalize("NFD", "N. T. Ánh")
    assert shown(decomposed) == "N. T. Ánh"


def points(picture: Image.Image) -> int:
    return picture.convert("L").histogram()[255]


def ink_of(face: faces.Face, text: str) -> int:
    return sum(map(bool, ink(face, text)))


@pytest.mark.parametrize(("size", "language"), ALL)
@pytest.mark.parametrize("direction", get_args(Direction))
@pytest.mark.parametrize("repeated", [False, True])
def test_no_name_touches_the_words_above_or_is_cut(
    repeated: bool, direction: Direction, language: Language, size: Size
) -> None:
    """Any letter with all its marks as the highest, with and without one below the line."""

    def shown(name: str) -> Image.Image:
        return answer(
            "pass",
            "accepted",
            name=name,
            direction=direction,
            repeated=repeated,
            language=language,
            size=size,
        )

    dot = shown(".")  # a point or four, on the line itself
    room, rows = ((61, 0, 128, 37), 15) if size == SIZE else ((36, 0, 128, 18), 14)
    words = Image.new("1", size)
    words.paste(dot.crop(room), room)
    near = words.convert("L").filter(ImageFilter.MaxFilter(3))
    for letter in VIETNAMESE:
        for name in (f"T. {letter}n", f"T. {letter}g"):
            picture = shown(name)
            of_name = ImageChops.subtract(picture.convert("L"), words.convert("L"))
            touching = ImageChops.darker(of_name, near).crop((room[0], 0, *size))
            assert touching.getbbox() is None, name
            face, whole = faces.name_fitted(name, 67, rows)
            assert points(picture) - points(dot) == ink_of(face, whole) - ink_of("bold13", "."), (
                name
            )


@given(st.text(max_size=400))
def test_any_name_stays_on_its_line(name: str) -> None:
    face, shown = faces.name_fitted(name, 67, 15)
    assert faces.width(face, shown) <= 67
    assert all(c.isprintable() for c in shown)
    for size, rows in ((SIZE, (36, 53)), (LOW, (17, 32))):
        picture = answer("pass", "accepted", name=f"A{name}", size=size)
        without = answer("pass", "accepted", name="A", size=size)
        apart = ImageChops.logical_xor(picture, without).getbbox()
        if apart is not None:
            assert rows[0] <= apart[1] and apart[3] <= rows[1]


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_kiosk_can_be_identified(kiosk: str, place: str) -> None:
    for size in SIZES:
        for frame in range(4):
            wanted = WELL._replace(asked="identify", kiosk=kiosk, place=place)
            assert state(wanted, frame=frame, size=size).size == size


def test_identify_flashes_the_whole_screen() -> None:
    wanted = WELL._replace(asked="identify", kiosk="k-1")
    bright, dark = state(wanted, frame=0), state(wanted, frame=1)
    assert ImageChops.invert(bright.convert("L")) == dark.convert("L")


@pytest.mark.parametrize("size", SIZES)
def test_self_test_lights_every_pixel_and_darkens_every_one(size: Size) -> None:
    pages = [state(WELL._replace(asked="self-test"), frame=n, size=size) for n in range(3)]
    whole = Image.new("1", size, 1).tobytes()
    assert pages[0].tobytes() == whole
    assert ImageChops.logical_or(pages[1], pages[2]).tobytes() == whole
    assert ImageChops.logical_and(pages[1], pages[2]).getbbox() is None


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("asked", get_args(Question))
def test_a_question_shows_how_long_the_button_is_held(asked: Question, size: Size) -> None:
    shown = [question(asked, held=held, frame=2, size=size) for held in (0.0, 0.25, 0.5, 1.0)]
    light = [ImageStat.Stat(picture.convert("L")).sum[0] for picture in shown]
    assert light == sorted(set(light))
    last = [question(asked, left=left, size=size).crop((0, size[1] - 1, *size)) for left in (1, 0)]
    assert lit(last[0]) == (0, 0, size[0], 1)
    assert last[1].getbbox() is None


def test_the_animation_changes_little() -> None:
    """What goes over the bus is what changed: of 1024 bytes, no more than half a frame."""
    frames = [state(WELL, frame=n % 4) for n in range(5)]
    for before, after in pairwise(frames):
        left, top, right, bottom = lit(ImageChops.logical_xor(before, after))
        pages = (bottom + 7) // 8 - top // 8
        assert pages * (right - left) <= 512


@pytest.mark.parametrize("size", SIZES)
def test_the_first_visitor_does_not_wait_for_symbols(size: Size) -> None:
    prepare(LANGUAGES, size)
    drawn, broken = symbols.symbol.cache_info().misses, faces.broken.cache_info().misses
    for section in SECTIONS[:4]:
        for name, draw in section.screens.items():
            if "trial" not in name:
                draw(language="vi", size=size)
    assert symbols.symbol.cache_info().misses == drawn
    assert faces.broken.cache_info().misses == broken


def test_gallery_by_command(tmp_path: Path) -> None:
    made = {name: tmp_path / name for name in ("panel.png", "panel-low.png", "technician.png")}
    command = [sys.executable, "-m", "kiosk.screens", str(made["panel.png"])]
    command += ["--low", str(made["panel-low.png"]), "--technician", str(made["technician.png"])]
    subprocess.run(command, check=True)
    for name, path in made.items():
        with Image.open(path) as drawn, Image.open(TREE / "docs" / name) as committed:
            assert drawn.tobytes() == committed.tobytes(), f"run {HOW}"


def test_tables_of_the_document_are_those_of_the_code() -> None:
    document = (TREE / "docs" / "panel.md").read_text()
    assert renewed(document) == document, f"run {HOW}"
    for name, when, _ in WINS:
        assert f"| {name} | {when} |" in document
    with pytest.raises(ValueError, match="no lines <!-- wins -->"):
        renewed("# The panel\n")
