"""JSON from strangers (RFC 8259), and the canonical form over which some of it is signed
(JCS, RFC 8785)."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any, NoReturn

from kiosk.credentials.text import Malformed

_DEPTH_MAX = 24
_WHOLE_MAX = 2**53  # beyond it a double no longer tells neighbours apart


def decode(data: bytes) -> Any:
    """One JSON document in UTF-8, of which no object has a key twice. Raises Malformed."""
    try:
        return _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Malformed("not the JSON of one document, or nested too deep") from None


def canonical(value: Any) -> bytes:
    """Canonical form of decoded JSON: no white space, keys in order of their UTF-16 code
    units, numbers as ECMAScript prints them. Raises Malformed for what has none."""
    try:
        return _canonical(value, 0).encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("half a surrogate pair in a JSON string") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("a JSON object has a key twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise Malformed("a number in JSON is not finite")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)
_string = json.encoder.encode_basestring
_WORDS = {None: "null", True: "true", False: "false"}


def _canonical(value: Any, depth: int) -> str:
    if depth > _DEPTH_MAX:
        raise Malformed("JSON is nested too deep")
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, dict):
        plain = all(map(str.isascii, value))
        keys = sorted(value) if plain else sorted(value, key=_utf_16)
        members = [f"{_string(k)}:{_canonical(value[k], depth + 1)}" for k in keys]
        return f"{{{','.join(members)}}}"
    if isinstance(value, list):
        return f"[{','.join([_canonical(item, depth + 1) for item in value])}]"
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    return _number(value)


def _utf_16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _number(value: int | float) -> str:
    if not abs(value) <= _WHOLE_MAX if isinstance(value, int) else not math.isfinite(value):
        raise Malformed("a number in JSON is beyond what a double holds")
    if value == int(value) and abs(value) <= _WHOLE_MAX:
        return str(int(value))
    sign, digits, power = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(power, int)
    text, point = "".join(map(str, digits)), len(digits) + power  # 0.text times 10 ** point
    if len(digits) <= point <= 21:
        shown = text.ljust(point, "0")
    elif 0 < point <= 21:
        shown = f"{text[:point]}.{text[point:]}"
    elif -6 < point <= 0:
        shown = f"0.{text.rjust(len(text) - point, '0')}"
    else:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        shown = f"{text[0]}{fraction}e{point - 1:+d}"
    return f"{'-' if sign else ''}{shown}"
