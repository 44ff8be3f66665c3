"""`kioskctl verify`: judges payloads as the door would, and says why."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from typing import Any

from kiosk.credentials import PAYLOAD_MAX
from kiosk.credentials.policy import REASONS
from kiosk.ctl import lines, risk, rules
from kiosk.ctl.answer import judged
from kiosk.model import VIETNAM

NO_CODE = "This cannot be what a code holds."


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
        return lines.run(sys.stdin.buffer, by)
    payload = rules.read_payload()
    told = judged(payload, by)
    if not payload:
        told["problem"] = "nothing came on standard input"
    elif len(payload) > PAYLOAD_MAX:  # of which no more than that was read, perhaps
        told["problem"] = f"more than {PAYLOAD_MAX} bytes, which is more than any known format has"
    if args.json:
        print(json.dumps(told))
    else:
        _print(told)
    return 0 if told["outcome"] == "pass" else 1


def _print(told: dict[str, Any]) -> None:
    problem = told.get("problem")
    # "Malformed" is said of a known kind; what is of none is no code at all.
    no_code = problem and told["format"] == "unknown"
    print(f"{told['outcome'].upper()}: {NO_CODE if no_code else REASONS[told['reason']]}")
    if problem:
        print(f"problem      {problem}")
    if told["reason"] == "clock-unknown":
        print("remedy       set the clock of this computer, or name the moment: --at TIME")
    for key in ("format", "signature", "colour", "issuer"):
        print(f"{key:<12} {told[key] or '-'}")
    for key in ("valid_from", "valid_until"):
        print(f"{key.replace('_', ' '):<12} {_both_clocks(told[key]) if told[key] else '-'}")
    for key in ("number", "risk"):
        if key in told:
            print(f"{key:<12} {told[key]}")
    print(f"{'valid':<12} {'yes' if told['valid'] else 'no'}")


def _both_clocks(utc: str) -> str:
    """A time in RFC 3339, and what the clocks on the walls of Vietnam show then."""
    try:
        local = datetime.fromisoformat(utc).astimezone(VIETNAM)
    except OverflowError:  # at the end of the calendar
        return utc
    return f"{utc} ({local:%Y-%m-%d %H:%M:%S} in Vietnam)"
