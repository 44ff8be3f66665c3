"""The door's answer to a code as data, for `verify` and `scan`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kiosk.credentials.policy import is_valid
from kiosk.ctl.rules import Rules
from kiosk.errors import CredentialError
from kiosk.model import Credential, Instant, Verdict


def judged(payload: bytes, by: Rules) -> dict[str, Any]:
    """The answer to a payload, and what the risk list says of it when there is one."""
    shown, verdict = by.judge(payload)
    return answer(shown, verdict, by.now) | by.asked.told(shown)


def answer(shown: Credential | CredentialError, verdict: Verdict, now: Instant) -> dict[str, Any]:
    """What is told of a code: nothing of the person. `problem` is there when it is broken,
    `number` for a door pass."""
    told: dict[str, Any] = {
        "format": shown.format,
        "signature": "none",
        "valid": False,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "colour": verdict.colour,
        "issuer": "",
        "valid_from": None,
        "valid_until": None,
    }
    if isinstance(shown, CredentialError):
        return told | {"problem": shown.problem}
    if number := pass_number(shown):
        told["number"] = number
    return told | {
        "signature": shown.signed,
        "valid": is_valid(shown, now),
        "issuer": shown.issuer,
        "valid_from": _rfc3339(shown.valid_from),
        "valid_until": _rfc3339(shown.valid_until),
    }


def pass_number(shown: Credential | CredentialError) -> str:
    """Of a door pass, as it is printed on it; else empty. By it a pass is revoked."""
    if isinstance(shown, CredentialError) or shown.format != "door_pass":
        return ""
    return str(shown.claims["certificate_id"])


def _rfc3339(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):  # beyond the calendar, as signers write it
        return "9999-12-31T23:59:59Z" if seconds > 0 else "0001-01-01T00:00:00Z"
