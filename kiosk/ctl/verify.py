"""`kioskctl verify`: judges payloads as the door would, and says why.

`--lines` is for other programs: a JSON object a line in, a JSON object a line out, at once:

    {"id": "1", "payload": "HC1:...", "at": "2026-03-01T08:00:00Z", "certificate": "<base64>"}

`payload_b64` stands in for a payload that is no text. `at` and `certificate` may be left out;
the certificate, in DER, is then the only signer that is believed. Other members are ignored.
The answer has the same `id`, and "error" instead of a verdict when there is nothing to judge.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import IO, Any

import msgspec

from kiosk.credentials import PAYLOAD_MAX
from kiosk.credentials.policy import REASONS
from kiosk.credentials.trust import trust_in
from kiosk.ctl import risk, rules
from kiosk.ctl.answer import answer

LINE_MAX = 64 * 1024
"""Bytes: room for the longest payload with every character escaped, and a certificate."""

NO_CODE = "This cannot be what a code holds."


class Line(msgspec.Struct):
    """One payload to judge, with `--lines`, but for its id."""

    payload: str | None = None
    payload_b64: bytes | None = None
    at: str | None = None
    certificate: bytes | None = None


def arguments(parser: argparse.ArgumentParser) -> None:
    """How to judge, and whom to tell."""
    parser.description = (
        "verify: judges one payload from standard input: all its bytes, less one newline at"
        " the end. Ends with 0 when the answer is pass; with --lines, when every line could be"
        " judged."
    )
    many = parser.add_mutually_exclusive_group()
    many.add_argument("--json", action="store_true", help="one JSON object, for machines")
    many.add_argument(
        "--lines",
        action="store_true",
        help='many payloads: {"id", "payload" or "payload_b64", "at", "certificate"} a line in'
        " (the last two if wanted), one JSON object a line out",
    )
    many.add_argument(
        "--subject",
        action="store_true",
        help="judge nothing: print the keys by which a risk list may name the person, one a line",
    )
    rules.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError when the rules cannot be read."""
    if args.subject:
        return risk.print_keys(rules.read_payload())
    by = rules.load_rules(args)
    if args.lines:
        return _lines(sys.stdin.buffer, by)
    told = _judged(rules.read_payload(), by)
    if args.json:
        print(json.dumps(told))
    else:
        _print(told)
    return 0 if told["outcome"] == "pass" else 1


def _judged(payload: bytes, by: rules.Rules) -> dict[str, Any]:
    shown, verdict = by.judge(payload)
    told = answer(shown, verdict, by.now) | by.asked.told(shown)
    if problem := _of_size(payload):
        told["problem"] = problem
    return told


def _lines(stream: IO[bytes], by: rules.Rules) -> int:
    status = 0
    while line := stream.readline(LINE_MAX + 1):
        if len(line) > LINE_MAX:
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = stream.readline(LINE_MAX)
            told = _error(None, f"more than {LINE_MAX} bytes in a line")
        else:
            told = _of_line(line, by)
        status |= "error" in told
        print(json.dumps(told), flush=True)
    return status


def _of_line(line: bytes, by: rules.Rules) -> dict[str, Any]:
    id = None
    try:
        document = msgspec.json.decode(line)
        if isinstance(document, dict) and isinstance(document.get("id"), str | int | float):
            id = document["id"]
        given = msgspec.convert(document, Line)
        if (given.payload is None) == (given.payload_b64 is None):
            return _error(id, "expected either payload or payload_b64")
        payload = given.payload_b64 if given.payload is None else given.payload.encode()
        if given.at is not None:
            by = by._replace(now=rules.instant(rules.moment(given.at)))
    except msgspec.ValidationError as error:
        return _error(id, str(error))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return _error(id, "not a line of JSON")
    except ValueError as error:
        return _error(id, str(error))
    if given.certificate is not None:
        by = by._replace(trust=trust_in(given.certificate))
    return {"id": id} | _judged(payload or b"", by)


def _error(id: object, what: str) -> dict[str, Any]:
    return {"id": id, "error": what}


def _of_size(payload: bytes) -> str:
    """What is wrong with an input before it is looked into."""
    if not payload:
        return "nothing came on standard input"
    if len(payload) > PAYLOAD_MAX:
        return f"more than {PAYLOAD_MAX} bytes, which is more than any known format has"
    return ""


def _print(told: dict[str, Any]) -> None:
    problem = told.get("problem")
    # "Malformed" is said of a known kind; what is of none is no code at all.
    no_code = problem and told["format"] == "unknown"
    print(f"{told['outcome'].upper()}: {NO_CODE if no_code else REASONS[told['reason']]}")
    if problem:
        print(f"problem      {problem}")
    for key in ("format", "signature", "colour", "issuer", "valid_from", "valid_until"):
        print(f"{key.replace('_', ' '):<12} {told[key] or '-'}")
    for key in ("number", "risk"):
        if key in told:
            print(f"{key:<12} {told[key]}")
    print(f"{'valid':<12} {'yes' if told['valid'] else 'no'}")
