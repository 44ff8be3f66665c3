"""`kioskctl verify`: judges one payload as the door would, and says why."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

from kiosk.credentials.policy import REASONS, is_valid
from kiosk.ctl import rules
from kiosk.errors import CredentialError

MAX_BYTES = 64 * 1024
"""Many times what a QR code can hold; the rest of a longer input is not read."""


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
    problem = ""
    if isinstance(shown, CredentialError):
        problem = shown.problem
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
        _print(answer, problem)
    return 0 if verdict.outcome == "pass" else 1


def _print(answer: dict[str, Any], problem: str) -> None:
    print(f"{answer['outcome'].upper()}: {REASONS[answer['reason']]}")
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
