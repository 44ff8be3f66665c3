"""`kioskctl verify`: judges one payload as the door would, and says why."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

from kiosk.credentials import PAYLOAD_MAX
from kiosk.credentials.policy import REASONS, is_valid
from kiosk.ctl import rules
from kiosk.errors import CredentialError

MAX_BYTES = PAYLOAD_MAX + 2
"""With a newline at the end, and one byte by which a longer input shows; the rest of it is
not read."""

NO_CODE = "This cannot be what a code holds."


def arguments(parser: argparse.ArgumentParser) -> None:
    """How to judge, and whom to tell."""
    parser.description = (
        "verify: judges one payload from standard input: all its bytes, less one newline at"
        " the end. Ends with 0 when the answer is pass."
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for machines")
    rules.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Raises ConfigError when the rules cannot be read."""
    by = rules.load_rules(args)
    if sys.stdin.isatty():
        print("Type or paste the payload, then press Ctrl-D twice.", file=sys.stderr)
    payload = sys.stdin.buffer.read(MAX_BYTES).removesuffix(b"\n")
    shown, verdict = by.judge(payload)
    answer: dict[str, Any] = {
        "format": shown.format,
        "signature": "none",
        "valid": False,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "issuer": "",
        "valid_from": None,
        "valid_until": None,
    }
    if isinstance(shown, CredentialError):
        answer["problem"] = _of_size(payload) or shown.problem
    else:
        answer |= {
            "signature": shown.signed,
            "valid": is_valid(shown, by.now),
            "issuer": shown.issuer,
            "valid_from": _rfc3339(shown.valid_from),
            "valid_until": _rfc3339(shown.valid_until),
        }
    if args.json:
        print(json.dumps(answer))
    else:
        _print(answer)
    return 0 if verdict.outcome == "pass" else 1


def _of_size(payload: bytes) -> str:
    """What is wrong with an input before it is looked into."""
    if not payload:
        return "nothing came on standard input"
    if len(payload) > PAYLOAD_MAX:
        return f"more than {PAYLOAD_MAX} bytes, which is more than any known format has"
    return ""


def _print(answer: dict[str, Any]) -> None:
    problem = answer.get("problem")
    # "Malformed" is said of a known kind; what is of none is no code at all.
    no_code = problem and answer["format"] == "unknown"
    print(f"{answer['outcome'].upper()}: {NO_CODE if no_code else REASONS[answer['reason']]}")
    if problem:
        print(f"problem      {problem}")
    for key in ("format", "signature", "issuer", "valid_from", "valid_until"):
        print(f"{key.replace('_', ' '):<12} {answer[key] or '-'}")
    print(f"{'valid':<12} {'yes' if answer['valid'] else 'no'}")


def _rfc3339(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):  # beyond the calendar, as signers write it
        return "9999-12-31T23:59:59Z" if seconds > 0 else "0001-01-01T00:00:00Z"
