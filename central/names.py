"""A person's name as somebody typed it."""

from __future__ import annotations

import re
import unicodedata

from central.words import Unfit
from kiosk.credentials.text import NAME_MAX, Malformed, clean

_LETTERS = re.compile("[^\\W\\d_]")
# Marks that NFC leaves alone, and what stands between the letters of a name.
_NAME = re.compile("(?:[^\\W\\d_]|[\u0300-\u036f '’.-])+")


def words(text: str, longest: int) -> str:
    """On one line, in NFC, without what cannot be seen. Raises Unfit when nothing is left, or
    more than `longest` characters."""
    try:
        cleaned = clean(text, "text", longest)
    except Malformed:
        raise Unfit(f"dài hơn {longest} ký tự", f"longer than {longest} characters") from None
    if not cleaned:
        raise Unfit("ô trống", "empty")
    return cleaned


def person(text: str) -> str:
    """A name of letters alone. Raises Unfit, for a formula too, or an emoji."""
    name = words(text, NAME_MAX)
    if _NAME.fullmatch(name) is None or _LETTERS.search(name) is None:
        raise Unfit(
            "tên chỉ được có chữ cái (không có số, dấu =, ngoặc hay biểu tượng)",
            "a name has letters alone (no digits, =, brackets or symbols)",
        )
    return name


def group(text: str, longest: int) -> str:
    """What a class, an office or a quarter is called. Raises Unfit, for a formula or a symbol
    too."""
    name = words(text, longest)
    if name[0] in "=+-@" or any(unicodedata.category(c)[0] in "CS" for c in name):
        raise Unfit(
            "không được có công thức hay biểu tượng", "no formula and no symbols may stand here"
        )
    return name
