"""A keyboard wedge, by a model of one: a payload typed as reports of a USB keyboard comes back
exact, or not at all."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

import pytest
from evdev import ecodes
from hypothesis import assume, given
from hypothesis import strategies as st

from drivers.reader import Alt, End
from drivers.reader._gathering import MAX_BYTES, SILENCE_S, Gathering
from drivers.reader._keys import PLAIN, SHIFTED, Keys

NAMES = {
    **{"-": "MINUS", "=": "EQUAL", "[": "LEFTBRACE", "]": "RIGHTBRACE", "\\": "BACKSLASH"},
    **{";": "SEMICOLON", "'": "APOSTROPHE", "`": "GRAVE", ",": "COMMA", ".": "DOT"},
    **{"/": "SLASH", " ": "SPACE", "\t": "TAB"},
}
WITH_SHIFT = dict(zip('!@#$%^&*()_+{}|:"~<>?', "1234567890-=[]\\;'`,./", strict=True))
SHIFT, RIGHT_SHIFT, ALT = ecodes.KEY_LEFTSHIFT, ecodes.KEY_RIGHTSHIFT, ecodes.KEY_LEFTALT
ENTER = (frozenset[int](), (ecodes.KEY_ENTER,))
TYPABLE = "".join(map(chr, range(32, 127))) + "\t"

Report = tuple[frozenset[int], tuple[int, ...]]
Event = tuple[int, int, int]


def key(letter: str) -> tuple[int, bool]:
    """Key and shift of a character on a US keyboard, by the names of Linux' keys."""
    if letter in WITH_SHIFT:
        return key(WITH_SHIFT[letter])[0], True
    name = NAMES.get(letter, letter.upper())
    return ecodes.ecodes[f"KEY_{name}"], letter.isupper()


class Wedge(NamedTuple):
    """How a scanner types: `rest` between keys, `early` shift in a report of its own, caps
    lock for capitals, ALT and the keypad for `numbered` characters, as bytes or code points."""

    rest: bool = True
    early: bool = False
    right: bool = False
    caps: bool = False
    alt: Alt = "none"
    zeros: bool = False

    def typed(self, text: str) -> list[Report]:
        reports: list[Report] = []
        for letter in text:
            if letter in TYPABLE:
                self._letter(letter, reports)
            else:
                bytewise = self.alt == "bytes"
                for number in letter.encode() if bytewise else [ord(letter)]:
                    self._number(number, reports)
        return [*reports, *NOTHING, ENTER, *NOTHING]

    def _letter(self, letter: str, reports: list[Report]) -> None:
        code, shift = key(letter)
        caps = self.caps and letter.isupper()
        lock = [*NOTHING, (frozenset[int](), (ecodes.KEY_CAPSLOCK,)), *NOTHING] if caps else []
        held = frozenset({RIGHT_SHIFT if self.right else SHIFT} if shift and not caps else ())
        reports += lock
        if self.rest or (reports and code in reports[-1][1]):
            reports += NOTHING
        if self.early and held:
            reports.append((held, ()))
        reports.append((held, (code,)))
        reports += lock

    def _number(self, number: int, reports: list[Report]) -> None:
        held = frozenset({ALT})
        reports += [*NOTHING, (held, ())]
        for digit in ("0" if self.zeros else "") + str(number):
            reports += [(held, (ecodes.ecodes[f"KEY_KP{digit}"],)), (held, ())]
        reports += NOTHING


NOTHING: list[Report] = [(frozenset(), ())]
WEDGES = st.builds(
    Wedge,
    rest=st.booleans(),
    early=st.booleans(),
    right=st.booleans(),
    caps=st.booleans(),
    zeros=st.booleans(),
)


def events(reports: list[Report]) -> list[list[Event]]:
    """What Linux makes of reports: one moment each, modifiers first."""
    moments = []
    held: frozenset[int] = frozenset()
    keys: tuple[int, ...] = ()
    for next_held, next_keys in reports:
        changed = sorted(held ^ next_held)
        moment = [(ecodes.EV_KEY, code, int(code in next_held)) for code in changed]
        moment += [(ecodes.EV_KEY, code, 0) for code in keys if code not in next_keys]
        for code in next_keys:
            if code not in keys:
                moment += [(ecodes.EV_MSC, ecodes.MSC_SCAN, 0x70004), (ecodes.EV_KEY, code, 1)]
        if moment:
            moments.append([*moment, SYN])
        held, keys = next_held, next_keys
    return moments


