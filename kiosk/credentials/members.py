"""Members of decoded CBOR and JSON maps, each of the type it must have or Malformed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kiosk.credentials.text import Malformed, clean

TEXT_MAX = 200
MAP = (dict, Mapping)
"""For isinstance: mostly dict, which is asked fast; below a CBOR tag it is another."""


def mapping(container: Mapping[Any, Any], key: int | str) -> Mapping[Any, Any]:
    """The map under `key`. Raises Malformed."""
    value = container.get(key)
    if not isinstance(value, MAP):
        raise Malformed(f"member {key} is absent or not a map")
    return value


def text(
    container: Mapping[Any, Any],
    key: int | str,
    longest: int = TEXT_MAX,
    *,
    required: bool = True,
) -> str:
    """The text under `key`, cleaned; "" when it is absent and need not be there. Raises
    Malformed."""
    value = container.get(key)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{key} is absent or not text")
    found = clean(value, str(key), longest)
    if required and not found:
        raise Malformed(f"{key} is empty")
    return found


def maps(container: Mapping[Any, Any], key: str) -> list[Mapping[Any, Any]]:
    """The list of maps under `key`, empty when it is absent. Raises Malformed."""
    value = container.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, MAP) for item in value):
        raise Malformed(f"{key} is not a list of maps")
    return value


def count(container: Mapping[Any, Any], key: str) -> int:
    """A small whole number such as that of a dose, 0 when it is not said."""
    value = container.get(key)
    return value if type(value) is int and 0 <= value < 100 else 0
