"""What a keyboard wedge types, as payloads: keys of a US keyboard, by Linux' key codes.

A key counts with what is held at that moment, as in a report of a USB keyboard. Keys that
come in one moment have no order, so they spoil the payload, like every key that does not
surely stand for certain bytes.
"""

from __future__ import annotations

from drivers.reader import Alt, End
from drivers.reader._gathering import Gathering

# linux/input-event-codes.h
_SYN, _KEY = 0x00, 0x01
_REPORT, _LOST = 0, 3
_UP, _DOWN = 0, 1  # 2 is the kernel's own repetition of a key that is held
_TAB, _ENTER, _KEYPAD_ENTER = 15, 28, 96
_SHIFT, _ALT, _CAPS_LOCK, _NUM_LOCK = (42, 54), 56, 58, 69
_KEYPAD = {82: "0", 79: "1", 80: "2", 81: "3", 75: "4", 76: "5", 77: "6", 71: "7", 72: "8", 73: "9"}
_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
)
PLAIN, SHIFTED = (
    {first + n: letter for first, *rows in _ROWS for n, letter in enumerate(rows[shifted])}
    for shifted in (0, 1)
)
"""Key code -> character."""

_ENDS: dict[End, tuple[int, ...]] = {
    "cr": (_ENTER, _KEYPAD_ENTER),
    "lf": (_ENTER, _KEYPAD_ENTER),
    "tab": (_TAB,),
}
_MOST_DIGITS = 8  # of a number typed with ALT held


class Keys:
    """Events to payloads. Caps lock counts from off within each payload; one that leaves it
    on is dropped, since then nobody knows what is on."""

    def __init__(self, gathering: Gathering, end: End, alt: Alt) -> None:
        self._gathering = gathering
        self._ends = _ENDS[end]
        self._alt = alt
        self._shift: set[int] = set()
        self._digits: str | None = None  # while ALT is held
        self._caps = False
        self._pressed: list[int] = []  # in this moment
        self._doubt = ""
        self._deaf = False

    def event(self, kind: int, code: int, value: int, now: float) -> bytes | None:
        """The payload that this event (type, code, value of input_event) ends."""
        if kind == _SYN and code == _LOST:
            # The kernel's documentation: what follows until the next report is worthless.
            self._deaf, self._doubt = True, "keys came faster than they could be taken"
            self._shift.clear()
            self._digits = None
        elif kind == _SYN and code == _REPORT:
            self._deaf = False
            return self._moment(now)
        elif kind == _KEY and value in (_UP, _DOWN) and not self._deaf:
            self._key(code, value == _DOWN, now)
        return None

    def _key(self, code: int, down: bool, now: float) -> None:
        if code in _SHIFT or code in (_ALT, _CAPS_LOCK):
            if self._pressed:
                self._doubt = _TOGETHER
            self._modifier(code, down, now)
        elif down and code != _NUM_LOCK:  # the keypad's digits are known by their keys
            if self._pressed:
                self._doubt = _TOGETHER
            self._pressed.append(code)

    def _modifier(self, code: int, down: bool, now: float) -> None:
        if code == _CAPS_LOCK:
            self._caps ^= down
        elif code != _ALT:
            (self._shift.add if down else self._shift.discard)(code)
        elif down:
            self._digits = ""
        elif self._digits is not None:
            digits, self._digits = self._digits, None
            self._numbered(digits, now)

    def _moment(self, now: float) -> bytes | None:
        """All that happened in one moment is known."""
        pressed, self._pressed = self._pressed, []
        doubt, self._doubt = self._doubt, ""
        ended = any(code in self._ends for code in pressed)
        if doubt:
            self._gathering.spoil(doubt, now)
        elif pressed and (not ended or self._shift or self._digits is not None):
            self._typed(pressed[0], now)
        if not ended:
            return None
        payload = self._end(now)
        if doubt:  # of the keys beside the end some may belong to the next payload
            self._gathering.spoil(doubt, now)
        return payload

    def _typed(self, code: int, now: float) -> None:
        if self._digits is not None:
            if code not in _KEYPAD or self._shift or self._alt == "none":
                self._gathering.spoil("a key with ALT that stands for no character", now)
            else:
                self._digits += _KEYPAD[code]
            return
        letter = PLAIN.get(code, "")
        if bool(self._shift) != (self._caps and letter.isalpha()):
            letter = SHIFTED.get(code, "")
        elif code == _TAB and not self._shift and _TAB not in self._ends:
            letter = "\t"
        if letter:
            self._gathering.add(letter.encode(), now)
        else:
            self._gathering.spoil(f"key {code} stands for no character", now)

    def _numbered(self, digits: str, now: float) -> None:
        """ALT was released after these digits."""
        if not digits or len(digits) > _MOST_DIGITS:
            self._gathering.spoil("ALT with no number that stands for a character", now)
            return
        number = int(digits)
        if self._alt == "bytes" and number <= 0xFF:
            self._gathering.add(bytes([number]), now)
        # 128 to 159 are characters of Windows' code pages, and of Unicode none that is printed.
        elif self._alt == "unicode" and _is_character(number) and not 0x80 <= number <= 0x9F:
            self._gathering.add(chr(number).encode(), now)
        else:
            self._gathering.spoil("a number with ALT is not what reader.alt says", now)

    def _end(self, now: float) -> bytes | None:
        if self._caps:
            self._caps = False
            self._gathering.spoil("caps lock was left on", now)
        payload = self._gathering.end(now)
        if payload is None or self._is_sure(payload):
            return payload
        self._gathering.drop("the numbers typed with ALT make no text; does reader.alt fit?")
        return None

    def _is_sure(self, payload: bytes) -> bool:
        """Whether the numbers were what `alt` says: bytes that make UTF-8, or code points that
        are not such bytes, each typed as if it were a character."""
        if self._alt == "unicode":
            return payload.isascii() or not _are_bytes(payload.decode())
        return _is_utf8(payload)

    def quiet(self, now: float) -> None:
        """Nothing waits to be read."""
        self._gathering.quiet(now)


_TOGETHER = "two keys came at the same moment"


def _is_character(number: int) -> bool:
    return number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _are_bytes(text: str) -> bool:
    """Whether the characters are, taken as bytes, UTF-8."""
    return all(ord(letter) <= 0xFF for letter in text) and _is_utf8(text.encode("latin-1"))