SYN = (ecodes.EV_SYN, ecodes.SYN_REPORT, 0)
LOST = (ecodes.EV_SYN, ecodes.SYN_DROPPED, 0)


class Typing:
    """Keys with a clock in our hands."""

    def __init__(self, alt: Alt = "none", end: End = "cr") -> None:
        self.now = 100.0
        self.gathering = Gathering(self.now)
        self.keys = Keys(self.gathering, end, alt)
        self.silence()

    def silence(self) -> None:
        self.now += SILENCE_S
        self.keys.quiet(self.now)

    def event(self, event: Event) -> list[bytes]:
        self.now += 0.001
        payload = self.keys.event(*event, self.now)
        return [] if payload is None else [payload]

    def take(self, moments: list[list[Event]]) -> list[bytes]:
        return [payload for moment in moments for one in moment for payload in self.event(one)]

    def types(self, text: str, wedge: Wedge | None = None) -> list[bytes]:
        return self.take(events((wedge or Wedge()).typed(text)))


def press(name: str, *held: int) -> list[list[Event]]:
    return events([(frozenset(held), (ecodes.ecodes[name],)), *NOTHING])


def test_the_tables_are_those_of_a_us_keyboard() -> None:
    for letter in TYPABLE.strip("\t"):
        code, shift = key(letter)
        assert (SHIFTED if shift else PLAIN)[code] == letter
    assert len(PLAIN) == len(SHIFTED) == 48  # the space bar is in both


@given(st.text(TYPABLE, min_size=1, max_size=60), WEDGES)
def test_what_is_typed_comes_back_exact(text: str, wedge: Wedge) -> None:
    typing = Typing()
    assert typing.types(text, wedge) == [text.encode()]
    assert typing.types(text, wedge) == [text.encode()]
    assert typing.gathering.dropped() == []


@given(
    st.text(TYPABLE, max_size=20),
    st.sampled_from(sorted(set(ecodes.KEY) - {SHIFT, RIGHT_SHIFT, ALT, ecodes.KEY_NUMLOCK})),
    st.text(TYPABLE, max_size=20),
    WEDGES,
)
def test_a_key_that_stands_for_nothing_drops_all_of_it(
    before: str, other: int, after: str, wedge: Wedge
) -> None:
    ends = (ecodes.KEY_ENTER, ecodes.KEY_KPENTER)
    assume(other not in PLAIN and other not in ends and other != ecodes.KEY_TAB)
    typing = Typing()
    head, tail = wedge.typed(before)[:-2], wedge.typed(after)
    assert typing.take(events([*head, *NOTHING, (frozenset(), (other,)), *NOTHING, *tail])) == []
    assert len(typing.gathering.dropped()) == 1
    assert typing.types("next") == [b"next"]


VIETNAMESE = "".join(
    unicodedata.normalize("NFC", form(vowel + tone))
    for form in (str.lower, str.upper)
    for vowel in "aăâeêioôơuưy"
    for tone in ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
)


@pytest.mark.parametrize("alt", ["unicode", "bytes"])
@given(text=st.text(st.sampled_from(VIETNAMESE + "đĐ |09"), min_size=1), wedge=WEDGES)
def test_vietnamese_comes_back_exact_by_numbers(alt: Alt, text: str, wedge: Wedge) -> None:
    typing = Typing(alt)
    assert typing.types(text, wedge._replace(alt=alt)) == [text.encode()]
    assert typing.gathering.dropped() == []


@given(text=st.text(min_size=1), alt=st.sampled_from(["none", "unicode", "bytes"]))
def test_any_text_by_numbers_is_exact_or_dropped(text: str, alt: Alt) -> None:
    for means in ("none", "unicode", "bytes"):
        typing = Typing(alt)
        got = typing.types(text, Wedge(alt=means))
        if set(text) <= set(TYPABLE):
            assert got == [text.encode()]
        elif alt == "none":
            assert got == []
        elif alt == means:
            assert got in ([text.encode()], [])
        assert len(got) + len(typing.gathering.dropped()) == 1


