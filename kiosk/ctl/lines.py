"""`kioskctl verify --lines`, for other programs: a JSON object a line in, a JSON object a line
out, at once:

    {"id": "1", "payload": "HC1:...", "at": "2026-03-01T08:00:00Z", "certificate": "<base64>"}

`payload_b64` stands in for a payload that is no text. `at` and `certificate` may be left out;
the certificate, in DER, is then the only signer that is believed. Other members are ignored.

The answer has the same `id`, whatever JSON that is, and of a line that cannot be judged all
members of an answer ("malformed") and "error". There the id is looked for without reading the
line as JSON, for it may be broken anywhere else; it is null where none can be told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any, NoReturn

import msgspec

from kiosk.credentials import strict_json
from kiosk.credentials.lists import trust_in
from kiosk.credentials.text import Malformed
from kiosk.ctl import rules
from kiosk.ctl.answer import answer, judged
from kiosk.errors import ConfigError, CredentialError
from kiosk.model import Verdict

LINE_MAX = 1024 * 1024
"""Bytes of a line that is judged: room for a payload far longer than any, and a certificate."""

_CHUNK = 64 * 1024
_STRING_MAX = 1024
"""Bytes of a string in a line that is longer; an id is no longer."""

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_TOKEN = re.compile(_STRING + rb"|[{}\[\]:,]|[^\"{}\[\]:,]++", re.DOTALL)
_INSIDE = re.compile(rb"(?:[^\"\\]++|\\.)*+", re.DOTALL)


class Line(msgspec.Struct):
    """One payload to judge, but for its id."""

    payload: str | None = None
    payload_b64: bytes | None = None
    at: str | None = None
    certificate: bytes | None = None


def run(stream: IO[bytes], by: rules.Rules) -> int:
    """Answers each line. 0 when all could be judged."""
    status = 0
    while line := stream.readline(LINE_MAX + 1):
        if len(line) > LINE_MAX:
            id, told = _id(_shortened(_whole(line, stream)))[0], _too_long(by)
        else:
            id, told = _of_line(line, by)
        status |= "error" in told
        print(f'{{"id": {id}, {json.dumps(told)[1:]}', flush=True)
    return status


def _of_line(line: bytes, by: rules.Rules) -> tuple[str, dict[str, Any]]:
    id, start, end = _id(line)
    if start < end:  # whatever number it is, nothing here depends on it
        line = line[:start] + b"null" + line[end:]
    try:
        given = msgspec.convert(strict_json.decode(line), Line)
        if (given.payload is None) == (given.payload_b64 is None):
            return id, _error("expected either payload or payload_b64", by)
        payload = given.payload_b64 if given.payload is None else given.payload.encode()
        if given.at is not None:
            by = by._replace(now=rules.instant(rules.moment(given.at)))
        if given.certificate is not None:
            by = by._replace(trust=trust_in(given.certificate))
    except UnicodeEncodeError:
        return id, _error("payload holds half a surrogate pair, which is no text", by)
    except (Malformed, msgspec.ValidationError) as error:
        return id, _error(str(error), by)
    except ConfigError as error:
        return id, _error(f"certificate: {'; '.join(error.problems)}", by)
    except ValueError as error:
        return id, _error(str(error), by)
    return id, judged(payload or b"", by)


def _too_long(by: rules.Rules) -> dict[str, Any]:
    return _error(f"more than {LINE_MAX} bytes in a line", by)


def _error(what: str, by: rules.Rules) -> dict[str, Any]:
    told = answer(CredentialError("unknown", what), Verdict("fail", "malformed", False), by.now)
    told["error"] = told.pop("problem")
    return told


def _id(line: bytes) -> tuple[str, int, int]:
    """The id of a line as it is written there, "null" when it has none that is JSON, and where
    it stands."""
    depth, key, start = 0, b"", 0
    at = 0
    while (found := _TOKEN.match(line, at)) is not None:
        token = found[0]
        if depth == 1 and token in (b",", b"}"):
            if key == b'"id"' and start and (id := _as_json(line[start:at])):
                return id, start, at
            key, start = b"", 0
        elif depth == 1 and token == b":" and not start:
            start = found.end()
        elif depth == 1 and not start and not key:
            key = token.strip()
        depth += (token in (b"{", b"[")) - (token in (b"}", b"]"))
        at = found.end()
    if key == b'"id"' and start and line.rstrip()[-1:] in b'"]}':  # cut behind it
        return _as_json(line[start:]) or "null", 0, 0
    return "null", 0, 0


def _as_json(written: bytes) -> str:
    """The value as text on one line; empty when it is not JSON."""
    try:
        text = written.decode("utf-8").strip()
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return ""
    return text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _whole(beginning: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    """A line in pieces."""
    piece = beginning
    while piece:
        yield piece
        piece = b"" if piece.endswith(b"\n") else stream.readline(_CHUNK)


def _shortened(pieces: Iterator[bytes]) -> bytes:
    """A line too long to be kept: without its long strings, and cut where it is still too long.
    All of it is read. A control character tells what stood in their place from a string."""
    kept = bytearray()
    string = -1  # where in `kept` the inside of a string begins; -1 = outside
    rest = b""
    for piece in pieces:
        data, at = rest + piece, 0
        while at < len(data):
            if string < 0:
                end = data.find(b'"', at) + 1 or len(data)
                kept += data[at:end]
                string = len(kept) if data[end - 1 : end] == b'"' else -1
                at = end
                continue
            inside = _INSIDE.match(data, at)
            assert inside is not None  # it matches nothing as well
            if len(kept) - string + len(inside[0]) > _STRING_MAX:
                kept[string:] = b"\0"
            else:
                kept += inside[0]
            at = inside.end()
            if data[at : at + 1] != b'"':
                break  # a backslash at the end of a piece, or nothing
            kept += b'"'
            string, at = -1, at + 1
        rest = data[at:]
        del kept[LINE_MAX:]
    return bytes(kept)
