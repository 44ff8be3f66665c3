"""Keys and values of a table in a policy file against what they may be."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from kiosk.credentials.policy.kinds import Kind, toml
from kiosk.credentials.policy.rules import Words

_SHOWN_MAX = 80


def checked(
    section: Mapping[str, Any],
    where: str,
    allowed: Mapping[str, Kind],
    mistakes: list[Words],
    required: Collection[str],
) -> dict[str, Any]:
    """What the table says, of the keys that it may have; what is wrong goes to `mistakes`."""
    mistakes += [unknown(where, key, allowed) for key in section if key not in allowed]
    for key, kind in allowed.items():
        if key not in section:
            if key in required:
                mistakes.append(
                    Words(
                        f"thiếu {where}{key}; được ghi {kind.allowed.vi}",
                        f"{where}{key} is missing; expected {kind.allowed.en}",
                    )
                )
        elif not kind.fits(section[key]):
            shown = toml(section[key])
            shown = shown if len(shown) <= _SHOWN_MAX else f"{shown[:_SHOWN_MAX]}.."
            meant = kind.hint(section[key])
            mistakes.append(
                Words(
                    f"{where}{key} = {shown}; được ghi {kind.allowed.vi}"
                    f"{f'; có phải {meant}?' if meant else ''}",
                    f"{where}{key} = {shown}; expected {kind.allowed.en}"
                    f"{f'; did you mean {meant}?' if meant else ''}",
                )
            )
    return {key: value for key, value in section.items() if key in allowed}


def unknown(where: str, key: str, known: Collection[str]) -> Words:
    """That nothing has this name, and what was perhaps meant."""
    shown = f"{where}{key[:_SHOWN_MAX]}"
    if near := difflib.get_close_matches(key, known, 1):
        return Words(
            f'không có khóa {shown}; có phải "{near[0]}"?',
            f'{shown} is not known; did you mean "{near[0]}"?',
        )
    if not known:
        return Words(
            f"không có màu {shown}; không quy tắc [[colour]] nào đặt màu",
            f"{shown} is not known; no rule [[colour]] gives any",
        )
    names = ", ".join(known)
    return Words(
        f"không có khóa {shown}; các khóa được dùng: {names}",
        f"{shown} is not known; known are {names}",
    )