@pytest.mark.parametrize("name", ["NGUYỄN VĂN ÁNH", "Lê Hà", "Đỗ", "ố"])
def test_a_scanner_set_to_the_other_kind_of_number_is_noticed(name: str) -> None:
    for alt, means in (("unicode", "bytes"), ("bytes", "unicode")):
        typing = Typing(alt)  # type: ignore[arg-type]
        assert typing.types(name, Wedge(alt=means)) == []  # type: ignore[arg-type]
        assert len(typing.gathering.dropped()) == 1
        assert typing.types("next") == [b"next"]


@pytest.mark.parametrize(
    "number", ["", "1114112", "55296", "57343", "128", "159", "000000065", "99999999"]
)
def test_a_number_that_is_no_character_drops_all_of_it(number: str) -> None:
    held = frozenset({ALT})
    reports: list[Report] = [(held, ())]
    for digit in number:
        reports += [(held, (ecodes.ecodes[f"KEY_KP{digit}"],)), (held, ())]
    typing = Typing("unicode")
    assert typing.take(events([*Wedge().typed("ab")[:-2], *reports, *NOTHING, ENTER])) == []
    assert len(typing.gathering.dropped()) == 1


def test_num_lock_changes_nothing() -> None:
    typing = Typing("unicode")
    typing.take(press("KEY_NUMLOCK"))
    assert typing.types("ê", Wedge(alt="unicode")) == ["ê".encode()]
    typing.take(press("KEY_NUMLOCK"))
    assert typing.gathering.dropped() == []


def test_keys_of_one_moment_have_no_order() -> None:
    a, b = ecodes.KEY_A, ecodes.KEY_B
    none: frozenset[int] = frozenset()
    enter = ecodes.KEY_ENTER
    for reports in (
        [(none, (a, b)), *NOTHING, ENTER],
        [(none, (a, enter))],
        [(none, (enter, a))],
        [(none, (a,)), (none, (enter, b))],
    ):
        typing = Typing()
        assert typing.take(events(reports)) == []
        assert typing.gathering.dropped()
        assert typing.types("may be the rest") in ([], [b"may be the rest"])
        assert typing.types("next") == [b"next"]


def test_a_key_beside_the_end_may_belong_to_the_next_code() -> None:
    typing = Typing()
    typing.take(events([(frozenset(), (ecodes.KEY_ENTER, ecodes.KEY_A)), *NOTHING]))
    assert typing.types("bc") == []


@pytest.mark.parametrize("late", [SHIFT, ALT, ecodes.KEY_CAPSLOCK])
def test_a_modifier_after_its_key_in_one_moment_is_in_doubt(late: int) -> None:
    typing = Typing("unicode")
    down = (ecodes.EV_KEY, ecodes.KEY_A, 1)
    typing.take([[down, (ecodes.EV_KEY, late, 1), SYN], [(ecodes.EV_KEY, late, 0), SYN]])
    assert typing.types("bc") == []
    assert typing.types("next")[-1:] == [b"next"]


def test_the_kernels_repetition_types_nothing() -> None:
    typing = Typing()
    a = ecodes.KEY_A
    typing.take([[(ecodes.EV_KEY, a, value), SYN] for value in (1, 2, 2, 2, 0)])
    assert typing.types("b") == [b"ab"]
    shift = [[(ecodes.EV_KEY, SHIFT, value), SYN] for value in (1, 2, 2)]
    typing.take([*shift, [(ecodes.EV_KEY, a, 1), SYN], [(ecodes.EV_KEY, SHIFT, 0), SYN]])
    assert typing.types("b") == [b"Ab"]


def test_alt_that_is_held_while_keys_are_lost_does_not_last() -> None:
    typing = Typing("unicode")
    typing.take([[(ecodes.EV_KEY, ALT, 1), SYN], [LOST, SYN]])
    assert typing.take(press("KEY_ENTER")) == []
    assert typing.types("next") == [b"next"]


def test_a_digit_with_shift_and_alt_is_no_digit() -> None:
    typing = Typing("unicode")
    both = frozenset({SHIFT, ALT})
    reports: list[Report] = [(both, ())]
    for digit in "234":
        reports += [(both, (ecodes.ecodes[f"KEY_KP{digit}"],)), (both, ())]
    assert typing.take(events([*reports, *NOTHING, ENTER])) == []
    assert len(typing.gathering.dropped()) == 1


@given(st.text(TYPABLE, min_size=2, max_size=20), st.data())
def test_where_keys_were_lost_all_of_it_is_dropped(text: str, data: st.DataObject) -> None:
    moments = events(Wedge().typed(text))
    at = data.draw(st.integers(1, len(moments) - 3))
    gap = data.draw(st.integers(1, 3))
    typing = Typing()
    got = typing.take([*moments[:at], [LOST, *moments[at][:-1], SYN], *moments[at + gap :]])
    assert got == []
    typing.silence()
    assert typing.gathering.dropped()
    # The end may be among the keys that were lost: then it costs the next code too.
    assert typing.types("next") == ([b"next"] if at + gap < len(moments) - 1 else [])
    assert typing.types("next") == [b"next"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ecodes.EV_SYN, ecodes.EV_KEY, ecodes.EV_MSC, ecodes.EV_LED]),
            st.integers(0, 130),
            st.integers(-1, 3),
        )
    ),
    st.sampled_from(["none", "unicode", "bytes"]),
    st.sampled_from(["cr", "lf", "tab"]),
)
def test_nothing_that_a_device_says_is_too_much(noise: list[Event], alt: Alt, end: End) -> None:
    typing = Typing(alt, end)
    typing.take([noise])
    up = [(ecodes.EV_KEY, code, 0) for code in (SHIFT, RIGHT_SHIFT, ALT)]
    enter = ecodes.KEY_TAB if end == "tab" else ecodes.KEY_ENTER
    down = (ecodes.EV_KEY, enter, 1)
    typing.take([[SYN], [*up, SYN], [down, SYN]])
    typing.silence()
    reports = Wedge().typed("next")[:-2]
    assert typing.take([*events(reports), [down, SYN]]) == [b"next"]


@pytest.mark.parametrize("name", ["KEY_ENTER", "KEY_KPENTER"])
def test_enter_of_either_kind_ends_a_code(name: str) -> None:
    typing = Typing()
    typing.take(events(Wedge().typed("a\tb")[:-2]))
    assert typing.take(press(name)) == [b"a\tb"]
    assert typing.take(press(name)) == []
    assert typing.gathering.dropped() == []


def test_tab_ends_a_code_where_that_is_said() -> None:
    typing = Typing(end="tab")
    typing.take(events(Wedge().typed("ab")[:-2]))
    assert typing.take(press("KEY_TAB")) == [b"ab"]
    assert typing.types("cd") == []  # Enter may be CR or LF
    assert typing.take(press("KEY_TAB")) == []
    assert len(typing.gathering.dropped()) == 1


def test_caps_lock_that_is_left_on_is_doubted_once() -> None:
    typing = Typing()
    typing.take(press("KEY_CAPSLOCK"))
    assert typing.types("abc") == []
    assert typing.gathering.dropped() == ["caps lock was left on"]
    assert typing.types("abc") == [b"abc"]


def test_shift_held_while_it_ends_is_doubted() -> None:
    typing = Typing()
    typing.take(events(Wedge().typed("abc")[:-2]))
    assert typing.take(press("KEY_ENTER", SHIFT)) == []
    assert typing.types("abc") == [b"abc"]


def test_a_silence_ends_a_code_without_a_payload() -> None:
    typing = Typing()
    typing.take(events(Wedge().typed("abc")[:-2]))
    typing.silence()
    assert typing.types("de") == []
    assert typing.types("fg") == [b"fg"]
    assert len(typing.gathering.dropped()) == 1


def test_more_than_any_code_holds_is_dropped() -> None:
    typing = Typing()
    assert typing.types("7" * MAX_BYTES) == [b"7" * MAX_BYTES]
    assert typing.types("7" * (MAX_BYTES + 1)) == []
    assert len(typing.gathering.dropped()) == 1
